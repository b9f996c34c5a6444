"""Observe, decide, act on LangGraph Servers: the copies of one Assistant at a time. Who reports is told."""

import logging
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime

from ..decisions import remote
from ..decisions.publication import FINALIZER, Hold, LetGo, Outcome, Publish, Step, Withdraw, World, remembered, steps
from ..decisions.remote import Place, place_of
from ..decisions.status import Fate
from ..gateways.cluster import Cluster
from ..gateways.credentials import CredentialsMissing
from ..gateways.schemas import SchemaJudge
from ..gateways.wire import ServerTrouble, ServerUnavailable
from ..resources.assistant import Assistant, Copy
from ..resources.assistant_version import version_name
from ..resources.fit import Fits, Unusable
from ..resources.meta import Key
from ..resources.reason import Reason
from .cache import Cache
from .copies import Copies
from .metrics import Metrics
from .narrator import Narrator
from .probes import Probes

log = logging.getLogger(__name__)

_BUSY, _PENDING, _FIRST_RETRY, _LONGEST_RETRY = 0.1, 0.5, 1.0, 30.0
_MOST_STEPS = 20
_MOST_LOOKS = 500
"""Looks a second that all those together may take who wait for a busy server."""


class _NotYet(Exception):
    """Something that must come first has not come: what it waits for wakes it, or it looks again soon."""


