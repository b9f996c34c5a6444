"""Observe, decide, act on LangGraph Servers: the copies of one Assistant at a time. Who reports is told."""

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

from assistant_operator.api.assistant import Assistant, Copy
from assistant_operator.api.assistant_version import AssistantVersion, version_name
from assistant_operator.api.graph import Graph
from assistant_operator.api.meta import Key
from assistant_operator.api.reason import Reason
from assistant_operator.api.schema_result import SchemaError, Valid
from assistant_operator.clients.kubernetes.cluster import Cluster
from assistant_operator.clients.kubernetes.server_credentials import CredentialsMissing
from assistant_operator.clients.kubernetes.transport import ClusterRefused
from assistant_operator.clients.langgraph.transport import ServerTrouble, ServerUnavailable
from assistant_operator.clients.schema.validator import SchemaValidator
from assistant_operator.controllers.events import EventPublisher
from assistant_operator.policy import desired_copy
from assistant_operator.policy.conditions import Progress
from assistant_operator.policy.deletion import WithdrawalFailure
from assistant_operator.policy.desired_copy import Target, target_of
from assistant_operator.policy.publication import (
    FINALIZER,
    PATIENCE,
    AddFinalizer,
    PublicationInput,
    Publish,
    PublishResult,
    RecordServerVersion,
    RemoveFinalizer,
    Step,
    Withdraw,
    remembered,
    same_words,
    steps,
)
from assistant_operator.runtime.metrics import Metrics
from assistant_operator.runtime.steps import Requeue, StepLoop
from assistant_operator.store.store import Store

from .copies import Copies, NotYet
from .probes import ServerProber
from .state import PublicationState

log = logging.getLogger(__name__)

_BUSY, _PENDING, _LONGEST_RETRY, _LONGEST_REFUSED = 0.1, 0.5, 30.0, 300.0
_REFUSALS = {Reason.PUBLICATION_REFUSED, Reason.SERVER_UNAUTHORIZED}
"""What a server says for good, so that it is asked less often."""
_RETAINED_PATIENCE = 3.0
"""Seconds for which the deletion of an Assistant whose copies stay tries to tell their server so."""
_INTERNAL_ERROR, _MOST_INTERNAL_ERRORS = 500, 3
"""Internal errors in a row that may pass by themselves."""
_MOST_STEPS = 20
_MOST_LOOKS = 500
"""Looks a second that all those together may take who wait for a busy server."""


