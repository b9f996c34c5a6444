"""Events: what happened, in the past tense, told once. Nobody waits for them and nothing depends on them."""

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Literal

from cachetools import LRUCache

from assistant_operator.api.assistant import Assistant
from assistant_operator.api.graph import Graph
from assistant_operator.api.meta import API_VERSION, GROUP, MANAGER, FreeForm
from assistant_operator.api.reason import Reason
from assistant_operator.clients.kubernetes.cluster import Cluster
from assistant_operator.clients.kubernetes.transport import ClusterRefused, ClusterUnavailable, NotLeading

from .fairness import FairQueue
from .refusals import Refusals

log = logging.getLogger(__name__)

_LONGEST_NOTE = 1024
"""In bytes, as the API server counts."""
_MOST_WAITING = 500
"""Of one namespace: what happens beyond that is only in the status."""
_MOST_REMEMBERED = 4_096
_POST = ("Post", 0)


class EventRecorder:
    """Posts events in the background, each namespace in turn, none twice in a row about the same object."""

    def __init__(
        self,
        cluster: Cluster,
        *,
        instance: str,
        per_second: float = 20.0,
        observe: Callable[[str, str], None] = lambda kind, reason: None,
        lost: Callable[[], None] = lambda: None,
    ) -> None:
        """`per_second`: at most. `observe`: called for each event with its type and its reason.

        `lost`: called for each event that could not be posted.
        """
        self._cluster = cluster
        self._observe = observe
        self._lost = lost
        self._refusals: dict[str, Refusals] = {}
        """By namespace in which events are refused."""
        self._parked: dict[str, list[FreeForm]] = {}
        self._instance = instance
        self._pause = 1 / per_second
        self._waiting: FairQueue[tuple[str, FreeForm]] = FairQueue()
        self._told: LRUCache[tuple[str, Reason], str] = LRUCache(_MOST_REMEMBERED)

    def normal(self, about: Assistant | Graph, reason: Reason, action: str, note: str) -> None:
        self._tell("Normal", about, reason, action, note)

    def warning(
        self, about: Assistant | Graph, reason: Reason, action: str, note: str, *, is_new: bool = False
    ) -> None:
        """`is_new`: it happened again, though in the words of the last time."""
        if is_new:
            self._told.pop((about.metadata.uid, reason), None)
        self._tell("Warning", about, reason, action, note)

    async def run(self) -> None:
        """Post what is told, until cancelled."""
        while True:
            namespace, event = await self._waiting.take()
            refusals = self._refusals.get(namespace)
            if refusals and not refusals.is_due(_POST):
                self._park(namespace, event)
                continue
            try:
                await self._cluster.post_event(namespace, event)
            except ClusterRefused as refused:
                self._failed(refused, is_expected=refused.status.is_namespace_terminating)
                self._refusals.setdefault(namespace, Refusals()).refused(_POST, "")
            except (ClusterUnavailable, NotLeading) as error:
                self._failed(error)
            else:
                self._refusals.pop(namespace, None)
            await asyncio.sleep(self._pause)

    def _failed(self, error: Exception, *, is_expected: bool = False) -> None:
        self._lost()
        log.log(logging.DEBUG if is_expected else logging.WARNING, "dropped event: %s", error)

    def _park(self, namespace: str, event: FreeForm) -> None:
        """Events are refused in this namespace: keep it until the next one may be tried."""
        if namespace not in self._parked:
            loop = asyncio.get_running_loop()
            loop.call_later(self._refusals[namespace].wait() or 0.0, self._unpark, namespace)
        self._parked.setdefault(namespace, []).append(event)

    def _unpark(self, namespace: str) -> None:
        for event in self._parked.pop(namespace):
            self._waiting.put(namespace, (namespace, event))

    def _tell(
        self, kind: Literal["Normal", "Warning"], about: Assistant | Graph, reason: Reason, action: str, note: str
    ) -> None:
        key, namespace = (about.metadata.uid, reason), about.metadata.namespace
        waiting = self._waiting.of(namespace) + len(self._parked.get(namespace, ()))
        if self._told.get(key) == note or waiting >= _MOST_WAITING:
            return
        self._observe(kind, reason)
        self._told[key] = note
        self._waiting.put(namespace, (namespace, self._event(kind, about, reason, action, note)))

    def _event(self, kind: str, about: Assistant | Graph, reason: Reason, action: str, note: str) -> FreeForm:
        meta = about.metadata
        return {
            "apiVersion": "events.k8s.io/v1",
            "kind": "Event",
            "metadata": {"generateName": f"{meta.name[:200]}-", "namespace": meta.namespace},
            "eventTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "reportingController": f"{GROUP}/{MANAGER}",
            "reportingInstance": self._instance[:128],
            "type": kind,
            "reason": reason.value,
            "action": action,
            "note": note.encode()[:_LONGEST_NOTE].decode(errors="ignore"),
            "regarding": {
                "apiVersion": API_VERSION,
                "kind": about.kind_name,
                "name": meta.name,
                "namespace": meta.namespace,
                "uid": meta.uid,
                "resourceVersion": meta.resource_version,
            },
        }
