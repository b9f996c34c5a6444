"""Reconciles one Assistant: gathers an AssistantInput, takes the first step that is due, and repeats."""

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
from assistant_operator.controllers.unstored import STORE, report_unstored
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
from assistant_operator.policy.stored import not_stored
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
"""Seconds without an edit before background steps are taken."""
LONGEST_QUIET = 5.0
"""The same while many edits of others are captured."""
_BACKGROUND_STEPS_AT_ONCE = 6
_PAUSE, _LONG_PAUSE = 0.1, 1.0
_MOST_STEPS = 200
_MOST_REMEMBERED = 2_000
_MOST_REPEATS = 2
"""A late watch event may undo what is known of a write once."""

REASONS: dict[str, tuple[Reason, str]] = {
    "Adopt": (Reason.ADOPTION_REFUSED, "Adopt"),
    "UpdateVersionStatus": (Reason.MARK_REFUSED, "UpdateVersionStatus"),
    "Relabel": (Reason.MARK_REFUSED, "Label"),
    "Prune": (Reason.PRUNE_REFUSED, "Prune"),
    "UpdateStatus": (Reason.STATUS_REFUSED, "UpdateStatus"),
}
"""Reason and action of the event of a refused step. Of other steps the condition Ready causes the event."""


@dataclass(slots=True)
class _Pass:
    """What happened in one reconcile of an Assistant."""

    background_steps: int = 0
    status_writes: int = 0
    taken: Counter[Step] = field(default_factory=Counter)
    """Writes to versions: one that is due again and again on the same state has no effect."""
    failed: set[StepId] = field(default_factory=set)
    """Steps that failed for a cause that may pass: they wait for the next reconcile, the others go on."""
    error: Exception | None = None


