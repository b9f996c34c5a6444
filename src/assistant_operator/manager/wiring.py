"""The composition root: which part is given which doors."""

import asyncio
from dataclasses import dataclass
from functools import partial

from assistant_operator.clients.kubernetes.cluster import Cluster
from assistant_operator.clients.kubernetes.resource_versions import ResourceVersions
from assistant_operator.clients.kubernetes.server_credentials import Credentials
from assistant_operator.clients.kubernetes.transport import ClusterRefused, ClusterUnavailable, NotLeading
from assistant_operator.clients.langgraph.assistants import LangGraphServers
from assistant_operator.clients.langgraph.transport import ServerTrouble
from assistant_operator.clients.schema.validator import SchemaValidator
from assistant_operator.controllers.assistant.reconciler import AssistantReconciler
from assistant_operator.controllers.assistant.validation import VersionValidator
from assistant_operator.controllers.capture.capture import EditCapture
from assistant_operator.controllers.capture.limiter import CaptureLimiter
from assistant_operator.controllers.events import EventPublisher
from assistant_operator.controllers.graph.reconciler import GraphReconciler
from assistant_operator.controllers.publication.copies import Copies
from assistant_operator.controllers.publication.drift import DriftDetector
from assistant_operator.controllers.publication.probes import ServerProber
from assistant_operator.controllers.publication.reconciler import PublicationReconciler
from assistant_operator.controllers.publication.servers import ServerReconciler
from assistant_operator.controllers.triggers import AT_FIRST, INTERVAL, Queues, Triggers, namespace_of
from assistant_operator.runtime.controller import Controller
from assistant_operator.runtime.event_recorder import EventRecorder
from assistant_operator.runtime.metrics import Metrics
from assistant_operator.runtime.workqueue import WorkQueue
from assistant_operator.store.store import Store
from assistant_operator.store.validation_results import ValidationResults

from .event_handlers import EventHandlers
from .object_metrics import ObjectMetrics

ASSISTANT_WORKERS, GRAPH_WORKERS, SERVER_WORKERS = 16, 4, 48
_STEADY_WORKERS = 2
"""Of those for Assistants, and of those for Graphs: they work on soon, though many edits are being recorded."""
_TRANSIENT = (ClusterUnavailable, ClusterRefused, NotLeading, ServerTrouble)


@dataclass(frozen=True)
class Clients:
    """All that leads out of the process."""

    cluster: Cluster
    servers: LangGraphServers
    judge: SchemaValidator
    events: EventRecorder
    metrics: Metrics
    resource_versions: ResourceVersions


def wire(clients: Clients, cluster_name: str, credentials_role: str) -> tuple[EventHandlers, tuple[Controller, ...]]:
    """What takes in the world, and what works on it. `cluster_name`, `credentials_role`: see Settings."""
    cluster, judge, metrics = clients.cluster, clients.judge, clients.metrics
    cache, validation_results, event_publisher = Store(), ValidationResults(), EventPublisher(clients.events)
    queues = Queues(*(_queue(name, metrics) for name in ("assistant", "graph", "publication", "probe")))
    triggers = Triggers(cache, validation_results, queues)
    edit_capture = EditCapture(cluster, cache, wake=triggers.assistant, events=clients.events, metrics=metrics)
    credentials = Credentials(cluster, credentials_role)
    prober = ServerProber(clients.servers, credentials, cluster_name=cluster_name, changed=triggers.probed)
    copies = Copies(cluster, cache, edit_capture, prober)
    publisher = PublicationReconciler(
        cluster, cache, judge, prober, copies, event_publisher=event_publisher, metrics=metrics, told=triggers.assistant
    )
    drift_detector = DriftDetector(cluster, cache, publisher, copies, prober, wake=triggers.copies)
    assistants = AssistantReconciler(
        cluster,
        cache,
        edit_capture,
        VersionValidator(cluster, cache, edit_capture, judge, validation_results, again=triggers.revalidate_later),
        publisher,
        event_publisher=event_publisher,
        metrics=metrics,
        triggers=triggers,
    )
    graphs = GraphReconciler(cluster, cache, judge, prober, triggers, event_publisher=event_publisher, metrics=metrics)
    handlers = EventHandlers(
        cache,
        triggers,
        edit_capture,
        assistants=assistants,
        graphs=graphs,
        publisher=publisher,
        prober=prober,
        resource_versions=clients.resource_versions,
    )
    servers, gates = ServerReconciler(cache, prober, drift_detector), partial(_gates, edit_capture.limiter)
    new = partial(Controller, is_synced=cache.is_filled, transient=_TRANSIENT, metrics=metrics)
    on_servers = [None] * SERVER_WORKERS
    controllers = (
        new("assistant", "Assistant", queues.assistant, assistants.reconcile, gates=gates(ASSISTANT_WORKERS)),
        new("graph", "Graph", queues.graph, graphs.reconcile, gates=gates(GRAPH_WORKERS)),
        new("publication", "Assistant", queues.publication, publisher.reconcile, gates=on_servers),
        new("probe", "Graph", queues.probe, servers.reconcile, gates=on_servers),
    )
    metrics.object_metrics(ObjectMetrics(cache, is_leading=lambda: handlers.is_leading).text)
    return handlers, controllers


def _queue(name: str, metrics: Metrics) -> WorkQueue:
    return WorkQueue(interval=INTERVAL, at_first=AT_FIRST, meter=metrics.queue(name), tenant_of=namespace_of)


def _gates(limiter: CaptureLimiter, workers: int) -> list[asyncio.Event]:
    """For workers that write to the cluster: they pause while many edits are being recorded."""
    return [limiter.bearable] * _STEADY_WORKERS + [limiter.calm] * (workers - _STEADY_WORKERS)