class Publisher:
    """Brings the copies of an Assistant to where its status says they should be."""

    def __init__(
        self,
        cluster: Cluster,
        cache: Cache,
        judge: SchemaJudge,
        probes: Probes,
        copies: Copies,
        *,
        narrator: Narrator,
        metrics: Metrics,
        told: Callable[[Key], None],
    ) -> None:
        """`told`: what became of an Assistant's copies is news."""
        self._cluster = cluster
        self._cache = cache
        self._judge = judge
        self._probes = probes
        self._copies = copies
        self._narrator = narrator
        self._metrics = metrics
        self._told = told
        self._outcomes: dict[str, Outcome] = {}
        self._withdrawn: dict[str, frozenset[Copy]] = {}
        self._lost: dict[str, frozenset[Copy]] = {}
        self._finalizers: dict[str, tuple[int, bool]] = {}
        self._repairing: dict[str, tuple[str, ...]] = {}
        """What was found to be different, until it is put right."""
        self._unsure: set[str] = set()
        self._crowd: set[str] = set()
        self._failures: dict[str, int] = {}

    def outcome(self, assistant: Assistant) -> Outcome | None:
        """How the last try to publish it ended, since this process started."""
        return self._outcomes.get(assistant.metadata.uid)

    def withdrawn(self, assistant: Assistant) -> frozenset[Copy]:
        return self._withdrawn.get(assistant.metadata.uid, frozenset())

    def places(self, assistant: Key, graphs: Iterable[str]) -> dict[str, Place]:
        """Where versions of these Graphs belong, as far as they exist and have a server."""
        found = ((name, self._cache.graphs.get((assistant[0], name))) for name in graphs)
        places = ((name, place_of(graph, assistant, self._probes.cluster_name)) for name, graph in found if graph)
        return {name: place for name, place in places if place}

    def repair(self, assistant: Assistant, fields: tuple[str, ...]) -> None:
        """The copy is not what it was left as: `fields` differ; without any, it is gone."""
        uid = assistant.metadata.uid
        self._outcomes.pop(uid, None)
        self._repairing[uid] = fields

    def forget(self, assistant: Assistant) -> None:
        uid = assistant.metadata.uid
        self._repairing.pop(uid, None)
        self._unsure.discard(uid)
        self._crowd.discard(uid)
        self._copies.forget(assistant)
        for memory in (self._outcomes, self._withdrawn, self._lost, self._finalizers, self._failures):
            memory.pop(uid, None)

    async def reconcile(self, key: Key) -> float | None:
        """Take the steps that are due. Seconds until the rest should be taken; None if there is no rest."""
        stuck: dict[Step, float] = {}
        for _ in range(_MOST_STEPS):
            assistant = self._cache.recorded.get(key)
            if assistant is None:
                return None
            world = await self._observe(assistant)
            step = next((each for each in steps(world) if each not in stuck), None)
            if step is None:
                return min(stuck.values(), default=None)
            if (later := await self._act(world, step)) is not None:
                stuck[step] = later
        return _PENDING

    async def _observe(self, assistant: Assistant) -> World:
        uid = assistant.metadata.uid
        graph = await self._copies.graph_of(assistant)
        is_open = uid in self._repairing or uid in self._unsure
        return World(
            assistant,
            now=datetime.now(UTC),
            place=self._copies.place(graph, assistant),
            is_place_known=graph is not None,
            is_held=self._is_held(assistant),
            outcome=None if is_open else self._outcomes.get(uid) or remembered(assistant),
            withdrawn=self.withdrawn(assistant),
            lost=self._lost.get(uid, frozenset()),
        )

    def _is_held(self, assistant: Assistant) -> bool:
        position, held = self._finalizers.get(assistant.metadata.uid, (0, False))
        return (
            held if int(assistant.metadata.resource_version) < position else FINALIZER in assistant.metadata.finalizers
        )

    async def _act(self, world: World, step: Step) -> float | None:
        """Take one step. Seconds until it should be tried again; None if it is done."""
        log.debug("%s/%s: %r", *world.assistant.key, step)
        self._metrics.step("publication", type(step).__name__)
        match step:
            case Hold():
                await self._hold(world.assistant, on=True)
            case LetGo(abandoned):
                await self._hold(world.assistant, on=False)
                if abandoned:
                    self._narrator.abandoned(world.assistant, [copy.server for copy in abandoned])
            case Publish():
                return await self._publish(world, step)
            case Withdraw(copy):
                return await self._withdraw(world.assistant, copy)
        return None

    async def _hold(self, assistant: Assistant, *, on: bool) -> None:
        position = await self._cluster.hold(assistant, FINALIZER, on=on)
        if position is not None:
            self._finalizers[assistant.metadata.uid] = (position, on)

    async def _publish(self, world: World, step: Publish) -> float | None:
        uid = world.assistant.metadata.uid
        if self._probes.servers.is_busy(step.place.copy.server):
            self._crowd.add(uid)
            return max(_BUSY, len(self._crowd) / _MOST_LOOKS)
        self._crowd.discard(uid)
        self._withdrawn[uid] = self.withdrawn(world.assistant) - {step.place.copy}  # it may be there again from now on
        try:
            outcome = await self._published(world.assistant, step.number, step.place)
        except _NotYet:
            return _PENDING
        except ServerTrouble as trouble:
            outcome = self._failed(world, step, trouble)
        outcome = replace(outcome, policy=world.assistant.spec.deletion_policy)
        self._metrics.published(outcome.reason)
        news = outcome != self._outcomes.get(uid)
        self._outcomes[uid] = outcome
        if news:
            self._told(world.assistant.key)
        if outcome.holds:
            self._failures.pop(uid, None)
            self._unsure.discard(uid)
            if (fields := self._repairing.pop(uid, None)) is not None:
                self._narrator.drifted(world.assistant, step.place.copy.server, fields)
            return None
        return self._pause(uid)

    def _pause(self, uid: str, retry_after: float = 0.0) -> float:
        count = self._failures[uid] = self._failures.get(uid, 0) + 1
        return max(min(_FIRST_RETRY * 2.0 ** min(count - 1, 10), _LONGEST_RETRY), retry_after)

    async def _published(self, assistant: Assistant, number: int, place: Place) -> Outcome:
        name = version_name(assistant.metadata.name, number)
        graph = await self._copies.graph_of(assistant)
        probe = self._probes.of(graph) if graph else None
        version = await self._copies.version(assistant, number)
        if graph is None or probe is None or version is None:
            raise _NotYet
        if not probe.serves:
            fate = Fate.WAIT if probe.reason is Reason.SERVER_UNREACHABLE else Fate.REJECT
            return Outcome(number, place.copy, False, probe.reason, f"{name} is not published: {probe.message}", fate)
        if not version.is_intact:
            message = f"{name} is not published: its content is not what its digest was taken of"
            return Outcome(number, place.copy, False, Reason.CONTENT_ALTERED, message, Fate.REJECT)
        fit = await self._judge.fit(version.spec.snapshot, graph.schemas, assistant.metadata.namespace)
        if isinstance(fit, Unusable):
            message = f"{name} is not published: graph '{graph.metadata.name}' cannot judge it: {fit.why}"
            fate = Fate.WAIT if fit.is_passing else Fate.REJECT
            return Outcome(number, place.copy, False, Reason.SCHEMA_UNUSABLE, message, fate)
        if not isinstance(fit, Fits):
            message = f"{name} is not published: graph '{graph.metadata.name}' refuses it"
            return Outcome(number, place.copy, False, Reason.SCHEMA_REFUSED, message, Fate.REJECT)
        return await self._copies.put(assistant, version, place)

    def _failed(self, world: World, step: Publish, trouble: ServerTrouble) -> Outcome:
        name, reason = version_name(world.assistant.metadata.name, step.number), trouble.reason
        fate = Fate.WAIT if reason is Reason.SERVER_UNREACHABLE else Fate.REJECT
        if reason is Reason.SERVER_UNAUTHORIZED:
            self._probes.credentials.forget(world.assistant.metadata.namespace, step.place.copy)
        return Outcome(step.number, step.place.copy, False, reason, f"{name} is not published: {trouble}", fate)

    async def _withdraw(self, assistant: Assistant, copy: Copy) -> float | None:
        uid = assistant.metadata.uid
        try:
            endpoint = await self._probes.credentials.last_endpoint(assistant.metadata.namespace, copy)
            number = assistant.status.active_version
            version = await self._copies.version(assistant, number) if number else None
            # A deletion in the foreground takes the versions first.
            keys = remote.metadata_keys(version.spec.snapshot if version else assistant.spec.snapshot)
            await self._copies.take_off(
                endpoint, copy.assistant_id, self._copies.owner(assistant), assistant.spec.deletion_policy, keys
            )
        except ServerTrouble as trouble:
            if await self._is_lost(assistant, trouble):
                log.warning("abandoned copy %s of %s/%s: %s", copy.assistant_id, *assistant.key, trouble)
                self._lost[uid] = self._lost.get(uid, frozenset()) | {copy}
                return None
            log.warning("the copy of %s/%s cannot be withdrawn yet: %s", *assistant.key, trouble)
            if trouble.reason is Reason.SERVER_UNAUTHORIZED:
                self._probes.credentials.forget(assistant.metadata.namespace, copy)
            if assistant.metadata.is_being_deleted:
                self._narrator.waiting(assistant, trouble.reason, copy.server, str(trouble))
            return self._pause(uid, trouble.retry_after if isinstance(trouble, ServerUnavailable) else 0.0)
        self._failures.pop(uid, None)
        self._withdrawn[uid] = self.withdrawn(assistant) | {copy}
        self._unsure.add(uid)  # two addresses may be one server: is the copy that was to stay still there?
        self._told(assistant.key)
        return None

    async def _is_lost(self, assistant: Assistant, trouble: ServerTrouble) -> bool:
        """Whether it can never be withdrawn: the namespace is being deleted, and its credentials went first."""
        is_gone = isinstance(trouble, CredentialsMissing) and assistant.metadata.is_being_deleted
        return is_gone and await self._cluster.is_namespace_going(assistant.metadata.namespace)
