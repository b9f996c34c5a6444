"""What the simulation found, each as a story of its own."""

import asyncio
from functools import partial
from typing import Any

import pytest

from harness.simulated_api import Policy
from harness.simulated_api.statuses import expired
from harness.simulated_world import World, simulated
from harness.simulated_world.history import controller_of
from harness.virtual_http import Answered, Crash, Delay, Fault, Plan, Reset, Seen, Silence
from simulation import lasting
from simulation.chaos import STRICTER
from simulation.faults import KINDS, withhold
from simulation.invariants import Laws
from simulation.scenarios import SCHEMA, Steps, copies, numbers, status, valid


def held(steps: Steps, seed: int = 0, *, replicas: int = 1) -> World:
    """The world after a story and its settling; the laws held."""
    with simulated(seed, replicas=replicas) as world:
        laws = Laws(world)

        async def story() -> None:
            world.person.graph("writer", contextSchema=SCHEMA, defaultAssistant={"policy": "None"})
            await steps(world)
            await world.settle()
            laws.check_end()

        world.run(story())
    return world


def _late_answers(path: str, seconds: float, reads: list[Seen]) -> Plan:
    """Each read of that path is answered so many seconds late, with what was there before. It is added to `reads`."""

    def plan(seen: Seen) -> Fault | None:
        if (seen.method, seen.path) != ("GET", path):
            return None
        reads.append(seen)
        return Delay(seconds, handled=True)

    return plan


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


def test_each_version_that_is_adopted_is_validated_by_the_schema_of_now() -> None:
    async def steps(world: World) -> None:
        world.person.assistant("bot", context={"prompt": "a", "temperature": 2})
        await world.until_ready()
        world.person.edit("Assistant", "bot", context={"temperature": 1})
        await world.until_ready()
        await world.until(lambda: valid(world) == [1, 2])
        world.person.delete("Assistant", "bot", "Orphan")
        await world.until(lambda: not world.person.get("Assistant", "bot"))
        world.person.edit("Graph", "writer", contextSchema={"properties": {"temperature": {"maximum": 1}}})
        await world.settle()
        # The operator learns of its own writes from the answers alone, before the watch shows them.
        world.cluster.server.endpoint.hold("assistantversions")
        world.person.assistant("bot", context={"prompt": "a", "temperature": 1})
        await world.until_ready()
        world.cluster.server.endpoint.release()

    world = held(steps)
    assert (numbers(world), valid(world)) == ([1, 2], [2])


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


def test_an_imported_history_without_its_beginning_goes_on_though_the_news_of_its_versions_comes_late() -> None:
    async def steps(world: World) -> None:
        limited = {"historyLimit": 2}
        world.person.assistant("bot", context={"prompt": "a"}, versioning=limited)
        await world.until_ready()
        for prompt in "bcd":
            world.person.edit("Assistant", "bot", context={"prompt": prompt})
            await world.until_ready()
        await world.until(lambda: numbers(world) == [3, 4])
        exported = {each: world.person.get("AssistantVersion", f"bot-v{each}") or {} for each in (4, 3)}
        world.person.delete("Assistant", "bot")
        await world.until(lambda: numbers(world) == [])
        world.cluster.server.endpoint.hold("assistantversions")
        for number, version in exported.items():
            world.person.create("AssistantVersion", f"bot-v{number}", version["spec"])
        spec = {"graphRef": {"name": "writer"}, "context": {"prompt": "d"}, "versioning": limited}
        annotations = {"assistant-operator.dev/exported-versions": "3-4"}
        world.person.create("Assistant", "bot", spec, annotations=annotations)
        await world.until(lambda: status(world).get("latestVersion") == 4)
        world.cluster.server.endpoint.release()

    assert numbers(held(steps)) == [3, 4], "no version 1, which would be pruned"


def test_history_goes_on_after_an_orphaning_whose_newest_version_was_deleted_by_hand() -> None:
    """The versions before the deleted one were taken for a dead predecessor's, and the chain began anew."""

    async def steps(world: World) -> None:
        world.person.assistant("bot", context={"prompt": "a"})
        await world.until_ready()
        world.person.edit("Assistant", "bot", context={"prompt": "b"})
        await world.until_ready()
        world.cluster.server.endpoint.hold("assistantversions")
        world.person.delete("Assistant", "bot", "Orphan")
        await world.until(lambda: not world.person.get("Assistant", "bot"))
        world.person.delete("AssistantVersion", "bot-v2")
        world.person.assistant("bot", context={"prompt": "c"})
        await world.until(lambda: status(world).get("observedGeneration") == 1)
        world.cluster.server.endpoint.release()

    assert numbers(held(steps)) == [1, 2]


