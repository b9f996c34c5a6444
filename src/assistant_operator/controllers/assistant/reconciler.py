"""Reconciles one Assistant: gathers an AssistantInput, takes the first step that is due, and repeats."""

import logging
from collections.abc import Iterable
from dataclasses import replace
from functools import partial

from assistant_operator.api.assistant import Assistant, AssistantStatus
from assistant_operator.api.assistant_version import VersionRecord
from assistant_operator.api.meta import Key
from assistant_operator.api.reason import Reason
from assistant_operator.clients.kubernetes.cluster import Cluster
from assistant_operator.controllers.assistant_inputs import AssistantInputs
from assistant_operator.controllers.events import EventPublisher
from assistant_operator.controllers.step_taker import OUTRUN_PAUSE, Attempt, StepTaker
from assistant_operator.controllers.unstored import STORE, report_unstored
from assistant_operator.controllers.validation import VersionValidator
from assistant_operator.policy.assistant import background_steps, foreground_steps, is_background_kind
from assistant_operator.policy.assistant_input import (
    Adopt,
    AssistantInput,
    ForegroundStep,
    Restore,
    UpdateStatus,
    Validate,
    identity,
)
from assistant_operator.policy.versioning import ContentLost
from assistant_operator.runtime.metrics import Metrics
from assistant_operator.runtime.refusals import StepId
from assistant_operator.runtime.steps import Requeue, StepLoop
from assistant_operator.store.records import AssistantRecord
from assistant_operator.store.store import Store

from .dependencies import Capture, Triggers

log = logging.getLogger(__name__)

_PAUSE = 0.1
_MOST_STEPS = 200
REASONS: dict[str, tuple[Reason, str]] = {
    "Adopt": (Reason.ADOPTION_REFUSED, "Adopt"),
    "UpdateStatus": (Reason.STATUS_REFUSED, "UpdateStatus"),
}
"""Reason and action of the event of a refused step. Of other steps the condition Ready causes the event."""


