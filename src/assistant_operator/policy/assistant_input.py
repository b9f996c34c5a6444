"""What a decision about one Assistant may know, and the steps that it may come to. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from assistant_operator.api.assistant import Assistant, AssistantStatus, Copy
from assistant_operator.api.assistant_version import VersionRecord, version_name
from assistant_operator.api.reason import Reason

from .desired_copy import Target
from .publication import PublishResult
from .stored import Unstored


@dataclass(frozen=True, slots=True)
class ValidationResult:
    """Whether a version may come into force. Unknown (None) is not invalid."""

    valid: bool | None
    reason: Reason
    message: str
    graph: str = ""
    """Name of the Graph whose schemas were asked."""
    is_transient: bool = False
    """Whether the operator asks again by itself, and nobody has to change anything."""


@dataclass(frozen=True, slots=True)
class Captured:
    """How far the history of an Assistant is written."""

    generation: int
    latest: int = 0
    missed: int = 0
    too_large: str | None = None
    """What the API server said when it could not store the newest edit."""
    refusal: str | None = None
    """What the API server said when it refused to make the next version: it is asked again and again."""


@dataclass(frozen=True)
class AssistantInput:
    """All that a decision about one Assistant may know."""

    assistant: Assistant
    """As of the newest recorded generation."""
    recorded: Captured
    now: datetime
    kept: tuple[VersionRecord, ...] = ()
    """Its versions, oldest first: its own, and those without an owner."""
    judged: Mapping[int, ValidationResult] = field(default_factory=dict)
    """What is known of versions as of now; the others can be judged."""
    lost: frozenset[int] = frozenset()
    """Versions that were deleted and whose content nobody knows any more."""
    is_revalidating: bool = False
    """A graph's schema changed: what was said of kept versions may no longer hold."""
    is_published: bool = False
    """Whether any Graph of the namespace has a server."""
    places: Mapping[str, Target] = field(default_factory=dict)
    """Where versions of the Graphs that have a server belong, by the Graph's name."""
    outcome: PublishResult | None = None
    """How the last try to publish ended."""
    withdrawn: frozenset[Copy] = frozenset()
    """Copies that are gone from their servers."""
    refusals: Mapping[str, str] = field(default_factory=dict)
    """What the API server said when it refused steps that are held back, by the name of the step's class."""
    unstored: Unstored[AssistantStatus] | None = None
    """The status that was sent last, if the API server did not store all of it."""

    @property
    def active(self) -> int | None:
        return self.assistant.status.active_version

    @cached_property
    def numbers(self) -> frozenset[int]:
        return frozenset([record.number for record in self.kept])

    @property
    def newest(self) -> int:
        """The newest number ever made, as far as anybody knows; 0 for none."""
        reported = self.assistant.status.latest_version or 0
        return max(self.recorded.latest, reported, self.kept[-1].number if self.kept else 0)

    @property
    def copies(self) -> tuple[Copy, ...]:
        """The recorded copies that are on a server, or may be."""
        return self.assistant.status.copies_without(self.withdrawn)

    def name(self, number: int | None) -> str:
        return version_name(self.assistant.metadata.name, number) if number else "no version"


@dataclass(frozen=True, slots=True)
class Adopt:
    """Become the owner of a version that an orphaning deletion or a backup left behind."""

    record: VersionRecord


@dataclass(frozen=True, slots=True)
class Restore:
    """Bring a version back under its own number and content: it was deleted by hand and is still needed."""

    number: int


@dataclass(frozen=True, slots=True)
class Validate:
    """Find out whether a version may come into force."""

    number: int
    is_background: bool = False


@dataclass(frozen=True, slots=True)
class UpdateStatus:
    """Write the status. An activation is nothing else."""

    status: AssistantStatus


@dataclass(frozen=True, slots=True)
class Prune:
    """Delete a version that history no longer keeps."""

    record: VersionRecord


@dataclass(frozen=True, slots=True)
class UpdateVersionStatus:
    """Say on a version whether it is valid and in force."""

    record: VersionRecord
    is_active: bool
    validation_result: ValidationResult | None
    """None where what is said of its validity stays."""


@dataclass(frozen=True, slots=True)
class Relabel:
    """Put our labels back on a version that lacks one of them."""

    record: VersionRecord


Step = Adopt | Restore | Validate | UpdateStatus | Prune | UpdateVersionStatus | Relabel


def identity(step: Step) -> tuple[str, int]:
    """Kind of a step, and the version that it is about (0 for none): by that a refused step is known again."""
    match step:
        case Restore(number) | Validate(number):
            about = number
        case Adopt(record) | Prune(record) | UpdateVersionStatus(record) | Relabel(record):
            about = record.number
        case UpdateStatus():
            about = 0
    return type(step).__name__, about
