"""Every change, in order, exactly once → AssistantVersion. Nothing else makes versions."""

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ..decisions import history
from ..decisions.assistant_world import Recorded
from ..decisions.publication import is_abandoned
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
from .ledger import Ledger
from .metrics import Metrics
from .past import Past
from .recovery import Recovery
from .restoration import Restoration

log = logging.getLogger(__name__)

TOO_LARGE = "it is larger than the API server can store"
_FIRST_RETRY, _REFUSED_RETRY, _LONGEST_RETRY = 0.05, 1.0, 10.0
_IN_DOUBT = 0.2


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
        if ledger is None or not ledger.is_open:
            return True
        return not ledger.lock.locked() and ledger.observed < assistant.metadata.generation

    def head(self, assistant: Assistant) -> AssistantVersion | None:
        """The newest version, if it is at hand."""
        ledger = self._ledgers.get(assistant.metadata.uid)
        return ledger.head if ledger else None

    def quiet_for(self, assistant: Assistant) -> float:
        """Seconds since the last edit was recorded."""
        ledger = self._ledgers.get(assistant.metadata.uid)
        return asyncio.get_running_loop().time() - (ledger.recorded_at if ledger else 0.0)

    def forget(self, assistant: Assistant) -> None:
        self._ledgers.pop(assistant.metadata.uid, None)

    def _longest(self) -> float:
        """Seconds since the oldest edit was seen that is not recorded yet."""
        began = [ledger.began_at for ledger in self._ledgers.values() if ledger.began_at is not None]
        return asyncio.get_running_loop().time() - min(began) if began else 0.0

    @contextmanager
    def _timed(self, ledger: Ledger) -> Iterator[None]:
        """Tell how long it takes until an edit is a version."""
        clock, latest = asyncio.get_running_loop().time, ledger.latest
        ledger.began_at = began = clock()
        try:
            yield
        finally:
            ledger.began_at = None
        if ledger.latest > latest:
            self._metrics.recorded(clock() - began)

    async def observe(self, assistant: Assistant, *, anew: bool = False) -> None:
        """Record the edits up to this state of an Assistant. Returns when they are recorded, however long that takes.

        `anew`: the status says more than we knew, since another operator wrote it.
        """
        ledger = self._ledgers.setdefault(assistant.metadata.uid, Ledger())
        async with ledger.lock:
            before = self._cache.recorded.get(assistant.key)
            # A status that says less than we know is not news: the storage went back, and that is about to be found.
            if not ledger.is_open or (anew and assistant.status.observed_generation >= ledger.observed):
                ledger.open(assistant)
            if assistant.metadata.generation > ledger.observed:
                with self._timed(ledger):
                    await self._persistently(ledger, assistant)
            self._cache.record(assistant)
        if before is None or not _is_echo(before, assistant):
            self._wake(assistant.key)

    async def _persistently(self, ledger: Ledger, assistant: Assistant) -> None:
        """History comes first: whatever stands in the way of recording is waited for."""
        delay = _FIRST_RETRY
        while True:
            try:
                async with self.crowd.turn(assistant):
                    await self._catch_up(ledger, assistant)
            except ClusterUnavailable as unavailable:
                log.warning("cannot record %s/%s yet: %s", *assistant.key, unavailable)
                await asyncio.sleep(max(delay, unavailable.retry_after or 0.0))
            except ClusterRefused as refused:
                log.error("cannot record %s/%s: %s", *assistant.key, refused)  # noqa: TRY400 (said in full)
                self._told_off(ledger, assistant, refused)
                delay = max(delay, _REFUSED_RETRY)
                await asyncio.sleep(delay)
                if await self._is_gone(assistant):
                    return
            except NotLeading:
                # The Lease is in doubt: it is renewed soon, or this process ends. The edit is not to be lost meanwhile.
                await asyncio.sleep(_IN_DOUBT)
                continue
            except Exception:  # a bug that one object brings out must not lose its edits, nor stop the others
                log.exception("cannot record %s/%s", *assistant.key)
                await asyncio.sleep(_LONGEST_RETRY)
            else:
                ledger.refusal = None
                return
            delay = min(delay * 2, _LONGEST_RETRY)

    async def _is_gone(self, assistant: Assistant) -> bool:
        """Whether nobody needs this history any more: the news of it waits behind what we are doing."""
        try:
            live = await self._cluster.assistant(assistant.key)
        except (ClusterUnavailable, ClusterRefused):
            return False
        return live is None or live.metadata.uid != assistant.metadata.uid

    def _told_off(self, ledger: Ledger, assistant: Assistant, refused: ClusterRefused) -> None:
        """Let the status say so. The first words stay: the same trouble is told in the same words."""
        if ledger.refusal is None:
            ledger.refusal = str(refused)
            self._cache.recorded.setdefault(assistant.key, assistant)
            self._wake(assistant.key)

    async def _catch_up(self, ledger: Ledger, assistant: Assistant) -> None:
        generation = assistant.metadata.generation
        if generation > ledger.observed + 1:
            await self._recover(ledger, assistant)
        await self._record(ledger, assistant)
        ledger.observed = generation
        ledger.recorded_at = asyncio.get_running_loop().time()

    async def _recover(self, ledger: Ledger, assistant: Assistant) -> None:
        """Fill the gap before this state, as far as anybody still knows what was in it; count the rest."""
        already = await self._past.generations_beyond(ledger, assistant)
        states = await self._recovery.between(ledger.observed, assistant)
        for state in states:
            await self._record(ledger, state)
        seen = {state.metadata.generation for state in states} | already
        missed = [each for each in range(ledger.observed + 1, assistant.metadata.generation) if each not in seen]
        ledger.observed = assistant.metadata.generation - 1
        if missed:
            ledger.missed += len(missed)
            self._metrics.missed(len(missed))
            self._events.warning(assistant, Reason.GENERATIONS_MISSED, "Observe", _missed(missed))

    async def _record(self, ledger: Ledger, assistant: Assistant) -> None:
        """One version if this state is a change nobody recorded yet. May be repeated, also by others, at any point."""
        while not self._cache.is_succeeded(assistant):
            head = await self._past.head(ledger, assistant)
            if head and _covers(head, assistant):
                break
            if not history.is_change(head, assistant):
                ledger.is_too_large = False
                break
            edit = await self._past.edit(ledger, assistant, head)
            if await self._made(ledger, history.version(edit)):
                break
        self._cache.record(assistant)

    async def _made(self, ledger: Ledger, version: AssistantVersion) -> bool:
        """Whether that settles the edit; if not, the name was taken and we know now by what."""
        match creation := await self._cluster.versions.create(version):
            case Created(made):
                self._take(ledger, made)
                self._metrics.made(made.spec.change.kind)
                log.info("made %s/%s (%s)", *made.key, made.spec.change.kind)
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
