"""From a watch event to its versions: what is pending of each Assistant is captured in order, in a task of its own."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from assistant_operator.api.assistant import Assistant
from assistant_operator.api.assistant_version import AssistantVersion
from assistant_operator.api.meta import Key
from assistant_operator.clients.backoff import Backoff
from assistant_operator.clients.kubernetes.cluster import Cluster
from assistant_operator.clients.kubernetes.transport import ClusterRefused, ClusterUnavailable, NotLeading
from assistant_operator.controllers.users import AuthenticatedUsers
from assistant_operator.policy import versioning
from assistant_operator.policy.publication import is_withdrawal_abandoned
from assistant_operator.policy.versioning import ContentLost
from assistant_operator.runtime.event_recorder import EventRecorder
from assistant_operator.runtime.logs import bind_object
from assistant_operator.runtime.metrics import Metrics
from assistant_operator.runtime.refusals import BACKOFF as REFUSAL_BACKOFF
from assistant_operator.store.capture_state import Pending
from assistant_operator.store.records import AssistantRecord
from assistant_operator.store.store import Store

from .restoration import VersionRestorer
from .writer import MOST_STATES, NamespaceTerminating, VersionWriter

log = logging.getLogger(__name__)

_BACKOFF = Backoff(0.05, 10.0)
_LEASE_RETRY = 0.5
_GRACE_PERIOD = 0.5
"""Seconds that writes under way get when the process ends."""
_PATIENCE = 30.0
"""Seconds of server errors until the status reports them like a refusal."""
MOST_BYTES, MOST_BYTES_IN_ALL = 8 * 2**20, 64 * 2**20
"""Bytes of the states that are kept of an Assistant whose edits the API server refuses to store.

