"""Reconciles one AssistantAlias: which version it stands for, and its status, which records each move."""

import logging
from datetime import UTC, datetime
from functools import partial
from typing import Protocol

from assistant_operator.api.assistant_alias import AssistantAlias, AssistantAliasStatus
from assistant_operator.api.assistant_version import version_name
from assistant_operator.api.meta import Key, condition
from assistant_operator.api.reason import Reason
from assistant_operator.clients.kubernetes.cluster import Cluster
from assistant_operator.controllers.events import EventPublisher
from assistant_operator.controllers.step_taker import OUTRUN_PAUSE, Attempt, StepTaker
from assistant_operator.controllers.unstored import STORE, report_unstored
from assistant_operator.controllers.users import AuthenticatedUsers
from assistant_operator.policy.alias import (
    AliasInput,
    AliasStep,
    MoveDecision,
    ReadVersion,
    UpdateAliasStatus,
    decide,
    new_moves,
    step,
)
from assistant_operator.policy.conditions import Finding, restated
from assistant_operator.policy.desired_copy import Target, target_of
from assistant_operator.policy.kept_versions import NO_VERSIONS
from assistant_operator.runtime.metrics import Metrics
from assistant_operator.runtime.refusals import StepId
from assistant_operator.runtime.steps import Requeue, StepLoop
from assistant_operator.store.records import AliasRecord
from assistant_operator.store.store import Store

log = logging.getLogger(__name__)

_MOST_STEPS = 8
_PAUSE = 0.1
_UPDATE_STATUS: StepId = ("UpdateAliasStatus", 0)
REASONS: dict[str, tuple[Reason, str]] = {"UpdateAliasStatus": (Reason.STATUS_REFUSED, "UpdateStatus")}
"""Reason and action of the event of a refused step."""


class Triggers(Protocol):
    """See manager/triggers.py."""

    def enqueue_aliased(self, assistant: Key) -> None: ...

    def enqueue_publication(self, copy_key: Key) -> None: ...


