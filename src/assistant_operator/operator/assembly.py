"""The composition root: which part is given which doors."""

from dataclasses import dataclass

from ..gateways.cluster import Cluster
from ..gateways.credentials import Credentials
from ..gateways.langgraph import LangGraphServers
from ..gateways.positions import Positions
from ..gateways.schemas import SchemaJudge
from .cache import Cache
from .copies import Copies
from .crank import CONTROLLERS, HERE, THERE, Crank
from .events import Events
from .inventory import Inventory
from .judgements import Judgements
from .judging import Judging
from .metrics import Metrics
from .narrator import Narrator
from .probes import Probes
from .publisher import Publisher
from .reconcile_assistant import AssistantReconciler
from .reconcile_graph import GraphReconciler
from .recorder import Recorder
from .resync import Resync
from .sight import Sight
from .wakes import AT_FIRST, INTERVAL, Wakes, namespace_of
from .workqueue import WorkQueue

WORKERS, STEADY_WORKERS, PUBLISHERS = 16, 2, 48


@dataclass(frozen=True)
class Doors:
    """All that leads out of the process."""

    cluster: Cluster
    servers: LangGraphServers
    judge: SchemaJudge
    events: Events
    metrics: Metrics
    positions: Positions


def assemble(doors: Doors, cluster_name: str, credentials_role: str) -> tuple[Sight, Crank]:
    """What takes in the world, and what works on it. `cluster_name`, `credentials_role`: see Settings."""
    cluster, judge, metrics = doors.cluster, doors.judge, doors.metrics
    cache, judgements, narrator = Cache(), Judgements(), Narrator(doors.events)
    wakes = Wakes(cache, judgements, here=_queue(HERE, metrics), there=_queue(THERE, metrics))
    recorder = Recorder(cluster, cache, wake=wakes.assistant, events=doors.events, metrics=metrics)
    credentials = Credentials(cluster, credentials_role)
    probes = Probes(doors.servers, credentials, cluster_name=cluster_name, changed=wakes.probed)
    copies = Copies(cluster, cache, recorder, probes)
    publisher = Publisher(
        cluster, cache, judge, probes, copies, narrator=narrator, metrics=metrics, told=wakes.assistant
    )
    resync = Resync(cluster, cache, publisher, copies, probes, wake=wakes.copies)
    assistants = AssistantReconciler(
        cluster,
        cache,
        recorder,
        Judging(cluster, cache, recorder, judge, judgements, again=wakes.rejudge_later),
        publisher,
        narrator=narrator,
        metrics=metrics,
        settled=wakes.settled,
    )
    graphs = GraphReconciler(cluster, cache, judge, probes, wakes, narrator=narrator, metrics=metrics)
    sight = Sight(
        cache,
        wakes,
        recorder,
        assistants=assistants,
        graphs=graphs,
        publisher=publisher,
        probes=probes,
        positions=doors.positions,
    )
    crank = Crank(
        cache,
        wakes,
        assistants=assistants,
        graphs=graphs,
        publisher=publisher,
        probes=probes,
        resync=resync,
        metrics=metrics,
    )
    _shown(metrics, wakes, Inventory(cache, is_leading=lambda: sight.is_leading))
    return sight, crank


def _queue(name: str, metrics: Metrics) -> WorkQueue:
    return WorkQueue(interval=INTERVAL, at_first=AT_FIRST, meter=metrics.queue(name), tenant_of=namespace_of)


def _shown(metrics: Metrics, wakes: Wakes, inventory: Inventory) -> None:
    metrics.workers(HERE, WORKERS, wakes.here)
    metrics.workers(THERE, PUBLISHERS, wakes.there)
    metrics.controllers(*(each for names in CONTROLLERS.values() for each in names.values()))
    metrics.inventory(inventory.text)
