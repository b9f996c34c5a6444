"""Reconciles the versions of one Assistant: their conditions and labels, and pruning. Its queue has low priority."""

import asyncio
import logging
from dataclasses import replace
from functools import partial
from typing import Protocol

from cachetools import FIFOCache

from assistant_operator.api.assistant_version import AssistantVersion, VersionRecord
from assistant_operator.api.meta import Condition, ConditionStatus, Key, ObjectMeta
from assistant_operator.api.reason import Reason
from assistant_operator.clients.kubernetes.cluster import Cluster
from assistant_operator.controllers.assistant_inputs import AssistantInputs
from assistant_operator.controllers.events import EventPublisher
from assistant_operator.controllers.step_taker import Attempt, StepTaker
from assistant_operator.controllers.validation import VersionValidator
from assistant_operator.policy.assistant import background_steps, foreground_steps, is_background_kind
from assistant_operator.policy.assistant_input import (
    AssistantInput,
    BackgroundStep,
    Prune,
    Relabel,
    UpdateVersionStatus,
    Validate,
    identity,
)
from assistant_operator.policy.conditions import conditions
from assistant_operator.policy.stored import not_stored
from assistant_operator.runtime.metrics import Metrics
from assistant_operator.runtime.steps import Requeue, StepLoop
from assistant_operator.store.records import AssistantRecord
from assistant_operator.store.store import Store

log = logging.getLogger(__name__)

QUIET = 0.4
"""Seconds without an edit of an Assistant before its versions are reconciled."""
_MOST_STEPS = 6
_PAUSE = 0.1
_MOST_REMEMBERED = 2_000

REASONS: dict[str, tuple[Reason, str]] = {
    "UpdateVersionStatus": (Reason.MARK_REFUSED, "UpdateVersionStatus"),
    "Relabel": (Reason.MARK_REFUSED, "Label"),
    "Prune": (Reason.PRUNE_REFUSED, "Prune"),
}
"""Reason and action of the event of a refused step."""


class Triggers(Protocol):
    """See manager/triggers.py."""

    def enqueue_assistant(self, assistant: Key) -> None: ...

    def enqueue_awaiting_graphs(self, assistant: Key) -> None: ...


class VersionReconciler:
    """The controller "version". Its keys are those of Assistants."""

    def __init__(
        self,
        cluster: Cluster,
        store: Store,
        validator: VersionValidator,
        inputs: AssistantInputs,
        *,
        event_publisher: EventPublisher,
        metrics: Metrics,
        triggers: Triggers,
    ) -> None:
        self._cluster = cluster
        self._store = store
        self._validator = validator
        self._inputs = inputs
        self._step_taker = StepTaker("version", REASONS, event_publisher, metrics)
        self._metrics = metrics
        self._triggers = triggers
        self._last_conditions: FIFOCache[str, tuple[str, tuple[Condition, ...]]] = FIFOCache(_MOST_REMEMBERED)
        """By UID of a version: the resource version and the conditions that were written last."""

    async def reconcile(self, key: Key) -> float | None:
        """Take the steps that are due. Returns the seconds until the next one is; None if none is planned.

        A step that is refused or fails does not block the others. Its error is raised after the others.
        """
        attempt = Attempt()
        loop: StepLoop[AssistantInput, BackgroundStep] = StepLoop(
            partial(self._gather, key),
            partial(self._decide, attempt),
            partial(self._take, attempt),
            most=_MOST_STEPS,
            otherwise=_PAUSE,
        )
        requeue_after = await loop.run()
        attempt.raise_failure()
        return requeue_after

    async def _gather(self, key: Key) -> AssistantInput | None:
        return self._inputs.gather(key)

    def _record(self, input: AssistantInput) -> AssistantRecord:
        return self._store.record_of(input.assistant)

    def _decide(self, attempt: Attempt, input: AssistantInput) -> BackgroundStep | Requeue | None:
        if self._record(input).validation.awaits_listing:
            return Requeue(None)  # the controller "revalidation" enqueues it
        refusals = self._record(input).refusals
        # After a burst thousands of steps are due, and the first one is enough.
        due = (step for step in background_steps(input) if identity(step) not in attempt.failed)
        if step := refusals.pick(due, identity):
            pause = self._pause(input)
            return step if pause is None else Requeue(pause)
        present = (identity(step) for step in background_steps(input))
        if not attempt.failed and refusals.keep(present, is_background_kind):
            return None
        if refusals.pick(foreground_steps(input), identity):
            # The status counts the versions and reports refusals, and no event is handled of the operator's own writes.
            # What is known of validations is kept for it.
            self._triggers.enqueue_assistant(input.assistant.key)
            return Requeue(refusals.wait(is_background_kind))
        if attempt.failed:
            return Requeue(None)  # a validation failed: which of the other steps are due is not known
        return Requeue(self._finish(input))

    def _pause(self, input: AssistantInput) -> float | None:
        """Return the seconds until a burst of edits of this Assistant may be over; None if there is none."""
        quiet = asyncio.get_running_loop().time() - self._record(input).capture.captured_at
        return None if quiet >= QUIET else max(QUIET - quiet, _PAUSE)

    def _finish(self, input: AssistantInput) -> float | None:
        """Nothing is due. Return the seconds until a held step is; None if there is none."""
        record = self._record(input)
        if not {"UpdateVersionStatus", "Validate"} & input.refusals.keys():
            record.validation.finish()  # else the conditions that are refused are still to be written
        self._triggers.enqueue_awaiting_graphs(input.assistant.key)
        return record.refusals.wait(is_background_kind)

    async def _take(self, attempt: Attempt, input: AssistantInput, step: BackgroundStep) -> None:
        is_validation = isinstance(step, Validate)
        await self._step_taker.take(
            input.assistant,
            self._record(input).refusals,
            identity(step),
            partial(self._act, input, step),
            attempt,
            write=None if is_validation else step,
            is_held=not is_validation,
        )

    async def _act(self, input: AssistantInput, step: BackgroundStep) -> str | None:
        """Take the step. Returns None if it had an effect, else a message."""
        log.debug("started step kind=Assistant namespace=%s name=%s step=%r", *input.assistant.key, step)
        self._metrics.step("version", type(step).__name__)
        match step:
            case Validate(number):
                await self._validator.validate_version(self._record(input), input, number)
            case Prune(record):
                await self._prune(record)
            case UpdateVersionStatus():
                return await self._update_status(input, step)
            case Relabel(record):
                changed = await self._cluster.versions.label(record)
                return await self._validator.keep_metadata(record, changed, "metadata.labels")
        return None

    async def _prune(self, record: VersionRecord) -> None:
        if await self._cluster.versions.delete(record):
            self._metrics.pruned()
            self._store.versions.drop(record)
        else:
            await self._validator.reread(record)

    async def _update_status(self, input: AssistantInput, step: UpdateVersionStatus) -> str | None:
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
            # Nothing changed: either the conditions are there, and only the listing does not show them, or nothing
            # that was sent is stored.
            there = await self._validator.reread(record)
            if there and there.status.conditions != (*kept, *stated):
                return not_stored(("status.conditions",), AssistantVersion.plural)
        self._store.versions.put(_with_conditions(record, step, meta))
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


def _with_conditions(record: VersionRecord, step: UpdateVersionStatus, meta: ObjectMeta) -> VersionRecord:
    """Return the record as of the operator's write. An event of an earlier change of owner or labels is older then."""
    valid = ConditionStatus.of(step.validation_result.holds).value if step.validation_result else record.valid
    return replace(record.as_of(meta), active=ConditionStatus.of(step.is_active).value, valid=valid)
