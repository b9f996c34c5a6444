"""Everything that is known about one object is one record. To delete the object is to drop its record."""

from dataclasses import dataclass, field

from assistant_operator.api.assistant import Assistant, AssistantStatus
from assistant_operator.api.assistant_alias import AssistantAlias, AssistantAliasStatus
from assistant_operator.api.credentials import Suspicion
from assistant_operator.api.graph import Graph, GraphStatus, Schemas
from assistant_operator.api.meta import FreeForm, Key
from assistant_operator.api.server import Server
from assistant_operator.policy.aliased_versions import AliasEdit, alias_edit
from assistant_operator.policy.graph import ServerStatus
from assistant_operator.runtime.refusals import Refusals

from .assumed import AssumedWrites
from .capture_state import CaptureState
from .publication_state import PublicationState
from .validation_state import ValidationState


@dataclass(slots=True, eq=False)
class AssistantRecord:
    """One Assistant object: another object of the same name, with another UID, has a record of its own.

    A reconcile that is running while the Assistant is deleted holds a record that is no longer in the store. What it
    writes into the record has no effect.
    """

    latest: Assistant
    """The newest state that the watch showed."""
    captured: Assistant | None = None
    """The newest state whose edits are captured, with what was written since: controllers act on this one."""
    deletion: Assistant | None = None
    """The Assistant as it was read while it was being deleted, before the watch showed the deletion."""
    is_gone: bool = False
    is_lost: bool = False
    """Whether it is gone because the storage was restored from a snapshot: its edits are not captured any more."""
    writes: AssumedWrites[AssistantStatus] = field(default_factory=AssumedWrites)
    capture: CaptureState = field(default_factory=CaptureState)
    validation: ValidationState = field(default_factory=ValidationState)
    publication: PublicationState = field(default_factory=PublicationState)
    refusals: Refusals = field(default_factory=Refusals)
    lost_versions: frozenset[int] = frozenset()
    """Numbers of deleted versions whose content is lost."""
    validating_graphs: set[Key] = field(default_factory=set)
    """The Graphs whose schemas its versions were validated against, whichever one it references now."""
    released_at: int = 0
    """The resource version at which the label of a default Assistant was removed."""
    searched: tuple[int, tuple[Suspicion, ...]] | None = None
    """The generation whose content was searched for credentials last, and what was found."""

    @property
    def uid(self) -> str:
        return self.latest.metadata.uid

    def sharing_spec(self, state: Assistant) -> Assistant:
        """Return the state with the spec of the newest one, if it is equal: most events change the status alone.

        So a spec is kept in memory once, with what is computed from it.
        """
        latest = self.latest
        is_same = state.metadata.uid == self.uid and state.metadata.generation == latest.metadata.generation
        # Equal for Python are also 1 and true; but the API server raises the generation with each change of the spec.
        return state.model_copy(update={"spec": latest.spec}) if is_same and state.spec == latest.spec else state

    def suspicions(self, state: Assistant) -> tuple[Suspicion, ...]:
        """Where that state has texts that look like credentials. A generation is searched once: 900 KB take 20 ms."""
        generation = state.metadata.generation
        if self.searched is None or self.searched[0] != generation:
            self.searched = generation, state.spec.snapshot.suspicions
        return self.searched[1]

    def capture_up_to(self, state: Assistant) -> bool:
        """Set `captured`, unless a later state is captured already.

        Returns whether the state shows that a status is stored now which was not, or the reverse.
        """
        if self.deletion:
            state = _with_deletion(state, self.deletion)
        unstored = self.writes.unstored
        if self.captured is None or self.captured.metadata.position <= state.metadata.position:
            captured = strip_managed_fields(self.writes.overlaid(state))
            self.captured = self.latest if _is_same(captured, self.latest) else captured
        return (unstored is None) != (self.writes.unstored is None)

    def drop_canonical_forms(self) -> None:
        """They are needed for edits alone, and as large as the content."""
        for content in (
            self.latest.spec,
            self.captured and self.captured.spec,
            self.capture.head and self.capture.head.spec,
        ):
            if content:
                content.snapshot.drop_canonical()

    def assume_status(self, status: AssistantStatus, at: int) -> None:
        """`status` was written, at resource version `at`."""
        self.writes.assume_status(status, at)
        self._overlay()

    def assume_finalizer(self, finalizer: str, *, is_present: bool, at: int) -> None:
        """`finalizer` was added or removed, at resource version `at`."""
        self.writes.assume_finalizer(finalizer, is_present=is_present, at=at)
        self._overlay()

    def _overlay(self) -> None:
        if self.captured:
            self.captured = self.writes.overlaid(self.captured)

    def assume_deletion(self, live: Assistant) -> None:
        """The Assistant is being deleted, as `live` shows. Its earlier states are read as being deleted, too.

        An edit does not undo a deletion. From now on only its copies are withdrawn.
        """
        self.deletion = live
        if self.captured:
            self.captured = _with_deletion(self.captured, live)

    @property
    def is_ignored(self) -> bool:
        """Whether nothing is done to it before it changes: neither is it acted on, nor about to be."""
        return self.captured is None and not self.capture.is_running

    def ignore(self, state: Assistant) -> None:
        """Do nothing more to that state before the Assistant changes, unless its deletion was seen since."""
        if self.captured and self.captured.metadata.is_being_deleted == state.metadata.is_being_deleted:
            self.captured = None

    def mark_gone(self) -> None:
        """The Assistant was deleted, or another object took its name."""
        self.is_gone, self.captured = True, None
        self.capture.end_pause()


