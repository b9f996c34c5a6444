"""Observe, decide, act, report: one Graph and its default Assistant at a time."""

import logging
from datetime import UTC, datetime

from ..decisions.default_assistant import DEFAULT, without
from ..decisions.graph import ApplyDefault, GraphStep, Release, ReportGraph, World, steps
from ..gateways.api_server import ClusterRefused
from ..gateways.cluster import Applied, Cluster
from ..gateways.schemas import SchemaJudge
from ..resources.assistant import GraphRef, Snapshot
from ..resources.fit import Unusable
from ..resources.graph import Graph, GraphStatus, Schemas
from ..resources.meta import MANAGER, FreeForm, Key
from .cache import Cache
from .metrics import Metrics
from .narrator import Narrator
from .probes import Probes
from .wakes import Wakes

log = logging.getLogger(__name__)

LABELS = {"app.kubernetes.io/managed-by": MANAGER, DEFAULT: "true"}
_MOST_STEPS = 20
_REFUSED_RETRY = 30.0
_MOST_CONFLICTS = 4


def judges_otherwise(before: Graph, now: Graph) -> bool:
    """Whether what was said of its assistants' versions may not hold any more."""
    return (before.schemas, before.knows_schemas) != (now.schemas, now.knows_schemas)


class GraphReconciler:
    """Brings one Graph to where it should be."""

    def __init__(
        self,
        cluster: Cluster,
        cache: Cache,
        judge: SchemaJudge,
        probes: Probes,
        wakes: Wakes,
        *,
        narrator: Narrator,
        metrics: Metrics,
    ) -> None:
        self._cluster = cluster
        self._cache = cache
        self._judge = judge
        self._narrator = narrator
        self._metrics = metrics
        self._probes = probes
        self._wakes = wakes
        self._applied: dict[Key, tuple[int, FreeForm]] = {}
        self._refusals: dict[Key, str] = {}
        self._unstorable: dict[Key, Schemas] = {}

    async def reconcile(self, key: Key) -> float | None:
        """Take the steps that are due; what they wrote comes back as an event, and then this is called again."""
        refused: list[GraphStep] = []
        self._refusals.pop(key, None)
        for _ in range(_MOST_STEPS):
            world = await self._observe(key)
            due = (each for each in steps(world) if each not in refused) if world else iter(())
            step = next((each for each in due if world and not self._is_repeated(world, each)), None)
            if world is None or step is None:
                return _REFUSED_RETRY if refused else None
            try:
                await self._act(world.graph, step)
            except ClusterRefused as refusal:
                self._take_in(key, step, refusal)
                refused.append(step)
        return 1.0

    def forget(self, key: Key) -> None:
        """The Graph is gone."""
        self._unstorable.pop(key, None)

    def forget_default(self, key: Key) -> None:
        """The Assistant is gone: what was applied to it says nothing about the next of its name."""
        self._applied.pop(key, None)

    def _take_in(self, key: Key, step: GraphStep, refusal: ClusterRefused) -> None:
        """What a refusal says about the Graph, for the next look; raised again if that is nothing."""
        schemas = step.status.schemas if isinstance(step, ReportGraph) else None
        if isinstance(step, ApplyDefault):
            self._refusals[key] = str(refusal)
        elif schemas and (schemas.context or schemas.config) and refusal.status.is_too_large:
            self._unstorable[key] = schemas
        else:
            raise refusal

    def _is_repeated(self, world: World, step: GraphStep) -> bool:
        """Whether we just applied that: it did not come back as an event yet, or others own what it would change."""
        if not isinstance(step, ApplyDefault):
            return False
        position, configuration = self._applied.get((world.graph.metadata.namespace, step.name), (0, {}))
        seen = int(world.default.metadata.resource_version) if world.default else 0
        return seen < position or (seen == position and configuration == step.configuration)

    async def _observe(self, key: Key) -> World | None:
        graph = self._cache.graphs.get(key)
        if graph is None:
            return None
        wanted = graph.default_name
        controlled = self._cache.controlled_by(graph)
        trouble = await self._schema_trouble(graph)
        return World(
            graph,
            now=datetime.now(UTC).replace(microsecond=0),
            default=self._cache.seen.get((key[0], wanted)) if wanted else None,
            former=tuple(
                each for each in controlled if each.metadata.name != wanted and DEFAULT in each.metadata.labels
            ),
            assistants=len(self._cache.assistants_of(key)),
            schema_trouble=trouble.why if trouble else None,
            is_trouble_passing=trouble is not None and trouble.is_passing,
            probe=self._probes.of(graph),
            unstorable=self._unstorable.get(key),
            refusal=self._refusals.get(key),
            is_rejudging=self._wakes.is_rejudging(key),
        )

    async def _schema_trouble(self, graph: Graph) -> Unusable | None:
        nothing = Snapshot(graph_ref=GraphRef(name=graph.metadata.name))
        fit = await self._judge.fit(nothing, graph.schemas, graph.metadata.namespace)
        if not isinstance(fit, Unusable):
            return None
        if fit.retry_after is not None:
            self._wakes.here.add(("Graph", graph.key), fit.retry_after)
        return fit

    async def _act(self, graph: Graph, step: GraphStep) -> None:
        log.debug("%s/%s: %r", *graph.key, step)
        self._metrics.step("graph", type(step).__name__)
        match step:
            case ApplyDefault(name, configuration):
                await self._apply(graph, name, configuration)
            case Release(name):
                await self._cluster.drop_label((graph.metadata.namespace, name), DEFAULT)
            case ReportGraph(status):
                if isinstance(await self._cluster.report(graph, status), int):
                    self._reported(graph, status)
                else:
                    await self._look_again(graph)

    def _reported(self, graph: Graph, status: GraphStatus) -> None:
        now = graph.model_copy(update={"status": status})
        self._cache.put_graph(now)
        self._narrator.reported(graph, status)
        if judges_otherwise(graph, now):
            self._wakes.rejudge(graph.key, wholly=True)

    async def _apply(self, graph: Graph, name: str, configuration: FreeForm) -> None:
        """Apply without force; what others own is left to them, and the rest applied again."""
        key = (graph.metadata.namespace, name)
        wanted, labels, is_owned = configuration, LABELS, True
        is_new = key not in self._cache.seen  # asked first: the watch may show what is made before the answer comes
        if is_new and (not await self._is_alive(graph) or await self._is_there(key)):
            return
        for _ in range(_MOST_CONFLICTS):
            outcome = await self._cluster.apply_default(graph, name, labels, configuration, is_owned=is_owned)
            if isinstance(outcome, Applied):
                if is_new:
                    self._narrator.made_default(graph, name)
                self._applied[key] = (outcome.position, wanted)
                return
            configuration = without(configuration, outcome)
            labels = {label: value for label, value in labels.items() if f".metadata.labels.{label}" not in outcome}
            is_owned = is_owned and not any(field.startswith(".metadata.ownerReferences") for field in outcome)

    async def _is_alive(self, graph: Graph) -> bool:
        """Whether the Graph is still there: its default assistant may be gone because the Graph is."""
        await self._look_again(graph)
        live = self._cache.graphs.get(graph.key)
        same = live is not None and live.metadata.uid == graph.metadata.uid
        return bool(live and same and not live.metadata.is_being_deleted)

    async def _is_there(self, key: Key) -> bool:
        """Whether there is an Assistant of that name that the watch did not show yet: it may be somebody's own."""
        live = await self._cluster.assistant(key)
        if live is None:
            return False
        self._applied[key] = (int(live.metadata.resource_version), {})  # nothing of ours, and nothing before it is seen
        return True

    async def _look_again(self, graph: Graph) -> None:
        live = await self._cluster.graph(graph.key)
        if live is None:
            self._cache.drop_graph(graph.key)
        else:
            self._cache.put_graph(live)
