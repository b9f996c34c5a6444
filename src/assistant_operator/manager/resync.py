"""The level-driven net under the watches: compares the objects of the cluster with the store, and reads what differs.

kopf logs and drops an exception of a handler, and shows no deletion that happened while a watch was broken. Changes
that were lost in this way are found here: after each listing, and every few minutes.
"""

import asyncio
import logging
import random
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import ValidationError

from assistant_operator.api.assistant import Assistant
from assistant_operator.api.assistant_alias import AssistantAlias, Published
from assistant_operator.api.graph import Graph
from assistant_operator.api.meta import Key, Resource, position
from assistant_operator.clients.kubernetes.cluster import Cluster, ObjectHead
from assistant_operator.clients.kubernetes.resource_versions import ResourceVersions
from assistant_operator.clients.kubernetes.transport import ClusterRefused, ClusterUnavailable, NotLeading
from assistant_operator.runtime.metrics import Metrics
from assistant_operator.store.store import Kind

from .event_handlers import EventHandlers, Known

log = logging.getLogger(__name__)

EVERY = 300.0
"""Seconds between two comparisons, give or take a fifth."""
_SETTLING = 5.0
"""Seconds that a difference must stay the same until the object is read: events under way need no help."""
_NOT_SERVED = 10.0
"""Seconds for which the API server does not serve a kind until its CustomResourceDefinition counts as missing."""
_FIRST_LOOK, _LONGEST_LOOK = 0.2, 2.0
_LOOKS = 40
"""How often, until everything is listed again."""
_MOST_READS, _READS_AT_ONCE = 500, 8

_KINDS: tuple[Kind, ...] = (Assistant, Graph, AssistantAlias)


@dataclass(frozen=True, slots=True)
class _Difference:
    """What is listed and what is known of one object; None for nothing."""

    listed: ObjectHead | None
    known: Known | None


