"""From one state to its version: fill the gap before it, decide whether it is a change, create the version."""

import asyncio
import logging

from assistant_operator.api.assistant import Assistant
from assistant_operator.api.assistant_version import AssistantVersion
from assistant_operator.api.reason import Reason
from assistant_operator.clients.kubernetes.cluster import Cluster
from assistant_operator.clients.kubernetes.transport import ClusterRefused
from assistant_operator.clients.kubernetes.versions import AlreadyExists, Created, Rejected
from assistant_operator.controllers.users import AuthenticatedUsers
from assistant_operator.policy import versioning
from assistant_operator.policy.attribution import selection
from assistant_operator.policy.stored import not_stored
from assistant_operator.policy.versioning import Gap
from assistant_operator.runtime.event_recorder import EventRecorder
from assistant_operator.runtime.metrics import Metrics
from assistant_operator.store.records import AssistantRecord
from assistant_operator.store.store import Store

from .gather import VersionGatherer
from .recovery import MissedEditRecovery
from .restoration import MOST_TRIES, VersionRestorer, unreadable

log = logging.getLogger(__name__)

MOST_STATES = 64
"""States that are kept in memory of an Assistant whose edits the API server refuses to store."""


class NamespaceTerminating(Exception):
    """No version can be created any more: the namespace is being deleted, and the Assistant with it."""

    def __init__(self, refused: ClusterRefused) -> None:
        super().__init__(str(refused))
        self.refused = refused


