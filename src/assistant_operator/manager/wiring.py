"""The composition root: creates every part and connects them."""

import asyncio
from dataclasses import dataclass
from functools import partial
from typing import Any

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
from assistant_operator.runtime.controller import Controller
from assistant_operator.runtime.event_recorder import EventRecorder
from assistant_operator.runtime.metrics import Metrics
from assistant_operator.runtime.workqueue import WorkQueue
from assistant_operator.store.store import Store

from .event_handlers import EventHandlers
from .object_metrics import ObjectMetrics
from .triggers import BURST, INTERVAL, Queues, Triggers

WORKERS, SERVER_WORKERS = 16, 48
"""Of each controller that writes to the cluster, and of each that waits for LangGraph Servers."""
_STEADY_WORKERS = 2
"""Of the former: they go on soon although many edits are being recorded."""
_TRANSIENT = (ClusterUnavailable, ClusterRefused, NotLeading, ServerTrouble)


@dataclass(frozen=True)
class Clients:
    """What connects this process to others."""

    cluster: Cluster
    servers: LangGraphServers
    schema_validator: SchemaValidator
    events: EventRecorder
    metrics: Metrics
    resource_versions: ResourceVersions


def wire(clients: Clients, cluster_name: str, credentials_role: str) -> tuple[EventHandlers, tuple[Controller, ...]]:
    """Returns what takes in watch events, and the controllers. `cluster_name`, `credentials_role`: see Settings."""
    cluster, metrics = clients.cluster, clients.metrics
    store, event_publisher = Store(), EventPublisher(clients.events)
    queues = Queues(*(_queue(name, metrics) for name in ("assistant", "graph", "publication", "probe")))
    triggers = Triggers(store, queues)
    enqueue = triggers.enqueue_assistant
    capture = EditCapture(cluster, store, enqueue_assistant=enqueue, events=clients.events, metrics=metrics)
    assistants = AssistantReconciler(
        cluster,
        store,
        capture,
        VersionValidator(cluster, store, clients.schema_validator, enqueue_assistant=enqueue),
        cluster_name=cluster_name,
        event_publisher=event_publisher,
        metrics=metrics,
        triggers=triggers,
    )
    graphs = GraphReconciler(
        cluster, store, clients.schema_validator, triggers, event_publisher=event_publisher, metrics=metrics
    )
    publications, servers = _publication(clients, cluster_name, credentials_role, store, triggers, event_publisher)
    handlers = EventHandlers(store, triggers, capture, clients.resource_versions)
    metrics.object_metrics(ObjectMetrics(store, is_leading=lambda: handlers.is_leading).families)
    gated, ungated = _gates(capture.limiter), [None] * SERVER_WORKERS
    new = partial(Controller, is_synced=store.is_synced, transient=_TRANSIENT, metrics=metrics)
    return handlers, (
        new("assistant", "Assistant", queues.assistant, assistants.reconcile, gates=gated),
        new("graph", "Graph", queues.graph, graphs.reconcile, gates=gated),
        new("publication", "Assistant", queues.publication, publications.reconcile, gates=ungated),
        new("probe", "Graph", queues.probe, servers.reconcile, gates=ungated),
    )


def _publication(
    clients: Clients,
    cluster_name: str,
    credentials_role: str,
    store: Store,
    triggers: Triggers,
    event_publisher: EventPublisher,
) -> tuple[PublicationReconciler, ServerReconciler]:
    """What connects to LangGraph Servers."""
    prober = ServerProber(
        clients.servers,
        Credentials(clients.cluster, credentials_role),
        cluster_name=cluster_name,
        enqueue_after_probe=triggers.enqueue_after_probe,
    )
    copies = Copies(clients.cluster, store, prober)
    reconciler = PublicationReconciler(
        clients.cluster,
        store,
        clients.schema_validator,
        prober,
        copies,
        event_publisher=event_publisher,
        metrics=clients.metrics,
        enqueue_assistant=triggers.enqueue_assistant,
    )
    drift_detector = DriftDetector(
        clients.cluster, store, copies, prober, enqueue_publication=triggers.enqueue_publication
    )
    return reconciler, ServerReconciler(store, prober, drift_detector)


def _queue(name: str, metrics: Metrics) -> WorkQueue:
    return WorkQueue(interval=INTERVAL, at_first=BURST, meter=metrics.queue(name), tenant_of=_namespace_of)


def _namespace_of(key: Any) -> str:
    namespace: str = key[0]
    return namespace


def _gates(limiter: CaptureLimiter) -> list[asyncio.Event]:
    """For workers that write to the cluster: they pause while many edits are being recorded."""
    return [limiter.bearable] * _STEADY_WORKERS + [limiter.calm] * (WORKERS - _STEADY_WORKERS)