def test_the_chain_begins_anew_after_a_version_of_a_dead_predecessor_that_took_a_number() -> None:
    """It went on from the version before that one, and `kubectl assistants verify` took this for an alteration."""

    async def steps(world: World) -> None:
        world.person.assistant("bot", context={"prompt": "a"})
        await world.until_ready()
        world.person.delete("Assistant", "bot", "Orphan")
        await world.until(lambda: not world.person.get("Assistant", "bot"))
        ends = [
            lasting.without_rights(world, "assistantversions", frozenset({"patch"})),  # version 1 gets no owner
            lasting.refused(world, "DELETE", "bot", 2),  # and version 2 outlives its Assistant
        ]
        world.person.assistant("bot", context={"prompt": "b"})
        await world.until(lambda: 2 in world.history.versions_of("team/bot"))
        world.person.delete("Assistant", "bot")
        await world.until(lambda: not world.person.get("Assistant", "bot"))
        world.person.assistant("bot", context={"prompt": "c"})
        await world.until(lambda: status(world).get("latestVersion") == 3)
        for end in ends:
            end()

    assert numbers(held(steps)) == [1, 3]


def test_an_edit_is_not_said_to_equal_a_version_that_is_deleted_before_the_answer_to_its_read() -> None:
    async def steps(world: World) -> None:
        path = "/apis/assistant-operator.dev/v1alpha1/namespaces/team/assistantversions/bot-v1"
        reads: list[Seen] = []
        world.person.assistant("bot", context={"prompt": "a"})
        await world.until_ready()
        world.person.edit("Assistant", "bot", context={"prompt": "b"})
        await world.until(lambda: numbers(world) == [1, 2] and world.is_quiet(3))
        world.faults.plan = _late_answers(path, 20.0, reads)
        world.person.edit("Assistant", "bot", context={"prompt": "a"})
        await world.until(lambda: reads)
        world.person.delete("AssistantVersion", "bot-v1")

    world = held(steps)
    assert [each.spec["change"].get("sameAs") for each in world.history.made] == [None, None, None]


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


def test_nothing_is_published_for_an_assistant_that_goes_while_the_server_takes_its_time() -> None:
    """Its copy stayed for ever: the next Assistant of that name has a graph without a server."""
    asked: list[Seen] = []

    def plan(seen: Seen) -> Fault | None:
        if seen.method == "GET" and seen.path.startswith("/assistants/") and not seen.path.endswith("/schemas"):
            asked.append(seen)
            return Delay(1.0, handled=True) if len(asked) == 1 else None
        return None

    async def steps(world: World) -> None:
        await world.serve()
        world.person.edit("Graph", "writer", server={"url": "http://langgraph"})
        world.person.graph("router", contextSchema=SCHEMA, defaultAssistant={"policy": "None"})
        world.faults.plan = plan
        world.person.assistant("bot", context={"prompt": "a"})
        await world.until(lambda: bool(asked))
        world.person.patch("Assistant", "bot", {"metadata": {"finalizers": None}})
        world.person.delete("Assistant", "bot")
        world.person.assistant("bot", "router", context={"prompt": "b"})
        await asyncio.sleep(60)

    assert copies(held(steps)) == {}


@pytest.mark.parametrize("cascade", ["Background", "Orphan"])
def test_a_copy_that_was_withdrawn_is_not_published_for_edits_that_are_recorded_since(cascade: str) -> None:
    """The end of the Assistant was read before the events of its last edits came. They said that it is alive."""

    async def steps(world: World) -> None:
        await world.serve()
        world.person.edit("Graph", "writer", server={"url": "http://langgraph"})
        world.person.assistant("bot", context={"prompt": "a"})
        await world.until_ready()
        world.cluster.server.endpoint.hold("assistants")
        for prompt in "bc":
            world.person.edit("Assistant", "bot", context={"prompt": prompt})
        world.person.delete("Assistant", "bot", cascade)
        world.person.delete("AssistantVersion", "bot-v1")
        await world.until(lambda: world.is_quiet(1))
        world.cluster.server.endpoint.release()

    assert copies(held(steps)) == {}


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


