"""Reconciles the copies of one object on LangGraph Servers. Each new result enqueues the object."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from weakref import WeakSet

from assistant_operator.api.assistant import Copy
from assistant_operator.api.assistant_alias import AssistantAliasSpec, Published
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
from assistant_operator.policy.conditions import Finding
from assistant_operator.policy.deletion import WithdrawalFailure
from assistant_operator.policy.desired_copy import Target
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
from assistant_operator.store.publication_state import PublicationState
from assistant_operator.store.store import Store

from .copies import Copies, NotYet
from .probes import ServerProber

log = logging.getLogger(__name__)

_BUSY, _PENDING, _LONGEST_RETRY, _LONGEST_REFUSED = 0.1, 0.5, 30.0, 300.0
_REFUSALS = {Reason.PUBLICATION_REFUSED, Reason.SERVER_UNAUTHORIZED}
"""Reasons that do not pass by themselves, so that the pauses between tries may be longer."""
_RETAINED_PATIENCE = 3.0
"""Seconds for which the deletion of an Assistant whose copies stay tries to mark them so."""
_INTERNAL_ERROR, _MOST_INTERNAL_ERRORS = 500, 3
"""The status code, and how many in a row count as transient."""
_MOST_STEPS = 20
_MOST_RECONCILES = 500
"""Reconciles a second of all Assistants together that wait for a busy server."""


class PublicationReconciler:
    """The controller "publication": publishes and withdraws copies, and keeps the finalizer that a withdrawal needs.

    Its keys are copy keys: of Assistants and of their aliases.
    """

    def __init__(
        self,
        cluster: Cluster,
        store: Store,
        schema_validator: SchemaValidator,
        prober: ServerProber,
        copies: Copies,
        *,
        event_publisher: EventPublisher,
        metrics: Metrics,
        enqueue_published: Callable[[Key], None],
    ) -> None:
        self._cluster = cluster
        self._store = store
        self._schema_validator = schema_validator
        self._prober = prober
        self._copies = copies
        self._event_publisher = event_publisher
        self._metrics = metrics
        self._enqueue_published = enqueue_published
        self._waiting: WeakSet[PublicationState] = WeakSet()
        """States of objects whose server is busy."""

    def _state(self, published: Published) -> PublicationState:
        return self._store.published_record_of(published).publication

    async def reconcile(self, key: Key) -> float | None:
        """Take the steps that are due. Returns the seconds until the next one is; None if none is planned."""
        stuck: dict[Step, float] = {}

        def decide(input: PublicationInput) -> Step | Requeue:
            step = next((each for each in steps(input) if each not in stuck), None)
            return step or Requeue(min(stuck.values(), default=None))

        async def act(input: PublicationInput, step: Step) -> None:
            if (later := await self._act(input, step)) is not None:
                stuck[step] = later

        loop: StepLoop[PublicationInput, Step] = StepLoop(
            partial(self._gather, key), decide, act, most=_MOST_STEPS, otherwise=_PENDING
        )
        return await loop.run()

    async def _gather(self, key: Key) -> PublicationInput | None:
        published = self._store.published(key)
        input = await self._gather_input(published) if published else None
        return input if input and self._store.has(input.published) else None

    async def _gather_input(self, published: Published) -> PublicationInput:
        state = self._state(published)
        graph = await self._copies.graph_of(published)
        is_open = state.is_unsure or state.drift is not None
        return PublicationInput(
            published,
            now=datetime.now(UTC),
            target=self._copies.place(graph, published),
            is_target_known=graph is not None,
            is_held=FINALIZER in published.metadata.finalizers,
            publish_result=None if is_open else state.outcome or remembered(published),
            withdrawn=state.withdrawn,
            lost=state.lost,
        )

    async def _act(self, input: PublicationInput, step: Step) -> float | None:
        """Take one step. Returns the seconds until it is to be tried again; None if it is done."""
        log.debug(
            "started step kind=%s namespace=%s name=%s step=%r", input.published.kind_name, *input.published.key, step
        )
        self._metrics.step("publication", type(step).__name__)
        match step:
            case AddFinalizer():
                return await self._hold(input, on=True)
            case RemoveFinalizer(abandoned):
                later = await self._hold(input, on=False)
                if later is None and abandoned:
                    self._event_publisher.abandoned(input.published, [copy.server for copy in abandoned])
                if later is None and input.is_retained:
                    self._copies.retain(input.pending)
                return later
            case Publish():
                return await self._publish(input, step)
            case RecordServerVersion():
                return await self._record_again(input)
            case Withdraw(copy):
                return await self._withdraw(input, copy)

    async def _hold(self, input: PublicationInput, *, on: bool) -> float | None:
        """Add or remove the finalizer. A refusal does not block the other steps."""
        state = self._state(input.published)
        try:
            at = await self._cluster.set_finalizer(input.published, FINALIZER, on=on)
        except ClusterRefused as refused:
            log.warning(
                "refused change of finalizer kind=%s namespace=%s name=%s: %s",
                input.published.kind_name,
                *input.published.key,
                refused,
            )
            if on:
                self._not_held(input, str(refused))
            else:
                self._hindered(input, None, WithdrawalFailure(Reason.FINALIZER_REFUSED, str(refused)))
            return state.pause("finalizer", _LONGEST_REFUSED)
        if at is None:
            return state.pause("finalizer", _LONGEST_RETRY)  # it is gone, which the watch is about to show
        self._store.published_record_of(input.published).assume_finalizer(FINALIZER, is_present=on, at=at)
        state.succeeded("finalizer")
        if state.hindrances.pop(None, None):
            self._enqueue_published(input.published.copy_key)
        if state.outcome and state.outcome.reason is Reason.FINALIZER_REFUSED:
            state.outcome = None
        return None

    def _not_held(self, input: PublicationInput, refusal: str) -> None:
        """Report that nothing is published, because a deletion would not wait for its withdrawal."""
        said = f"nothing is published while finalizer '{FINALIZER}' cannot be added: {refusal}"
        if input.target is None:
            self._event_publisher.not_held(input.published, said)
            return
        before = self._state(input.published).outcome
        message = same_words(before.message, said) if before else said
        number, policy = input.published.in_force or 0, input.published.spec.deletion_policy
        refused = PublishResult(
            False, Reason.FINALIZER_REFUSED, message, number=number, copy=input.target.copy, policy=policy
        )
        self._metrics.published(refused.reason)
        self._conclude(input.published, refused)

    def _conclude(self, published: Published, outcome: PublishResult) -> None:
        """Keep the result. If it differs from the last one, the object is enqueued: its status reports it."""
        state = self._state(published)
        before, state.outcome = state.outcome, outcome
        if outcome != before:
            self._enqueue_published(published.copy_key)

    def _hindered(self, input: PublicationInput, copy: Copy | None, hindrance: WithdrawalFailure) -> None:
        """A copy is not withdrawn, or the finalizer is not removed: report it in the status, and in one event."""
        state, published = self._state(input.published), input.published
        if state.outcome is None and not published.metadata.is_being_deleted:
            state.is_unsure = True  # the status reports it beside a result, which this process does not have yet
        if not state.hinder(copy, hindrance):
            return
        self._event_publisher.hindered(published, state.hindrances[copy])
        self._enqueue_published(published.copy_key)

    async def _publish(self, input: PublicationInput, step: Publish) -> float | None:
        published, state = input.published, self._state(input.published)
        if self._prober.servers.is_busy(step.target.copy.server):
            self._waiting.add(state)
            return max(_BUSY, len(self._waiting) / _MOST_RECONCILES)
        self._waiting.discard(state)
        state.withdrawn -= {step.target.copy}  # the copy may exist again from now on
        try:
            outcome = await self._published(published, step.number, step.target)
        except NotYet:
            return _PENDING
        except ServerTrouble as trouble:
            outcome = self._failed(input, step, trouble)
        outcome = replace(outcome, policy=published.spec.deletion_policy)
        self._metrics.published(outcome.reason)
        if outcome.server_version:
            outcome = await self._recorded(published, outcome)
        self._conclude(published, outcome)
        if not outcome.holds:
            return state.pause("publish", _LONGEST_REFUSED if outcome.reason in _REFUSALS else _LONGEST_RETRY)
        state.succeeded("publish")
        state.is_unsure = False
        if (fields := state.drift) is not None:
            state.drift = None
            self._event_publisher.drifted(published, step.target.copy.server, fields)
        return None

    async def _published(self, published: Published, number: int, place: Target) -> PublishResult:
        name = version_name(published.assistant_key[1], number)
        graph = await self._copies.graph_of(published)
        probe = self._store.graph_record_of(graph).probe_result() if graph else None
        version = await self._copies.version(published, number)
        if graph is None or probe is None or version is None:
            raise NotYet
        unfit = await self._unfit(graph, version) if probe.holds else probe
        if unfit:
            message = f"{name} is not published: {unfit.message}"
            return PublishResult(False, unfit.reason, message, unfit.is_transient, number=number, copy=place.copy)
        return await self._copies.put(published, version, place)

    async def _unfit(self, graph: Graph, version: AssistantVersion) -> Finding | None:
        """Return why the version may not be published; None if it may."""
        if not version.is_intact:
            return Finding(False, Reason.CONTENT_ALTERED, "its content is not what its digest was taken of")
        namespace, name = graph.key
        if not graph.knows_schemas:
            return Finding(None, Reason.PROBING, f"the schemas of graph '{name}' are not known yet")
        fit = await self._schema_validator.fit(version.spec.snapshot, graph.schemas, namespace)
        if isinstance(fit, SchemaError):
            message = f"graph '{name}' cannot judge it: {fit.why}"
            return Finding(None, Reason.SCHEMA_UNUSABLE, message, fit.is_transient)
        if not isinstance(fit, Valid):
            return Finding(False, Reason.SCHEMA_REFUSED, f"graph '{name}' refuses it")
        return None

    def _failed(self, input: PublicationInput, step: Publish, trouble: ServerTrouble) -> PublishResult:
        name, state = version_name(input.published.assistant_key[1], step.number), self._state(input.published)
        reason = self._reason_of(input.published, step.target.copy, trouble, state.failures.get("publish", 0))
        said = f"{name} is not published: {trouble}"
        before = state.outcome
        message = same_words(before.message, said) if before and before.reason is reason else said
        return PublishResult(False, reason, message, number=step.number, copy=step.target.copy)

    def _reason_of(self, published: Published, copy: Copy, trouble: ServerTrouble, failures: int) -> Reason:
        """Return the reason of an error of a server. `failures`: how many there were in a row before."""
        if trouble.reason is Reason.SERVER_UNAUTHORIZED:
            self._prober.credentials.forget(published.metadata.namespace, copy)
        is_internal = isinstance(trouble, ServerUnavailable) and trouble.status == _INTERNAL_ERROR
        is_unreachable = trouble.reason is Reason.SERVER_UNREACHABLE
        if is_unreachable and is_internal and failures >= _MOST_INTERNAL_ERRORS:
            return Reason.PUBLICATION_REFUSED
        return trouble.reason

    async def _recorded(self, published: Published, outcome: PublishResult) -> PublishResult:
        """Write the server's version number into the version's status. Returns the result, with why that failed."""
        name, number = version_name(published.assistant_key[1], outcome.number), outcome.server_version or 0
        try:
            await self._cluster.versions.record_server_version((published.metadata.namespace, name), number)
        except ClusterRefused as refused:
            said = f"serverVersion {number} cannot be written into the status of {name}: {refused}"
            trouble = same_words(outcome.trouble, said)
            log.warning("published copy namespace=%s name=%s: %s", *published.key, trouble)
            self._event_publisher.not_recorded(published, trouble)
            return replace(outcome, reason=Reason.SERVER_VERSION_REFUSED, trouble=trouble)
        return replace(outcome, reason=Reason.PUBLISHED, trouble="", server_version=None)

    async def _record_again(self, input: PublicationInput) -> float | None:
        state = self._state(input.published)
        if input.publish_result is None:
            return None
        outcome = await self._recorded(input.published, input.publish_result)
        self._conclude(input.published, outcome)
        if outcome.server_version:
            return state.pause("record", _LONGEST_REFUSED)
        state.succeeded("record")
        return None

    async def _withdraw(self, input: PublicationInput, copy: Copy) -> float | None:
        published, state = input.published, self._state(input.published)
        is_deleted = published.metadata.is_being_deleted
        try:
            async with asyncio.timeout(_RETAINED_PATIENCE if is_deleted and input.is_retained else None):
                await self._delete_copy(input, copy)
        except (ServerTrouble, TimeoutError) as error:
            late = ServerUnavailable(f"{copy.server}: no answer in time")
            trouble = error if isinstance(error, ServerTrouble) else late
            if await self._is_lost(published, trouble):
                log.warning(
                    "abandoned copy namespace=%s name=%s assistant_id=%s: %s",
                    *published.key,
                    copy.assistant_id,
                    trouble,
                )
                state.lost |= {copy}
                return None
            return self._not_withdrawn(input, copy, trouble)
        state.succeeded(copy)
        state.hindrances.pop(copy, None)
        state.withdrawn |= {copy}
        state.is_unsure = True  # two addresses may be one server: the copy that is to stay must be read again
        self._enqueue_published(published.copy_key)
        return None

    async def _is_lost(self, published: Published, trouble: ServerTrouble) -> bool:
        """Return whether a copy can never be withdrawn: its credentials were deleted with the namespace."""
        is_gone = isinstance(trouble, CredentialsMissing) and published.metadata.is_being_deleted
        return is_gone and await self._cluster.is_namespace_terminating(published.metadata.namespace)

    def _not_withdrawn(self, input: PublicationInput, copy: Copy, trouble: ServerTrouble) -> float:
        published, state = input.published, self._state(input.published)
        log.warning("failed withdrawal of copy namespace=%s name=%s: %s", *published.key, trouble)
        reason = self._reason_of(published, copy, trouble, state.failures.get(copy, 0))
        self._hindered(input, copy, WithdrawalFailure(reason, str(trouble), copy.server))
        retry_after = trouble.retry_after if isinstance(trouble, ServerUnavailable) else 0.0
        longest = _LONGEST_REFUSED if reason in _REFUSALS else _LONGEST_RETRY
        if since := published.metadata.deletion_timestamp:
            left = (since + PATIENCE - input.now).total_seconds() + 1
            longest = min(longest, max(left, _LONGEST_RETRY))
        return state.pause(copy, longest, retry_after)

    async def _delete_copy(self, input: PublicationInput, copy: Copy) -> None:
        """Delete a copy, unless it is the one that belongs there under another name or address."""
        published = input.published
        stays = None if published.metadata.is_being_deleted else input.target
        if stays and copy.site == stays.copy.site:
            return  # the same assistant, under the present identity
        endpoint = await self._prober.credentials.endpoint_for_withdrawal(published.metadata.namespace, copy)
        is_twin = stays is not None and copy.assistant_id == stays.copy.assistant_id
        if stays and is_twin and await self._copies.is_nothing_to_withdraw(published, stays, endpoint):
            log.info(
                "found one copy at two addresses namespace=%s name=%s server=%s server=%s",
                *published.key,
                copy.server,
                stays.copy.server,
            )
            return
        number = published.in_force
        version = await self._copies.version(published, number) if number else None
        # In a foreground deletion the versions are deleted first.
        content = version.spec if version else published.spec
        snapshot = None if isinstance(content, AssistantAliasSpec) else content.snapshot
        keys = desired_copy.metadata_keys(snapshot) if snapshot else frozenset[str]()
        await self._copies.delete_copy(endpoint, copy, published.copy_key, published.spec.deletion_policy, keys)
