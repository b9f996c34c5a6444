"""Kubernetes Events about our objects. They are posted in the background and may be lost."""

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Literal

from cachetools import LRUCache

from assistant_operator.api.meta import API_VERSION, GROUP, MANAGER, FreeForm, Resource
from assistant_operator.clients.kubernetes.cluster import Cluster
from assistant_operator.clients.kubernetes.transport import ClusterRefused, ClusterUnavailable, NotLeading

from .fairness import FairQueue
from .refusals import Refusals

log = logging.getLogger(__name__)

_MAX_NOTE_BYTES = 1024
_MAX_QUEUED = 500
"""Events of one namespace that wait to be posted. Further ones are dropped: the status has the same information."""
_MAX_REMEMBERED = 4_096
_POST = ("Post", 0)


class EventRecorder:
    """Posts Events, the namespaces in turn. The same note about the same object is not posted twice in a row."""

    def __init__(
        self,
        cluster: Cluster,
        *,
        instance: str,
        per_second: float = 20.0,
        count: Callable[[str, str], None] = lambda kind, reason: None,
        count_lost: Callable[[], None] = lambda: None,
    ) -> None:
        """`instance`: the identity of this process. `per_second`: the largest rate of posts.

        `count`: called with the type and the reason of each event that is queued.
        `count_lost`: called for each event whose post failed.
        """
        self._cluster = cluster
        self._count = count
        self._count_lost = count_lost
        self._refusals: dict[str, Refusals] = {}
        """By namespace in which events are refused."""
        self._parked: dict[str, list[FreeForm]] = {}
        """By namespace, events that wait until the API server may be asked again there."""
        self._instance = instance
        self._pause = 1 / per_second
        self._queued: FairQueue[tuple[str, FreeForm]] = FairQueue()
        self._last_notes: LRUCache[tuple[str, str], str] = LRUCache(_MAX_REMEMBERED)

    def normal(self, about: Resource, reason: str, action: str, note: str) -> None:
        self._enqueue("Normal", about, reason, action, note)

    def warning(self, about: Resource, reason: str, action: str, note: str, *, is_new: bool = False) -> None:
        """`is_new`: post the event even if its note is the same as that of the last event with this reason."""
        if is_new:
            self._last_notes.pop((about.metadata.uid, reason), None)
        self._enqueue("Warning", about, reason, action, note)

    async def run(self) -> None:
        """Post queued events, until cancelled."""
        while True:
            namespace, event = await self._queued.take()
            refusals = self._refusals.get(namespace)
            if refusals and not refusals.is_due(_POST):
                self._park(namespace, event)
                continue
            try:
                await self._cluster.post_event(namespace, event)
            except ClusterRefused as refused:
                self._drop(refused, is_expected=refused.status.is_namespace_terminating)
                self._refusals.setdefault(namespace, Refusals()).refused(_POST, "")
            except (ClusterUnavailable, NotLeading) as error:
                self._drop(error)
            else:
                self._refusals.pop(namespace, None)
            await asyncio.sleep(self._pause)

    def _drop(self, error: Exception, *, is_expected: bool = False) -> None:
        self._count_lost()
        log.log(logging.DEBUG if is_expected else logging.WARNING, "dropped event: %s", error)

    def _park(self, namespace: str, event: FreeForm) -> None:
        """Keep an event of a namespace in which posts are refused until the next post is due there."""
        if namespace not in self._parked:
            loop = asyncio.get_running_loop()
            loop.call_later(self._refusals[namespace].wait() or 0.0, self._unpark, namespace)
        self._parked.setdefault(namespace, []).append(event)

    def _unpark(self, namespace: str) -> None:
        for event in self._parked.pop(namespace):
            self._queued.put(namespace, (namespace, event))

    def _enqueue(
        self, kind: Literal["Normal", "Warning"], about: Resource, reason: str, action: str, note: str
    ) -> None:
        key, namespace = (about.metadata.uid, reason), about.metadata.namespace
        queued = self._queued.of(namespace) + len(self._parked.get(namespace, ()))
        if self._last_notes.get(key) == note or queued >= _MAX_QUEUED:
            return
        self._count(kind, reason)
        self._last_notes[key] = note
        self._queued.put(namespace, (namespace, self._event(kind, about, reason, action, note)))

    def _event(self, kind: str, about: Resource, reason: str, action: str, note: str) -> FreeForm:
        meta = about.metadata
        return {
            "apiVersion": "events.k8s.io/v1",
            "kind": "Event",
            "metadata": {"generateName": f"{meta.name[:200]}-", "namespace": meta.namespace},
            "eventTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "reportingController": f"{GROUP}/{MANAGER}",
            "reportingInstance": self._instance[:128],
            "type": kind,
            "reason": reason,
            "action": action,
            "note": note.encode()[:_MAX_NOTE_BYTES].decode(errors="ignore"),
            "regarding": {
                "apiVersion": API_VERSION,
                "kind": about.kind_name,
                "name": meta.name,
                "namespace": meta.namespace,
                "uid": meta.uid,
                "resourceVersion": meta.resource_version,
            },
        }