class AssistantReconciler:
    """The controller "assistant": activates, restores, adopts, prunes, and writes the statuses."""

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
        self._last_conditions: FIFOCache[str, tuple[str, tuple[Condition, ...]]] = FIFOCache(_MOST_REMEMBERED)

    async def reconcile(self, key: Key) -> float | None:
        """Take the steps that are due. Returns the seconds until the next one is; None if none is planned.

        A step that is refused or fails does not block the others. Its error is raised after the others.
        """
        this = _Pass()
        loop: StepLoop[AssistantInput, Step] = StepLoop(
            partial(self._gather, key),
            lambda input: self._decide(input, this),
            lambda input, step: self._take_step(input, step, this),
            most=_MOST_STEPS,
            otherwise=_PAUSE,
        )
        requeue_after = await loop.run()
        if this.error:
            raise this.error
        self._triggers.enqueue_publication(key)
        return requeue_after

    async def _gather(self, key: Key) -> AssistantInput | None:
        input = await self._gather_confirmed(key)
        if input is None and self._store.captured(key) is None:  # else it is about to be read how far it is captured
            self._triggers.enqueue_awaiting_graphs(key)
        return input

    def _decide(self, input: AssistantInput, this: _Pass) -> Step | Requeue | None:
        due = (each for each in steps(input) if identity(each) not in this.failed)
        step = self._record(input).refusals.pick(due, identity)
        if step is None:
            return None if self._drop_stale(input) else Requeue(self._rest(input))
        pause = self._pause(input, step, this)
        return step if pause is None else Requeue(pause)

    def _pause(self, input: AssistantInput, step: Step, this: _Pass) -> float | None:
        """Return the seconds that the step has to wait for a burst of edits; None if it is taken now."""
        if is_background(step):
            quiet = asyncio.get_running_loop().time() - self._record(input).capture.captured_at
            are_many = self._edit_capture.is_recording_many()
            if quiet < (LONGEST_QUIET if are_many else QUIET) or this.background_steps == _BACKGROUND_STEPS_AT_ONCE:
                return max(QUIET - quiet, _LONG_PAUSE if are_many else _PAUSE)
            this.background_steps += 1
        elif isinstance(step, UpdateStatus):
            if this.status_writes:
                return 0.0  # in a burst the status changes all the time: one write for each reconcile
            this.status_writes += 1
        return None

    async def _take_step(self, input: AssistantInput, step: Step, this: _Pass) -> None:
        """Take one step. If the API server refuses it, hold it and keep the message."""
        if not isinstance(step, Validate | UpdateStatus):
            this.taken[step] += 1
        try:
            message = NO_EFFECT if this.taken[step] > _MOST_REPEATS else await self._act(input, step)
        except ClusterRefused as refused:
            if isinstance(step, Validate):
                this.failed.add(identity(step))
                this.error = refused
            else:
                self._refuse(input, step, str(refused))
        except ClusterUnavailable as unavailable:
            if not unavailable.is_answer:
                raise
            this.failed.add(identity(step))
            this.error = unavailable
        else:
            if message:
                self._refuse(input, step, message)
            else:
                self._record(input).refusals.succeeded(identity(step))

    def _refuse(self, input: AssistantInput, step: Step, message: str) -> None:
        kind, number = identity(step)
        log.warning(
            "refused step kind=Assistant namespace=%s name=%s step=%s version=%s: %s",
            *input.assistant.key,
            kind,
            number,
            message,
        )
        self._metrics.refused("assistant", kind)
        is_first = self._record(input).refusals.refused((kind, number), message)
        if is_first and kind in REASONS:
            self._event_publisher.refused(input.assistant, *REASONS[kind], message)

    def _drop_stale(self, input: AssistantInput) -> bool:
        """Release held steps that are no longer due. Returns whether there were any, so that the status changes."""
        present: set[StepId] = {identity(each) for each in steps(input)}
        record = self._record(input)
        if input.unstored and input.unstored.is_tried_again and ("UpdateStatus", 0) not in present:
            record.writes.unstored = None  # the status is another one by now
        elif input.unstored:
            present.add(STORE)
        return record.refusals.keep(present)

    def _gather_input(self, key: Key) -> AssistantInput | None:
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
            unstored=report_unstored(
                record.captured, record.writes, record.refusals, self._event_publisher, self._metrics
            ),
        )

    def _targets(self, assistant: Key, graphs: Iterable[str]) -> dict[str, Target]:
        """Where versions of these Graphs are published, as far as the Graphs exist and have a server."""
        found = ((name, self._store.graph((assistant[0], name))) for name in graphs)
        targets = ((name, target_of(graph, assistant, self._cluster_name)) for name, graph in found if graph)
        return {name: target for name, target in targets if target}

    def _record(self, input: AssistantInput) -> AssistantRecord:
        return self._store.record_of(input.assistant)

    async def _gather_confirmed(self, key: Key) -> AssistantInput | None:
        """Gather the input. Before a status counts as not stored, the object is read from the API server.

        A watch that began before a CustomResourceDefinition changed goes on without the fields that it lacked.
        """
        record = self._store.assistants.get(key)
        found = record.writes.unstored if record else None
        if record and record.captured and found and not record.refusals.is_held(STORE):
            await self._read_stored_status(record.captured, found.sent)
        return self._gather_input(key)

    async def _read_stored_status(self, assistant: Assistant, sent: AssistantStatus) -> None:
        live = await self._cluster.assistant(assistant.key)
        is_same = live is not None and live.metadata.resource_version == assistant.metadata.resource_version
        record = self._store.record_of(assistant)
        if live and is_same and live.status == sent and not record.is_gone:
            record.capture_up_to(assistant.model_copy(update={"status": sent}))

    def _rest(self, input: AssistantInput) -> float | None:
        """Nothing is due. Return the seconds until a held step is; None if there is none."""
        record = self._record(input)
        if not {"UpdateVersionStatus", "Validate"} & input.refusals.keys():
            record.validation.finish()  # else the conditions that are refused are still to be written
        self._triggers.enqueue_awaiting_graphs(input.assistant.key)
        return record.refusals.wait()

    async def _act(self, input: AssistantInput, step: Step) -> str | None:
        """Take the step. Returns None if it had an effect, else a message."""
        log.debug("started step kind=Assistant namespace=%s name=%s step=%r", *input.assistant.key, step)
        self._metrics.step("assistant", type(step).__name__)
        match step:
            case Adopt(record):
                return await self._adopt(input, record)
            case Relabel(record):
                return await self._changed(record, await self._cluster.versions.label(record), "metadata.labels")
            case Restore(number):
                await self._restore(input, number)
            case Validate(number):
                await self._validator.validate_version(self._record(input), input, number)
            case UpdateStatus():
                await self._report(input, step)
            case Prune(record):
                await self._prune(record)
            case UpdateVersionStatus():
                return await self._mark(input, step)
        return None

    async def _prune(self, record: VersionRecord) -> None:
        if await self._cluster.versions.delete(record):
            self._metrics.pruned()
            self._store.versions.drop(record)
        else:
            await self._validator.reread(record)

    async def _adopt(self, input: AssistantInput, record: VersionRecord) -> str | None:
        if not await self._is_alive(input.assistant):
            return None  # its versions are being orphaned: one that is adopted now would be deleted with it
        changed = await self._cluster.versions.adopt(record, input.assistant)
        return await self._changed(record, changed, "metadata.ownerReferences")

    async def _changed(self, record: VersionRecord, changed: Changed | None, field: str) -> str | None:
        """Keep the new metadata of a version. Returns a message if the change had no effect."""
        if changed is None:
            await self._validator.reread(record)
            return None
        self._store.versions.put(record.as_of(changed.meta))
        return None if changed.has_effect else not_stored((field,), AssistantVersion.plural)

    async def _is_alive(self, assistant: Assistant) -> bool:
        """Return whether that very Assistant exists and is not being deleted. If not, nothing more is done to it."""
        live = await self._cluster.assistant(assistant.key)
        record = self._store.record_of(assistant)
        if live is None or live.metadata.uid != assistant.metadata.uid:
            record.captured = None
            return False
        if live.metadata.is_being_deleted:
            # If it were ignored and its watch event had come before, its finalizer would never be removed.
            record.assume_deletion(live)
        return not live.metadata.is_being_deleted

    async def _restore(self, input: AssistantInput, number: int) -> None:
        if not await self._is_alive(input.assistant):
            return
        back = await self._edit_capture.restore(input.assistant, number)
        if back is None:
            self._record(input).ignore(input.assistant)  # its namespace is being deleted, and it with it
            return
        is_lost = isinstance(back, ContentLost)
        if is_lost:
            self._record(input).lost_versions |= {number}
        else:
            self._metrics.restored()
        self._event_publisher.restored(input, number, is_lost=is_lost)

    async def _report(self, input: AssistantInput, step: UpdateStatus) -> None:
        outcome = await self._cluster.update_status(input.assistant, step.status)
        record = self._record(input)
        match outcome:
            case int() if record.is_gone:
                pass  # it was deleted before the response came
            case int():
                record.assume_status(step.status, outcome)
                if input.unstored and input.unstored.sent == step.status:  # until an event shows that it was stored
                    record.refusals.refused(STORE, "")
                    await self._read_stored_status(input.assistant, step.status)
                if step.status.active_version not in (None, input.assistant.status.active_version):
                    self._metrics.activated()
                self._event_publisher.reported(input.assistant, step.status)
            case "Gone":
                record.captured = None
            case "Outrun":
                await self._catch_up(input)

    async def _catch_up(self, input: AssistantInput) -> None:
        self._record(input).writes.discard_status()
        live = await self._cluster.assistant(input.assistant.key)
        if live is None or live.metadata.uid != input.assistant.metadata.uid:
            self._record(input).captured = None
        elif self._store.has(live):  # else the watch is about to show it, or it is gone by now
            await self._edit_capture.observe(live, anew=True)

    async def _mark(self, input: AssistantInput, step: UpdateVersionStatus) -> str | None:
        record, generation = step.record, 1
        before = await self._conditions_of(record)
        if before is None:
            return None
        found = step.findings
        stated = conditions(found, before, generation, input.now)
        kept = tuple(each for each in before if each.type not in found)
        meta = await self._cluster.versions.mark(record, (*kept, *stated))
        if meta is None:
            await self._validator.reread(record)
            return None
        if meta.resource_version == record.resource_version:
            # Nothing changed: either the conditions stand there, and only the listing does not show them, or nothing
            # that was sent is stored.
            there = await self._validator.reread(record)
            if there and there.status.conditions != (*kept, *stated):
                return not_stored(("status.conditions",), AssistantVersion.plural)
        self._store.versions.put(_marked(record, step, meta))
        self._last_conditions[record.uid] = (meta.resource_version, (*kept, *stated))
        return None

    async def _conditions_of(self, record: VersionRecord) -> tuple[Condition, ...] | None:
        """Return the conditions of a version; None if it does not exist."""
        if not (record.valid or record.active):
            return ()
        position, known = self._last_conditions.get(record.uid, ("", ()))
        if position == record.resource_version:
            return known
        version = await self._validator.reread(record)
        return version.status.conditions if version else None


def _marked(record: VersionRecord, step: UpdateVersionStatus, meta: ObjectMeta) -> VersionRecord:
    """Return the record as of the operator's write. An event of an earlier change of owner or labels is older then."""
    valid = ConditionStatus.of(step.validation_result.holds).value if step.validation_result else record.valid
    return replace(record.as_of(meta), active=ConditionStatus.of(step.is_active).value, valid=valid)
