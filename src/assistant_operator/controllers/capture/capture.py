"""Every change, in order, exactly once → AssistantVersion. Nothing else makes versions."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress

from assistant_operator.api.assistant import Assistant
from assistant_operator.api.assistant_version import AssistantVersion
from assistant_operator.api.meta import Key
from assistant_operator.api.reason import Reason
from assistant_operator.clients.kubernetes.cluster import Cluster
from assistant_operator.clients.kubernetes.transport import ClusterRefused, ClusterUnavailable, NotLeading
from assistant_operator.clients.kubernetes.versions import AlreadyExists, Created, Rejected
from assistant_operator.policy import versioning
from assistant_operator.policy.assistant_input import Captured
from assistant_operator.policy.publication import is_withdrawal_abandoned
from assistant_operator.policy.stored import not_stored
from assistant_operator.policy.versioning import ContentLost
from assistant_operator.runtime.event_recorder import EventRecorder
from assistant_operator.runtime.logs import bind_object
from assistant_operator.runtime.metrics import Metrics
from assistant_operator.runtime.refusals import FIRST, LONGEST
from assistant_operator.store.store import Store

from .gather import VersionGatherer
from .limiter import CaptureLimiter
from .recovery import MissedEditRecovery
from .restoration import MOST_TRIES, VersionRestorer, unreadable
from .state import CaptureState, Pending

log = logging.getLogger(__name__)

TOO_LARGE = "it is larger than the API server can store"
_FIRST_RETRY, _LONGEST_RETRY = 0.05, 10.0
_LEASE_RETRY = 0.5
_GRACE_PERIOD = 0.5
"""Seconds that what is in flight gets when the process ends."""
_PATIENCE = 30.0
"""Seconds of server errors until they are told like a refusal."""
MOST_STATES, MOST_BYTES, MOST_BYTES_IN_ALL = 64, 8 * 2**20, 64 * 2**20
"""States that are kept of an Assistant whose edits the API server refuses to record, and their bytes.

