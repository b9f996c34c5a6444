"""The composition root: creates every part and connects them."""

from dataclasses import dataclass, fields
from functools import partial
from typing import Any

from assistant_operator.clients.kubernetes.cluster import Cluster
from assistant_operator.clients.kubernetes.resource_versions import ResourceVersions
from assistant_operator.clients.kubernetes.server_credentials import Credentials
from assistant_operator.clients.kubernetes.transport import ClusterRefused, ClusterUnavailable, NotLeading
from assistant_operator.clients.langgraph.assistants import LangGraphServers
from assistant_operator.clients.langgraph.transport import ServerTrouble
from assistant_operator.clients.schema.validator import SchemaValidator
from assistant_operator.controllers.alias.reconciler import AliasReconciler
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
from assistant_operator.controllers.revalidation.reconciler import RevalidationReconciler
from assistant_operator.controllers.users import AuthenticatedUsers
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

WORKERS, SERVER_WORKERS, VERSION_WORKERS, LISTINGS = 16, 48, 4, 4
"""Of each controller that writes to the cluster, of each that waits for LangGraph Servers, of "version", and of
"revalidation", which lists whole namespaces.
"""
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
    parts = _Parts(clients, cluster_name, credentials_role, record_user=record_user)
    capture = EditCapture(
        clients.cluster,
        parts.store,
        enqueue_assistant=parts.triggers.enqueue_assistant,
        events=clients.events,
        metrics=clients.metrics,
        turn=parts.turns.to_capture,
        record_user=record_user,
    )
    handlers = EventHandlers(parts.store, parts.triggers, capture, clients.resource_versions)
    clients.metrics.object_metrics(ObjectMetrics(parts.store, is_leading=lambda: handlers.is_leading).families)
    return handlers, parts.controllers(capture)


class _Parts:
    """What the controllers share, and the controllers."""

    def __init__(self, clients: Clients, cluster_name: str, credentials_role: str, *, record_user: bool) -> None:
        self._clients = clients
        self._cluster_name = cluster_name
        self._credentials_role = credentials_role
        self._record_user = record_user
        self.store = Store()
        self._queues = Queues(**{each.name: _queue(each.name, clients.metrics) for each in fields(Queues)})
        self.triggers = Triggers(self.store, self._queues)
        self.turns = Turns()
        self._event_publisher = EventPublisher(clients.events)
        self._inputs = AssistantInputs(self.store, cluster_name)
        self._validator = VersionValidator(
            clients.cluster,
            self.store,
            clients.schema_validator,
            enqueue_assistant=self.triggers.enqueue_assistant,
        )

    def controllers(self, capture: EditCapture) -> tuple[Controller, ...]:
        """One for each queue."""
        metrics, queues, turns = self._clients.metrics, self._queues, self.turns
        new = partial(Controller, is_synced=self.store.is_synced, transient=_TRANSIENT, metrics=metrics)
        workers, server_workers = Workers(WORKERS, turns.to_reconcile), Workers(SERVER_WORKERS)
        assistant_workers = Workers(WORKERS, turns.to_reconcile_assistant)
        version_workers = Workers(VERSION_WORKERS, turns.to_reconcile_versions)
        assistants, graphs, versions = self._assistants(capture), self._graphs(), self._versions()
        publications, servers = self._publications_and_servers()
        revalidations = RevalidationReconciler(self._clients.cluster, self.store, self._validator, self.triggers)
        return (
            new("assistant", "Assistant", queues.assistant, assistants.reconcile, workers=assistant_workers),
            new("graph", "Graph", queues.graph, graphs.reconcile, workers=workers),
            new("version", "Assistant", queues.version, versions.reconcile, workers=version_workers),
            new(
                "publication", "Assistant or alias", queues.publication, publications.reconcile, workers=server_workers
            ),
            new("probe", "Graph", queues.probe, servers.reconcile, workers=server_workers),
            new("revalidation", "Graph", queues.revalidation, revalidations.reconcile, workers=Workers(LISTINGS)),
            new("alias", "AssistantAlias", queues.alias, self._aliases().reconcile, workers=workers),
        )

    def _assistants(self, capture: EditCapture) -> AssistantReconciler:
        return AssistantReconciler(
            self._clients.cluster,
            self.store,
            capture,
            self._validator,
            self._inputs,
            event_publisher=self._event_publisher,
            metrics=self._clients.metrics,
            triggers=self.triggers,
        )

    def _aliases(self) -> AliasReconciler:
        return AliasReconciler(
            self._clients.cluster,
            self.store,
            AuthenticatedUsers(self._clients.cluster, is_recorded=self._record_user),
            cluster_name=self._cluster_name,
            event_publisher=self._event_publisher,
            metrics=self._clients.metrics,
            triggers=self.triggers,
        )

    def _graphs(self) -> GraphReconciler:
        return GraphReconciler(
            self._clients.cluster,
            self.store,
            self._clients.schema_validator,
            self.triggers,
            event_publisher=self._event_publisher,
            metrics=self._clients.metrics,
        )

    def _versions(self) -> VersionReconciler:
        return VersionReconciler(
            self._clients.cluster,
            self.store,
            self._validator,
            self._inputs,
            event_publisher=self._event_publisher,
            metrics=self._clients.metrics,
            triggers=self.triggers,
        )

    def _publications_and_servers(self) -> tuple[PublicationReconciler, ServerReconciler]:
        """What connects to LangGraph Servers."""
        cluster, store = self._clients.cluster, self.store
        prober = ServerProber(
            self._clients.servers,
            Credentials(cluster, self._credentials_role),
            cluster_name=self._cluster_name,
            enqueue_after_probe=self.triggers.enqueue_after_probe,
        )
        copies = Copies(cluster, store, prober)
        reconciler = PublicationReconciler(
            cluster,
            store,
            self._clients.schema_validator,
            prober,
            copies,
            event_publisher=self._event_publisher,
            metrics=self._clients.metrics,
            enqueue_published=self.triggers.enqueue_published,
        )
        drift_detector = DriftDetector(
            cluster, store, copies, prober, enqueue_publication=self.triggers.enqueue_publication
        )
        return reconciler, ServerReconciler(store, prober, drift_detector)


def _queue(name: str, metrics: Metrics) -> WorkQueue:
    return WorkQueue(interval=INTERVAL, at_first=BURST, meter=metrics.queue(name), tenant_of=_namespace_of)


def _namespace_of(key: Any) -> str:
    namespace: str = key[0]
    return namespace
