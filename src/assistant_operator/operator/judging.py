"""How it is found out whether a version may come into force: its content, and what its Graph's schemas say of it."""

from collections.abc import Callable

from ..decisions import validity
from ..decisions.assistant_world import Judgement, World
from ..gateways.cluster import Cluster
from ..gateways.schemas import SchemaJudge
from ..resources.assistant import Snapshot
from ..resources.assistant_version import AssistantVersion, VersionRecord
from ..resources.fit import Unusable
from ..resources.meta import Key
from .cache import Cache
from .judgements import Judgements
from .recorder import Recorder


class Judging:
    """Judges one version at a time, by the schemas of the Graph that it names itself."""

    def __init__(
        self,
        cluster: Cluster,
        cache: Cache,
        recorder: Recorder,
        judge: SchemaJudge,
        judgements: Judgements,
        *,
        again: Callable[[Key, float], None],
    ) -> None:
        """`again`: called with an Assistant whose validation is to be repeated, and after how many seconds."""
        self._cluster = cluster
        self._cache = cache
        self._recorder = recorder
        self._judge = judge
        self._again = again
        self.judgements = judgements

    async def look_again(self, record: VersionRecord) -> AssistantVersion | None:
        """The version itself; what the cache says of it is corrected."""
        version = await self._cluster.versions.read(record.address)
        if version is None or version.metadata.uid != record.uid:
            self._cache.drop_version(record)
        else:
            self._cache.put_version(version.as_record_of(record))
        return version

    async def find_out(self, world: World, number: int) -> None:
        """Judge that version, if it is still there."""
        # Of the present schemas: what they change while we ask is forgotten, and this answer with it.
        known = self.judgements.open(world.assistant.key)
        judgement = await self._judgement(world, number)
        if judgement is not None:
            known[number] = judgement

    async def _judgement(self, world: World, number: int) -> Judgement | None:
        content = await self._content(world, number)
        if not isinstance(content, Snapshot):
            return content
        namespace = world.assistant.metadata.namespace
        if self._cache.has(world.assistant):
            self._cache.concern(world.assistant.key, (namespace, content.graph_ref.name))
        graph = self._cache.graphs.get((namespace, content.graph_ref.name))
        if graph is None:
            return validity.graph_missing(content, namespace)
        if not graph.knows_schemas:
            return validity.schemas_unknown(graph)
        fit = await self._judge.fit(content, graph.schemas, namespace)
        if isinstance(fit, Unusable) and fit.retry_after is not None:
            self._again(world.assistant.key, fit.retry_after)
        return validity.judgement(graph, fit)

    async def _content(self, world: World, number: int) -> Snapshot | Judgement | None:
        """What a version says; a judgement if it says nothing that can be trusted; None if it is gone."""
        head = self._recorder.head(world.assistant)
        if head is None or head.number != number:
            if number == world.active == world.recorded.latest and not world.recorded.too_large:
                return world.assistant.spec.snapshot  # it came into force already, and nothing was edited since
            record = next(each for each in world.kept if each.number == number)
            head = await self.look_again(record)
        if head is None:
            return None
        return head.spec.snapshot if head.is_intact else validity.altered(world.name(number))
