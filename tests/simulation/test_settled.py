"""What a settled cluster costs: comparisons list what there is, and read and write nothing else."""

import asyncio
from collections import Counter
from urllib.parse import parse_qs, urlsplit

import pytest

from assistant_operator.manager.resync import EVERY
from harness.simulated_world import World, simulated

COMPARISONS = 4
EDITS = 40
_LISTED = "/apis/assistant-operator.dev/v1alpha1/"
_OF_THE_WATCHES = {
    (plural, shape) for plural in ("assistants", "graphs", "assistantversions") for shape in ("page", "watch")
}
"""A watch that ended is opened again, after a page of one object that tells whether the storage went back."""


@pytest.mark.parametrize("count", [3, 60])
def test_a_comparison_of_settled_objects_costs_one_list_of_each_kind(count: int) -> None:
    calls: list[tuple[str, str]] = []

    async def story(world: World) -> None:
        world.person.graph("writer", defaultAssistant={"policy": "None"})
        for number in range(count):
            world.person.assistant(f"bot{number}", context={"prompt": "a"})
        await world.until_ready()
        await world.settle()
        before = len(world.faults.seen)
        await asyncio.sleep(COMPARISONS * 1.2 * EVERY)
        calls.extend((each.method, each.path) for each in world.faults.seen[before:])

    with simulated() as world:
        world.run(story(world))
    kinds = Counter(_shape(path) for _, path in calls)
    assert {method for method, _ in calls} == {"GET"}
    lists = {each: number for each, number in kinds.items() if each not in _OF_THE_WATCHES}
    assert lists.keys() == {("assistants", "list"), ("graphs", "list"), ("assistantaliases", "list")}, kinds
    assert all(COMPARISONS <= number <= 1.5 * COMPARISONS for number in lists.values()), kinds
    assert sum(kinds.values()) < 8 * COMPARISONS, kinds


def _shape(path: str) -> tuple[str, str]:
    """Which kind a call is about, and how; the whole path of a call that is about one object."""
    url = urlsplit(path)
    plural = url.path.removeprefix(_LISTED)
    query = parse_qs(url.query)
    if "/" in plural:
        return url.path, "object"
    return plural, "watch" if "watch" in query else "page" if "limit" in query else "list"


@pytest.mark.parametrize("pause", [0.05, 3.0], ids=["a burst", "one by one"])
def test_edits_are_recorded_nearly_without_a_read(pause: float) -> None:
    """A version is read if an earlier edit is being reconciled when a watch shows it before its create is answered."""
    calls: list[tuple[str, str]] = []

    async def story(world: World) -> None:
        world.person.graph("writer", defaultAssistant={"policy": "None"}, contextSchema={"type": "object"})
        world.person.assistant("bot", context={"prompt": "a"}, versioning={"historyLimit": 2 * EDITS})
        await world.until_ready()
        await world.settle()
        before = len(world.faults.seen)
        for number in range(EDITS):
            world.person.edit("Assistant", "bot", context={"prompt": f"{number}"})
            await asyncio.sleep(pause)
        await world.settle()
        calls.extend((each.method, urlsplit(each.path).path) for each in world.faults.seen[before:])

    with simulated() as world:
        world.run(story(world))
    namespace = f"{_LISTED}namespaces/team/"
    found = Counter((method, path.removeprefix(namespace)) for method, path in calls if path.startswith(namespace))
    created = found.pop(("POST", "assistantversions"))
    statuses = found.pop(("PATCH", "assistants/bot/status"))
    marks = sum(found.pop(each) for each in [*found] if each[0] == "PATCH" and "/bot-v" in each[1])
    reads = sum(found.pop(each) for each in [*found] if each[0] == "GET" and "/bot-v" in each[1])
    assert not found
    assert reads <= (0 if pause > 1 else EDITS / 10)
    assert created == EDITS
    assert statuses <= EDITS + 1
    assert marks <= 2 * EDITS, "a version is active, and then it is not"
