"""Observe, decide, act, report: one Assistant at a time, one step after another."""

import asyncio
import logging
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial

from cachetools import FIFOCache

from assistant_operator.api.assistant import Assistant, AssistantStatus
from assistant_operator.api.assistant_version import AssistantVersion, VersionRecord
from assistant_operator.api.meta import Condition, ConditionStatus, Key, ObjectMeta
from assistant_operator.api.reason import Reason
from assistant_operator.clients.kubernetes.cluster import Cluster
from assistant_operator.clients.kubernetes.transport import NO_EFFECT, ClusterRefused, ClusterUnavailable
from assistant_operator.clients.kubernetes.versions import Changed
from assistant_operator.controllers.events import EventPublisher
from assistant_operator.policy.assistant import is_background, steps
from assistant_operator.policy.assistant_input import (
    Adopt,
    AssistantInput,
    Prune,
    Relabel,
    Restore,
    Step,
    UpdateStatus,
    UpdateVersionStatus,
    Validate,
    identity,
)
from assistant_operator.policy.conditions import conditions
from assistant_operator.policy.desired_copy import Target, target_of
from assistant_operator.policy.stored import Unstored, not_stored
from assistant_operator.policy.versioning import ContentLost
from assistant_operator.runtime.metrics import Metrics
from assistant_operator.runtime.refusals import StepId
from assistant_operator.runtime.steps import Requeue, StepLoop
from assistant_operator.store.records import AssistantRecord
from assistant_operator.store.store import Store

from .dependencies import Capture, Triggers
from .validation import VersionValidator

log = logging.getLogger(__name__)

QUIET = 0.4
"""Seconds without an edit before the chores of a burst are done."""
LONGEST_QUIET = 5.0
"""The same while many edits of others are being recorded."""
_CHORES_AT_ONCE = 6
_PAUSE, _LONG_PAUSE = 0.1, 1.0
_MOST_STEPS = 200
_MOST_REMEMBERED = 2_000
_MOST_REPEATS = 2
"""News that comes late may undo what is known of a write once."""

STORE = "Store"
"""What is held back where the API server does not store all of a status: sending the same status again."""
REASONS: dict[str, tuple[Reason, str]] = {
    "Adopt": (Reason.ADOPTION_REFUSED, "Adopt"),
    "UpdateVersionStatus": (Reason.MARK_REFUSED, "UpdateVersionStatus"),
    "Relabel": (Reason.MARK_REFUSED, "Label"),
    "Prune": (Reason.PRUNE_REFUSED, "Prune"),
    "UpdateStatus": (Reason.STATUS_REFUSED, "UpdateStatus"),
}
"""Reason and action of the event that tells of a refused step. Of others the condition Ready makes an event."""


@dataclass(slots=True)
class _Pass:
    """What happened in one reconcile of an Assistant."""

    chores: int = 0
    reports: int = 0
    taken: Counter[Step] = field(default_factory=Counter)
    """Writes to versions: one that is due again and again on the same state has no effect."""
    failed: set[StepId] = field(default_factory=set)
    """Steps that failed for a cause that may pass: they wait for the next reconcile, the others go on."""
    trouble: Exception | None = None


