"""What the simulation found, each as a story of its own."""

from typing import Any

import pytest

from harness.simulated_world import World, simulated
from harness.virtual_http import Answered, Fault, Plan, Seen
from simulation.invariants import Laws
from simulation.scenarios import SCHEMA, Steps, copies, numbers, status


def held(steps: Steps, seed: int = 0) -> World:
    """The world after a story and its settling; the laws held."""
    with simulated(seed) as world:
        laws = Laws(world)

        async def story() -> None:
            world.person.graph("writer", contextSchema=SCHEMA, defaultAssistant={"policy": "None"})
            await steps(world)
            await world.settle()
            laws.check_end()

        world.run(story())
    return world


def test_a_version_labelled_keep_stays_though_the_news_of_the_label_comes_late() -> None:
    async def steps(world: World) -> None:
        world.person.assistant("bot", context={"prompt": "a"}, versioning={"historyLimit": 1})
        await world.until_ready()
        world.cluster.server.endpoint.hold("assistantversions")
        world.person.patch("AssistantVersion", "bot-v1", {"metadata": {"labels": {"assistant-operator.dev/keep": ""}}})
        world.person.edit("Assistant", "bot", context={"prompt": "b"})
        await world.until(lambda: status(world).get("activeVersion") == 2 and world.is_quiet(3))
        world.cluster.server.endpoint.release()

    assert numbers(held(steps)) == [1, 2]


def test_history_goes_on_after_an_orphaning_deletion_whose_news_comes_late() -> None:
    async def steps(world: World) -> None:
        world.person.assistant("bot", context={"prompt": "a"})
        await world.until_ready()
        world.person.edit("Assistant", "bot", context={"prompt": "b"})
        await world.until_ready()
        world.cluster.server.endpoint.hold("assistantversions")
        world.person.delete("Assistant", "bot", "Orphan")
        await world.until(lambda: not world.person.get("Assistant", "bot"))
        world.person.assistant("bot", context={"prompt": "b"})
        await world.until(lambda: status(world).get("observedGeneration") == 1)
        world.cluster.server.endpoint.release()

    assert numbers(held(steps)) == [1, 2], "equal content makes no version"


def test_nothing_is_noted_of_an_assistant_that_goes_while_it_is_published() -> None:
    async def steps(world: World) -> None:
        await world.serve()
        world.person.edit("Graph", "writer", server={"url": "http://langgraph"})
        world.person.assistant("bot", context={"prompt": "a"})
        await world.until_ready()
        path = "/apis/assistant-operator.dev/v1alpha1/namespaces/team/assistants/bot"
        world.faults.plan = lambda seen: Answered(409, {}) if (seen.method, seen.path) == ("GET", path) else None
        world.person.delete("Assistant", "bot")
        await world.until(lambda: not world.person.get("Assistant", "bot"))

    held(steps)  # the laws look for what is left


def test_a_graph_that_is_read_after_a_conflict_moves_its_assistants() -> None:
    """What was read so made the event of it no news: the copy stayed on the old server, unseen by anybody."""

    async def steps(world: World) -> None:
        await world.serve()
        await world.serve("elsewhere")
        world.person.edit("Graph", "writer", server={"url": "http://langgraph"})
        world.person.assistant("bot", context={"prompt": "a"})
        world.faults.plan = _restarting(world)
        await world.until_ready()
        world.person.edit("Graph", "writer", server={"url": "http://elsewhere"})
        await world.until(lambda: "bot" in copies(world, "elsewhere"))

    for seed in range(10):
        assert copies(held(steps, seed)) == {}


def _restarting(world: World) -> Plan:
    """The API server starts anew while the Graph's status is written, once the copy is there: the answer is lost."""
    restarts: list[Seen] = []

    def plan(seen: Seen) -> Fault | None:
        is_it = seen.method == "PATCH" and "/graphs/writer/status" in seen.path and bool(copies(world))
        if is_it and not restarts:
            restarts.append(seen)
            world.cluster.server.restart()
        return None

    return plan


