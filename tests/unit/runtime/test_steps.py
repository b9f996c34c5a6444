"""The loop of a reconcile: gather, decide, act, requeue."""

import asyncio

import pytest

from assistant_operator.runtime.steps import Requeue, StepLoop

GONE = "gone"


class Story:
    """A loop whose decisions are given, and which writes down what it does."""

    def __init__(self, *decisions: str | Requeue | None) -> None:
        self.decisions = iter(decisions)
        self.present: str | Requeue | None = None
        self.did: list[str] = []

    async def gather(self) -> str | None:
        self.present = next(self.decisions)
        self.did.append("gather")
        return None if self.present == GONE else "input"

    def decide(self, _: str) -> str | Requeue | None:
        return self.present

    async def act(self, _: str, step: str) -> None:
        if step == "fail":
            raise OSError(step)
        self.did.append(step)

    def run(self, most: int = 5) -> float | None:
        loop: StepLoop[str, str] = StepLoop(self.gather, self.decide, self.act, most=most, otherwise=9.0)
        return asyncio.run(loop.run())


@pytest.mark.parametrize(
    ("decisions", "did", "seconds"),
    [
        pytest.param([Requeue(None)], [], None, id="nothing is due, and nothing will be"),
        pytest.param([Requeue(3.0)], [], 3, id="nothing is due yet"),
        pytest.param([GONE], [], None, id="the object is gone"),
        pytest.param(["a", "b", Requeue(None)], ["a", "b"], None, id="each step is decided after the one before"),
        pytest.param(["a", GONE], ["a"], None, id="it goes while a step is taken"),
        pytest.param([None, "a", Requeue(2.0)], ["a"], 2, id="the input is out of date"),
        pytest.param(["a"] * 5, ["a"] * 5, 9, id="others have their turn"),
        pytest.param([None] * 5, [], 9, id="also if the input is out of date each time"),
    ],
)
def test_steps_are_taken_until_none_is_due(
    decisions: list[str | Requeue | None], did: list[str], seconds: float | None
) -> None:
    story = Story(*decisions)
    assert story.run() == seconds
    assert [each for each in story.did if each != "gather"] == did
    assert story.did.count("gather") == len(decisions), "each decision has an input of its own"


def test_an_error_ends_it() -> None:
    with pytest.raises(OSError, match="fail"):
        Story("a", "fail", "b").run()