class ClusterResync:
    """Compares one namespace, or all as one, for ever."""

    def __init__(
        self,
        handlers: EventHandlers,
        cluster: Cluster,
        resource_versions: ResourceVersions,
        *,
        namespace: str,
        metrics: Metrics,
    ) -> None:
        """`namespace`: one of the cluster's; empty for everywhere."""
        self._resource_versions = resource_versions
        self._handlers = handlers
        self._cluster = cluster
        self._namespace = namespace
        self._metrics = metrics
        self._due = asyncio.Event()
        self.filled = asyncio.Event()
        """Set once everything that is listed was seen."""
        self._since: dict[Kind, dict[Key, tuple[_Difference, float]]] = {kind: {} for kind in _KINDS}
        """Differences, and when each was found first."""
        self._unreadable: dict[type[Resource], dict[Key, str]] = defaultdict(dict)
        """Resource versions at which objects could not be read."""
        self._repairs: dict[Key, asyncio.Task[None]] = {}
        self._reads = asyncio.Semaphore(_READS_AT_ONCE)
        self._pause = _FIRST_LOOK
        self._not_served_since: float | None = None
        """Since when the API server does not serve aliases."""

    def request(self) -> None:
        """Compare soon: something was listed anew."""
        self._due.set()

    def unreadable(self, kind: type[Resource], key: Key, resource_version: str) -> None:
        """An object that no model fits: it counts as seen in that state."""
        self._unreadable[kind][key] = resource_version

    async def run(self) -> None:
        """Compare whenever it is due, until cancelled."""
        is_relisted = False
        try:
            while True:
                # What was deleted before a listing anew may still be in the watch cache.
                is_relisted = is_relisted or (self._due.is_set() and self.filled.is_set())
                self._due.clear()
                if await self._is_level(is_relisted=is_relisted):
                    is_relisted = False
                    pause, self._pause = EVERY * random.uniform(0.8, 1.2), _FIRST_LOOK  # noqa: S311 (jitter)
                else:
                    pause = self._pause
                    self._pause = min(pause * 1.5, _LONGEST_LOOK)
                try:
                    await asyncio.wait_for(self._due.wait(), pause)
                    await asyncio.sleep(_FIRST_LOOK)
                except TimeoutError:
                    continue
        finally:
            for task in self._repairs.values():
                task.cancel()

    async def _is_level(self, *, is_relisted: bool) -> bool:
        """Whether all that is listed is known as it is, and nothing else."""
        try:
            listed = {kind: await self._listed(kind, is_consistent=is_relisted) for kind in _KINDS}
        except (ClusterUnavailable, ClusterRefused) as error:
            log.debug("postponed comparison: %s", error)  # the watch of that kind reports it
            return False
        if not self.filled.is_set():
            await self._wait_until_seen(listed)
        found = {kind: self._differences(kind, listed[kind]) for kind in _KINDS}
        if not any(each.known is None for differences in found.values() for each in differences.values()):
            self._handlers.set_synced(self._namespace)
            self.filled.set()
        for kind in _KINDS:
            self._settle(kind, found[kind])
        return not any(found.values())

    async def _wait_until_seen(self, listed: Mapping[Kind, Mapping[Key, ObjectHead]]) -> None:
        """Give the watches some time to show what is listed: at the start they are about to."""
        for _ in range(_LOOKS):
            if all(self._handlers.are_known(kind, listed[kind].keys() - self._unreadable[kind]) for kind in _KINDS):
                return
            await asyncio.sleep(_FIRST_LOOK / 4)

    async def _listed(self, kind: Kind, *, is_consistent: bool) -> Mapping[Key, ObjectHead]:
        """List the objects of that kind: none of aliases, if their CustomResourceDefinition is not installed yet.

        Soon after its start the API server serves no CustomResourceDefinition for a moment.
        """
        try:
            listed = await self._cluster.heads(kind, self._namespace, is_consistent=is_consistent)
        except ClusterRefused as refused:
            now = asyncio.get_running_loop().time()
            if kind is not AssistantAlias or not refused.status.is_not_served:
                raise
            self._not_served_since = self._not_served_since or now
            if now - self._not_served_since < _NOT_SERVED:
                raise
            return {}
        if kind is AssistantAlias:
            self._not_served_since = None
        return listed

    def _differences(self, kind: Kind, listed: Mapping[Key, ObjectHead]) -> dict[Key, _Difference]:
        known = self._handlers.known(kind, self._namespace)
        skipped = self._unreadable[kind]
        for key in skipped.keys() - listed.keys():
            del skipped[key]
        different = {
            key: _Difference(head, known.get(key))
            for key, head in listed.items()
            if not _is_as_known(head, known.get(key)) and skipped.get(key) != head.resource_version
        }
        return different | {key: _Difference(None, known[key]) for key in known.keys() - listed.keys()}

    def _settle(self, kind: Kind, found: dict[Key, _Difference]) -> None:
        """Read those that have differed in the same way for a while."""
        now, before, epoch = asyncio.get_running_loop().time(), self._since[kind], self._resource_versions.epoch
        same = {key: before[key][1] for key, each in found.items() if key in before and before[key][0] == each}
        self._since[kind] = {key: (each, same.get(key, now)) for key, each in found.items()}
        due = [key for key, since in same.items() if now - since >= _SETTLING and key not in self._repairs]
        for key in due[:_MOST_READS]:
            task = self._repairs[key] = asyncio.create_task(self._repair(kind, key, found[key].known, epoch))
            task.add_done_callback(lambda _, key=key: self._repairs.pop(key, None))  # type: ignore[misc]

    async def _repair(self, kind: Kind, key: Key, known: Known | None, epoch: int) -> None:
        try:
            async with self._reads:
                live = await self._cluster.read(kind, key)
        except (ClusterUnavailable, ClusterRefused) as error:
            log.warning("failed read of changed object kind=%s namespace=%s name=%s: %s", kind.kind_name, *key, error)
            return
        except ValidationError:
            if (difference := self._since[kind].get(key)) and difference[0].listed:
                self.unreadable(kind, key, difference[0].listed.resource_version)
            return
        if epoch != self._resource_versions.epoch:
            return
        if live and known and _is_older(live, known):
            # A read is never older than what was seen before it was sent, unless the storage is.
            self._resource_versions.rewind(f"{kind.kind_name} {key[0]}/{key[1]} is older than before")
        try:
            await self._taken_in(kind, key, live, known)
        except (ClusterUnavailable, ClusterRefused, NotLeading) as error:
            log.warning(
                "read changed object, not captured kind=%s namespace=%s name=%s: %s", kind.kind_name, *key, error
            )
        except Exception:  # a bug that one object brings out must not stop the others
            log.exception("failed resync kind=%s namespace=%s name=%s", kind.kind_name, *key)

    async def _taken_in(self, kind: Kind, key: Key, live: Published | Graph | None, known: Known | None) -> None:
        if known is None or live is None or known.lags or live.metadata.resource_version != known.resource_version:
            log.info("read changed object that no event announced kind=%s namespace=%s name=%s", kind.kind_name, *key)
            self._metrics.resynced(kind.kind_name)
        if live is None:
            if known:
                self._handlers.on_delete(kind, key, known.uid, self._resource_versions.epoch)
        else:
            await self._handlers.on_update(live, self._resource_versions.epoch)


def _is_older(live: Published | Graph, known: Known) -> bool:
    return live.metadata.position < position(known.resource_version)


def _is_as_known(head: ObjectHead, known: Known | None) -> bool:
    if known is None or (known.uid, known.resource_version) != (head.uid, head.resource_version):
        return False
    return not known.lags
