"""Reconciles one Graph: gathers a GraphInput, takes the first step that is due, and repeats."""

import logging
import sys
from datetime import UTC, datetime
from functools import partial
from typing import Protocol

from assistant_operator.api.assistant import GraphRef, Snapshot
from assistant_operator.api.graph import Graph, GraphStatus
from assistant_operator.api.meta import MANAGER, FreeForm, Key
from assistant_operator.api.reason import Reason
from assistant_operator.api.schema_result import SchemaError
from assistant_operator.clients.kubernetes.cluster import Applied, Cluster
from assistant_operator.clients.kubernetes.transport import NO_EFFECT, ClusterRefused, ClusterUnavailable
from assistant_operator.clients.schema.validator import SchemaValidator
from assistant_operator.controllers.events import EventPublisher
from assistant_operator.controllers.step_taker import Attempt, StepTaker
from assistant_operator.controllers.unstored import STORE, report_unstored
from assistant_operator.policy.default_assistant import DEFAULT, without
from assistant_operator.policy.graph import (
    ApplyDefaultAssistant,
    Disown,
    GraphInput,
    GraphStep,
    UpdateGraphStatus,
    steps,
)
from assistant_operator.runtime.metrics import Metrics
from assistant_operator.runtime.refusals import StepId
from assistant_operator.runtime.steps import Requeue, StepLoop
from assistant_operator.store.records import AppliedDefault, GraphRecord
from assistant_operator.store.store import Store

log = logging.getLogger(__name__)

LABELS = {"app.kubernetes.io/managed-by": MANAGER, DEFAULT: "true"}
_MOST_STEPS, _PAUSE = 20, 1.0
_MOST_CONFLICTS = 4

REPORT: StepId = ("UpdateGraphStatus", 0)
REASONS: dict[str, tuple[Reason, str]] = {
    "Disown": (Reason.DEFAULT_ASSISTANT_REFUSED, "Disown"),
    "UpdateGraphStatus": (Reason.STATUS_REFUSED, "UpdateStatus"),
}
"""Reason and action of the event of a refused step. Of ApplyDefaultAssistant the condition Ready causes the event."""


def changed_meanwhile(key: Key) -> ClusterUnavailable:
    """Return the error of a conflict: the same write may succeed later."""
    unavailable = ClusterUnavailable(f"Assistant {key[0]}/{key[1]} was changed at the same time")
    unavailable.is_answer = True
    return unavailable


def _identity(input: GraphInput, step: GraphStep) -> StepId:
    """Return what identifies a refused step. If something that it depends on changes, it is another step."""
    match step:
        case ApplyDefaultAssistant(name):
            default = input.default.metadata if input.default else None
            there = (default.uid, default.generation) if default else None
            return "ApplyDefaultAssistant", (name, input.graph.metadata.generation, there)
        case Disown(name):
            return "Disown", name
        case UpdateGraphStatus():
            return REPORT


class Triggers(Protocol):
    """See manager/triggers.py."""

    def enqueue_graph(self, graph: Key, delay: float) -> None: ...

    def enqueue_probe(self, graph: Key) -> None: ...

    def enqueue_assistants_of(self, before: Graph, after: Graph) -> None: ...

    def enqueue_revalidation(self, graph: Key, *, include_kept_versions: bool) -> None: ...


