"""The composition root: creates every part and connects them."""

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
from assistant_operator.controllers.assistant_inputs import AssistantInputs
from assistant_operator.controllers.capture.capture import EditCapture
from assistant_operator.controllers.events import EventPublisher
from assistant_operator.controllers.graph.reconciler import GraphReconciler
from assistant_operator.controllers.publication.copies import Copies
from assistant_operator.controllers.publication.drift import DriftDetector
from assistant_operator.controllers.publication.probes import ServerProber
from assistant_operator.controllers.publication.reconciler import PublicationReconciler
from assistant_operator.controllers.publication.servers import ServerReconciler
from assistant_operator.controllers.validation import VersionValidator
from assistant_operator.controllers.version.reconciler import VersionReconciler
from assistant_operator.runtime.controller import Controller, Workers
from assistant_operator.runtime.event_recorder import EventRecorder
from assistant_operator.runtime.metrics import Metrics
from assistant_operator.runtime.workqueue import WorkQueue
from assistant_operator.store.store import Store

from .event_handlers import EventHandlers
from .object_metrics import ObjectMetrics
from .triggers import BURST, INTERVAL, Queues, Triggers
from .turns import Turns

WORKERS, SERVER_WORKERS, VERSION_WORKERS = 16, 48, 4
"""Of each controller that writes to the cluster, and of each that waits for LangGraph Servers."""
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


def wire(
    clients: Clients, cluster_name: str, credentials_role: str, *, record_user: bool = False
) -> tuple[EventHandlers, tuple[Controller, ...]]:
    """Returns what takes in watch events, and the controllers.

    `cluster_name`, `credentials_role`, `record_user`: see Settings.
    """
    cluster, metrics = clients.cluster, clients.metrics
    store, event_publisher = Store(), EventPublisher(clients.events)
    queues = Queues(*(_queue(name, metrics) for name in ("assistant", "graph", "version", "publication", "probe")))
    triggers = Triggers(store, queues)
    enqueue = triggers.enqueue_assistant
    turns = Turns()
    capture = EditCapture(
        cluster,
        store,
        enqueue_assistant=enqueue,
        events=clients.events,
        metrics=metrics,
        turn=turns.to_capture,
        record_user=record_user,
    )
    validator = VersionValidator(cluster, store, clients.schema_validator, enqueue_assistant=enqueue)
    inputs = AssistantInputs(store, cluster_name)
    versions = VersionReconciler(
        cluster, store, validator, inputs, event_publisher=event_publisher, metrics=metrics, triggers=triggers
    )
    assistants = AssistantReconciler(
        cluster,
        store,
        capture,
        validator,
        inputs,
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
    new = partial(Controller, is_synced=store.is_synced, transient=_TRANSIENT, metrics=metrics)
    workers, version_workers = (
        Workers(WORKERS, turns.to_reconcile),
        Workers(VERSION_WORKERS, turns.to_reconcile_versions),
    )
    server_workers = Workers(SERVER_WORKERS)
    return handlers, (
        new("assistant", "Assistant", queues.assistant, assistants.reconcile, workers=workers),
        new("graph", "Graph", queues.graph, graphs.reconcile, workers=workers),
        new("version", "Assistant", queues.version, versions.reconcile, workers=version_workers),
        new("publication", "Assistant", queues.publication, publications.reconcile, workers=server_workers),
        new("probe", "Graph", queues.probe, servers.reconcile, workers=server_workers),
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