def test_a_version_of_an_assistant_that_is_gone_may_come_after_the_first_one_of_its_successor() -> None:
    """The request was under way when both went and came: it is garbage, and is collected."""

    async def steps(world: World) -> None:
        slow: list[Seen] = []

        def plan(seen: Seen) -> Fault | None:
            if slow or seen.method != "POST" or "assistantversions" not in seen.path:
                return None
            slow.append(seen)
            return Delay(8.0, handled=False)

        world.person.assistant("bot", context={"prompt": "a"})
        await world.until_ready()
        world.faults.plan = plan
        world.person.edit("Assistant", "bot", context={"prompt": "b"})
        await world.until(lambda: slow)
        world.person.delete("Assistant", "bot")
        await world.until(lambda: not world.person.all("AssistantVersion"))
        world.person.assistant("bot", context={"prompt": "c"})
        await world.until(lambda: len(world.history.made) == 3)
        world.person.edit("Assistant", "bot", context={"prompt": "d"})
        await world.until_ready()

    world = held(steps)
    made = [(each.number, each.spec["snapshot"]["context"]["prompt"]) for each in world.history.made]
    assert made == [(1, "a"), (1, "c"), (2, "b"), (2, "d")]


def test_nothing_is_noted_of_an_assistant_that_goes_while_its_version_is_restored() -> None:
    """The API server refuses to say whether it is there, and the refusal was kept for ever."""

    async def steps(world: World) -> None:
        path = "/apis/assistant-operator.dev/v1alpha1/namespaces/team/assistants/bot"
        reads: list[Seen] = []
        world.person.assistant("bot", context={"prompt": "a"})
        await world.until(lambda: world.is_ready() and world.is_quiet(3))
        world.faults.plan = _late_answers(path, 2.0, reads)
        end = lasting.without_rights(world, "assistants", frozenset({"get"}))
        world.cluster.server.endpoint.hold("assistants")
        world.person.delete("Assistant", "bot")
        await world.until(lambda: reads)
        world.cluster.server.endpoint.release()
        await world.until(lambda: world.is_quiet(6))
        end()

    held(steps)  # the laws look for what is left


def test_nothing_is_noted_of_an_assistant_that_no_watch_has_shown() -> None:
    """It was read where a status was refused, as the one that has the name now, and was gone before it was seen."""

    async def steps(world: World) -> None:
        world.person.assistant("bot", context={"prompt": "abcdef"})
        await world.until(lambda: world.is_ready() and world.is_quiet(3))
        world.cluster.server.endpoint.hold("assistants", "assistantversions")
        world.person.delete("Assistant", "bot")
        world.person.assistant("bot", context={"prompt": "b"})
        count = len(world.faults.seen)
        world.person.edit("Graph", "writer", contextSchema=STRICTER)
        await world.until(lambda: len(_reads_of_bot(world.faults.seen[count:])) > 1)
        await asyncio.sleep(1)
        world.person.delete("Assistant", "bot")
        world.person.assistant("bot", context={"prompt": "c"})
        world.cluster.server.restart()

    held(steps)  # the laws look for what is left


def _reads_of_bot(calls: list[Seen]) -> list[Seen]:
    return [seen for seen in calls if seen.method == "GET" and seen.path.endswith("/assistants/bot")]


def test_a_version_that_was_orphaned_and_deleted_is_still_the_one_before_the_next() -> None:
    """Its content was held to be lost, so that the deletion, which has a generation of its own, made a version."""

    async def steps(world: World) -> None:
        world.person.assistant("bot", context={"prompt": "a"})
        await world.until(lambda: world.is_ready() and world.is_quiet(3))
        world.person.patch("Assistant", "bot", {"metadata": {"finalizers": ["example.com/hold"]}})
        world.simulation.node(world.leader).crash()  # so that it does not remember the version
        await asyncio.sleep(6)
        world.cluster.server.endpoint.hold()
        world.person.delete("Assistant", "bot", "Orphan")
        await world.until(lambda: not controller_of(world.history.versions_of("team/bot")[1]))
        world.person.delete("AssistantVersion", "bot-v1")
        world.cluster.server.endpoint.release("assistantversions")
        await asyncio.sleep(1)
        world.cluster.server.endpoint.release()
        await world.until(lambda: world.is_quiet(6))
        world.person.patch("Assistant", "bot", {"metadata": {"finalizers": None}})
        await asyncio.sleep(3)

    assert {made.number for made in held(steps).history.made} == {1}