In all: of all such Assistants together, beside the first and the last state of each.
"""


class EditCapture:
    """Captures each edit that it observes. Edits that it did not observe it looks for first."""

    def __init__(
        self,
        cluster: Cluster,
        store: Store,
        *,
        enqueue_assistant: Callable[[Key], None],
        events: EventRecorder,
        metrics: Metrics,
        turn: Callable[[Assistant], AbstractAsyncContextManager[None]],
        record_user: bool = False,
    ) -> None:
        """`turn`: held for one try to capture a state; it limits how many edits are captured at a time.

        `record_user`: whether the annotation of the policy record-user is copied.
        """
        self._store = store
        self._turn = turn
        self._restorer = VersionRestorer(cluster, store)
        users = AuthenticatedUsers(cluster, is_recorded=record_user)
        self._writer = VersionWriter(cluster, store, self._restorer, users=users, events=events, metrics=metrics)
        self._enqueue_assistant = enqueue_assistant
        self._metrics = metrics
        self._due: asyncio.Queue[AssistantRecord] = asyncio.Queue()
        self._is_ending = False
        self._refused: set[AssistantRecord] = set()
        """Assistants of which an edit was refused, until nothing of them is pending."""
        metrics.recording(self._longest)

    async def restore(self, assistant: Assistant, number: int) -> AssistantVersion | ContentLost | None:
        """Create a deleted version again. None if it cannot be stored now; ContentLost if its content is not known."""
        head = self._store.record_of(assistant).capture.head
        return await self._restorer.restore(assistant, number, head if head and head.number == number else None)

    def _longest(self) -> float:
        """Seconds since the oldest edit was seen that is not captured yet."""
        pending = (record.capture.edit_since for record in self._store.assistants.values())
        oldest = min((since for since in pending if since is not None), default=None)
        return 0.0 if oldest is None else asyncio.get_running_loop().time() - oldest

    async def observe(self, assistant: Assistant, *, anew: bool = False) -> None:
        """Take in a state of an Assistant that is in the store. Returns at once; `run` captures the edits up to it.

        `anew`: the status says more than this process knew, since another operator wrote it.
        """
        record = self._store.record_of(assistant)
        capture = record.capture
        capture.add(Pending(assistant, asyncio.get_running_loop().time()))
        # A status that says less than is known was written before: the storage went back, which is about to be found.
        is_ahead = anew and not capture.is_ahead_of(assistant)
        if is_ahead or not (capture.is_open or capture.opening):
            capture.opening = assistant
            capture.end_pause()
        if capture.refusal is not None:
            self._hold_back(record)
        if not capture.is_running:
            capture.is_running = True
            self._due.put_nowait(record)

    async def run(self) -> None:
        """Capture what is pending, each Assistant in its own task, until cancelled; then finish what is under way."""
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

    async def _work(self, record: AssistantRecord) -> None:
        """Capture the pending states of one Assistant, one after another."""
        capture = record.capture
        while capture.pending and not self._is_ending and not record.is_lost:
            first = capture.pending[0]
            bind_object("Assistant", first.state.key)
            try:
                await self._settle(record, first)
            except NotLeading as error:  # it stays pending: the Lease is renewed, or this process ends
                log.warning("postponed capture namespace=%s name=%s: %s", *first.state.key, error)
                await asyncio.sleep(_LEASE_RETRY)
            except Exception:  # a bug that one object brings out must not lose its edits
                log.exception("failed capture namespace=%s name=%s", *first.state.key)
                await asyncio.sleep(_BACKOFF.longest)
            else:
                del capture.pending[0]
                if _is_abandoned(record):
                    capture.pending.clear()
        capture.is_running = False
        self._refused.discard(record)
        record.drop_canonical_forms()

    async def _settle(self, record: AssistantRecord, pending: Pending) -> None:
        """Capture one state, and let the controllers act on it."""
        state, capture, before = pending.state, record.capture, record.captured
        latest = capture.latest
        is_opened = self._open(record)
        if capture.is_due(pending.generation):
            await self._capture_with_retry(record, state)
            if capture.latest > latest:
                self._metrics.recorded(asyncio.get_running_loop().time() - pending.since)
        is_stored = self._writer.set_captured(record, state)
        after = record.captured
        if after and (is_opened or is_stored or before is None or not _is_own_write(before, after)):
            self._enqueue_assistant(state.key)

    def _open(self, record: AssistantRecord) -> bool:
        """Read from the status how far the edits are captured, if that is due. Returns whether it was."""
        capture = record.capture
        if capture.opening is None:
            return False
        if capture.is_ahead_of(capture.opening):
            capture.opening = None  # edits were captured since it was seen
            return False
        capture.open(capture.opening)
        return True

    async def _capture_with_retry(self, record: AssistantRecord, assistant: Assistant) -> None:
        """Wait for anything that keeps an edit from being captured: no later edit may come before it."""
        capture = record.capture
        failures, refusals = 0, 0
        while capture.is_due(assistant.metadata.generation) and not _is_abandoned(record):
            failures += 1
            try:
                async with self._turn(assistant):
                    await self._writer.catch_up(record, assistant)
            except ClusterUnavailable as unavailable:
                log.warning("postponed capture namespace=%s name=%s: %s", *assistant.key, unavailable)
                self._report_lasting_error(record, assistant, unavailable)
                await self._pause(record, _BACKOFF.delay(failures, unavailable.retry_after))
            except ClusterRefused as refused:
                log.error("refused version of Assistant namespace=%s name=%s: %s", *assistant.key, refused)  # noqa: TRY400 (said in full)
                self._report_refusal(record, assistant, refused)
                refusals += 1
                await self._pause(record, REFUSAL_BACKOFF.delay(refusals))
            except NamespaceTerminating as ending:
                log.warning("rejected version of Assistant namespace=%s name=%s: %s", *assistant.key, ending)
                self._report_refusal(record, assistant, ending.refused)
                capture.given_up = assistant.metadata.generation
            except NotLeading:
                raise
            except Exception:  # a bug that one object brings out must not lose its edits, nor stop the others
                log.exception("failed capture namespace=%s name=%s", *assistant.key)
                await self._pause(record, _BACKOFF.longest)
        if not record.is_gone and not capture.is_given_up(assistant.metadata.generation):
            capture.refusal, capture.failing_since = None, None

    async def _pause(self, record: AssistantRecord, seconds: float) -> None:
        """Wait before the next try, until the status is to be read again or the Assistant is gone."""
        capture = record.capture
        if capture.opening is None:
            await capture.pause(seconds)
        self._open(record)

    def _report_lasting_error(
        self, record: AssistantRecord, assistant: Assistant, unavailable: ClusterUnavailable
    ) -> None:
        """The status reports errors that may pass, such as those of a webhook that is down, once they last."""
        if not unavailable.is_answer:
            return
        now, capture = asyncio.get_running_loop().time(), record.capture
        capture.failing_since = capture.failing_since or now
        if now - capture.failing_since > _PATIENCE:
            self._report_refusal(record, assistant, unavailable)

    def _report_refusal(
        self, record: AssistantRecord, assistant: Assistant, refused: ClusterRefused | ClusterUnavailable
    ) -> None:
        """Let the status report it. The first words stay: a condition must not change with each retry."""
        capture = record.capture
        if capture.refusal is None:
            capture.refusal, capture.is_behind = str(refused), True
            if not record.is_gone:
                record.captured = record.captured or assistant
                self._enqueue_assistant(assistant.key)
        self._hold_back(record)

    def _hold_back(self, record: AssistantRecord) -> None:
        """While edits are refused: bound what is pending, and act on what the newest state says beside its content."""
        newest, before = record.capture.newest, record.captured
        if newest is None or record.is_gone:
            return
        self._refused.add(record)
        others = sum(each.capture.refused_bytes for each in self._refused if each is not record and not each.is_gone)
        limit = max(min(MOST_BYTES, MOST_BYTES_IN_ALL - others), 0)
        record.capture.refused_bytes = record.capture.trim(MOST_STATES, limit)
        if before is None:
            return
        self._writer.note_selection(record, newest)
        record.capture_up_to(versioning.with_control_of(before, newest))
        after = record.captured
        if after and (before.spec != after.spec or not _is_own_write(before, after)):
            self._enqueue_assistant(newest.key)


def _is_abandoned(record: AssistantRecord) -> bool:
    """Whether an edit is not tried again, because its Assistant is gone and it is refused, or its storage is lost."""
    return record.is_lost or (record.is_gone and record.capture.refusal is not None)


def _is_own_write(before: Assistant, assistant: Assistant) -> bool:
    """Whether nothing changed but what this process wrote."""
    return _marks(before) == _marks(assistant) and before.status == assistant.status


def _marks(assistant: Assistant) -> tuple[object, ...]:
    meta = assistant.metadata
    marks = (meta.uid, meta.generation, meta.deletion_timestamp, meta.labels, meta.owner_references)
    return (*marks, meta.finalizers, is_withdrawal_abandoned(assistant))