class AssistantReconciler:
    """Brings one Assistant whose edits are recorded to where it should be."""

    def __init__(
        self,
        cluster: Cluster,
        store: Store,
        edit_capture: Capture,
        validator: VersionValidator,
        *,
        cluster_name: str,
        event_publisher: EventPublisher,
        metrics: Metrics,
        triggers: Triggers,
    ) -> None:
        self._cluster = cluster
        self._store = store
        self._edit_capture = edit_capture
        self._validator = validator
        self._cluster_name = cluster_name
        self._event_publisher = event_publisher
        self._metrics = metrics
        self._triggers = triggers
        self._said: FIFOCache[str, tuple[str, tuple[Condition, ...]]] = FIFOCache(_MOST_REMEMBERED)

    async def reconcile(self, key: Key) -> float | None:
        """Take the steps that are due. Seconds until the rest should be taken; None if there is no rest.

        A step that is refused or fails does not keep the others waiting. Raises what let one fail, after the others.
        """
        this = _Pass()
        loop: StepLoop[AssistantInput, Step] = StepLoop(
            partial(self._gather, key),
            lambda world: self._decide(world, this),
            lambda world, step: self._take_step(world, step, this),
            most=_MOST_STEPS,
            otherwise=_PAUSE,
        )
        requeue_after = await loop.run()
        if this.trouble:
            raise this.trouble
        self._triggers.enqueue_publication(key)
        return requeue_after

    async def _gather(self, key: Key) -> AssistantInput | None:
        world = await self._confirmed(key)
        if world is None and self._store.captured(key) is None:  # else it is about to be read how far it is captured
            self._triggers.enqueue_awaiting_graphs(key)
        return world

    def _decide(self, world: AssistantInput, this: _Pass) -> Step | Requeue | None:
        due = (each for each in steps(world) if identity(each) not in this.failed)
        step = self._record(world).refusals.pick(due, identity)
        if step is None:
            return None if self._drop_stale(world) else Requeue(self._rest(world))
        pause = self._pause(world, step, this)
        return step if pause is None else Requeue(pause)

    def _pause(self, world: AssistantInput, step: Step, this: _Pass) -> float | None:
        """Seconds that the step has to wait, so that a burst of edits is recorded first; None if it is taken now."""
        if is_background(step):
            quiet = asyncio.get_running_loop().time() - self._record(world).capture.captured_at
            are_many = self._edit_capture.is_recording_many()
            if quiet < (LONGEST_QUIET if are_many else QUIET) or this.chores == _CHORES_AT_ONCE:
                return max(QUIET - quiet, _LONG_PAUSE if are_many else _PAUSE)
            this.chores += 1
        elif isinstance(step, UpdateStatus):
            if this.reports:
                return 0.0  # in a burst there is always more to report: no sooner than the next look may be
            this.reports += 1
        return None

    async def _take_step(self, world: AssistantInput, step: Step, this: _Pass) -> None:
        """Take one step; if the API server refuses it, hold it back and remember its words."""
        if not isinstance(step, Validate | UpdateStatus):
            this.taken[step] += 1
        try:
            words = NO_EFFECT if this.taken[step] > _MOST_REPEATS else await self._act(world, step)
        except ClusterRefused as refused:
            if isinstance(step, Validate):
                this.failed.add(identity(step))
                this.trouble = refused
            else:
                self._refuse(world, step, str(refused))
        except ClusterUnavailable as unavailable:
            if not unavailable.is_answer:
                raise
            this.failed.add(identity(step))
            this.trouble = unavailable
        else:
            if words:
                self._refuse(world, step, words)
            else:
                self._record(world).refusals.succeeded(identity(step))

    def _refuse(self, world: AssistantInput, step: Step, words: str) -> None:
        kind, number = identity(step)
        log.warning(
            "refused step kind=Assistant namespace=%s name=%s step=%s version=%s: %s",
            *world.assistant.key,
            kind,
            number,
            words,
        )
        self._metrics.refused("assistant", kind)
        is_first = self._record(world).refusals.refused((kind, number), words)
        if is_first and kind in REASONS:
            self._event_publisher.refused(world.assistant, *REASONS[kind], words)

    def _drop_stale(self, world: AssistantInput) -> bool:
        """Drop the refusals of steps that are no longer due. Whether there were any, so that the status changes."""
        present: set[StepId] = {identity(each) for each in steps(world)}
        record = self._record(world)
        if world.unstored and world.unstored.is_tried_again and ("UpdateStatus", 0) not in present:
            record.writes.unstored = None  # nothing of what was not stored is to be written any more
        elif world.unstored:
            present.add((STORE, 0))
        return record.refusals.keep(present)

    def _observe(self, key: Key) -> AssistantInput | None:
        record = self._store.assistants.get(key)
        recorded = record.capture.result() if record else None
        if record is None or record.captured is None or recorded is None:
            return None
        validation_results = record.validation.results
        return AssistantInput(
            record.captured,
            recorded,
            now=datetime.now(UTC).replace(microsecond=0),
            kept=tuple(each for each in self._store.versions.of(key) if each.owner in (record.uid, None)),
            validation_results=validation_results,
            lost=record.lost_versions,
            is_revalidating=record.validation.is_revalidating,
            is_published=self._store.has_servers(key[0]),
            targets=self._targets(key, {result.graph for result in validation_results.values()}),
            publish_result=record.publication.reported(record.captured),
            withdrawn=record.publication.withdrawn,
            refusals=record.refusals.messages(),
            unstored=self._unstored(record, record.captured),
        )

    def _targets(self, assistant: Key, graphs: Iterable[str]) -> dict[str, Target]:
        """Where versions of these Graphs are published, as far as the Graphs exist and have a server."""
        found = ((name, self._store.graph((assistant[0], name))) for name in graphs)
        targets = ((name, target_of(graph, assistant, self._cluster_name)) for name, graph in found if graph)
        return {name: target for name, target in targets if target}

    def _record(self, world: AssistantInput) -> AssistantRecord:
        return self._store.record_of(world.assistant)

    async def _confirmed(self, key: Key) -> AssistantInput | None:
        """What is known of an Assistant; before it is said that a status is not stored, the API server is asked.

        A watch that began before a CustomResourceDefinition changed goes on to leave out the fields that it lacked.
        """
        record = self._store.assistants.get(key)
        found = record.writes.unstored if record else None
        if record and record.captured and found and not record.refusals.is_held((STORE, 0)):
            await self._look_again(record.captured, found.sent)
        return self._observe(key)

    async def _look_again(self, assistant: Assistant, sent: AssistantStatus) -> None:
        live = await self._cluster.assistant(assistant.key)
        is_same = live is not None and live.metadata.resource_version == assistant.metadata.resource_version
        record = self._store.record_of(assistant)
        if live and is_same and live.status == sent and not record.is_gone:
            record.capture_up_to(assistant.model_copy(update={"status": sent}))

    def _unstored(self, record: AssistantRecord, assistant: Assistant) -> Unstored[AssistantStatus] | None:
        """The status that was not stored as it was sent; due to be sent again when its pause is over."""
        found = record.writes.unstored
        if found is None:
            return None
        if not record.refusals.is_held((STORE, 0)):
            message = found.message(Assistant.plural)
            log.warning("wrote status kind=Assistant namespace=%s name=%s: %s", *assistant.key, message)
            self._metrics.unstored("Assistant", found.fields)
            record.refusals.refused((STORE, 0), message)
            self._event_publisher.refused(assistant, Reason.FIELDS_NOT_STORED, "UpdateStatus", message)
        return replace(found, is_tried_again=record.refusals.is_due((STORE, 0)))

    def _rest(self, world: AssistantInput) -> float | None:
        """Nothing is due. Seconds until a step that was refused is; None if there is none."""
        record = self._record(world)
        if not {"UpdateVersionStatus", "Validate"} & world.refusals.keys():
            record.validation.finish()  # else the conditions that are refused are still to be written
        self._triggers.enqueue_awaiting_graphs(world.assistant.key)
        return record.refusals.wait()

    async def _act(self, world: AssistantInput, step: Step) -> str | None:
        """Take the step: None if it had an effect, else what to say of that."""
        log.debug("started step kind=Assistant namespace=%s name=%s step=%r", *world.assistant.key, step)
        self._metrics.step("assistant", type(step).__name__)
        match step:
            case Adopt(record):
                return await self._adopt(world, record)
            case Relabel(record):
                return await self._changed(record, await self._cluster.versions.label(record), "metadata.labels")
            case Restore(number):
                await self._restore(world, number)
            case Validate(number):
                await self._validator.validate_version(self._record(world), world, number)
            case UpdateStatus():
                await self._report(world, step)
            case Prune(record):
                await self._prune(record)
            case UpdateVersionStatus():
                return await self._mark(world, step)
        return None

    async def _prune(self, record: VersionRecord) -> None:
        if await self._cluster.versions.delete(record):
            self._metrics.pruned()
            self._store.versions.drop(record)
        else:
            await self._validator.read_again(record)

    async def _adopt(self, world: AssistantInput, record: VersionRecord) -> str | None:
        if not await self._is_alive(world.assistant):
            return None  # its versions are being orphaned: whoever adopts them now takes them along
        changed = await self._cluster.versions.adopt(record, world.assistant)
        return await self._changed(record, changed, "metadata.ownerReferences")

    async def _changed(self, record: VersionRecord, changed: Changed | None, field: str) -> str | None:
        """Take in what became of a version's metadata: what to say if the change had no effect."""
        if changed is None:
            await self._validator.read_again(record)
            return None
        self._store.versions.put(record.as_of(changed.meta))
        return None if changed.has_effect else not_stored((field,), AssistantVersion.plural)

    async def _is_alive(self, assistant: Assistant) -> bool:
        """Whether that very Assistant is there to stay; if not, nothing more is done to it."""
        live = await self._cluster.assistant(assistant.key)
        record = self._store.record_of(assistant)
        if live is None or live.metadata.uid != assistant.metadata.uid:
            record.captured = None
            return False
        if live.metadata.is_being_deleted:
            # If it were dropped and its watch event had come before, its finalizer would never be removed.
            record.assume_deletion(live)
        return not live.metadata.is_being_deleted

    async def _restore(self, world: AssistantInput, number: int) -> None:
        if not await self._is_alive(world.assistant):
            return
        back = await self._edit_capture.restore(world.assistant, number)
        if back is None:
            self._record(world).ignore(world.assistant)  # its namespace is being deleted, and it with it
            return
        is_lost = isinstance(back, ContentLost)
        if is_lost:
            self._record(world).lost_versions |= {number}
        else:
            self._metrics.restored()
        self._event_publisher.restored(world, number, is_lost=is_lost)

    async def _report(self, world: AssistantInput, step: UpdateStatus) -> None:
        outcome = await self._cluster.update_status(world.assistant, step.status)
        record = self._record(world)
        match outcome:
            case int() if record.is_gone:
                pass  # it was deleted before the answer came
            case int():
                record.assume_status(step.status, outcome)
                if world.unstored and world.unstored.sent == step.status:  # until an event shows that it was stored
                    record.refusals.refused((STORE, 0), "")
                    await self._look_again(world.assistant, step.status)
                if step.status.active_version not in (None, world.assistant.status.active_version):
                    self._metrics.activated()
                self._event_publisher.reported(world.assistant, step.status)
            case "Gone":
                record.captured = None
            case "Outrun":
                await self._catch_up(world)

    async def _catch_up(self, world: AssistantInput) -> None:
        self._record(world).writes.discard_status()
        live = await self._cluster.assistant(world.assistant.key)
        if live is None or live.metadata.uid != world.assistant.metadata.uid:
            self._record(world).captured = None
        elif self._store.has(live):  # else the watch is about to show it, or it is gone by now
            await self._edit_capture.observe(live, anew=True)

    async def _mark(self, world: AssistantInput, step: UpdateVersionStatus) -> str | None:
        record, generation = step.record, 1
        before = await self._said_of(record)
        if before is None:
            return None
        found = step.findings
        stated = conditions(found, before, generation, world.now)
        kept = tuple(each for each in before if each.type not in found)
        meta = await self._cluster.versions.mark(record, (*kept, *stated))
        if meta is None:
            await self._validator.read_again(record)
            return None
        if meta.resource_version == record.resource_version:
            # Nothing changed: either the conditions stand there, and only the listing does not show them, or nothing
            # that was sent is stored.
            there = await self._validator.read_again(record)
            if there and there.status.conditions != (*kept, *stated):
                return not_stored(("status.conditions",), AssistantVersion.plural)
        self._store.versions.put(_marked(record, step, meta))
        self._said[record.uid] = (meta.resource_version, (*kept, *stated))
        return None

    async def _said_of(self, record: VersionRecord) -> tuple[Condition, ...] | None:
        """The conditions that stand on a version; None if it is gone."""
        if not (record.valid or record.active):
            return ()
        position, said = self._said.get(record.uid, ("", ()))
        if position == record.resource_version:
            return said
        version = await self._validator.read_again(record)
        return version.status.conditions if version else None


def _marked(record: VersionRecord, step: UpdateVersionStatus, meta: ObjectMeta) -> VersionRecord:
    """The record as of our mark. Others may have changed owner and labels before: that news comes too late now."""
    valid = ConditionStatus.of(step.validation_result.holds).value if step.validation_result else record.valid
    return replace(record.as_of(meta), active=ConditionStatus.of(step.is_active).value, valid=valid)