@pytest.mark.parametrize("is_refused", [False, True], ids=["stored", "refused"])
def test_nothing_is_noted_of_a_graph_that_goes_while_its_status_is_written(*, is_refused: bool) -> None:
    async def steps(world: World) -> None:
        writes: list[Seen] = []

        def plan(seen: Seen) -> Fault | None:
            if seen.method != "PATCH" or "/graphs/writer/status" not in seen.path or writes:
                return None
            writes.append(seen)
            return Delay(2.0, handled=True)

        await world.until(lambda: world.is_quiet(3))
        world.faults.plan = plan
        end = lasting.without_rights(world, "graphs/status", frozenset({"patch"}) if is_refused else frozenset())
        world.person.edit("Graph", "writer", contextSchema=STRICTER)
        await world.until(lambda: writes)
        world.person.delete("Graph", "writer")
        await asyncio.sleep(5)
        end()

    held(steps)  # the laws look for what is left


def test_a_graph_that_was_read_before_it_went_is_not_kept() -> None:
    async def steps(world: World) -> None:
        path = "/apis/assistant-operator.dev/v1alpha1/namespaces/team/graphs/writer"
        reads: list[Seen] = []
        await world.until(lambda: world.is_quiet(3))
        world.faults.plan = _late_answers(path, 2.0, reads)
        world.person.edit("Graph", "writer", defaultAssistant={"policy": "Create"})
        await world.until(lambda: reads)
        world.person.delete("Graph", "writer")
        await asyncio.sleep(5)

    held(steps)  # the laws look for what is left


@pytest.mark.parametrize(
    ("method", "path"), [("PATCH", "/assistants/bot/status"), ("GET", "/assistantversions/bot-v1")]
)
def test_nothing_is_noted_of_an_assistant_that_goes_while_it_is_judged_anew(method: str, path: str) -> None:
    async def steps(world: World) -> None:
        calls: list[Seen] = []

        def plan(seen: Seen) -> Fault | None:
            if seen.method != method or path not in seen.path:
                return None
            calls.append(seen)
            return Delay(2.0, handled=True)

        world.person.assistant("bot", context={"prompt": "abc"})
        await world.until_ready()
        world.person.edit("Assistant", "bot", context={"prompt": "abcdef"})
        await world.until(lambda: world.is_ready() and world.is_quiet(3))
        world.faults.plan = plan
        world.person.edit("Graph", "writer", contextSchema=STRICTER)
        await world.until(lambda: calls)
        world.person.delete("Assistant", "bot")
        await asyncio.sleep(5)

    held(steps)  # the laws look for what is left


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


def test_an_assistant_that_no_watch_has_shown_is_not_published_again_and_again() -> None:
    """It was read where a status was refused. What was noted of its copy was forgotten after each look."""

    async def steps(world: World) -> None:
        await world.serve()
        world.person.edit("Graph", "writer", server={"url": "http://langgraph"})
        world.person.assistant("bot", context={"prompt": "abcdef"})
        await world.until(lambda: world.is_ready() and world.is_quiet(3))
        world.cluster.server.endpoint.hold("assistants")
        world.person.patch("Assistant", "bot", {"metadata": {"finalizers": None}})
        world.person.delete("Assistant", "bot")
        world.person.assistant("bot", context={"prompt": "b"})
        world.person.edit("Graph", "writer", contextSchema=STRICTER)
        await asyncio.sleep(15)
        world.cluster.server.endpoint.release()

    held(steps)  # the laws count the writes


def test_a_copy_may_be_that_of_a_predecessor_whose_finalizer_a_person_took_off() -> None:
    """The copy is that of its version 1, until the next Assistant of that name is published in its place."""

    async def steps(world: World) -> None:
        await world.serve()
        world.person.edit("Graph", "writer", server={"url": "http://langgraph"})
        world.person.assistant("bot", context={"prompt": "a"})
        await world.until(lambda: world.is_ready() and world.is_quiet(3))
        of_bot = f"/assistants/{status(world)['assistantId']}"
        world.faults.plan = lambda seen: Delay(5.0, handled=False) if seen.path.startswith(of_bot) else None
        world.person.patch("Assistant", "bot", {"metadata": {"finalizers": None}})
        world.person.delete("Assistant", "bot")
        world.person.assistant("bot", context={"prompt": "b"})
        world.person.assistant("other", context={"prompt": "c"})
        await world.until(lambda: "other" in copies(world))
        assert copies(world)["bot"] == {"prompt": "a"}
        world.faults.plan = lambda _: None

    assert copies(held(steps))["bot"] == {"prompt": "b"}


LONG = 130.0
"""Seconds after which the laws no longer let a version be judged by the schema of before."""