class GraphReconciler:
    """The controller "graph": applies the default Assistant, and writes the status of a Graph."""

    def __init__(
        self,
        cluster: Cluster,
        store: Store,
        schema_validator: SchemaValidator,
        triggers: Triggers,
        *,
        event_publisher: EventPublisher,
        metrics: Metrics,
    ) -> None:
        self._cluster = cluster
        self._store = store
        self._schema_validator = schema_validator
        self._step_taker = StepTaker("graph", REASONS, event_publisher, metrics)
        self._event_publisher = event_publisher
        self._metrics = metrics
        self._triggers = triggers

    async def reconcile(self, key: Key) -> float | None:
        """Take the steps that are due. Returns the seconds until the next one is; None if none is planned.

        A step that is refused or fails does not block the others. Its error is raised after the others.
        """
        attempt = Attempt()
        loop: StepLoop[GraphInput, GraphStep] = StepLoop(
            partial(self._gather, key),
            partial(self._decide, attempt),
            partial(self._take, attempt),
            most=_MOST_STEPS,
            otherwise=_PAUSE,
        )
        return await loop.run()

    async def _gather(self, key: Key) -> GraphInput | None:
        await self._confirm_stored(key)
        return await self._gather_input(key)

    def _decide(self, attempt: Attempt, input: GraphInput) -> GraphStep | Requeue | None:
        refusals, due = self._record(input.graph).refusals, {_identity(input, step): step for step in steps(input)}
        if self._drop_stale(input, set(due)):
            return None
        ready = (
            step for name, step in due.items() if name not in attempt.failed and not self._is_repeated(input, step)
        )
        step = refusals.pick(ready, partial(_identity, input))
        if step is None:
            attempt.raise_failure()
        return step or Requeue(refusals.wait())

    async def _take(self, attempt: Attempt, input: GraphInput, step: GraphStep) -> None:
        await self._step_taker.take(
            input.graph,
            self._record(input.graph).refusals,
            _identity(input, step),
            partial(self._act, input.graph, step),
            attempt,
        )

    def _record(self, graph: Graph) -> GraphRecord:
        return self._store.graph_record_of(graph)

    def _drop_stale(self, input: GraphInput, present: set[StepId]) -> bool:
        """Release held steps that are no longer due. Returns whether there were any, so that the status changes."""
        record = self._record(input.graph)
        if input.unstored and input.unstored.is_tried_again and REPORT not in present:
            record.writes.unstored = None  # the status is another one by now
        elif input.unstored:
            present = present | {STORE}
        return record.refusals.keep(present)

    def _is_repeated(self, input: GraphInput, step: GraphStep) -> bool:
        """Return whether that was just written: the watch has not shown it yet, or others own what it would change."""
        if isinstance(step, UpdateGraphStatus):
            return False
        default = self._store.assistants.get((input.graph.metadata.namespace, step.name))
        seen = default.latest.metadata.position if default else 0
        if isinstance(step, Disown):
            return default is not None and seen < default.released_at
        applied = self._record(input.graph).applied
        if applied is None or applied.name != step.name:
            return False
        return seen < applied.at or (seen == applied.at and applied.configuration == step.configuration)

    async def _gather_input(self, key: Key) -> GraphInput | None:
        record = self._store.graphs.get(key)
        if record is None:
            return None
        graph, refusals = record.latest, record.refusals.messages()
        wanted = graph.default_name
        controlled = self._store.controlled_by(graph)
        trouble = await self._schema_trouble(graph)
        return GraphInput(
            graph,
            now=datetime.now(UTC).replace(microsecond=0),
            default=self._store.latest((key[0], wanted)) if wanted else None,
            former=tuple(
                each for each in controlled if each.metadata.name != wanted and DEFAULT in each.metadata.labels
            ),
            assistants=len(self._store.assistants_of(key)),
            schema_error=trouble.why if trouble else None,
            is_schema_error_transient=trouble is not None and trouble.is_transient,
            probe=record.probe_result(),
            unstorable=record.unstorable,
            refusal=refusals.get("ApplyDefaultAssistant"),
            release_refusal=refusals.get("Disown"),
            unstored=report_unstored(graph, record.writes, record.refusals, self._event_publisher, self._metrics),
            is_revalidating=record.is_revalidating,
        )

    async def _schema_trouble(self, graph: Graph) -> SchemaError | None:
        nothing = Snapshot(graph_ref=GraphRef(name=graph.metadata.name))
        fit = await self._schema_validator.fit(nothing, graph.schemas, graph.metadata.namespace)
        if not isinstance(fit, SchemaError):
            return None
        if fit.retry_after is not None:
            self._triggers.enqueue_graph(graph.key, fit.retry_after)
        return fit

    async def _confirm_stored(self, key: Key) -> None:
        """Before a status counts as not stored, the object is read from the API server.

        A watch that began before a CustomResourceDefinition changed goes on without the fields that it lacked.
        """
        record = self._store.graphs.get(key)
        if record and record.writes.unstored and not record.refusals.is_held(STORE):
            await self._reread(record.latest)

    async def _act(self, graph: Graph, step: GraphStep) -> str | None:
        """Take the step. Returns None if it had an effect, else a message."""
        log.debug("started step kind=Graph namespace=%s name=%s step=%r", *graph.key, step)
        self._metrics.step("graph", type(step).__name__)
        match step:
            case ApplyDefaultAssistant(name, configuration):
                await self._apply(graph, name, configuration)
            case Disown(name):
                return await self._release((graph.metadata.namespace, name))
            case UpdateGraphStatus(status):
                await self._update_status(graph, status)
        return None

    async def _update_status(self, graph: Graph, status: GraphStatus) -> None:
        try:
            outcome = await self._cluster.update_status(graph, status)
        except ClusterRefused as refusal:
            schemas = status.schemas
            if schemas and (schemas.context or schemas.config) and refusal.status.is_too_large:
                self._record(graph).unstorable = schemas
                return
            raise
        if isinstance(outcome, int):
            if self._reported(graph, status, outcome):
                await self._reread(graph)
        else:  # the Graph is gone, or another writer wrote the status
            self._record(graph).writes.discard_status()
            await self._reread(graph)

    def _reported(self, graph: Graph, status: GraphStatus, at: int) -> bool:
        """Keep the status that was written. Returns whether it is one that was not stored before."""
        record = self._record(graph)
        before = record.writes.unstored
        is_tried_again = before is not None and before.sent == status
        now = self._store.assume_graph_status(graph, status, at)
        if now is None:
            return False  # it was deleted before the response came
        if is_tried_again:  # until an event shows that it was stored
            record.refusals.refused(STORE, "")
        self._event_publisher.reported(graph, status)
        self._triggers.enqueue_assistants_of(graph, now)
        return is_tried_again

    async def _release(self, key: Key) -> str | None:
        meta = await self._cluster.drop_label(key, DEFAULT)
        if meta is None and await self._cluster.assistant(key) is None:
            self._set_released(key, sys.maxsize)  # the watch is about to show that it is gone
            return None
        if meta is None:
            raise changed_meanwhile(key)
        if DEFAULT in meta.labels:
            return NO_EFFECT
        self._set_released(key, meta.position)
        return None

    def _set_released(self, key: Key, at: int) -> None:
        if default := self._store.assistants.get(key):
            default.released_at = at

    async def _apply(self, graph: Graph, name: str, configuration: FreeForm) -> None:
        """Apply without force. Fields that others own are left out, and the rest is applied again."""
        key = (graph.metadata.namespace, name)
        wanted, labels, is_owned = configuration, LABELS, True
        default = self._store.latest(key)  # read first: the watch may show what is created before the response comes
        is_new, seen = default is None, default.metadata.position if default else 0
        if is_new and (not await self._is_alive(graph) or await self._is_there(graph, key)):
            return
        for _ in range(_MOST_CONFLICTS):
            outcome = await self._cluster.apply_default(graph, name, labels, configuration, is_owned=is_owned)
            if isinstance(outcome, Applied):
                if is_new:
                    self._event_publisher.made_default(graph, name)
                elif configuration is wanted and outcome.position == seen:
                    log.warning("applied default Assistant namespace=%s name=%s: %s", *key, NO_EFFECT)
                    self._event_publisher.refused(
                        graph, Reason.DEFAULT_ASSISTANT_REFUSED, "Apply", f"'{name}': {NO_EFFECT}"
                    )
                self._record(graph).applied = AppliedDefault(name, outcome.position, wanted)
                return
            configuration = without(configuration, outcome)
            labels = {label: value for label, value in labels.items() if f".metadata.labels.{label}" not in outcome}
            is_owned = is_owned and not any(field.startswith(".metadata.ownerReferences") for field in outcome)

    async def _is_alive(self, graph: Graph) -> bool:
        """Return whether the Graph exists: its default assistant may have been deleted with it."""
        await self._reread(graph)
        return self._store.has(graph) and not self._record(graph).latest.metadata.is_being_deleted

    async def _is_there(self, graph: Graph, key: Key) -> bool:
        """Return whether there is an Assistant of that name that the watch has not shown yet: it may be a user's."""
        live = await self._cluster.assistant(key)
        if live is None:
            return False
        # Nothing was applied to it, and nothing is before the watch shows it.
        self._record(graph).applied = AppliedDefault(key[1], live.metadata.position, {})
        return True

    async def _reread(self, graph: Graph) -> None:
        """Keep the Graph as it is now, and enqueue what depends on it: its watch event will show no difference."""
        live = await self._cluster.graph(graph.key)
        before = self._store.graph(graph.key)
        if live is None:
            self._store.drop_graph(graph.key)
            self._triggers.enqueue_revalidation(graph.key, include_kept_versions=False)
            return
        if before is None:
            return  # its deletion was seen since, or the watch is about to show it
        self._triggers.enqueue_assistants_of(before, self._store.upsert_graph(live).latest)
