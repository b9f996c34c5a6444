"""Every change, in order, exactly once → AssistantVersion. Nothing else makes versions."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress

from ..decisions import history
from ..decisions.assistant_world import Recorded
from ..decisions.publication import is_abandoned
from ..decisions.stored import not_stored
from ..gateways.api_server import ClusterRefused, ClusterUnavailable, NotLeading
from ..gateways.cluster import Cluster
from ..gateways.versions import CannotStore, Created, NameTaken
from ..resources.assistant import Assistant
from ..resources.assistant_version import AssistantVersion
from ..resources.meta import Key
from ..resources.reason import Reason
from .cache import Cache
from .crowd import Crowd
from .events import Events
from .ledger import Ledger, Pending
from .logs import concerning
from .metrics import Metrics
from .past import Past
from .recovery import Recovery
from .refusals import FIRST, LONGEST
from .restoration import MOST_TRIES, Restoration, unreadable

log = logging.getLogger(__name__)

TOO_LARGE = "it is larger than the API server can store"
_FIRST_RETRY, _LONGEST_RETRY = 0.05, 10.0
_LEASE_RETRY = 0.5
_FAREWELL = 0.5
"""Seconds that what is in flight gets when the process ends."""
_PATIENCE = 30.0
"""Seconds of server errors until they are told like a refusal."""
MOST_STATES, MOST_BYTES, MOST_BYTES_IN_ALL = 64, 8 * 2**20, 64 * 2**20
"""States that are kept of an Assistant whose edits the API server refuses to record, and their bytes.