def test_a_copy_stays_on_its_server_though_the_schema_grew_stricter_long_ago() -> None:
    """The laws took it for one that was published against the schema, when another copy was written."""

    async def steps(world: World) -> None:
        await world.serve()
        world.person.edit("Graph", "writer", server={"url": "http://langgraph"})
        world.person.assistant("bot", context={"prompt": "abcdef"})
        await world.until_ready()
        world.not_ready = {"bot": "SchemaRefused"}
        world.person.edit("Graph", "writer", contextSchema=STRICTER)
        await asyncio.sleep(LONG)
        world.person.assistant("other", context={"prompt": "a"})

    world = held(steps)
    assert (status(world)["activeVersion"], sorted(copies(world))) == (1, ["bot", "other"])


def test_a_version_is_judged_by_the_schema_of_before_while_the_operator_may_not_watch_graphs() -> None:
    async def steps(world: World) -> None:
        world.person.assistant("bot", context={"prompt": "a"})
        await world.until_ready()
        end = lasting.without_rights(world, "graphs", frozenset({"list", "watch"}), cuts_watches=True)
        lasting.during(world, LONG + 60, end)
        await asyncio.sleep(1)
        world.person.edit("Graph", "writer", contextSchema=STRICTER)
        await asyncio.sleep(LONG)
        world.not_ready = {"bot": "SchemaRefused"}
        world.person.edit("Assistant", "bot", context={"prompt": "abcdef"})
        await world.until(lambda: status(world).get("activeVersion") == 2, within=20)

    held(steps)


def test_a_version_of_an_assistant_that_is_gone_may_be_made_under_a_number_that_was_collected() -> None:
    """The operator was killed and knew neither its first status nor its deletion. What it makes then is garbage."""

    async def steps(world: World) -> None:
        world.person.assistant("bot", context={"prompt": "a"})
        await world.until_ready()
        world.person.delete("Assistant", "bot", "Orphan")
        await world.until(lambda: not world.person.get("Assistant", "bot"))
        world.faults.plan = lambda seen: Crash(handled=False) if "/assistants/bot/status" in seen.path else None
        world.person.assistant("bot", context={"prompt": "b"})
        await world.until(lambda: numbers(world) == [1, 2])
        world.person.delete("AssistantVersion", "bot-v1")
        world.person.edit("Assistant", "bot", context={"prompt": "c"})
        searches: list[Seen] = []

        def plan(seen: Seen) -> Fault | None:
            if "/assistants?fieldSelector" in seen.path:
                searches.append(seen)
                return Delay(3.0, handled=True) if len(searches) == 1 else None
            return None

        world.faults.plan = plan
        await world.until(lambda: searches)
        world.cluster.server.endpoint.hold("assistants")
        world.person.delete("Assistant", "bot")
        world.person.assistant("bot", context={"prompt": "d"})
        await asyncio.sleep(5)
        world.cluster.server.endpoint.release()

    made = held(steps).history.made
    assert [(each.number, each.spec["generation"]) for each in made if each.uid == made[1].uid][:2] == [(2, 1), (1, 1)]


def test_a_finalizer_that_was_taken_off_before_any_event_showed_it_is_added_again() -> None:
    """No list of Assistants was answered for a minute: what came then was taken for what the operator had written."""

    async def steps(world: World) -> None:
        lists: list[Seen] = []

        def plan(seen: Seen) -> Fault | None:
            if not seen.path.endswith("/assistants?limit=500"):
                return None
            lists.append(seen)
            return Silence(handled=False) if len(lists) == 1 else None

        world.faults.plan = plan
        await world.serve()
        world.person.edit("Graph", "writer", server={"url": "http://langgraph"})
        world.person.assistant("bot", context={"prompt": "a"})
        await world.until(lambda: world.is_ready() and world.is_quiet(3))
        world.person.patch("Assistant", "bot", {"metadata": {"finalizers": None}})
        world.trouble(60)

    world = held(steps)  # the laws look for the finalizer
    assert status(world)["copies"]


def test_a_restored_storage_is_found_though_no_event_showed_what_was_written_before() -> None:
    """The latest version was missing: it was made again from memory, between the edits made since the restore."""

    async def steps(world: World) -> None:
        world.person.assistant("bot", context={"prompt": "a"})
        await world.until(lambda: world.is_ready() and world.is_quiet(3))
        snapshot = world.snapshot()
        world.faults.plan = lambda seen: withhold(world, seen) if seen.method == "POST" else None
        world.person.edit("Assistant", "bot", context={"prompt": "b"})
        await world.until(lambda: status(world).get("latestVersion") == 2)
        world.faults.plan = lambda _: None
        world.restore(*snapshot)
        for prompt in "cd":
            world.person.edit("Assistant", "bot", context={"prompt": prompt})

    versions = held(steps).history.versions_of("team/bot")
    prompts = {number: each["spec"]["snapshot"]["context"]["prompt"] for number, each in versions.items()}
    assert prompts == {1: "a", 2: "c", 3: "d"}