@dataclass(slots=True, eq=False)
class AliasRecord:
    """One AssistantAlias object: another object of the same name, with another UID, has a record of its own."""

    latest: AssistantAlias
    """The newest state that the watch showed, with what was written since."""
    is_gone: bool = False
    edits: tuple[AliasEdit, ...] = field(default=(), init=False)
    """The edits that the status does not record yet, oldest first, and the newest one before them."""
    writes: AssumedWrites[AssistantAliasStatus] = field(default_factory=AssumedWrites)
    publication: PublicationState = field(default_factory=PublicationState)
    refusals: Refusals = field(default_factory=Refusals)

    def __post_init__(self) -> None:
        self._add_edit(self.latest, None)
        self._keep(self.latest)

    @property
    def uid(self) -> str:
        return self.latest.metadata.uid

    def observe(self, alias: AssistantAlias) -> None:
        """The watch shows this state. Each edit that it shows is kept until the status records it."""
        if self.edits[-1].generation != alias.metadata.generation:
            self._add_edit(alias, self.latest)
        self._keep(self.writes.overlaid(alias))

    def _add_edit(self, alias: AssistantAlias, before: AssistantAlias | None) -> None:
        self.edits = (*self.edits, alias_edit(alias, before))
        # No version records the display name: only the copy shows whether it is published.
        self.publication.is_unsure |= alias.metadata.generation > alias.status.observed_generation

    def assume_status(self, status: AssistantAliasStatus, at: int) -> None:
        """`status` was written, at resource version `at`."""
        self.writes.assume_status(status, at)
        self._keep(self.writes.overlaid(self.latest))

    def assume_finalizer(self, finalizer: str, *, is_present: bool, at: int) -> None:
        """`finalizer` was added or removed, at resource version `at`."""
        self.writes.assume_finalizer(finalizer, is_present=is_present, at=at)
        self._keep(self.writes.overlaid(self.latest))

    def _keep(self, alias: AssistantAlias) -> None:
        # The edit has been read from its managed fields, and they are larger than the rest.
        self.latest = alias.model_copy(update={"metadata": alias.metadata.model_copy(update={"managed_fields": ()})})
        recorded = alias.status.observed_generation
        self.edits = (*(edit for edit in self.edits[:-1] if edit.generation > recorded), self.edits[-1])


@dataclass(frozen=True, slots=True)
class ProbedServer:
    """What a probe depends on: another server or graph ID needs another probe."""

    server: Server | None
    graph_id: str

    @classmethod
    def of(cls, graph: Graph) -> "ProbedServer":
        return cls(graph.spec.server, graph.graph_id)


@dataclass(frozen=True, slots=True)
class AppliedDefault:
    """A default Assistant as it was applied, at the resource version `at`."""

    name: str
    at: int
    configuration: FreeForm


@dataclass(slots=True, eq=False)
class GraphRecord:
    """One Graph object: another object of the same name, with another UID, has a record of its own."""

    latest: Graph
    """The newest state that the watch showed, with what was written since."""
    writes: AssumedWrites[GraphStatus] = field(default_factory=AssumedWrites)
    refusals: Refusals = field(default_factory=Refusals)
    unstorable: Schemas | None = None
    """Schemas of its server that are too large for its status."""
    applied: AppliedDefault | None = None
    probe: tuple[ProbedServer, ServerStatus] | None = None
    """The last probe of its server."""
    probe_failures: int = 0
    """In a row."""
    unvalidated: set[Key] = field(default_factory=set)
    """Assistants that are still to be validated against its present schemas."""
    validated_anew: frozenset[Key] | None = None
    """The Assistants that were enqueued when its schemas changed, while it is not known whether it validates versions
    of others, which referenced it once; None if that is known."""

    @property
    def uid(self) -> str:
        return self.latest.metadata.uid

    @property
    def is_revalidating(self) -> bool:
        """Whether versions may still be marked by its former schemas."""
        return bool(self.unvalidated) or self.validated_anew is not None

    def probe_result(self) -> ServerStatus | None:
        """The result of probing its server; None if its present server was not probed."""
        probed, result = self.probe or (None, None)
        return result if probed == ProbedServer.of(self.latest) else None


def _is_same(state: Assistant, latest: Assistant) -> bool:
    """Whether both are of one event, so that one of them is enough. Equal states of two events may differ in time."""
    is_of_one_event = state.spec is latest.spec and state.status is latest.status
    return is_of_one_event and state.metadata == latest.metadata


def strip_managed_fields(assistant: Assistant) -> Assistant:
    """Return it without managed fields, unless an edit is still to be captured or a Graph follows those fields."""
    meta = assistant.metadata
    if meta.controller or meta.generation != assistant.status.observed_generation or not meta.managed_fields:
        return assistant
    return assistant.model_copy(update={"metadata": meta.model_copy(update={"managed_fields": ()})})


def _with_deletion(state: Assistant, live: Assistant) -> Assistant:
    """An earlier state of an Assistant that is being deleted, as `live` shows: with its deletion, and its status.

    The state itself may be from before the copies were written down.
    """
    if state.metadata.position >= live.metadata.position:
        return state
    deletion = {"deletion_timestamp": live.metadata.deletion_timestamp, "finalizers": live.metadata.finalizers}
    return state.model_copy(update={"metadata": state.metadata.model_copy(update=deletion), "status": live.status})
