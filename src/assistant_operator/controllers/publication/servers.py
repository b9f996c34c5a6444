"""Reconciles the LangGraph Server of one Graph: probes it, and compares its copies with what was published."""

from assistant_operator.api.meta import Key
from assistant_operator.store.store import Store

from .drift import DriftDetector
from .probes import ServerProber


class ServerReconciler:
    """The controller "probe"."""

    def __init__(self, store: Store, prober: ServerProber, drift_detector: DriftDetector) -> None:
        self._store = store
        self._prober = prober
        self._drift_detector = drift_detector

    async def reconcile(self, key: Key) -> float | None:
        """Probe the server of that Graph. Seconds until the next probe; None if it declares no server.

        Raises ServerTrouble if the server answers the probe, but does not list its assistants.
        """
        record = self._store.graphs.get(key)
        if record is None or record.latest.spec.server is None:
            return None
        graph = record.latest
        endpoint, requeue_after = await self._prober.probe(record)
        if endpoint:
            await self._drift_detector.run(graph, endpoint)
        return requeue_after