def test_no_status_of_a_lost_storage_is_written_into_the_restored_one() -> None:
    """It said that edits were captured which the restored storage never saw: they were missing, or numbered anew."""

    async def steps(world: World) -> None:
        world.person.assistant("bot", context={"prompt": "a"})
        await world.until(lambda: world.is_ready() and world.is_quiet(3))
        snapshot = world.snapshot()
        world.faults.plan = _is_status_lost
        world.person.edit("Assistant", "bot", context={"prompt": "b"})
        await world.until(lambda: numbers(world) == [1, 2])
        for number in range(9):  # else as many writes follow the restore as it lost
            world.person.edit("Graph", "writer", description=str(number))
        await asyncio.sleep(1)
        world.restore(*snapshot)
        for prompt in "cd":
            world.person.edit("Assistant", "bot", context={"prompt": prompt})
        world.faults.plan = partial(_refuse_lists, world)
        await asyncio.sleep(5)
        world.faults.plan = lambda _: None

    versions = held(steps).history.versions_of("team/bot")
    prompts = {number: each["spec"]["snapshot"]["context"]["prompt"] for number, each in versions.items()}
    assert prompts == {1: "a", 2: "c", 3: "d"}


def _is_status_lost(seen: Seen) -> Fault | None:
    return Reset(handled=False) if seen.method == "PATCH" and "assistants/bot/status" in seen.path else None


def _refuse_lists(world: World, seen: Seen) -> Fault | None:
    """An API server whose roles are still being read refuses what it allows a moment later."""
    is_list = seen.method == "GET" and not seen.path.rpartition("/")[2].startswith("bot")
    return KINDS["403"](world, seen) if is_list else None


def test_an_adopted_version_is_published_by_its_own_graph_while_the_first_edit_is_refused() -> None:
    """The spec was taken for its content: the copy was withdrawn, since the graph of that spec has no server."""

    async def steps(world: World) -> None:
        await world.serve()
        world.person.edit("Graph", "writer", server={"url": "http://langgraph"})
        world.person.graph("reader", defaultAssistant={"policy": "None"})
        world.person.assistant("bot", context={"prompt": "a"})
        await world.until(lambda: world.is_ready() and world.is_quiet(3))
        end = lasting.full(world)
        world.person.delete("Assistant", "bot", "Orphan")
        await world.until(lambda: not world.person.get("Assistant", "bot"))
        world.person.assistant("bot", graph="reader", context={"prompt": "b"})
        await world.until(lambda: copies(world) == {"bot": {"prompt": "a"}})
        end()

    assert copies(held(steps)) == {}


def test_a_copy_that_was_withdrawn_is_published_again_where_it_belongs_again() -> None:
    """It counted as withdrawn for as long as the process lived, so that nothing held its deletion."""

    async def steps(world: World) -> None:
        await world.serve()
        world.person.edit("Graph", "writer", server={"url": "http://langgraph"})
        world.person.assistant("bot", context={"prompt": "a"})
        await world.until(lambda: world.is_ready() and world.is_quiet(3))
        world.person.edit("Graph", "writer", server=None)
        await world.until(lambda: not copies(world) and world.is_ready() and world.is_quiet(3))
        world.person.edit("Graph", "writer", server={"url": "http://langgraph"})
        await asyncio.sleep(5)

    assert copies(held(steps)) == {"bot": {"prompt": "a"}}


def test_the_status_counts_a_version_that_pruning_spares_though_only_an_own_write_shows_its_label() -> None:
    """The version was to be pruned, and the status counted without it. Its label came with the answer to a write."""
    path = "/apis/assistant-operator.dev/v1alpha1/namespaces/team/assistantversions/bot-v1"

    async def steps(world: World) -> None:
        world.person.assistant("bot", context={"prompt": "a"}, versioning={"historyLimit": 1})
        await world.until_ready()
        world.faults.plan = lambda seen: Answered(410, {}) if (seen.method, seen.path) == ("GET", path) else None
        world.cluster.server.endpoint.hold("assistantversions")
        world.person.patch("AssistantVersion", "bot-v1", {"metadata": {"labels": {"assistant-operator.dev/keep": ""}}})
        world.person.edit("Assistant", "bot", context={"prompt": "b"})
        await world.until(lambda: status(world).get("activeVersion") == 2 and world.is_quiet(3))
        world.cluster.server.endpoint.release()

    world = held(steps)
    assert (status(world)["versions"], numbers(world)) == (2, [1, 2])


