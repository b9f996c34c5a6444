"""Validation that did not come to an end is repeated by itself."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from typing import cast

import pytest

from assistant_operator.gateways.cluster import Cluster
from assistant_operator.gateways.schemas import TOO_SLOW, SchemaJudge
from assistant_operator.operator.cache import Cache
from assistant_operator.operator.judgements import Judgements
from assistant_operator.operator.judging import Judging
from assistant_operator.operator.recorder import Recorder
from assistant_operator.operator.wakes import Wakes
from assistant_operator.operator.workqueue import WorkQueue
from assistant_operator.resources.assistant import Snapshot
from assistant_operator.resources.assistant_version import AssistantVersion
from assistant_operator.resources.fit import Fit, Fits, Unusable
from assistant_operator.resources.graph import Schemas
from support.timeless import timeless
from worlds import KEY, a_graph, a_version, a_world, an_assistant


class Answers(SchemaJudge):
    """Gives these answers, one after another, and never starts a process."""

    def __init__(self, *answers: Fit) -> None:
        super().__init__()
        self._answers: Iterator[Fit] = iter(answers)

    async def fit(self, snapshot: Snapshot, schemas: Schemas, tenant: str) -> Fit:  # noqa: ARG002 (as the real one is called)
        return next(self._answers)


class Head:
    """As much of the recorder as is asked: the newest version."""

    def head(self, _: object) -> AssistantVersion:
        return a_version(3)


class Repeated:
    """Validation of version 3, as one Assistant's reconciles go."""

    def __init__(self, *answers: Fit) -> None:
        self.cache, self.judgements = Cache(), Judgements()
        self.cache.recorded[KEY] = an_assistant()
        self.cache.put_graph(a_graph(contextSchema={"type": "object"}))
        self.wakes = Wakes(self.cache, self.judgements, here=_queue(), there=_queue())
        recorder, cluster = cast("Recorder", Head()), cast("Cluster", None)
        judge = Answers(*answers)
        self.judging = Judging(cluster, self.cache, recorder, judge, self.judgements, again=self.wakes.rejudge_later)

    async def judge(self) -> bool | None:
        """What is found out, and then the Assistant is at rest."""
        await self.judging.find_out(replace(a_world(), judged={}), 3)
        found = self.judgements.of(KEY)[3]
        self.judgements.forget(KEY)
        return found.valid


def _queue() -> WorkQueue:
    return WorkQueue(interval=0.1)


@pytest.mark.parametrize(
    ("answer", "seconds"),
    [
        pytest.param(Unusable(TOO_SLOW, 60.0, is_passing=True), 60, id="for want of processor time"),
        pytest.param(Unusable("it crashed", 120.0), 120, id="the process crashed"),
    ],
)
def test_an_assistant_is_validated_again_when_its_time_has_come(answer: Fit, seconds: float) -> None:
    async def story() -> None:
        one = Repeated(answer, Fits())
        loop = asyncio.get_running_loop()
        started = loop.time()
        assert await one.judge() is None
        assert not one.judgements.is_judged_anew(KEY)
        assert await one.wakes.here.take() == ("Assistant", KEY)
        assert loop.time() - started == pytest.approx(seconds)
        assert one.judgements.is_judged_anew(KEY), "its kept versions may be marked Unknown, too"
        one.wakes.here.done(("Assistant", KEY))
        assert await one.judge() is True

    timeless(story())


def test_what_is_final_is_not_asked_again() -> None:
    async def story() -> None:
        one = Repeated(Unusable("no schema"))
        assert await one.judge() is None
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(one.wakes.here.take(), 100_000)

    timeless(story())


def test_several_results_of_one_assistant_are_one_reconcile() -> None:
    async def story() -> None:
        one = Repeated(*[Unusable(TOO_SLOW, 60.0, is_passing=True)] * 3)
        for _ in range(3):
            assert await one.judge() is None
        await one.wakes.here.take()
        one.wakes.here.done(("Assistant", KEY))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(one.wakes.here.take(), 100_000)

    timeless(story())


def test_an_assistant_that_is_gone_is_left_alone() -> None:
    async def story() -> None:
        one = Repeated(Unusable(TOO_SLOW, 60.0, is_passing=True))
        await one.judge()
        one.cache.drop_recorded(an_assistant())
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(one.wakes.here.take(), 1000)
        assert not one.judgements.is_judged_anew(KEY)

    timeless(story())
