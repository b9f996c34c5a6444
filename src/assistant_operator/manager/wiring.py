"""The composition root: which part is given which doors."""

from dataclasses import dataclass

from assistant_operator.clients.kubernetes.cluster import Cluster
from assistant_operator.clients.kubernetes.resource_versions import ResourceVersions
from assistant_operator.clients.kubernetes.server_credentials import Credentials
from assistant_operator.clients.langgraph.assistants import LangGraphServers
from assistant_operator.clients.schema.validator import SchemaValidator
from assistant_operator.controllers.assistant.reconciler import AssistantReconciler
from assistant_operator.controllers.assistant.validation import VersionValidator
from assistant_operator.controllers.capture.capture import EditCapture
from assistant_operator.controllers.events import EventPublisher
from assistant_operator.controllers.graph.reconciler import GraphReconciler
from assistant_operator.controllers.publication.copies import Copies
from assistant_operator.controllers.publication.drift import DriftDetector
from assistant_operator.controllers.publication.probes import ServerProber
from assistant_operator.controllers.publication.reconciler import PublicationReconciler
from assistant_operator.controllers.triggers import AT_FIRST, INTERVAL, Triggers, namespace_of
from assistant_operator.runtime.event_recorder import EventRecorder
from assistant_operator.runtime.metrics import Metrics
from assistant_operator.runtime.workqueue import WorkQueue
from assistant_operator.store.store import Store
from assistant_operator.store.validation_results import ValidationResults

from .controller import CLUSTER, CONTROLLERS, SERVERS, Controller
from .event_handlers import EventHandlers
from .object_metrics import ObjectMetrics

WORKERS, STEADY_WORKERS, PUBLISHERS = 16, 2, 48


@dataclass(frozen=True)
class Clients:
    """All that leads out of the process."""

    cluster: Cluster
    servers: LangGraphServers
    judge: SchemaValidator
    events: EventRecorder
    metrics: Metrics
    resource_versions: ResourceVersions


def wire(clients: Clients, cluster_name: str, credentials_role: str) -> tuple[EventHandlers, Controller]:
    """What takes in the world, and what works on it. `cluster_name`, `credentials_role`: see Settings."""
    cluster, judge, metrics = clients.cluster, clients.judge, clients.metrics
    cache, validation_results, event_publisher = Store(), ValidationResults(), EventPublisher(clients.events)
    triggers = Triggers(cache, validation_results, here=_queue(CLUSTER, metrics), there=_queue(SERVERS, metrics))
    edit_capture = EditCapture(cluster, cache, wake=triggers.assistant, events=clients.events, metrics=metrics)
    credentials = Credentials(cluster, credentials_role)
    prober = ServerProber(clients.servers, credentials, cluster_name=cluster_name, changed=triggers.probed)
    copies = Copies(cluster, cache, edit_capture, prober)
    publisher = PublicationReconciler(
        cluster, cache, judge, prober, copies, event_publisher=event_publisher, metrics=metrics, told=triggers.assistant
    )
    resync = DriftDetector(cluster, cache, publisher, copies, prober, wake=triggers.copies)
    assistants = AssistantReconciler(
        cluster,
        cache,
        edit_capture,
        VersionValidator(cluster, cache, edit_capture, judge, validation_results, again=triggers.revalidate_later),
        publisher,
        event_publisher=event_publisher,
        metrics=metrics,
        settled=triggers.settled,
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
    controller = Controller(
        cache,
        triggers,
        assistants=assistants,
        graphs=graphs,
        publisher=publisher,
        prober=prober,
        resync=resync,
        metrics=metrics,
    )
    _shown(metrics, triggers, ObjectMetrics(cache, is_leading=lambda: handlers.is_leading))
    return handlers, controller


def _queue(name: str, metrics: Metrics) -> WorkQueue:
    return WorkQueue(interval=INTERVAL, at_first=AT_FIRST, meter=metrics.queue(name), tenant_of=namespace_of)


def _shown(metrics: Metrics, triggers: Triggers, object_metrics: ObjectMetrics) -> None:
    metrics.workers(CLUSTER, WORKERS, triggers.here)
    metrics.workers(SERVERS, PUBLISHERS, triggers.there)
    metrics.controllers(*(each for names in CONTROLLERS.values() for each in names.values()))
    metrics.object_metrics(object_metrics.text)