def test_a_refusal_is_reported_though_the_reconcile_that_met_it_was_interrupted() -> None:
    """Pruning was refused, and the API server restarted at a later write of the same reconcile."""
    writes: list[str] = []

    async def steps(world: World) -> None:
        def plan(seen: Seen) -> Fault | None:
            is_mark = seen.method == "PATCH" and "/assistantversions/bot-v1/status" in seen.path
            writes.extend([seen.path] * is_mark)
            return KINDS["API server restarts"](world, seen) if is_mark and len(writes) == 1 else None

        policy = Policy("kept", "assistantversions", frozenset({"DELETE"}), lambda _: False, "kept for seven years")
        world.cluster.policies["kept"] = policy
        world.person.assistant("bot", context={"prompt": "a"}, versioning={"historyLimit": 1})
        world.faults.plan = plan
        for prompt in "bc":
            world.person.edit("Assistant", "bot", context={"prompt": prompt})
        await world.until(lambda: bool(writes) and status(world).get("versions") == 3)
        del world.cluster.policies["kept"]
        world.trouble(world.simulation.elapsed())

    assert numbers(held(steps)) == [3]


def test_a_status_that_is_outrun_is_seldom_written_again_while_the_later_state_is_captured() -> None:
    """The answer to a status write is lost, and so are the events. The list that would show edit 3 is not answered."""
    writes: list[str] = []

    async def steps(world: World) -> None:
        def plan(seen: Seen) -> Fault | None:
            if "resourceVersionMatch=Exact" in seen.path:
                return Silence(handled=False)
            if seen.method != "PATCH" or "/assistants/bot/status" not in seen.path:
                return None
            writes.append(seen.path)
            if len(writes) > 1:
                return None
            world.cluster.server.endpoint.hold("assistants")
            asyncio.get_running_loop().call_later(0.001, edit_again)
            return Reset(handled=True)

        def edit_again() -> None:
            for prompt in "cd":
                world.person.edit("Assistant", "bot", context={"prompt": prompt})

        world.person.assistant("bot", context={"prompt": "a"})
        await world.until_ready()
        world.faults.plan = plan
        world.person.edit("Assistant", "bot", context={"prompt": "b"})
        await asyncio.sleep(10)
        world.faults.plan = lambda _: None
        world.cluster.server.endpoint.release()
        world.trouble(world.simulation.elapsed())

    assert numbers(held(steps)) == [1, 2, 3, 4]
    assert 2 < len(writes) < 15


def test_a_version_that_is_orphaned_while_it_is_to_be_pruned_stays() -> None:
    """The deletion of the version conflicts with the removal of its owner, and no event comes."""
    deletions: list[str] = []

    async def steps(world: World) -> None:
        def plan(seen: Seen) -> Fault | None:
            if seen.method != "DELETE" or deletions:
                return None
            deletions.append(seen.path)
            world.cluster.server.endpoint.hold("assistants", "assistantversions")
            world.person.delete("Assistant", "bot", "Orphan")
            return Delay(2.0, handled=False)

        world.person.assistant("bot", context={"prompt": "a"}, versioning={"historyLimit": 1})
        await world.until_ready()
        world.faults.plan = plan
        world.person.edit("Assistant", "bot", context={"prompt": "b"})
        await world.until(lambda: deletions)
        await asyncio.sleep(5)
        world.cluster.server.endpoint.release()

    assert numbers(held(steps)) == [1, 2]


@pytest.mark.parametrize("does_restart", [True, False], ids=["while the operator is down", "after a restart"])
def test_a_version_is_validated_anew_by_the_graph_that_its_assistant_referenced_once(*, does_restart: bool) -> None:
    """Only the content of a version names that Graph, and a process that has not read it did not know."""

    async def steps(world: World) -> None:
        world.person.graph("other", defaultAssistant={"policy": "None"})
        world.person.assistant("bot", context={"prompt": "abcdef"})
        await world.until_ready()
        world.person.edit("Assistant", "bot", graphRef={"name": "other"})
        await world.until(lambda: valid(world) == [1, 2] and world.is_quiet(3))
        world.simulation.node(world.leader).crash()
        if not does_restart:
            await world.until(lambda: world.is_ready() and world.is_quiet(3))
        world.person.edit("Graph", "writer", contextSchema=STRICTER)

    assert valid(held(steps)) == [2]