@pytest.mark.parametrize("is_restarted", [False, True], ids=["watched", "the API server was restarted"])
def test_a_latest_version_that_was_deleted_during_a_downtime_is_restored_before_the_next_edit(
    *, is_restarted: bool
) -> None:
    """It existed for a moment, long ago: a search in ever longer steps missed it, and the next chain began anew."""
    lost: list[dict[str, Any]] = []

    async def steps(world: World) -> None:
        world.person.assistant("bot", context={"prompt": "a"})
        await world.until_ready()
        world.person.edit("Assistant", "bot", context={"prompt": "b"})
        await world.until(lambda: status(world).get("latestVersion") == 2)
        lost.append(world.person.get("AssistantVersion", "bot-v2") or {})
        world.simulation.node(world.leader).crash()
        world.person.delete("AssistantVersion", "bot-v2")
        for number in range(100):
            world.person.edit("Graph", "writer", description=str(number))
        world.person.edit("Assistant", "bot", context={"prompt": "c"})
        if is_restarted:
            world.cluster.server.restart()

    world = held(steps)
    assert numbers(world) == [1, 2, 3]
    assert world.history.versions_of("team/bot")[2]["spec"] == lost[0]["spec"]


def test_an_edit_back_to_an_active_version_that_was_restored_after_newer_ones_is_a_version() -> None:
    """It was made again after version 2, yet version 2 is the one before version 3."""

    async def steps(world: World) -> None:
        world.person.assistant("bot", context={"prompt": "a"})
        await world.until_ready()
        world.person.edit("Assistant", "bot", context={"prompt": 5})
        await world.until(lambda: status(world).get("latestVersion") == 2 and world.is_quiet(3))
        world.person.delete("AssistantVersion", "bot-v1")
        await world.until(lambda: numbers(world) == [1, 2])
        world.person.edit("Assistant", "bot", context={"prompt": "a"})
        await world.until_ready()

    change = held(steps).history.versions_of("team/bot")[3]["spec"]["change"]
    assert (change["kind"], change["sameAs"]) == ("Reverted", 1)


def test_a_server_that_told_no_schemas_once_is_asked_again_before_its_period_is_over() -> None:
    """A proxy answered 404: the assistants of the graph waited until the next resync, after five minutes."""

    async def steps(world: World) -> None:
        asked: list[Seen] = []

        def plan(seen: Seen) -> Fault | None:
            if not seen.path.endswith("/schemas"):
                return None
            asked.append(seen)
            return Answered(404, b"404 page not found\n", {"Content-Type": "text/plain"}) if len(asked) == 1 else None

        await world.serve()
        world.faults.plan = plan
        world.person.edit("Graph", "writer", server={"url": "http://langgraph"})
        world.person.assistant("bot", context={"prompt": "a"})
        await world.until(world.is_ready, within=10)

    held(steps)


def test_no_version_is_made_for_an_assistant_whose_name_another_took_while_its_history_was_searched() -> None:
    """Its latest version had been deleted, and what was made meanwhile under that number was another's."""

    async def steps(world: World) -> None:
        searches: list[Seen] = []

        def plan(seen: Seen) -> None:
            if "watch=true&fieldSelector=metadata.name%3Dbot-v1&" in seen.path:
                searches.append(seen)

        world.person.assistant("bot", context={"prompt": "a"})
        await world.until_ready()
        world.simulation.node(world.leader).crash()
        world.person.delete("AssistantVersion", "bot-v1")
        world.person.edit("Assistant", "bot", versioning={"historyLimit": 5})
        world.faults.plan = plan
        await world.until(lambda: searches)
        world.person.delete("Assistant", "bot")
        world.person.assistant("bot", context={"prompt": "b"})
        await world.until_ready()

    world = held(steps)
    made = [(each.number, each.spec["snapshot"]["context"]["prompt"]) for each in world.history.made]
    assert made == [(1, "a"), (1, "b")]