class AliasReconciler:
    """The controller "alias"."""

    def __init__(
        self,
        cluster: Cluster,
        store: Store,
        users: AuthenticatedUsers,
        *,
        cluster_name: str,
        event_publisher: EventPublisher,
        metrics: Metrics,
        triggers: Triggers,
    ) -> None:
        self._cluster = cluster
        self._store = store
        self._users = users
        self._cluster_name = cluster_name
        self._step_taker = StepTaker("alias", REASONS, event_publisher, metrics)
        self._event_publisher = event_publisher
        self._metrics = metrics
        self._triggers = triggers

    async def reconcile(self, key: Key) -> float | None:
        """Take the steps that are due. Returns the seconds until the next one is; None if none is planned."""
        attempt, findings = Attempt(), dict[int, Finding]()
        loop: StepLoop[AliasInput, AliasStep] = StepLoop(
            partial(self._gather, key, findings),
            partial(self._decide, attempt),
            partial(self._take, attempt, findings),
            most=_MOST_STEPS,
            otherwise=_PAUSE,
        )
        requeue_after = await loop.run()
        attempt.raise_failure()
        if record := self._store.aliases.get(key):
            self._triggers.enqueue_publication(record.latest.copy_key)
        return requeue_after

    async def _gather(self, key: Key, findings: dict[int, Finding]) -> AliasInput | None:
        record = self._store.aliases.get(key)
        if record is None:
            return None
        alias = record.latest
        if record.edits[-1].generation > alias.status.observed_generation:
            await self._users.check(alias)
        if record.writes.unstored and not record.refusals.is_held(STORE):
            await self._read_stored_status(record, record.writes.unstored.sent)
        target = None
        if not alias.metadata.is_being_deleted and self._store.has_servers(key[0]):
            target = await self._target(record, decide(self._input(record, findings)))
        return None if record.is_gone else self._input(record, findings, target)

    async def _read_stored_status(self, record: AliasRecord, sent: AssistantAliasStatus) -> None:
        """A watch that began before the CustomResourceDefinition changed goes on without the fields that it lacked."""
        live = await self._cluster.alias(record.latest.key)
        if live and self._store.has(live) and live.status == sent:
            record.observe(live)

    def _input(self, record: AliasRecord, findings: dict[int, Finding], target: Target | None = None) -> AliasInput:
        alias = record.latest
        of = self._store.assistants.get(alias.assistant_key)
        return AliasInput(
            alias=alias,
            edits=record.edits,
            now=datetime.now(UTC).replace(microsecond=0),
            assistant=of.latest if of else None,
            kept=self._store.versions.kept(alias.assistant_key, of.uid) if of else NO_VERSIONS,
            findings={**findings, **(of.validation.results if of else {})},
            is_revalidating=of is not None and of.validation.is_revalidating,
            is_user_protected=self._users.is_protected(alias),
            target=target,
            publish_result=record.publication.reported(alias),
            withdrawn=record.publication.withdrawn,
            unstored=report_unstored(alias, record.writes, record.refusals, self._event_publisher, self._metrics),
        )

    async def _target(self, record: AliasRecord, decision: MoveDecision) -> Target | None:
        """Return where that version is published to; None if it does not exist, or its Graph declares no server."""
        alias, number = record.latest, decision.version
        namespace, assistant = alias.assistant_key
        if number is None:
            return None
        if not self._store.versions.has(alias.assistant_key, number, decision.digest):
            return self._present_target(alias)
        known, name = record.publication.graph
        if known != number:
            version = await self._cluster.versions.read((namespace, version_name(assistant, number)))
            if version is None:
                return self._present_target(alias)
            name = version.spec.snapshot.graph_ref.name
            record.publication.graph = (number, name)
        if of := self._store.assistants.get(alias.assistant_key):
            self._store.add_validating_graph(of, (namespace, name))
        graph = self._store.graph((namespace, name))
        return target_of(graph, alias.copy_key, self._cluster_name) if graph else None

    def _present_target(self, alias: AssistantAlias) -> Target | None:
        """The version is gone: the copy stays where the status records it."""
        return Target(alias.status.copies[0], "", is_default=False) if alias.status.copies else None

    def _decide(self, attempt: Attempt, input: AliasInput) -> AliasStep | Requeue | None:
        refusals = self._store.alias_record_of(input.alias).refusals
        due = step(input)
        present = {_UPDATE_STATUS} if isinstance(due, UpdateAliasStatus) else set[StepId]()
        if input.unstored and input.unstored.is_tried_again and due is None:
            self._store.alias_record_of(input.alias).writes.unstored = None  # the status is another one by now
            return None
        refusals.keep(present | ({STORE} if input.unstored else set()))
        if due is None:
            return Requeue(refusals.wait())
        if isinstance(due, ReadVersion):
            return due
        if attempt.is_outrun:
            return Requeue(OUTRUN_PAUSE)
        if attempt.failed or not refusals.is_due(_UPDATE_STATUS):
            return Requeue(refusals.wait())
        return due

    async def _take(self, attempt: Attempt, findings: dict[int, Finding], input: AliasInput, due: AliasStep) -> None:
        record = self._store.alias_record_of(input.alias)
        log.debug("started step kind=AssistantAlias namespace=%s name=%s step=%r", *input.alias.key, due)
        self._metrics.step("alias", type(due).__name__)
        if isinstance(due, ReadVersion):
            findings[due.number] = await self._read_finding(input, due.number)
            return
        await self._step_taker.take(
            input.alias,
            record.refusals,
            _UPDATE_STATUS,
            partial(self._update_status, attempt, input, due.status),
            attempt,
            write=due,
        )

    async def _read_finding(self, input: AliasInput, number: int) -> Finding:
        """Return what the condition Valid of that version says."""
        key = (input.alias.metadata.namespace, version_name(input.alias.spec.assistant_ref.name, number))
        version = await self._cluster.versions.read(key)
        valid = condition(version.status.conditions, "Valid") if version else None
        if valid is None:
            return Finding(None, Reason.VALIDATING, "it is not validated yet")
        return restated(valid)

    async def _update_status(self, attempt: Attempt, input: AliasInput, status: AssistantAliasStatus) -> None:
        alias, record = input.alias, self._store.alias_record_of(input.alias)
        outcome = await self._cluster.update_status(alias, status)
        if not isinstance(outcome, int):  # it is gone, or another operator wrote the status
            attempt.is_outrun = True
            await self._read_again(record)
        elif not record.is_gone:
            record.assume_status(status, outcome)
            if input.unstored and input.unstored.sent == status:  # until an event shows that it was stored
                record.refusals.refused(STORE, "")
                await self._read_stored_status(record, status)
            self._event_publisher.reported(alias, status)
            if moves := new_moves(alias.status, status):
                if status.version == alias.status.version:  # other content, of an Assistant that was created anew
                    record.publication.graph, record.publication.is_unsure = (0, ""), True
                self._metrics.moved(moves)
                self._triggers.enqueue_aliased(alias.assistant_key)

    async def _read_again(self, record: AliasRecord) -> None:
        record.writes.discard_status()
        live = await self._cluster.alias(record.latest.key)
        if live and self._store.has(live):  # else the watch is about to show it, or it is gone by now
            self._store.upsert_alias(live)