def test_a_graph_waits_for_the_validation_of_an_assistant_whose_edits_are_still_to_be_captured() -> None:
    """Nothing was done to it yet, and it counted as one to which nothing is to be done. A restart forgot it then."""

    async def steps(world: World) -> None:
        world.person.assistant("bot", context={"prompt": "abcdef"})
        await world.until(lambda: valid(world) == [1] and world.is_quiet(3))
        world.simulation.node(world.leader).crash()
        world.person.edit("Graph", "writer", contextSchema=STRICTER)
        world.person.edit("Assistant", "bot", context={"prompt": "b"})
        world.faults.plan = lambda seen: Delay(9.0, handled=False) if seen.method == "POST" else None
        await asyncio.sleep(6)
        world.faults.plan = lambda _: None
        world.simulation.node(world.leader).crash()

    assert valid(held(steps)) == [2]


def test_an_alias_that_is_deleted_while_no_watch_shows_it_is_unknown_soon_after_the_next_listing() -> None:
    """The comparison after that listing was made with the watch cache, in which the alias still was."""

    async def steps(world: World) -> None:
        world.person.assistant("bot", context={"prompt": "a"})
        world.person.create("AssistantAlias", "production", {"assistantRef": {"name": "bot"}, "version": 1})
        await world.until(lambda: world.is_ready() and world.is_quiet(3))
        endpoint = world.cluster.server.endpoint
        endpoint.hold("assistantaliases")
        world.person.delete("AssistantAlias", "production")
        endpoint.interrupt(expired("too old resource version: 1 (2)"))
        await asyncio.sleep(3)
        endpoint.release()

    held(steps)


def _forget(world: World, seen: Seen) -> Fault | None:
    """The API server does not hold what was written while the operator was down."""
    world.history.is_lossy = True
    is_of_the_past = "resourceVersionMatch=Exact" in seen.path or "fieldSelector=metadata.name%3Dbot&" in seen.path
    return Answered(410, expired("too old resource version: 1 (2)").manifest()) if is_of_the_past else None


def _edited_while_down(world: World, *prompts: str) -> None:
    world.simulation.node(world.leader).crash()
    world.person.assistant("bot", context={"prompt": prompts[0]})
    for prompt in prompts[1:]:
        world.person.edit("Assistant", "bot", context={"prompt": prompt})


def _is_create(seen: Seen) -> bool:
    return seen.method == "POST" and "/assistantversions" in seen.path


def test_an_edit_that_a_version_of_a_later_one_has_overtaken_is_missed_after_several_tries_too() -> None:
    """The first try counted it and failed. By the next, that version was one that the status might tell of."""
    creates: list[Seen] = []

    async def steps(world: World) -> None:
        def plan(seen: Seen) -> Fault | None:
            if _is_create(seen):
                creates.append(seen)
            if len(creates) == 1 and _is_create(seen):
                return Crash(handled=True)
            if len(creates) == 2 and _is_create(seen):
                return Answered(500, {})
            return None if creates else _forget(world, seen)

        world.faults.plan = plan
        _edited_while_down(world, "a", "b", "c")
        await world.until(lambda: creates)
        world.person.edit("Assistant", "bot", context={"prompt": "d"})
        world.person.edit("Assistant", "bot", context={"prompt": "e"})

    world = held(steps)
    assert (numbers(world), status(world)["missedGenerations"]) == ([1, 2, 3], 2)


def test_an_edit_is_missed_if_a_version_of_a_later_one_appears_just_before_its_own() -> None:
    """A create of a leader that stands still takes effect when the next one has found out which versions exist."""
    creates: list[Seen] = []

    async def steps(world: World) -> None:
        def plan(seen: Seen) -> Fault | None:
            if not _is_create(seen):
                return None if creates else _forget(world, seen)
            creates.append(seen)
            match len(creates):
                case 1:
                    world.simulation.node(seen.client).freeze(60)
                    return Delay(25.0, handled=False)
                case 2:
                    return Delay(30.0, handled=False)
            return None

        world.faults.plan = plan
        _edited_while_down(world, "a", "b", "c")
        await world.until(lambda: creates)
        await asyncio.sleep(60)

    world = held(steps, replicas=2)
    assert (numbers(world), status(world)["missedGenerations"]) == ([1], 2)
