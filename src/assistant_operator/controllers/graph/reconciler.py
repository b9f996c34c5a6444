"""Observe, decide, act, report: one Graph and its default Assistant at a time."""

import logging
import sys
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Protocol

from assistant_operator.api.assistant import GraphRef, Snapshot
from assistant_operator.api.graph import Graph, GraphStatus, Schemas
from assistant_operator.api.meta import MANAGER, FreeForm, Key, position
from assistant_operator.api.reason import Reason
from assistant_operator.api.schema_result import SchemaError
from assistant_operator.clients.kubernetes.cluster import Applied, Cluster
from assistant_operator.clients.kubernetes.transport import NO_EFFECT, ClusterRefused, ClusterUnavailable
from assistant_operator.clients.schema.validator import SchemaValidator
from assistant_operator.controllers.events import EventPublisher
from assistant_operator.policy.default_assistant import DEFAULT, without
from assistant_operator.policy.graph import (
    ApplyDefaultAssistant,
    Disown,
    GraphInput,
    GraphStep,
    ServerStatus,
    UpdateGraphStatus,
    steps,
)
from assistant_operator.policy.stored import Unstored
from assistant_operator.runtime.metrics import Metrics
from assistant_operator.runtime.refusals import Refusals, StepId
from assistant_operator.runtime.steps import Requeue, StepLoop
from assistant_operator.store.store import Store
from assistant_operator.store.validation_results import ValidationResults

log = logging.getLogger(__name__)

LABELS = {"app.kubernetes.io/managed-by": MANAGER, DEFAULT: "true"}
_MOST_STEPS, _PAUSE = 20, 1.0
_MOST_CONFLICTS = 4

STORE: StepId = ("Store", 0)
"""What is held back where the API server does not store all of a status: sending the same status again."""
REPORT: StepId = ("UpdateGraphStatus", 0)
REASONS: dict[str, tuple[Reason, str]] = {
    "Disown": (Reason.DEFAULT_ASSISTANT_REFUSED, "Disown"),
    "UpdateGraphStatus": (Reason.STATUS_REFUSED, "UpdateStatus"),
}
"""Reason and action of the event of a refused step. For ApplyDefaultAssistant, the condition Ready makes the event."""


def changed_meanwhile(key: Key) -> ClusterUnavailable:
    """What to raise after a conflict: the same write may succeed later."""
    unavailable = ClusterUnavailable(f"Assistant {key[0]}/{key[1]} was changed at the same time")
    unavailable.is_answer = True
    return unavailable


def _identity(world: GraphInput, step: GraphStep) -> StepId:
    """By that a refused step is known again. After a change of what it depends on, a step is another one."""
    match step:
        case ApplyDefaultAssistant(name):
            default = world.default.metadata if world.default else None
            there = (default.uid, default.generation) if default else None
            return "ApplyDefaultAssistant", (name, world.graph.metadata.generation, there)
        case Disown(name):
            return "Disown", name
        case UpdateGraphStatus():
            return REPORT


class Probes(Protocol):
    """The results of probing the servers of Graphs."""

    def of(self, graph: Graph) -> ServerStatus | None:
        """The newest; None while there is none."""


class Triggers(Protocol):
    """See manager/triggers.py."""

    def enqueue_graph(self, graph: Key, delay: float) -> None: ...

    def enqueue_probe(self, graph: Key) -> None: ...

    def enqueue_assistants_of(self, before: Graph, after: Graph) -> None: ...

    def enqueue_revalidation(self, graph: Key, *, include_kept_versions: bool) -> None: ...