class PublicationReconciler:
    """Brings the copies of an Assistant to where its status says they should be."""

    def __init__(
        self,
        cluster: Cluster,
        store: Store,
        judge: SchemaValidator,
        prober: ServerProber,
        copies: Copies,
        *,
        event_publisher: EventPublisher,
        metrics: Metrics,
        enqueue_assistant: Callable[[Key], None],
    ) -> None:
        self._cluster = cluster
        self._store = store
        self._judge = judge
        self._prober = prober
        self._copies = copies
        self._event_publisher = event_publisher
        self._metrics = metrics
        self._enqueue_assistant = enqueue_assistant
        self._states: dict[str, PublicationState] = {}
        self._crowd: set[str] = set()

    def _state(self, assistant: Assistant) -> PublicationState:
        return self._states.setdefault(assistant.metadata.uid, PublicationState())

    def outcome(self, assistant: Assistant) -> PublishResult | None:
        """How the last try to publish or to withdraw it ended, since this process started."""
        state = self._states.get(assistant.metadata.uid)
        return state.told(assistant) if state else None

    def withdrawn(self, assistant: Assistant) -> frozenset[Copy]:
        state = self._states.get(assistant.metadata.uid)
        return state.withdrawn if state else frozenset()

    def places(self, assistant: Key, graphs: Iterable[str]) -> dict[str, Target]:
        """Where versions of these Graphs belong, as far as they exist and have a server."""
        found = ((name, self._store.graphs.get((assistant[0], name))) for name in graphs)
        places = ((name, target_of(graph, assistant, self._prober.cluster_name)) for name, graph in found if graph)
        return {name: place for name, place in places if place}

    def repair(self, assistant: Assistant, fields: tuple[str, ...]) -> None:
        """The copy is not what it was left as: `fields` differ; without any, it is gone."""
        state = self._state(assistant)
        state.outcome, state.repairing = None, fields

    def forget(self, assistant: Assistant) -> None:
        self._states.pop(assistant.metadata.uid, None)
        self._crowd.discard(assistant.metadata.uid)
        self._copies.forget(assistant)

    async def reconcile(self, key: Key) -> float | None:
        """Take the steps that are due. Seconds until the rest should be taken; None if there is no rest."""
        assistant = self._store.recorded.get(key)
        try:
            return await self._take_steps(key)
        finally:
            if assistant and not self._store.has(assistant):
                self.forget(assistant)  # it went while we waited: what was noted since would stay for ever

    async def _take_steps(self, key: Key) -> float | None:
        stuck: dict[Step, float] = {}

        def decide(world: PublicationInput) -> Step | Requeue:
            step = next((each for each in steps(world) if each not in stuck), None)
            return step or Requeue(min(stuck.values(), default=None))

        async def act(world: PublicationInput, step: Step) -> None:
            if (later := await self._act(world, step)) is not None:
                stuck[step] = later

        loop: StepLoop[PublicationInput, Step] = StepLoop(
            partial(self._gather, key), decide, act, most=_MOST_STEPS, otherwise=_PENDING
        )
        return await loop.run()

    async def _gather(self, key: Key) -> PublicationInput | None:
        assistant = self._store.recorded.get(key)
        world = await self._observe(assistant) if assistant else None
        # If it went meanwhile, what was known of its copies went with it.
        return world if world and self._store.has(world.assistant) else None

    async def _observe(self, assistant: Assistant) -> PublicationInput:
        state = self._state(assistant)
        graph = await self._copies.graph_of(assistant)
        is_open = state.is_unsure or state.repairing is not None
        return PublicationInput(
            assistant,
            now=datetime.now(UTC),
            place=self._copies.place(graph, assistant),
            is_place_known=graph is not None,
            is_held=FINALIZER in assistant.metadata.finalizers,
            outcome=None if is_open else state.outcome or remembered(assistant),
            withdrawn=state.withdrawn,
            lost=state.lost,
        )

    async def _act(self, world: PublicationInput, step: Step) -> float | None:
        """Take one step. Seconds until it should be tried again; None if it is done."""
        log.debug("started step kind=Assistant namespace=%s name=%s step=%r", *world.assistant.key, step)
        self._metrics.step("publication", type(step).__name__)
        match step:
            case AddFinalizer():
                return await self._hold(world, on=True)
            case RemoveFinalizer(abandoned):
                later = await self._hold(world, on=False)
                if later is None and abandoned:
                    self._event_publisher.abandoned(world.assistant, [copy.server for copy in abandoned])
                if later is None and world.is_retained:
                    self._copies.retain(world.pending)
                return later
            case Publish():
                return await self._publish(world, step)
            case RecordServerVersion():
                return await self._record_again(world)
            case Withdraw(copy):
                return await self._withdraw(world, copy)

    async def _hold(self, world: PublicationInput, *, on: bool) -> float | None:
        """Add or remove the finalizer. A refusal is a finding of its own: it holds up no other step."""
        state = self._state(world.assistant)
        try:
            at = await self._cluster.hold(world.assistant, FINALIZER, on=on)
        except ClusterRefused as refused:
            log.warning(
                "refused change of finalizer kind=Assistant namespace=%s name=%s: %s", *world.assistant.key, refused
            )
            if on:
                self._not_held(world, str(refused))
            else:
                self._hindered(world, None, WithdrawalFailure(Reason.FINALIZER_REFUSED, str(refused), Progress.REJECT))
            return state.pause("finalizer", _LONGEST_REFUSED)
        if at is None:
            return state.pause("finalizer", _LONGEST_RETRY)  # it is gone: the news of that is under way
        self._store.finalizer_written(world.assistant, at, on=on)
        state.succeeded("finalizer")
        if state.hindrances.pop(None, None):
            self._enqueue_assistant(world.assistant.key)
        if state.outcome and state.outcome.reason is Reason.FINALIZER_REFUSED:
            state.outcome = None
        return None

    def _not_held(self, world: PublicationInput, refusal: str) -> None:
        """Nothing is published that a deletion would not wait for."""
        said = f"nothing is published while finalizer '{FINALIZER}' cannot be added: {refusal}"
        if world.place is None:
            self._event_publisher.not_held(world.assistant, said)
            return
        before = self._state(world.assistant).outcome
        message = same_words(before.message, said) if before else said
        number, policy = world.assistant.status.active_version or 0, world.assistant.spec.deletion_policy
        refused = PublishResult(
            number, world.place.copy, False, Reason.FINALIZER_REFUSED, message, Progress.REJECT, policy
        )
        self._metrics.published(refused.reason)
        self._conclude(world.assistant, refused)

    def _conclude(self, assistant: Assistant, outcome: PublishResult) -> None:
        """Keep how it ended; if that is news, the status is written."""
        state = self._state(assistant)
        before, state.outcome = state.outcome, outcome
        if outcome != before:
            self._enqueue_assistant(assistant.key)

    def _hindered(self, world: PublicationInput, copy: Copy | None, hindrance: WithdrawalFailure) -> None:
        """A copy is not withdrawn, or the finalizer not removed: told in the status, and in one event."""
        state, assistant = self._state(world.assistant), world.assistant
        if state.outcome is None and not assistant.metadata.is_being_deleted:
            state.is_unsure = True  # what stands beside it in the status is only known of an outcome of this process
        if not state.hinder(copy, hindrance):
            return
        self._event_publisher.hindered(assistant, state.hindrances[copy])
        self._enqueue_assistant(assistant.key)

    async def _publish(self, world: PublicationInput, step: Publish) -> float | None:
        assistant, state = world.assistant, self._state(world.assistant)
        uid = assistant.metadata.uid
        if self._prober.servers.is_busy(step.place.copy.server):
            self._crowd.add(uid)
            return max(_BUSY, len(self._crowd) / _MOST_LOOKS)
        self._crowd.discard(uid)
        state.withdrawn -= {step.place.copy}  # it may be there again from now on
        try:
            outcome = await self._published(assistant, step.number, step.place)
        except NotYet:
            return _PENDING
        except ServerTrouble as trouble:
            outcome = self._failed(world, step, trouble)
        outcome = replace(outcome, policy=assistant.spec.deletion_policy)
        self._metrics.published(outcome.reason)
        if outcome.server_version:
            outcome = await self._recorded(assistant, outcome)
        self._conclude(assistant, outcome)
        if not outcome.holds:
            return state.pause("publish", _LONGEST_REFUSED if outcome.reason in _REFUSALS else _LONGEST_RETRY)
        state.succeeded("publish")
        state.is_unsure = False
        if (fields := state.repairing) is not None:
            state.repairing = None
            self._event_publisher.drifted(assistant, step.place.copy.server, fields)
        return None

    async def _published(self, assistant: Assistant, number: int, place: Target) -> PublishResult:
        name = version_name(assistant.metadata.name, number)
        graph = await self._copies.graph_of(assistant)
        probe = self._prober.of(graph) if graph else None
        version = await self._copies.version(assistant, number)
        if graph is None or probe is None or version is None:
            raise NotYet
        if not probe.serves:
            progress = Progress.WAIT if probe.reason is Reason.SERVER_UNREACHABLE else Progress.REJECT
            return PublishResult(
                number, place.copy, False, probe.reason, f"{name} is not published: {probe.message}", progress
            )
        if unfit := await self._unfit(graph, version):
            reason, why, progress = unfit
            return PublishResult(number, place.copy, False, reason, f"{name} is not published: {why}", progress)
        return await self._copies.put(assistant, version, place)

    async def _unfit(self, graph: Graph, version: AssistantVersion) -> tuple[Reason, str, Progress] | None:
        """Why the version may not be published; None if it may."""
        if not version.is_intact:
            return Reason.CONTENT_ALTERED, "its content is not what its digest was taken of", Progress.REJECT
        namespace, name = graph.key
        if not graph.knows_schemas:
            return Reason.PROBING, f"the schemas of graph '{name}' are not known yet", Progress.WAIT
        fit = await self._judge.fit(version.spec.snapshot, graph.schemas, namespace)
        if isinstance(fit, SchemaError):
            progress = Progress.WAIT if fit.is_transient else Progress.REJECT
            return Reason.SCHEMA_UNUSABLE, f"graph '{name}' cannot judge it: {fit.why}", progress
        if not isinstance(fit, Valid):
            return Reason.SCHEMA_REFUSED, f"graph '{name}' refuses it", Progress.REJECT
        return None

    def _failed(self, world: PublicationInput, step: Publish, trouble: ServerTrouble) -> PublishResult:
        name, state = version_name(world.assistant.metadata.name, step.number), self._state(world.assistant)
        reason, progress = self._judged(world.assistant, step.place.copy, trouble, state.failures.get("publish", 0))
        said = f"{name} is not published: {trouble}"
        before = state.outcome
        message = same_words(before.message, said) if before and before.reason is reason else said
        return PublishResult(step.number, step.place.copy, False, reason, message, progress)

    def _judged(
        self, assistant: Assistant, copy: Copy, trouble: ServerTrouble, failures: int
    ) -> tuple[Reason, Progress]:
        """Reason and fate of a trouble with the server of a copy that came so many times before."""
        if trouble.reason is Reason.SERVER_UNAUTHORIZED:
            self._prober.credentials.forget(assistant.metadata.namespace, copy)
        if trouble.reason is not Reason.SERVER_UNREACHABLE:
            return trouble.reason, Progress.REJECT
        is_internal = isinstance(trouble, ServerUnavailable) and trouble.status == _INTERNAL_ERROR
        if is_internal and failures >= _MOST_INTERNAL_ERRORS:
            return Reason.PUBLICATION_REFUSED, Progress.REJECT
        return trouble.reason, Progress.WAIT

    async def _recorded(self, assistant: Assistant, outcome: PublishResult) -> PublishResult:
        """The same with the server's own number in the version's status, or with why that cannot be written there."""
        name, number = version_name(assistant.metadata.name, outcome.number), outcome.server_version or 0
        try:
            await self._cluster.versions.record_server_version((assistant.metadata.namespace, name), number)
        except ClusterRefused as refused:
            said = f"serverVersion {number} cannot be written into the status of {name}: {refused}"
            trouble = same_words(outcome.trouble, said)
            log.warning("published copy namespace=%s name=%s: %s", *assistant.key, trouble)
            self._event_publisher.not_recorded(assistant, trouble)
            return replace(outcome, reason=Reason.SERVER_VERSION_REFUSED, trouble=trouble)
        return replace(outcome, reason=Reason.PUBLISHED, trouble="", server_version=None)

    async def _record_again(self, world: PublicationInput) -> float | None:
        state = self._state(world.assistant)
        if world.outcome is None:
            return None
        outcome = await self._recorded(world.assistant, world.outcome)
        self._conclude(world.assistant, outcome)
        if outcome.server_version:
            return state.pause("record", _LONGEST_REFUSED)
        state.succeeded("record")
        return None

    async def _withdraw(self, world: PublicationInput, copy: Copy) -> float | None:
        assistant, state = world.assistant, self._state(world.assistant)
        is_deleted = assistant.metadata.is_being_deleted
        try:
            async with asyncio.timeout(_RETAINED_PATIENCE if is_deleted and world.is_retained else None):
                await self._taken_off(world, copy)
        except (ServerTrouble, TimeoutError) as error:
            late = ServerUnavailable(f"{copy.server}: no answer in time")
            trouble = error if isinstance(error, ServerTrouble) else late
            if await self._is_lost(assistant, trouble):
                log.warning(
                    "abandoned copy namespace=%s name=%s assistant_id=%s: %s",
                    *assistant.key,
                    copy.assistant_id,
                    trouble,
                )
                state.lost |= {copy}
                return None
            return self._not_withdrawn(world, copy, trouble)
        state.succeeded(copy)
        state.hindrances.pop(copy, None)
        state.withdrawn |= {copy}
        state.is_unsure = True  # two addresses may be one server: is the copy that was to stay still there?
        self._enqueue_assistant(assistant.key)
        return None

    async def _is_lost(self, assistant: Assistant, trouble: ServerTrouble) -> bool:
        """Whether it can never be withdrawn: the namespace is being deleted, and its credentials went first."""
        is_gone = isinstance(trouble, CredentialsMissing) and assistant.metadata.is_being_deleted
        return is_gone and await self._cluster.is_namespace_terminating(assistant.metadata.namespace)

    def _not_withdrawn(self, world: PublicationInput, copy: Copy, trouble: ServerTrouble) -> float:
        assistant, state = world.assistant, self._state(world.assistant)
        log.warning("failed withdrawal of copy namespace=%s name=%s: %s", *assistant.key, trouble)
        reason, progress = self._judged(assistant, copy, trouble, state.failures.get(copy, 0))
        self._hindered(world, copy, WithdrawalFailure(reason, str(trouble), progress, copy.server))
        retry_after = trouble.retry_after if isinstance(trouble, ServerUnavailable) else 0.0
        longest = _LONGEST_REFUSED if reason in _REFUSALS else _LONGEST_RETRY
        if since := assistant.metadata.deletion_timestamp:
            left = (since + PATIENCE - world.now).total_seconds() + 1
            longest = min(longest, max(left, _LONGEST_RETRY))
        return state.pause(copy, longest, retry_after)

    async def _taken_off(self, world: PublicationInput, copy: Copy) -> None:
        """Take a copy off its server, unless it is the one that belongs there under another name or address."""
        assistant = world.assistant
        stays = None if assistant.metadata.is_being_deleted else world.place
        if stays and copy.site == stays.copy.site:
            return  # the same assistant, taken over under the present identity
        endpoint = await self._prober.credentials.endpoint_for_withdrawal(assistant.metadata.namespace, copy)
        is_twin = stays is not None and copy.assistant_id == stays.copy.assistant_id
        if stays and is_twin and await self._copies.is_nothing_to_withdraw(assistant, stays, endpoint):
            log.info(
                "found one copy at two addresses namespace=%s name=%s server=%s server=%s",
                *assistant.key,
                copy.server,
                stays.copy.server,
            )
            return
        number = assistant.status.active_version
        version = await self._copies.version(assistant, number) if number else None
        # A deletion in the foreground takes the versions first.
        keys = desired_copy.metadata_keys(version.spec.snapshot if version else assistant.spec.snapshot)
        await self._copies.take_off(endpoint, copy, assistant.key, assistant.spec.deletion_policy, keys)