In all: of all such Assistants together, beside the first and the last state of each.
"""


class Recorder:
    """Writes down each edit it is shown; whatever it was not shown, it looks for first."""

    def __init__(
        self,
        cluster: Cluster,
        cache: Cache,
        *,
        wake: Callable[[Key], None],
        events: Events,
        metrics: Metrics,
    ) -> None:
        """`wake`: told of each Assistant whose history went on, or that changed otherwise."""
        self._cluster = cluster
        self._cache = cache
        self._recovery = Recovery(cluster)
        self.restoration = Restoration(cluster, cache)
        self._past = Past(cluster, cache, self.restoration)
        self._wake = wake
        self._events = events
        self._metrics = metrics
        self._ledgers: dict[str, Ledger] = {}
        self._due: asyncio.Queue[Ledger] = asyncio.Queue()
        self._is_ending = False
        self._held: dict[str, int] = {}
        """Bytes that are pending of each Assistant whose edits are refused."""
        self.crowd = Crowd()
        metrics.recording(self._longest)

    def recorded(self, assistant: Assistant) -> Recorded | None:
        """How far the history is written; None while the ledger is not open."""
        ledger = self._ledgers.get(assistant.metadata.uid)
        if ledger is None or not ledger.is_open:
            return None
        return Recorded(
            ledger.observed,
            ledger.latest,
            ledger.missed,
            too_large=TOO_LARGE if ledger.is_too_large else None,
            refusal=ledger.refusal,
        )

    def lags(self, assistant: Assistant) -> bool:
        """Whether edits up to this state are neither recorded nor being recorded."""
        ledger = self._ledgers.get(assistant.metadata.uid)
        if ledger is None:
            return True
        return not ledger.is_worked_on and not (ledger.is_open and ledger.observed >= assistant.metadata.generation)

    def head(self, assistant: Assistant) -> AssistantVersion | None:
        """The newest version, if it is at hand."""
        ledger = self._ledgers.get(assistant.metadata.uid)
        return ledger.head if ledger else None

    def quiet_for(self, assistant: Assistant) -> float:
        """Seconds since the last edit was recorded."""
        ledger = self._ledgers.get(assistant.metadata.uid)
        return asyncio.get_running_loop().time() - (ledger.recorded_at if ledger else 0.0)

    def forget(self, assistant: Assistant) -> None:
        """The Assistant is gone. What is pending is still tried once."""
        self._held.pop(assistant.metadata.uid, None)
        if ledger := self._ledgers.pop(assistant.metadata.uid, None):
            ledger.is_gone = True
            ledger.news.set()

    def _longest(self) -> float:
        """Seconds since the oldest edit was seen that is not recorded yet."""
        began = [since for ledger in self._ledgers.values() if (since := ledger.edit_since) is not None]
        return asyncio.get_running_loop().time() - min(began) if began else 0.0

    async def observe(self, assistant: Assistant, *, anew: bool = False) -> None:
        """Take in a state of an Assistant. Returns at once; `run` records the edits up to it.

        `anew`: the status says more than this process knew, since another operator wrote it.
        """
        ledger = self._ledgers.setdefault(assistant.metadata.uid, Ledger())
        ledger.add(Pending(assistant, asyncio.get_running_loop().time()))
        # A status that says less than is known is not news: the storage went back, and that is about to be found.
        is_news = anew and assistant.status.observed_generation >= ledger.observed
        if is_news or not (ledger.is_open or ledger.opening):
            ledger.opening = assistant
            ledger.news.set()
        if ledger.refusal is not None:
            self._hold_back(ledger)
        if not ledger.is_worked_on:
            ledger.is_worked_on = True
            self._due.put_nowait(ledger)

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
                await asyncio.wait(tasks, timeout=_FAREWELL)
            for task in tasks:
                task.cancel()

    async def _work(self, ledger: Ledger) -> None:
        """Record the pending states of one Assistant, one after another."""
        while ledger.pending and not self._is_ending:
            first = ledger.pending[0]
            concerning("Assistant", first.state.key)
            try:
                await self._settle(ledger, first)
            except NotLeading as error:  # it stays pending: the Lease is renewed, or this process ends
                log.warning("cannot record %s/%s yet: %s", *first.state.key, error)
                await asyncio.sleep(_LEASE_RETRY)
            except Exception:  # a bug that one object brings out must not lose its edits
                log.exception("cannot record %s/%s", *first.state.key)
                await asyncio.sleep(_LONGEST_RETRY)
            else:
                ledger.pending.popleft()
                if ledger.is_gone and ledger.refusal is not None:
                    ledger.pending.clear()
        ledger.is_worked_on = False

    async def _settle(self, ledger: Ledger, pending: Pending) -> None:
        state, latest = pending.state, ledger.latest
        before = self._cache.recorded.get(state.key)
        is_opened = self._opened(ledger)
        if pending.generation > ledger.observed:
            await self._persistently(ledger, state)
            if ledger.latest > latest:
                self._metrics.recorded(asyncio.get_running_loop().time() - pending.since)
        is_news = self._keep(ledger, state)
        after = self._cache.recorded.get(state.key)
        if after and not ledger.is_gone and (is_opened or is_news or before is None or not _is_echo(before, after)):
            self._wake(state.key)

    def _keep(self, ledger: Ledger, state: Assistant) -> bool:
        """What all but this recorder goes by from now on. Whether it is news though it is our own write."""
        newest = ledger.newest
        if ledger.is_gone:
            return False
        if ledger.is_behind and newest and newest is not state:
            state = history.with_control_of(state, newest)
        else:
            ledger.is_behind = False
        return self._cache.record(state)

    def _opened(self, ledger: Ledger) -> bool:
        """Open the ledger if it is to be opened; whether it was."""
        if ledger.opening is None:
            return False
        ledger.open(ledger.opening)
        return True

    async def _persistently(self, ledger: Ledger, assistant: Assistant) -> None:
        """History comes first: whatever stands in the way of recording is waited for."""
        delay, refused_delay = _FIRST_RETRY, FIRST
        while ledger.is_to_record(assistant):
            try:
                async with self.crowd.turn(assistant):
                    await self._catch_up(ledger, assistant)
            except ClusterUnavailable as unavailable:
                log.warning("cannot record %s/%s yet: %s", *assistant.key, unavailable)
                self._tell_lasting(ledger, assistant, unavailable)
                await self._pause(ledger, max(delay, unavailable.retry_after or 0.0))
            except ClusterRefused as refused:
                log.error("cannot record %s/%s: %s", *assistant.key, refused)  # noqa: TRY400 (said in full)
                self._told_off(ledger, assistant, refused)
                await self._pause(ledger, refused_delay)
                refused_delay = min(refused_delay * 2, LONGEST)
            except NotLeading:
                raise
            except Exception:  # a bug that one object brings out must not lose its edits, nor stop the others
                log.exception("cannot record %s/%s", *assistant.key)
                await self._pause(ledger, _LONGEST_RETRY)
            delay = min(delay * 2, _LONGEST_RETRY)
        self._held.pop(assistant.metadata.uid, None)
        if not ledger.is_gone:
            ledger.refusal, ledger.failing_since = None, None

    async def _pause(self, ledger: Ledger, seconds: float) -> None:
        """Wait before the next try; no longer when the ledger is to be opened anew or the Assistant is gone."""
        ledger.news.clear()
        if ledger.opening is None:
            with suppress(TimeoutError):
                await asyncio.wait_for(ledger.news.wait(), seconds)
        self._opened(ledger)

    def _tell_lasting(self, ledger: Ledger, assistant: Assistant, unavailable: ClusterUnavailable) -> None:
        """Errors that may pass are told like a refusal once they last, such as those of a webhook that is down."""
        if not unavailable.is_answer:
            return
        now = asyncio.get_running_loop().time()
        ledger.failing_since = ledger.failing_since or now
        if now - ledger.failing_since > _PATIENCE:
            self._told_off(ledger, assistant, unavailable)

    def _told_off(self, ledger: Ledger, assistant: Assistant, refused: ClusterRefused | ClusterUnavailable) -> None:
        """Let the status say so. The first words stay: the same trouble is told in the same words."""
        if ledger.refusal is None:
            ledger.refusal, ledger.is_behind = str(refused), True
            if not ledger.is_gone:
                self._cache.recorded.setdefault(assistant.key, assistant)
                self._wake(assistant.key)
        self._hold_back(ledger)

    def _hold_back(self, ledger: Ledger) -> None:
        """While edits are refused: bound what is pending, and act on what the newest state says beside its content."""
        newest = ledger.newest
        if newest is None or ledger.is_gone:
            return
        uid = newest.metadata.uid
        others = sum(self._held.values()) - self._held.get(uid, 0)
        self._held[uid] = ledger.trim(MOST_STATES, max(min(MOST_BYTES, MOST_BYTES_IN_ALL - others), 0))
        before = self._cache.recorded.get(newest.key)
        if before and before.metadata.uid == uid:
            self._cache.record(history.with_control_of(before, newest))
            after = self._cache.recorded[newest.key]
            if before.spec != after.spec or not _is_echo(before, after):
                self._wake(newest.key)

    async def _catch_up(self, ledger: Ledger, assistant: Assistant) -> None:
        generation = assistant.metadata.generation
        if generation > ledger.observed + 1:
            await self._recover(ledger, assistant)
        await self._record(ledger, assistant)
        ledger.observed = generation
        ledger.recorded_at = asyncio.get_running_loop().time()

    async def _recover(self, ledger: Ledger, assistant: Assistant) -> None:
        """Fill the gap before this state, as far as anybody still knows what was in it; count the rest."""
        beyond = await self._past.beyond(ledger, assistant)
        states = await self._states_between(ledger, assistant)
        lost = history.overtaken(assistant.metadata.uid, ledger.latest, states, beyond)
        for state in states:
            await self._record(ledger, state)
        versions = {each.spec.generation for each in beyond if each.spec.assistant_ref.uid == assistant.metadata.uid}
        seen = versions | {state.metadata.generation for state in states} - lost
        missed = [each for each in range(ledger.observed + 1, assistant.metadata.generation) if each not in seen]
        ledger.observed, ledger.recovered = assistant.metadata.generation - 1, (0, 0, [])
        if missed:
            ledger.missed += len(missed)
            self._metrics.missed(len(missed))
            self._events.warning(assistant, Reason.GENERATIONS_MISSED, "Observe", _missed(missed))

    async def _states_between(self, ledger: Ledger, assistant: Assistant) -> list[Assistant]:
        """What was missed, as far as it is held. Found once: while versions are refused it is tried again and again."""
        since, until, states = ledger.recovered
        if (since, until) != (ledger.observed, assistant.metadata.generation):
            states = await self._recovery.between(ledger.observed, assistant)
            if len(states) <= MOST_STATES:
                ledger.recovered = (ledger.observed, assistant.metadata.generation, states)
        return states

    async def _record(self, ledger: Ledger, assistant: Assistant) -> None:
        """One version if this state is a change nobody recorded yet. May be repeated, also by others, at any point."""
        tries = 0
        while not self._cache.is_succeeded(assistant):
            head = await self._past.head(ledger, assistant)
            if head and _covers(head, assistant):
                break
            if not history.is_change(head, assistant):
                ledger.is_too_large = False
                break
            edit = await self._past.edit(ledger, assistant, head)
            version = history.version(edit)
            # What was read took its time, and a version for what is gone would take the name of its successor's.
            if self._cache.is_succeeded(assistant) or await self._made(ledger, assistant, version):
                break
            if (tries := tries + 1) == MOST_TRIES:
                raise unreadable(version.key)
        self._keep(ledger, assistant)

    async def _made(self, ledger: Ledger, assistant: Assistant, version: AssistantVersion) -> bool:
        """Whether that settles the edit; if not, the name was taken and we know now by what."""
        match creation := await self._cluster.versions.create(version):
            case Created(made, unstored):
                self._take(ledger, made)
                self._metrics.made(made.spec.change.kind)
                log.info("made %s/%s (%s)", *made.key, made.spec.change.kind)
                if unstored:
                    self._tell_unstored(assistant, unstored)
                return True
            case CannotStore():
                ledger.is_too_large = creation.reason == "TooLarge"
                log.warning("cannot store %s/%s: %s", *version.key, creation.message)
                return True
            case NameTaken():
                if holder := await self._cluster.versions.read(version.key):
                    self._cache.put_version(holder.record())
                    controller = holder.metadata.controller
                    if controller is None or controller.uid == version.spec.assistant_ref.uid:
                        self._take(ledger, holder)
                    else:
                        ledger.taken = holder.number
                return False

    def _tell_unstored(self, assistant: Assistant, fields: tuple[str, ...]) -> None:
        message = not_stored(fields, AssistantVersion.plural)
        log.warning("created version of Assistant %s/%s: %s", *assistant.key, message)
        self._metrics.unstored(AssistantVersion.kind_name, fields)
        self._events.warning(assistant, Reason.FIELDS_NOT_STORED, "Record", message)

    def _take(self, ledger: Ledger, version: AssistantVersion) -> None:
        self._cache.put_version(version.record())
        ledger.head = version
        ledger.latest = max(ledger.latest, version.number)
        ledger.is_too_large = False


def _covers(head: AssistantVersion, assistant: Assistant) -> bool:
    """Whether the history already goes as far as this state of this very Assistant."""
    same = head.spec.assistant_ref.uid == assistant.metadata.uid
    return same and head.spec.generation >= assistant.metadata.generation


def _is_echo(before: Assistant, assistant: Assistant) -> bool:
    """Whether nothing changed but what we wrote ourselves."""
    return _marks(before) == _marks(assistant) and before.status == assistant.status


def _marks(assistant: Assistant) -> tuple[object, ...]:
    meta = assistant.metadata
    told = (meta.uid, meta.generation, meta.deletion_timestamp, meta.labels, meta.owner_references)
    return (*told, meta.finalizers, is_abandoned(assistant))


def _missed(generations: list[int]) -> str:
    first, last = generations[0], generations[-1]
    which = f"generation {first}" if first == last else f"{len(generations)} generations between {first} and {last}"
    return f"Missed {which}: edited while no operator was watching, and the API server no longer holds what was written"
