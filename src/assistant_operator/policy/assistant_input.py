"""The input of a decision about one Assistant, and the steps that it can result in. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from assistant_operator.api.assistant import Assistant, AssistantStatus, Copy, copies_without
from assistant_operator.api.assistant_version import AssistantVersion, VersionRecord, version_name
from assistant_operator.api.credentials import Suspicion
from assistant_operator.api.reason import Reason

from .aliased_versions import NONE_ALIASED, AliasedVersions
from .conditions import Finding
from .desired_copy import Target
from .kept_versions import NO_VERSIONS, KeptVersions
from .publication import PublishResult
from .stored import Unstored


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidationResult(Finding):
    """Whether a version is valid, and so may become active."""

    graph: str = ""
    """Name of the Graph whose schemas were applied; empty if there was none."""


@dataclass(frozen=True, slots=True)
class Selection:
    """An edit that changed which version should be active: a pin, the mode of activation, or a suspension."""

    generation: int
    is_pin: bool = False
    """Whether it pinned a version."""
    user: str | None = None
    cause: str | None = None


@dataclass(frozen=True, slots=True)
class Captured:
    """The result of capture: which edits of an Assistant are recorded as versions."""

    generation: int
    """Every edit up to this generation is recorded or counted as missed."""
    latest: int = 0
    missed: int = 0
    too_large: str | None = None
    """The error of the API server, if it could not store the newest edit."""
    refusal: str | None = None
    """The error of the API server, if it refused to create the next version. Capture retries."""
    head: AssistantVersion | None = None
    """The newest version with its content; None if this process has not needed it yet."""
    selection: Selection | None = None
    """The newest selection that this process has seen."""


@dataclass(frozen=True)
class AssistantInput:
    """All facts that a decision about one Assistant may use."""

    assistant: Assistant
    """In the state of the newest captured generation."""
    recorded: Captured
    now: datetime
    kept: KeptVersions = NO_VERSIONS
    """The versions that it owns, and those of its name without an owner."""
    validation_results: Mapping[int, ValidationResult] = field(default_factory=dict)
    """Validation results that are up to date, by number. Other versions can be validated."""
    aliased: AliasedVersions = NONE_ALIASED
    """The versions that its aliases need."""
    lost: frozenset[int] = frozenset()
    """Versions that were deleted and cannot be restored, because their content is no longer available."""
    suspicions: tuple[Suspicion, ...] = ()
    """Where the content has texts that look like credentials."""
    is_revalidating: bool = False
    """Whether a schema changed, so that the condition Valid of the versions may be outdated."""
    is_published: bool = False
    """Whether any Graph of the namespace has a server."""
    targets: Mapping[str, Target] = field(default_factory=dict)
    """By name of a Graph that declares a server: where a version of that Graph is published to."""
    publish_result: PublishResult | None = None
    """The result of the last attempt to publish."""
    withdrawn: frozenset[Copy] = frozenset()
    """Copies that are deleted on their servers."""
    refusals: Mapping[str, str] = field(default_factory=dict)
    """By class name of a step: the error of the API server, while the step waits for its backoff."""
    unstored: Unstored[AssistantStatus] | None = None
    """The status that was written last, if the API server did not store all of its fields."""

    @property
    def active(self) -> int | None:
        return self.assistant.status.active_version

    @property
    def newest(self) -> int:
        """The greatest number of a version that is known, deleted ones included; 0 for none."""
        reported = self.assistant.status.latest_version or 0
        return max(self.recorded.latest, reported, self.kept.newest)

    @property
    def copies(self) -> tuple[Copy, ...]:
        """The recorded copies that may exist on a server."""
        return copies_without(self.assistant.status.copies, self.withdrawn)

    def name(self, number: int | None) -> str:
        return version_name(self.assistant.metadata.name, number) if number else "no version"


@dataclass(frozen=True, slots=True)
class Adopt:
    """Set the owner reference of a version that has none, after `--cascade=orphan` or a restore from a backup."""

    record: VersionRecord


@dataclass(frozen=True, slots=True)
class Restore:
    """Create a version again, with its number and content: it was deleted by hand and is still needed."""

    number: int


@dataclass(frozen=True, slots=True)
class Validate:
    """Validate a version against the schemas of its Graph."""

    number: int


@dataclass(frozen=True, slots=True)
class UpdateStatus:
    """Write the status of the Assistant. This also activates a version."""

    status: AssistantStatus


@dataclass(frozen=True, slots=True)
class Prune:
    """Delete a version beyond `historyLimit`."""

    record: VersionRecord


@dataclass(frozen=True, slots=True)
class UpdateVersionStatus:
    """Write the conditions Active and Valid of a version."""

    record: VersionRecord
    is_active: bool
    validation_result: ValidationResult | None
    """None: the condition Valid is not changed."""

    @property
    def findings(self) -> dict[str, Finding]:
        """The findings of the conditions to write, by type."""
        valid = {"Valid": self.validation_result} if self.validation_result else {}
        reason, message = (Reason.ACTIVE, "in force") if self.is_active else (Reason.INACTIVE, "not in force")
        return {**valid, "Active": Finding(self.is_active, reason, message)}


@dataclass(frozen=True, slots=True)
class Relabel:
    """Restore the labels of a version."""

    record: VersionRecord


ForegroundStep = Adopt | Restore | Validate | UpdateStatus
BackgroundStep = Validate | Prune | UpdateVersionStatus | Relabel
Step = ForegroundStep | BackgroundStep


def identity(step: Step) -> tuple[str, int]:
    """Class name of a step, and the number of its version (0 for none): the key of its backoff after a refusal."""
    match step:
        case Restore(number) | Validate(number):
            version = number
        case Adopt(record) | Prune(record) | UpdateVersionStatus(record) | Relabel(record):
            version = record.number
        case UpdateStatus():
            version = 0
    return type(step).__name__, version
