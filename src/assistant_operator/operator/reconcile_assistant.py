"""Observe, decide, act, report: one Assistant at a time, one step after another."""

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from ..decisions.assistant import is_chore, steps
from ..decisions.assistant_world import Adopt, Judge, Mark, Prune, Report, Restore, Step, World
from ..decisions.status import Claim, conditions
from ..gateways.cluster import Cluster
from ..resources.assistant import Assistant
from ..resources.assistant_version import VersionRecord
from ..resources.meta import Condition, ConditionStatus, Key, ObjectMeta
from ..resources.reason import Reason
from .cache import Cache
from .judging import Judging
from .metrics import Metrics
from .narrator import Narrator
from .publisher import Publisher
from .recorder import Recorder
from .restoration import Lost

log = logging.getLogger(__name__)

QUIET = 0.4
"""Seconds without an edit before the chores of a burst are done."""
LONGEST_QUIET = 5.0
"""The same while many edits of others are being recorded."""
_CHORES_AT_ONCE = 6
_PAUSE, _LONG_PAUSE = 0.1, 1.0
_MOST_STEPS = 200
_MOST_REMEMBERED = 2_000


class AssistantReconciler:
    """Brings one Assistant whose edits are recorded to where it should be."""

    def __init__(
        self,
        cluster: Cluster,
        cache: Cache,
        recorder: Recorder,
        judging: Judging,
        publisher: Publisher,
        *,
        narrator: Narrator,
        metrics: Metrics,
        settled: Callable[[Key], None],
    ) -> None:
        """`settled`: told of each Assistant that was judged by the present schemas of its graph."""
        self._cluster = cluster
        self._cache = cache
        self._recorder = recorder
        self._judging = judging
        self._publisher = publisher
        self._narrator = narrator
        self._metrics = metrics
        self._settled = settled
        self._lost: dict[str, frozenset[int]] = {}
        self._said: dict[str, tuple[str, tuple[Condition, ...]]] = {}

    def forget(self, assistant: Assistant) -> None:
        self._judging.judgements.forget(assistant.key)
        self._lost.pop(assistant.metadata.uid, None)

    async def reconcile(self, key: Key) -> float | None:
        """Take the steps that are due. Seconds until the rest should be taken; None if there is no rest."""
        chores, reports = 0, 0
        for _ in range(_MOST_STEPS):
            world = self._observe(key)
            if world is None:
                self._settled(key)
                return None
            step = next(steps(world), None)
            if step is None:
                self._rest(key)
                return None
            if is_chore(step):
                quiet, is_calm = self._recorder.quiet_for(world.assistant), self._recorder.crowd.calm.is_set()
                if quiet < (QUIET if is_calm else LONGEST_QUIET) or chores == _CHORES_AT_ONCE:
                    return max(QUIET - quiet, _PAUSE if is_calm else _LONG_PAUSE)
                chores += 1
            elif isinstance(step, Report):
                if reports:
                    return 0.0  # in a burst there is always more to report: no sooner than the next look may be
                reports += 1
            await self._act(world, step)
        return _PAUSE

    def _observe(self, key: Key) -> World | None:
        assistant = self._cache.recorded.get(key)
        recorded = self._recorder.recorded(assistant) if assistant else None
        if assistant is None or recorded is None:
            return None
        uid, judged = assistant.metadata.uid, self._judging.judgements.of(key)
        return World(
            assistant,
            recorded,
            now=datetime.now(UTC).replace(microsecond=0),
            kept=tuple(record for record in self._cache.versions_of(key) if record.owner in (uid, None)),
            judged=judged,
            lost=self._lost.get(uid, frozenset()),
            is_rejudging=self._judging.judgements.is_judged_anew(key),
            is_published=self._cache.has_servers(key[0]),
            places=self._publisher.places(key, {each.graph for each in judged.values()}),
            outcome=self._publisher.outcome(assistant),
            withdrawn=self._publisher.withdrawn(assistant),
        )

    def _rest(self, key: Key) -> None:
        self._judging.judgements.forget(key)
        self._settled(key)

    async def _act(self, world: World, step: Step) -> None:
        log.debug("%s/%s: %r", *world.assistant.key, step)
        self._metrics.step("assistant", type(step).__name__)
        match step:
            case Adopt(record):
                await self._adopt(world, record)
            case Restore(number):
                await self._restore(world, number)
            case Judge(number):
                await self._judging.find_out(world, number)
            case Report():
                await self._report(world, step)
            case Prune(record):
                await self._cluster.versions.delete(record)
                self._metrics.pruned()
                self._cache.drop_version(record)
            case Mark():
                await self._mark(world, step)

    async def _adopt(self, world: World, record: VersionRecord) -> None:
        if not await self._is_alive(world.assistant):
            return  # its versions are being orphaned: whoever adopts them now takes them along
        position = await self._cluster.versions.adopt(record, world.assistant)
        if position is None:
            await self._judging.look_again(record)
        else:
            owned = replace(record, owner=world.assistant.metadata.uid, resource_version=position)
            self._cache.put_version(owned)

    async def _is_alive(self, assistant: Assistant) -> bool:
        """Whether that very Assistant is there to stay; if not, nothing more is done to it."""
        live = await self._cluster.assistant(assistant.key)
        same = live is not None and live.metadata.uid == assistant.metadata.uid
        if live and same and not live.metadata.is_being_deleted:
            return True
        self._cache.drop_recorded(assistant)
        return False

    async def _restore(self, world: World, number: int) -> None:
        if not await self._is_alive(world.assistant):
            return
        head = self._recorder.head(world.assistant)
        remembered = head if head and head.number == number else None
        back = await self._recorder.restoration.restore(world.assistant, number, remembered)
        if back is None:
            self._cache.drop_recorded(world.assistant)  # its namespace goes, and it goes with it
            return
        is_lost = isinstance(back, Lost)
        if is_lost:
            uid = world.assistant.metadata.uid
            self._lost[uid] = self._lost.get(uid, frozenset()) | {number}
        else:
            self._metrics.restored()
        self._narrator.restored(world, number, is_lost=is_lost)

    async def _report(self, world: World, step: Report) -> None:
        match outcome := await self._cluster.report(world.assistant, step.status):
            case int():
                self._cache.reported(world.assistant, step.status, outcome)
                if step.status.active_version not in (None, world.assistant.status.active_version):
                    self._metrics.activated()
                self._narrator.reported(world.assistant, step.status)
            case "Gone":
                self._cache.drop_recorded(world.assistant)
            case "Outrun":
                await self._catch_up(world)

    async def _catch_up(self, world: World) -> None:
        self._cache.outrun(world.assistant.key)
        live = await self._cluster.assistant(world.assistant.key)
        if live is None:
            self._cache.drop_recorded(world.assistant)
        else:
            await self._recorder.observe(live, anew=True)

    async def _mark(self, world: World, step: Mark) -> None:
        record, generation = step.record, 1
        before = await self._said_of(record)
        if before is None:
            return
        claims = [_active_claim(is_active=step.is_active)]
        if step.judgement:
            claims = [Claim("Valid", step.judgement.valid, step.judgement.reason, step.judgement.message), *claims]
        stated = conditions(claims, before, generation, world.now)
        kept = tuple(each for each in before if each.type not in {claim.type for claim in claims})
        meta = await self._cluster.versions.mark(record, (*kept, *stated))
        if meta is None:
            await self._judging.look_again(record)
        else:
            self._cache.put_version(_marked(record, step, meta))
            self._remember(record.uid, meta.resource_version, (*kept, *stated))

    async def _said_of(self, record: VersionRecord) -> tuple[Condition, ...] | None:
        """The conditions that stand on a version; None if it is gone."""
        if not (record.valid or record.active):
            return ()
        position, said = self._said.get(record.uid, ("", ()))
        if position == record.resource_version:
            return said
        version = await self._judging.look_again(record)
        return version.status.conditions if version else None

    def _remember(self, uid: str, position: str, said: tuple[Condition, ...]) -> None:
        self._said[uid] = (position, said)
        if len(self._said) > _MOST_REMEMBERED:
            del self._said[next(iter(self._said))]


def _active_claim(*, is_active: bool) -> Claim:
    if is_active:
        return Claim("Active", True, Reason.ACTIVE, "in force")
    return Claim("Active", False, Reason.INACTIVE, "not in force")


def _marked(record: VersionRecord, step: Mark, meta: ObjectMeta) -> VersionRecord:
    """The record as of our mark. Others may have changed owner and labels before: that news comes too late now."""
    valid = ConditionStatus.of(step.judgement.valid).value if step.judgement else record.valid
    return replace(record.as_of(meta), active=ConditionStatus.of(step.is_active).value, valid=valid)