class GraphReconciler:
    """Brings one Graph to where it should be."""

    def __init__(
        self,
        cluster: Cluster,
        store: Store,
        judge: SchemaValidator,
        probes: Probes,
        triggers: Triggers,
        *,
        validation_results: ValidationResults,
        event_publisher: EventPublisher,
        metrics: Metrics,
    ) -> None:
        self._cluster = cluster
        self._store = store
        self._judge = judge
        self._event_publisher = event_publisher
        self._metrics = metrics
        self._probes = probes
        self._triggers = triggers
        self._validation_results = validation_results
        self._applied: dict[Key, tuple[int, FreeForm]] = {}
        self._released: dict[Key, int] = {}
        """Resource version at which the label of a former default assistant was taken off."""
        self._refusals = Refusals()
        self._unstorable: dict[Key, Schemas] = {}

    async def reconcile(self, key: Key) -> float | None:
        """Take the steps that are due; what they wrote comes back as an event, and then this is called again.

        A step that is refused or fails does not keep the others waiting. Raises what let one fail, after the others.
        """
        failed: dict[StepId, Exception] = {}
        loop: StepLoop[GraphInput, GraphStep] = StepLoop(
            partial(self._gather, key),
            lambda world: self._decide(world, failed),
            lambda world, step: self._take(world, step, failed),
            most=_MOST_STEPS,
            otherwise=_PAUSE,
        )
        return await loop.run()

    async def _gather(self, key: Key) -> GraphInput | None:
        await self._confirm(key)
        return await self._observe(key)

    def _decide(self, world: GraphInput, failed: Mapping[StepId, Exception]) -> GraphStep | Requeue | None:
        uid, due = world.graph.metadata.uid, {_identity(world, each): each for each in steps(world)}
        if self._drop_stale(world, set(due)):
            return None
        ready = (each for name, each in due.items() if name not in failed and not self._is_repeated(world, each))
        step = self._refusals.pick(uid, ready, partial(_identity, world))
        if step is None and failed:
            raise next(iter(failed.values()))
        return step or Requeue(self._refusals.wait(uid))

    def forget(self, key: Key, uid: str) -> None:
        """The Graph is gone."""
        self._unstorable.pop(key, None)
        self._refusals.forget(uid)

    def forget_default(self, key: Key) -> None:
        """The Assistant is gone: what was applied to it says nothing about the next of its name."""
        self._applied.pop(key, None)
        self._released.pop(key, None)

    async def _take(self, world: GraphInput, step: GraphStep, failed: dict[StepId, Exception]) -> None:
        """Take one step; if the API server refuses it, hold it back and remember its words."""
        uid, name = world.graph.metadata.uid, _identity(world, step)
        try:
            words = await self._act(world.graph, step)
        except ClusterRefused as refusal:
            schemas = step.status.schemas if isinstance(step, UpdateGraphStatus) else None
            if schemas and (schemas.context or schemas.config) and refusal.status.is_too_large:
                self._unstorable[world.graph.key] = schemas
            else:
                self._refuse(world.graph, name, str(refusal))
        except ClusterUnavailable as unavailable:
            if not unavailable.is_answer:
                raise
            failed[name] = unavailable
        else:
            if words:
                self._refuse(world.graph, name, words)
            else:
                self._refusals.succeeded(uid, name)
        finally:
            if not self._store.has(world.graph):
                self.forget(world.graph.key, uid)  # it went meanwhile: what was noted since would stay for ever

    def _refuse(self, graph: Graph, name: StepId, words: str) -> None:
        log.warning("refused step kind=Graph namespace=%s name=%s step=%s: %s", *graph.key, name[0], words)
        self._metrics.refused("graph", name[0])
        is_news = self._refusals.refused(graph.metadata.uid, name, words)
        if is_news and name[0] in REASONS:
            self._event_publisher.refused(graph, *REASONS[name[0]], words)

    def _drop_stale(self, world: GraphInput, present: set[StepId]) -> bool:
        """Drop the refusals of steps that are no longer due. Whether there were any, so that the status changes."""
        if world.unstored and world.unstored.is_tried_again and REPORT not in present:
            self._store.written_graphs.stored(world.graph.key)  # nothing of what was not stored is to be said any more
        elif world.unstored:
            present = present | {STORE}
        return self._refusals.keep(world.graph.metadata.uid, present)

    def _is_repeated(self, world: GraphInput, step: GraphStep) -> bool:
        """Whether that was just written: it did not come back as an event yet, or others own what it would change."""
        if isinstance(step, UpdateGraphStatus):
            return False
        key = (world.graph.metadata.namespace, step.name)
        there = self._store.seen.get(key)
        seen = position(there.metadata.resource_version) if there else 0
        if isinstance(step, Disown):
            return seen < self._released.get(key, 0)
        at, configuration = self._applied.get(key, (0, {}))
        return seen < at or (seen == at and configuration == step.configuration)

    async def _observe(self, key: Key) -> GraphInput | None:
        graph = self._store.graphs.get(key)
        if graph is None:
            return None
        wanted, refusals = graph.default_name, self._refusals.messages(graph.metadata.uid)
        controlled = self._store.controlled_by(graph)
        trouble = await self._schema_trouble(graph)
        return GraphInput(
            graph,
            now=datetime.now(UTC).replace(microsecond=0),
            default=self._store.seen.get((key[0], wanted)) if wanted else None,
            former=tuple(
                each for each in controlled if each.metadata.name != wanted and DEFAULT in each.metadata.labels
            ),
            assistants=len(self._store.assistants_of(key)),
            schema_error=trouble.why if trouble else None,
            is_schema_error_transient=trouble is not None and trouble.is_transient,
            probe=self._probes.of(graph),
            unstorable=self._unstorable.get(key),
            refusal=refusals.get("ApplyDefaultAssistant"),
            release_refusal=refusals.get("Disown"),
            unstored=self._unstored(graph),
            is_revalidating=self._validation_results.has_pending(key),
        )

    async def _schema_trouble(self, graph: Graph) -> SchemaError | None:
        nothing = Snapshot(graph_ref=GraphRef(name=graph.metadata.name))
        fit = await self._judge.fit(nothing, graph.schemas, graph.metadata.namespace)
        if not isinstance(fit, SchemaError):
            return None
        if fit.retry_after is not None:
            self._triggers.enqueue_graph(graph.key, fit.retry_after)
        return fit

    async def _confirm(self, key: Key) -> None:
        """Before it is said that a status is not stored, the API server is asked.

        A watch that began before a CustomResourceDefinition changed goes on to leave out the fields that it lacked.
        """
        graph = self._store.graphs.get(key)
        found = self._store.written_graphs.unstored(graph) if graph else None
        if graph and found and not self._refusals.is_held(graph.metadata.uid, STORE):
            await self._look_again(graph)

    def _unstored(self, graph: Graph) -> Unstored[GraphStatus] | None:
        """The status that was not stored as it was sent; due to be sent again when its pause is over."""
        found, uid = self._store.written_graphs.unstored(graph), graph.metadata.uid
        if found is None:
            return None
        if not self._refusals.is_held(uid, STORE):
            message = found.message(Graph.plural)
            log.warning("wrote status kind=Graph namespace=%s name=%s: %s", *graph.key, message)
            self._metrics.unstored("Graph", found.fields)
            self._refusals.refused(uid, STORE, message)
            self._event_publisher.refused(graph, Reason.FIELDS_NOT_STORED, "UpdateStatus", message)
        return replace(found, is_tried_again=self._refusals.is_due(uid, STORE))

    async def _act(self, graph: Graph, step: GraphStep) -> str | None:
        """Take the step: None if it had an effect, else what to say of that."""
        log.debug("started step kind=Graph namespace=%s name=%s step=%r", *graph.key, step)
        self._metrics.step("graph", type(step).__name__)
        match step:
            case ApplyDefaultAssistant(name, configuration):
                await self._apply(graph, name, configuration)
            case Disown(name):
                return await self._release((graph.metadata.namespace, name))
            case UpdateGraphStatus(status):
                match outcome := await self._cluster.report(graph, status):
                    case int():
                        if self._reported(graph, status, outcome):
                            await self._look_again(graph)
                    case "Gone" | "Outrun":
                        self._store.written_graphs.outrun(graph.key)
                        await self._look_again(graph)
        return None

    def _reported(self, graph: Graph, status: GraphStatus, at: int) -> bool:
        """Take in what was written. Whether it was a status that was not stored before."""
        if not self._store.has(graph):
            return False  # it went before the answer came
        before = self._store.written_graphs.unstored(graph)
        is_tried_again = before is not None and before.sent == status
        now = self._store.graph_reported(graph, status, at)
        if is_tried_again:  # until an event shows that it was stored
            self._refusals.refused(graph.metadata.uid, STORE, "")
        self._event_publisher.reported(graph, status)
        if now:
            self._triggers.enqueue_assistants_of(graph, now)
        return is_tried_again

    async def _release(self, key: Key) -> str | None:
        meta = await self._cluster.drop_label(key, DEFAULT)
        if meta is None and await self._cluster.assistant(key) is None:
            self._released[key] = sys.maxsize  # an event will tell that it is gone
            return None
        if meta is None:
            raise changed_meanwhile(key)
        if DEFAULT in meta.labels:
            return NO_EFFECT
        self._released[key] = position(meta.resource_version)
        return None

    async def _apply(self, graph: Graph, name: str, configuration: FreeForm) -> None:
        """Apply without force; what others own is left to them, and the rest applied again."""
        key = (graph.metadata.namespace, name)
        wanted, labels, is_owned = configuration, LABELS, True
        is_new = key not in self._store.seen  # asked first: the watch may show what is made before the answer comes
        seen = 0 if is_new else position(self._store.seen[key].metadata.resource_version)
        if is_new and (not await self._is_alive(graph) or await self._is_there(key)):
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
                self._applied[key] = (outcome.position, wanted)
                return
            configuration = without(configuration, outcome)
            labels = {label: value for label, value in labels.items() if f".metadata.labels.{label}" not in outcome}
            is_owned = is_owned and not any(field.startswith(".metadata.ownerReferences") for field in outcome)

    async def _is_alive(self, graph: Graph) -> bool:
        """Whether the Graph is still there: its default assistant may be gone because the Graph is."""
        await self._look_again(graph)
        live = self._store.graphs.get(graph.key)
        same = live is not None and live.metadata.uid == graph.metadata.uid
        return bool(live and same and not live.metadata.is_being_deleted)

    async def _is_there(self, key: Key) -> bool:
        """Whether there is an Assistant of that name that the watch did not show yet: it may be somebody's own."""
        live = await self._cluster.assistant(key)
        if live is None:
            return False
        self._applied[key] = (
            position(live.metadata.resource_version),
            {},
        )  # nothing of ours, and nothing before it is seen
        return True

    async def _look_again(self, graph: Graph) -> None:
        """Keep what is there now. The event of it will be no news any more: what it means is done here."""
        live = await self._cluster.graph(graph.key)
        before = self._store.graphs.get(graph.key)
        if live is None:
            self._store.drop_graph(graph.key)
            self._triggers.enqueue_revalidation(graph.key, include_kept_versions=False)
            self._triggers.enqueue_probe(graph.key)  # which forgets it
            return
        if before is None:
            return  # its deletion was seen since, or the watch is about to show it
        self._triggers.enqueue_assistants_of(before, self._store.put_graph(live))