class AssistantReconciler:
    """The controller "assistant": activates, restores and adopts versions, and writes the status."""

    def __init__(
        self,
        cluster: Cluster,
        store: Store,
        edit_capture: Capture,
        validator: VersionValidator,
        inputs: AssistantInputs,
        *,
        event_publisher: EventPublisher,
        metrics: Metrics,
        triggers: Triggers,
    ) -> None:
        self._cluster = cluster
        self._store = store
        self._edit_capture = edit_capture
        self._validator = validator
        self._inputs = inputs
        self._step_taker = StepTaker("assistant", REASONS, event_publisher, metrics)
        self._event_publisher = event_publisher
        self._metrics = metrics
        self._triggers = triggers

    async def reconcile(self, key: Key) -> float | None:
        """Take the steps that are due. Returns the seconds until the next one is; None if none is planned.

        A step that is refused or fails does not block the others. Its error is raised after the others.
        """
        attempt = Attempt()
        loop: StepLoop[AssistantInput, ForegroundStep] = StepLoop(
            partial(self._gather, key),
            partial(self._decide, attempt),
            partial(self._take, attempt),
            most=_MOST_STEPS,
            otherwise=_PAUSE,
        )
        requeue_after = await loop.run()
        attempt.raise_failure()
        self._triggers.enqueue_publication(key)
        return requeue_after

    async def _gather(self, key: Key) -> AssistantInput | None:
        input = await self._gather_confirmed(key)
        record = self._store.assistants.get(key)
        if input is None and (record is None or record.is_ignored):  # else it is enqueued again when it is captured
            self._triggers.enqueue_awaiting_graphs(key)
        return input

    def _decide(self, attempt: Attempt, input: AssistantInput) -> ForegroundStep | Requeue | None:
        steps = list(foreground_steps(input))
        due = (step for step in steps if identity(step) not in attempt.failed)
        step = self._record(input).refusals.pick(due, identity)
        if step is None:
            return None if self._drop_stale(input, steps) else Requeue(self._finish(input))
        if isinstance(step, UpdateStatus) and attempt.taken[UpdateStatus]:
            if attempt.is_outrun:
                return Requeue(OUTRUN_PAUSE)  # until the later state is captured, each write fails alike
            return Requeue(0.0)  # in a burst the status changes all the time: one write for each reconcile
        return step

    async def _take(self, attempt: Attempt, input: AssistantInput, step: ForegroundStep) -> None:
        is_status, is_validation = isinstance(step, UpdateStatus), isinstance(step, Validate)
        attempt.taken[UpdateStatus] += is_status
        await self._step_taker.take(
            input.assistant,
            self._record(input).refusals,
            identity(step),
            partial(self._act, attempt, input, step),
            attempt,
            write=None if is_status or is_validation else step,
            is_held=not is_validation,
        )

    def _drop_stale(self, input: AssistantInput, steps: Iterable[ForegroundStep]) -> bool:
        """Release held steps that are no longer due. Returns whether there were any, so that the status changes."""
        present: set[StepId] = {identity(step) for step in steps}
        record = self._record(input)
        if input.unstored and input.unstored.is_tried_again and ("UpdateStatus", 0) not in present:
            record.writes.unstored = None  # the status is another one by now
        elif input.unstored:
            present.add(STORE)
        return record.refusals.keep(present, _is_foreground_kind)

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
        record = self._store.assistants.get(key)
        if record is None or record.captured is None:
            return None
        unstored = report_unstored(
            record.captured, record.writes, record.refusals, self._event_publisher, self._metrics
        )
        return self._inputs.gather(key, unstored)

    async def _read_stored_status(self, assistant: Assistant, sent: AssistantStatus) -> None:
        live = await self._cluster.assistant(assistant.key)
        is_same = live is not None and live.metadata.resource_version == assistant.metadata.resource_version
        record = self._store.record_of(assistant)
        if live and is_same and live.status == sent and not record.is_gone:
            record.capture_up_to(assistant.model_copy(update={"status": sent}))

    def _finish(self, input: AssistantInput) -> float | None:
        """Nothing is due. Return the seconds until a held step is; None if there is none."""
        key, record = input.assistant.key, self._record(input)
        if record.validation.is_pending() or record.refusals.pick(background_steps(input), identity) is not None:
            self._triggers.enqueue_versions(key)
        else:
            self._triggers.enqueue_awaiting_graphs(key)
        return record.refusals.wait(_is_foreground_kind)

    async def _act(self, attempt: Attempt, input: AssistantInput, step: ForegroundStep) -> str | None:
        """Take the step. Returns None if it had an effect, else a message."""
        log.debug("started step kind=Assistant namespace=%s name=%s step=%r", *input.assistant.key, step)
        self._metrics.step("assistant", type(step).__name__)
        match step:
            case Adopt(record):
                return await self._adopt(input, record)
            case Restore(number):
                await self._restore(input, number)
            case Validate(number):
                await self._validator.validate_version(self._record(input), input, number)
            case UpdateStatus():
                await self._report(attempt, input, step)
        return None

    async def _adopt(self, input: AssistantInput, record: VersionRecord) -> str | None:
        if not await self._is_alive(input.assistant):
            return None  # its versions are being orphaned: one that is adopted now would be deleted with it
        if (unmarked := await self._without_valid(record)) is None:
            return None
        changed = await self._cluster.versions.adopt(unmarked, input.assistant)
        return await self._validator.keep_metadata(unmarked, changed, "metadata.ownerReferences")

    async def _without_valid(self, record: VersionRecord) -> VersionRecord | None:
        """Remove the condition Valid of a version: the schemas may have changed while it had no owner.

        So it is validated anew, also if the operator ends meanwhile. Returns None if it is gone or was replaced.
        """
        if not record.valid:
            return record
        version = await self._validator.reread(record)
        if version is None or version.metadata.uid != record.uid:
            return None
        others = tuple(each for each in version.status.conditions if each.type != "Valid")
        meta = await self._cluster.versions.mark(record, others)
        if meta is None:
            return None
        unmarked = replace(record.as_of(meta), valid="")
        self._store.versions.put(unmarked)
        return unmarked

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

    async def _report(self, attempt: Attempt, input: AssistantInput, step: UpdateStatus) -> None:
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
                attempt.is_outrun = True
                await self._catch_up(input)

    async def _catch_up(self, input: AssistantInput) -> None:
        self._record(input).writes.discard_status()
        live = await self._cluster.assistant(input.assistant.key)
        if live is None or live.metadata.uid != input.assistant.metadata.uid:
            self._record(input).captured = None
        elif self._store.has(live):  # else the watch is about to show it, or it is gone by now
            await self._edit_capture.observe(live, anew=True)


def _is_foreground_kind(kind: str) -> bool:
    return not is_background_kind(kind)
