"""Validation of one version and of many; one that did not come to an end is repeated by itself."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import cast

import pytest

from assistant_operator.api.assistant import Snapshot
from assistant_operator.api.graph import Schemas
from assistant_operator.api.reason import Reason
from assistant_operator.api.schema_result import Fit, Invalid, SchemaError, Valid
from assistant_operator.clients.kubernetes.cluster import Cluster
from assistant_operator.clients.schema.validator import TOO_SLOW, SchemaValidator
from assistant_operator.controllers.validation import VersionValidator
from assistant_operator.policy.assistant_input import ValidationResult
from assistant_operator.runtime.workqueue import WorkQueue
from assistant_operator.store.store import Store
from harness.support.timeless import timeless
from harness.worlds import KEY, a_digest, a_graph, a_version, a_world, an_assistant


class Answers(SchemaValidator):
    """Gives these answers, one after another, and never starts a process."""

    def __init__(self, *answers: Fit) -> None:
        super().__init__()
        self._answers: Iterator[Fit] = iter(answers)

    async def fit_all(self, snapshots: Sequence[Snapshot], schemas: Schemas, tenant: str) -> list[Fit]:  # noqa: ARG002 (as the real one is called)
        return [next(self._answers) for _ in snapshots]


class Repeated:
    """Validation of version 3, as one Assistant's reconciles go."""

    def __init__(self, *answers: Fit) -> None:
        self.store = Store()
        self.store.upsert_assistant(an_assistant())
        self.record = self.store.assistants[KEY]
        self.record.capture_up_to(an_assistant())
        self.record.capture.head = a_version(3)
        self.store.upsert_graph(a_graph(contextSchema={"type": "object"}))
        self.queue = WorkQueue(interval=0.1)
        cluster = cast("Cluster", None)
        judge = Answers(*answers)
        self.validator = VersionValidator(cluster, self.store, judge, enqueue_assistant=self.queue.add)

    async def judge(self) -> bool | None:
        """What is found out, and then the Assistant is at rest."""
        await self.validator.validate_version(self.record, replace(a_world(), validation_results={}), 3)
        found = self.record.validation.results[3]
        self.record.validation.finish()
        return found.holds

    def is_revalidating(self) -> bool:
        return self.record.validation.is_revalidating


@pytest.mark.parametrize(
    ("answer", "seconds"),
    [
        pytest.param(SchemaError(TOO_SLOW, 60.0, is_transient=True), 60, id="for want of processor time"),
        pytest.param(SchemaError("it crashed", 120.0), 120, id="the process crashed"),
    ],
)
def test_an_assistant_is_validated_again_when_its_time_has_come(answer: Fit, seconds: float) -> None:
    async def story() -> None:
        one = Repeated(answer, Valid())
        loop = asyncio.get_running_loop()
        started = loop.time()
        assert await one.judge() is None
        assert not one.is_revalidating()
        assert await one.queue.take() == KEY
        assert loop.time() - started == pytest.approx(seconds)
        assert one.is_revalidating(), "its kept versions may be marked Unknown, too"
        one.queue.done(KEY)
        assert await one.judge() is True

    timeless(story())


def test_what_is_final_is_not_asked_again() -> None:
    async def story() -> None:
        one = Repeated(SchemaError("no schema"))
        assert await one.judge() is None
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(one.queue.take(), 100_000)

    timeless(story())


def test_several_results_of_one_assistant_are_one_reconcile() -> None:
    async def story() -> None:
        one = Repeated(*[SchemaError(TOO_SLOW, 60.0, is_transient=True)] * 3)
        for _ in range(3):
            assert await one.judge() is None
        await one.queue.take()
        one.queue.done(KEY)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(one.queue.take(), 100_000)

    timeless(story())


def test_an_assistant_that_is_gone_is_left_alone() -> None:
    async def story() -> None:
        one = Repeated(SchemaError(TOO_SLOW, 60.0, is_transient=True))
        await one.judge()
        one.store.drop_assistant(KEY)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(one.queue.take(), 1000)
        assert not one.is_revalidating()

    timeless(story())


def test_versions_that_were_listed_are_validated_together_and_each_keeps_its_result() -> None:
    async def story() -> None:
        one = Repeated(Valid(), Invalid("no"))
        altered = a_version(5)
        altered = altered.model_copy(update={"spec": altered.spec.model_copy(update={"digest": a_digest(9)})})
        known = one.record.validation.results[1] = ValidationResult(True, Reason.SCHEMA_ACCEPTED, "known")
        listed = [a_version(1), a_version(3, graphRef={"name": "other"}), a_version(2), altered, a_version(4)]
        await one.validator.validate_listed((one.record, each) for each in listed)
        results = one.record.validation.results
        assert {number: each.holds for number, each in results.items()} == {
            1: True,
            2: True,
            3: None,
            4: False,
            5: False,
        }
        assert results[1] is known
        assert one.store.validated_by((KEY[0], "other")) == {KEY}

    timeless(story())


def test_a_result_that_comes_after_another_change_of_schemas_is_dropped() -> None:
    class Changing(Answers):
        """The schemas change while it validates."""

        async def fit_all(self, snapshots: Sequence[Snapshot], schemas: Schemas, tenant: str) -> list[Fit]:
            one.record.validation.invalidate(include_kept_versions=True)
            return await super().fit_all(snapshots, schemas, tenant)

    one = Repeated(Valid())
    one.validator = VersionValidator(
        cast("Cluster", None), one.store, Changing(Valid()), enqueue_assistant=one.queue.add
    )
    timeless(one.validator.validate_listed([(one.record, a_version(2))]))
    assert one.record.validation.results == {}