class VersionWriter:
    """Creates the versions of Assistants. Each step may be repeated, also by another operator, at any point."""

    def __init__(
        self,
        cluster: Cluster,
        store: Store,
        restorer: VersionRestorer,
        *,
        users: AuthenticatedUsers,
        events: EventRecorder,
        metrics: Metrics,
    ) -> None:
        self._cluster = cluster
        self._store = store
        self._users = users
        self._recovery = MissedEditRecovery(cluster)
        self._gatherer = VersionGatherer(cluster, store, restorer, users)
        self._events = events
        self._metrics = metrics

    async def catch_up(self, record: AssistantRecord, assistant: Assistant) -> None:
        """Capture the edits up to this state.

        Raises ClusterUnavailable, ClusterRefused, NamespaceTerminating and NotLeading.
        """
        generation, capture = assistant.metadata.generation, record.capture
        await self._users.check(assistant)
        if generation > capture.observed + 1:
            await self._recover(record, assistant)
        await self._write(record, assistant)
        capture.observed = generation
        capture.captured_at = asyncio.get_running_loop().time()

    def set_captured(self, record: AssistantRecord, state: Assistant) -> bool:
        """Let the controllers act on that state. Returns whether they must, although this process wrote the change."""
        if record.is_gone:
            return False
        newest, before = record.capture.newest, record.captured
        if record.capture.is_given_up(state.metadata.generation):
            self.note_selection(record, state)
            state = versioning.with_control_of(before or state, state)
        elif record.capture.is_behind and newest and newest is not state:
            self.note_selection(record, newest)
            state = versioning.with_control_of(state, newest)
        else:
            self.note_selection(record, state)
            record.capture.is_behind = False
        return record.capture_up_to(state)

    def note_selection(self, record: AssistantRecord, state: Assistant) -> None:
        """Keep who selects another version with the edit of `state`, before the controllers act on its control fields.

        An edit that is captured already and whose previous state is not known was noted before this process started.
        """
        capture, before, generation = record.capture, record.captured, state.metadata.generation
        if generation <= (before.metadata.generation if before else capture.observed):
            return
        if selected := selection(before, state, capture.head, self._users.of(state)):
            capture.selection = selected

    async def _recover(self, record: AssistantRecord, assistant: Assistant) -> None:
        """Fill the gap before this state as far as the API server still holds the states in it; count the rest."""
        capture, gap = record.capture, record.capture.gap_before(assistant)
        states = await self._states_in(gap, assistant)
        overtaken = {state.metadata.generation for state in states if not await self._write(record, state)}
        missed: list[int] = []
        if overtaken or len(states) < gap.size:
            # After the writes: until then, a create that a former process asked for may still take effect.
            versions = await self._gatherer.after(capture, assistant)
            missed = versioning.missed(assistant.metadata.uid, gap, states, versions, overtaken)
        capture.observed, capture.gap = gap.until - 1, None
        if missed:
            capture.missed += len(missed)
            self._metrics.missed(len(missed))
            self._events.warning(assistant, Reason.GENERATIONS_MISSED, "Observe", _missed(missed))

    async def _states_in(self, gap: Gap, assistant: Assistant) -> list[Assistant]:
        """The missed states that are still held. They are found once, though refused versions are tried repeatedly."""
        if gap.states is not None:
            return gap.states
        states = await self._recovery.between(gap.observed, assistant)
        if len(states) <= MOST_STATES:
            gap.states = states
        return states

    async def _write(self, record: AssistantRecord, assistant: Assistant) -> bool:
        """Create one version if this state is a change that has none yet. Returns False if a later edit has one."""
        capture, tries, is_overtaken = record.capture, 0, False
        while not self._is_obsolete(record, assistant):
            head = await self._gatherer.head(capture, assistant)
            if head and _is_captured(head, assistant):
                is_overtaken = head.spec.generation > assistant.metadata.generation
                break
            if not versioning.is_change(head, assistant):
                capture.is_too_large = False
                break
            version = versioning.version(await self._gatherer.edit(record, assistant, head))
            # The reads took their time, and a version of what is gone would take the name of its successor's.
            if self._is_obsolete(record, assistant) or await self._create(record, assistant, version):
                break
            if (tries := tries + 1) == MOST_TRIES:
                raise unreadable(version.key)
        self.set_captured(record, assistant)
        return not is_overtaken

    def _is_obsolete(self, record: AssistantRecord, assistant: Assistant) -> bool:
        return record.is_lost or self._store.is_replaced(assistant)

    async def _create(self, record: AssistantRecord, assistant: Assistant, version: AssistantVersion) -> bool:
        """Returns whether that settles the edit. If not, the name is taken, and the version there is known now."""
        match await self._cluster.versions.create(version):
            case Created(created, unstored):
                self._set_head(record, created)
                self._metrics.made(created.spec.change.kind)
                log.info("created version namespace=%s name=%s kind=%s", *created.key, created.spec.change.kind)
                if unstored:
                    self._report_unstored(assistant, unstored)
                return True
            case Rejected(reason, refused):
                if reason == "NamespaceTerminating":
                    raise NamespaceTerminating(refused)
                record.capture.is_too_large = True
                log.warning("rejected version namespace=%s name=%s: %s", *version.key, refused.status.message)
                return True
            case AlreadyExists():
                if holder := await self._cluster.versions.read(version.key):
                    self._store.versions.put(holder.record())
                    controller = holder.metadata.controller
                    if controller is None or controller.uid == version.spec.assistant_ref.uid:
                        self._set_head(record, holder)
                    else:
                        record.capture.taken = holder.number
                return False

    def _report_unstored(self, assistant: Assistant, fields: tuple[str, ...]) -> None:
        message = not_stored(fields, AssistantVersion.plural)
        log.warning("created version of Assistant namespace=%s name=%s: %s", *assistant.key, message)
        self._metrics.unstored(AssistantVersion.kind_name, fields)
        self._events.warning(assistant, Reason.FIELDS_NOT_STORED, "Record", message)

    def _set_head(self, record: AssistantRecord, version: AssistantVersion) -> None:
        self._store.versions.put(version.record())
        capture = record.capture
        if capture.head and capture.head.number not in record.validation.results:
            self._store.versions.keep_content(capture.head)
        capture.head = version
        capture.latest = max(capture.latest, version.number)
        capture.is_too_large = False


def _is_captured(head: AssistantVersion, assistant: Assistant) -> bool:
    """Whether the history already goes as far as this state of this very Assistant."""
    same = head.spec.assistant_ref.uid == assistant.metadata.uid
    return same and head.spec.generation >= assistant.metadata.generation


def _missed(generations: list[int]) -> str:
    first, last = generations[0], generations[-1]
    which = f"generation {first}" if first == last else f"{len(generations)} generations between {first} and {last}"
    return f"Missed {which}: edited while no operator was watching, and the API server no longer holds what was written"