In all: of all such Assistants together, beside the first and the last state of each.
"""


class EditCapture:
    """Writes down each edit it is shown; whatever it was not shown, it looks for first."""

    def __init__(
        self,
        cluster: Cluster,
        store: Store,
        *,
        enqueue_assistant: Callable[[Key], None],
        events: EventRecorder,
        metrics: Metrics,
    ) -> None:
        self._cluster = cluster
        self._store = store
        self._recovery = MissedEditRecovery(cluster)
        self._restorer = VersionRestorer(cluster, store)
        self._gatherer = VersionGatherer(cluster, store, self._restorer)
        self._enqueue_assistant = enqueue_assistant
        self._events = events
        self._metrics = metrics
        self._capture_states: dict[str, CaptureState] = {}
        self._due: asyncio.Queue[CaptureState] = asyncio.Queue()
        self._is_ending = False
        self._held: dict[str, int] = {}
        """Bytes that are pending of each Assistant whose edits are refused."""
        self.limiter = CaptureLimiter()
        metrics.recording(self._longest)

    def recorded(self, assistant: Assistant) -> Captured | None:
        """How far the history is written; None while the ledger is not open."""
        capture_state = self._capture_states.get(assistant.metadata.uid)
        if capture_state is None or not capture_state.is_open:
            return None
        return Captured(
            capture_state.observed,
            capture_state.latest,
            capture_state.missed,
            too_large=TOO_LARGE if capture_state.is_too_large else None,
            refusal=capture_state.refusal,
        )

    def lags(self, assistant: Assistant) -> bool:
        """Whether edits up to this state are neither recorded nor being recorded."""
        capture_state = self._capture_states.get(assistant.metadata.uid)
        if capture_state is None:
            return True
        return not capture_state.is_worked_on and not (
            capture_state.is_open and capture_state.observed >= assistant.metadata.generation
        )

    def head(self, assistant: Assistant) -> AssistantVersion | None:
        """The newest version, if it is at hand."""
        capture_state = self._capture_states.get(assistant.metadata.uid)
        return capture_state.head if capture_state else None

    def seconds_since_edit(self, assistant: Assistant) -> float:
        """Seconds since the last edit was recorded."""
        capture_state = self._capture_states.get(assistant.metadata.uid)
        return asyncio.get_running_loop().time() - (capture_state.recorded_at if capture_state else 0.0)

    def is_recording_many(self) -> bool:
        """Whether a burst of edits is being recorded."""
        return not self.limiter.calm.is_set()

    async def restore(self, assistant: Assistant, number: int) -> AssistantVersion | ContentLost | None:
        """Create a deleted version again. None if it cannot be stored now; ContentLost if its content is not known."""
        head = self.head(assistant)
        return await self._restorer.restore(assistant, number, head if head and head.number == number else None)

    def forget(self, assistant: Assistant) -> None:
        """The Assistant is gone. What is pending is still tried once."""
        self._held.pop(assistant.metadata.uid, None)
        if capture_state := self._capture_states.pop(assistant.metadata.uid, None):
            capture_state.is_gone = True
            capture_state.news.set()

    def _longest(self) -> float:
        """Seconds since the oldest edit was seen that is not recorded yet."""
        began = [
            since for capture_state in self._capture_states.values() if (since := capture_state.edit_since) is not None
        ]
        return asyncio.get_running_loop().time() - min(began) if began else 0.0

    async def observe(self, assistant: Assistant, *, anew: bool = False) -> None:
        """Take in a state of an Assistant. Returns at once; `run` records the edits up to it.

        `anew`: the status says more than this process knew, since another operator wrote it.
        """
        capture_state = self._capture_states.setdefault(assistant.metadata.uid, CaptureState())
        capture_state.add(Pending(assistant, asyncio.get_running_loop().time()))
        # A status that says less than is known is not news: the storage went back, and that is about to be found.
        is_news = anew and not capture_state.is_ahead_of(assistant)
        if is_news or not (capture_state.is_open or capture_state.opening):
            capture_state.opening = assistant
            capture_state.news.set()
        if capture_state.refusal is not None:
            self._hold_back(capture_state)
        if not capture_state.is_worked_on:
            capture_state.is_worked_on = True
            self._due.put_nowait(capture_state)

    async def run(self) -> None:
        """Record what is pending, each Assistant in its own task, until cancelled; then finish what is in flight."""
        tasks: set[asyncio.Task[None]] = set()
        try:
            while True:
                task = asyncio.create_task(self._work(await self._due.get()))
                tasks.add(task)
                task.add_done_callback(tasks.discard)
        finally:
            self._is_ending = True
            if tasks:
                await asyncio.wait(tasks, timeout=_GRACE_PERIOD)
            for task in tasks:
                task.cancel()

    async def _work(self, capture_state: CaptureState) -> None:
        """Record the pending states of one Assistant, one after another."""
        while capture_state.pending and not self._is_ending:
            first = capture_state.pending[0]
            bind_object("Assistant", first.state.key)
            try:
                await self._settle(capture_state, first)
            except NotLeading as error:  # it stays pending: the Lease is renewed, or this process ends
                log.warning("postponed capture namespace=%s name=%s: %s", *first.state.key, error)
                await asyncio.sleep(_LEASE_RETRY)
            except Exception:  # a bug that one object brings out must not lose its edits
                log.exception("failed capture namespace=%s name=%s", *first.state.key)
                await asyncio.sleep(_LONGEST_RETRY)
            else:
                capture_state.pending.popleft()
                if capture_state.is_gone and capture_state.refusal is not None:
                    capture_state.pending.clear()
        capture_state.is_worked_on = False

    async def _settle(self, capture_state: CaptureState, pending: Pending) -> None:
        state, latest = pending.state, capture_state.latest
        before = self._store.recorded.get(state.key)
        is_opened = self._opened(capture_state)
        if pending.generation > capture_state.observed:
            await self._capture_with_retry(capture_state, state)
            if capture_state.latest > latest:
                self._metrics.recorded(asyncio.get_running_loop().time() - pending.since)
        is_news = self._keep(capture_state, state)
        after = self._store.recorded.get(state.key)
        if (
            after
            and not capture_state.is_gone
            and (is_opened or is_news or before is None or not _is_own_write(before, after))
        ):
            self._enqueue_assistant(state.key)

    def _keep(self, capture_state: CaptureState, state: Assistant) -> bool:
        """What all but this recorder goes by from now on. Whether it is news though it is our own write."""
        newest = capture_state.newest
        if capture_state.is_gone:
            return False
        if capture_state.is_behind and newest and newest is not state:
            state = versioning.with_control_of(state, newest)
        else:
            capture_state.is_behind = False
        return self._store.record(state)

    def _opened(self, capture_state: CaptureState) -> bool:
        """Open the ledger if it is to be opened; whether it was."""
        if capture_state.opening is None:
            return False
        if capture_state.is_ahead_of(capture_state.opening):
            capture_state.opening = None  # edits were recorded since it was seen
            return False
        capture_state.open(capture_state.opening)
        return True

    async def _capture_with_retry(self, capture_state: CaptureState, assistant: Assistant) -> None:
        """History comes first: whatever stands in the way of recording is waited for."""
        delay, refused_delay = _FIRST_RETRY, FIRST
        while capture_state.is_to_record(assistant):
            try:
                async with self.limiter.turn(assistant):
                    await self._catch_up(capture_state, assistant)
            except ClusterUnavailable as unavailable:
                log.warning("postponed capture namespace=%s name=%s: %s", *assistant.key, unavailable)
                self._tell_lasting(capture_state, assistant, unavailable)
                await self._pause(capture_state, max(delay, unavailable.retry_after or 0.0))
            except ClusterRefused as refused:
                log.error("refused version of Assistant namespace=%s name=%s: %s", *assistant.key, refused)  # noqa: TRY400 (said in full)
                self._report_refusal(capture_state, assistant, refused)
                await self._pause(capture_state, refused_delay)
                refused_delay = min(refused_delay * 2, LONGEST)
            except NotLeading:
                raise
            except Exception:  # a bug that one object brings out must not lose its edits, nor stop the others
                log.exception("failed capture namespace=%s name=%s", *assistant.key)
                await self._pause(capture_state, _LONGEST_RETRY)
            delay = min(delay * 2, _LONGEST_RETRY)
        self._held.pop(assistant.metadata.uid, None)
        if not capture_state.is_gone:
            capture_state.refusal, capture_state.failing_since = None, None

    async def _pause(self, capture_state: CaptureState, seconds: float) -> None:
        """Wait before the next try; no longer when the ledger is to be opened anew or the Assistant is gone."""
        capture_state.news.clear()
        if capture_state.opening is None:
            with suppress(TimeoutError):
                await asyncio.wait_for(capture_state.news.wait(), seconds)
        self._opened(capture_state)

    def _tell_lasting(self, capture_state: CaptureState, assistant: Assistant, unavailable: ClusterUnavailable) -> None:
        """Errors that may pass are told like a refusal once they last, such as those of a webhook that is down."""
        if not unavailable.is_answer:
            return
        now = asyncio.get_running_loop().time()
        capture_state.failing_since = capture_state.failing_since or now
        if now - capture_state.failing_since > _PATIENCE:
            self._report_refusal(capture_state, assistant, unavailable)

    def _report_refusal(
        self, capture_state: CaptureState, assistant: Assistant, refused: ClusterRefused | ClusterUnavailable
    ) -> None:
        """Let the status say so. The first words stay: the same trouble is told in the same words."""
        if capture_state.refusal is None:
            capture_state.refusal, capture_state.is_behind = str(refused), True
            if not capture_state.is_gone:
                self._store.recorded.setdefault(assistant.key, assistant)
                self._enqueue_assistant(assistant.key)
        self._hold_back(capture_state)

    def _hold_back(self, capture_state: CaptureState) -> None:
        """While edits are refused: bound what is pending, and act on what the newest state says beside its content."""
        newest = capture_state.newest
        if newest is None or capture_state.is_gone:
            return
        uid = newest.metadata.uid
        others = sum(self._held.values()) - self._held.get(uid, 0)
        self._held[uid] = capture_state.trim(MOST_STATES, max(min(MOST_BYTES, MOST_BYTES_IN_ALL - others), 0))
        before = self._store.recorded.get(newest.key)
        if before and before.metadata.uid == uid:
            self._store.record(versioning.with_control_of(before, newest))
            after = self._store.recorded[newest.key]
            if before.spec != after.spec or not _is_own_write(before, after):
                self._enqueue_assistant(newest.key)

    async def _catch_up(self, capture_state: CaptureState, assistant: Assistant) -> None:
        generation = assistant.metadata.generation
        if generation > capture_state.observed + 1:
            await self._recover(capture_state, assistant)
        await self._record(capture_state, assistant)
        capture_state.observed = generation
        capture_state.recorded_at = asyncio.get_running_loop().time()

    async def _recover(self, capture_state: CaptureState, assistant: Assistant) -> None:
        """Fill the gap before this state, as far as anybody still knows what was in it; count the rest."""
        beyond = await self._gatherer.beyond(capture_state, assistant)
        states = await self._states_between(capture_state, assistant)
        lost = versioning.overtaken(assistant.metadata.uid, capture_state.latest, states, beyond)
        for state in states:
            await self._record(capture_state, state)
        versions = {each.spec.generation for each in beyond if each.spec.assistant_ref.uid == assistant.metadata.uid}
        seen = versions | {state.metadata.generation for state in states} - lost
        missed = [each for each in range(capture_state.observed + 1, assistant.metadata.generation) if each not in seen]
        capture_state.observed, capture_state.recovered = assistant.metadata.generation - 1, (0, 0, [])
        if missed:
            capture_state.missed += len(missed)
            self._metrics.missed(len(missed))
            self._events.warning(assistant, Reason.GENERATIONS_MISSED, "Observe", _missed(missed))

    async def _states_between(self, capture_state: CaptureState, assistant: Assistant) -> list[Assistant]:
        """What was missed, as far as it is held. Found once: while versions are refused it is tried again and again."""
        since, until, states = capture_state.recovered
        if (since, until) != (capture_state.observed, assistant.metadata.generation):
            states = await self._recovery.between(capture_state.observed, assistant)
            if len(states) <= MOST_STATES:
                capture_state.recovered = (capture_state.observed, assistant.metadata.generation, states)
        return states

    async def _record(self, capture_state: CaptureState, assistant: Assistant) -> None:
        """One version if this state is a change nobody recorded yet. May be repeated, also by others, at any point."""
        tries = 0
        while not self._store.is_replaced(assistant):
            head = await self._gatherer.head(capture_state, assistant)
            if head and _already_captured(head, assistant):
                break
            if not versioning.is_change(head, assistant):
                capture_state.is_too_large = False
                break
            edit = await self._gatherer.edit(capture_state, assistant, head)
            version = versioning.version(edit)
            # What was read took its time, and a version for what is gone would take the name of its successor's.
            if self._store.is_replaced(assistant) or await self._made(capture_state, assistant, version):
                break
            if (tries := tries + 1) == MOST_TRIES:
                raise unreadable(version.key)
        self._keep(capture_state, assistant)

    async def _made(self, capture_state: CaptureState, assistant: Assistant, version: AssistantVersion) -> bool:
        """Whether that settles the edit; if not, the name was taken and we know now by what."""
        match creation := await self._cluster.versions.create(version):
            case Created(made, unstored):
                self._take(capture_state, made)
                self._metrics.made(made.spec.change.kind)
                log.info("created version namespace=%s name=%s kind=%s", *made.key, made.spec.change.kind)
                if unstored:
                    self._tell_unstored(assistant, unstored)
                return True
            case Rejected():
                capture_state.is_too_large = creation.reason == "TooLarge"
                log.warning("rejected version namespace=%s name=%s: %s", *version.key, creation.message)
                return True
            case AlreadyExists():
                if holder := await self._cluster.versions.read(version.key):
                    self._store.put_version(holder.record())
                    controller = holder.metadata.controller
                    if controller is None or controller.uid == version.spec.assistant_ref.uid:
                        self._take(capture_state, holder)
                    else:
                        capture_state.taken = holder.number
                return False

    def _tell_unstored(self, assistant: Assistant, fields: tuple[str, ...]) -> None:
        message = not_stored(fields, AssistantVersion.plural)
        log.warning("created version of Assistant namespace=%s name=%s: %s", *assistant.key, message)
        self._metrics.unstored(AssistantVersion.kind_name, fields)
        self._events.warning(assistant, Reason.FIELDS_NOT_STORED, "Record", message)

    def _take(self, capture_state: CaptureState, version: AssistantVersion) -> None:
        self._store.put_version(version.record())
        capture_state.head = version
        capture_state.latest = max(capture_state.latest, version.number)
        capture_state.is_too_large = False


def _already_captured(head: AssistantVersion, assistant: Assistant) -> bool:
    """Whether the history already goes as far as this state of this very Assistant."""
    same = head.spec.assistant_ref.uid == assistant.metadata.uid
    return same and head.spec.generation >= assistant.metadata.generation


def _is_own_write(before: Assistant, assistant: Assistant) -> bool:
    """Whether nothing changed but what we wrote ourselves."""
    return _marks(before) == _marks(assistant) and before.status == assistant.status


def _marks(assistant: Assistant) -> tuple[object, ...]:
    meta = assistant.metadata
    told = (meta.uid, meta.generation, meta.deletion_timestamp, meta.labels, meta.owner_references)
    return (*told, meta.finalizers, is_withdrawal_abandoned(assistant))


def _missed(generations: list[int]) -> str:
    first, last = generations[0], generations[-1]
    which = f"generation {first}" if first == last else f"{len(generations)} generations between {first} and {last}"
    return f"Missed {which}: edited while no operator was watching, and the API server no longer holds what was written"
