"""Short stories of a person with one or two assistants, each of which ends settled whatever fails on the way."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from harness.simulated_api import Policy
from harness.simulated_world import Person, World
from harness.simulated_world.history import is_observed
from harness.simulated_world.world import condition
from simulation import lasting

Json = dict[str, Any]
Steps = Callable[[World], Awaitable[None]]
SCHEMA: Json = {
    "type": "object",
    "properties": {"prompt": {"type": "string"}, "temperature": {"type": "number", "maximum": 2}},
}
NO_DEFAULT = {"policy": "None"}
ALL_VERBS = frozenset({"create", "delete", "get", "list", "patch", "update", "watch"})
MINUTE = 60.0
_EDITS = 3
"""Of the scenario of refused prunings."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """What a person does, and what must be so at the end besides the laws."""

    name: str
    steps: Steps
    is_right: Callable[[World], object]


async def _begun(world: World, *, served: bool = False, **assistant: Any) -> None:
    server = {"server": {"url": "http://langgraph"}} if served else {}
    if served:
        await world.serve()
    world.person.graph("writer", contextSchema=SCHEMA, defaultAssistant=NO_DEFAULT, **server)
    world.person.assistant("bot", context={"prompt": "a"}, **assistant)


def _edit(world: World, prompt: Any, **more: Any) -> None:
    world.person.edit("Assistant", "bot", context={"prompt": prompt}, **more)


def status(world: World, name: str = "bot") -> Json:
    found = world.person.get("Assistant", name) or {}
    told: Json = found.get("status", {})
    return told


def numbers(world: World, name: str = "bot") -> list[int]:
    return sorted(world.history.versions_of(f"team/{name}"))


def _is_refused(world: World) -> bool:
    found = world.person.get("Assistant", "bot") or {}
    return condition(found, "Ready").get("reason") == "VersionRefused"


def _is_at(world: World, active: int, kept: list[int]) -> bool:
    return status(world).get("activeVersion") == active and numbers(world) == kept


async def first_edit(world: World) -> None:
    await _begun(world)
    await world.until_ready()
    _edit(world, "b")


async def three_fast_edits(world: World) -> None:
    await _begun(world)
    for prompt in ("b", "c", "a"):
        _edit(world, prompt)


async def edits_for_a_minute(world: World) -> None:
    """Long enough for another replica to become the leader."""
    await _begun(world)
    for number in range(2, 8):
        await asyncio.sleep(10)
        _edit(world, str(number))


async def pin(world: World) -> None:
    await _begun(world)
    await world.until_ready()
    _edit(world, "b")
    world.person.edit("Assistant", "bot", versioning={"activeVersion": 1})
    await world.until_ready()
    world.person.edit("Assistant", "bot", versioning={"activeVersion": None})
    await world.until_ready()
    world.person.edit("Assistant", "bot", versioning={"activeVersion": 1})


async def invalid_edit_and_fix(world: World) -> None:
    await _begun(world)
    await world.until_ready()
    world.not_ready = {"bot": "SchemaRefused"}
    _edit(world, 5)
    await world.until_ready()
    assert status(world)["activeVersion"] == 1
    world.not_ready = {}
    _edit(world, "c")


async def invalid_pin(world: World) -> None:
    await _begun(world)
    await world.until_ready()
    world.not_ready = {"bot": "PinnedVersionInvalid"}
    _edit(world, 5, versioning={"activeVersion": 2})
    await world.until_ready()
    world.not_ready = {}
    _edit(world, "c", versioning={"activeVersion": None})


async def deleted_while_pinned(world: World) -> None:
    await _begun(world)
    await world.until_ready()
    _edit(world, "b", versioning={"activeVersion": 1})
    await world.until_ready()
    world.person.delete("AssistantVersion", "bot-v1")
    await world.until(lambda: 1 in numbers(world))


async def late_graph(world: World) -> None:
    world.not_ready = {"bot": "GraphNotFound"}
    world.person.assistant("bot", context={"prompt": "a"})
    await world.until_ready()
    world.not_ready = {}
    world.person.graph("writer", contextSchema=SCHEMA, defaultAssistant=NO_DEFAULT)


async def schema_change(world: World) -> None:
    await _begun(world)
    world.person.edit("Assistant", "bot", context={"temperature": 2})
    await world.until_ready()
    world.not_ready = {"bot": "SchemaRefused"}
    world.person.edit("Graph", "writer", contextSchema={"properties": {"temperature": {"maximum": 1}}})
    await world.until_ready()
    world.not_ready = {}
    world.person.edit("Assistant", "bot", context={"temperature": 1})


async def schema_changes(world: World) -> None:
    """So many versions that they are listed to be validated."""
    await _begun(world)
    world.person.assistant("other", context={"temperature": 1})
    await world.until_ready()
    for temperature in (2, 1):
        world.person.edit("Assistant", "bot", context={"temperature": temperature})
    world.person.edit("Assistant", "other", context={"temperature": 0})
    await world.until_ready()
    for maximum in (3, 1):
        world.person.edit("Graph", "writer", contextSchema={"properties": {"temperature": {"maximum": maximum}}})
        await asyncio.sleep(0.1)
    world.person.delete("AssistantVersion", "other-v1")


def valid(world: World) -> list[int]:
    """The numbers of the versions whose condition says that the schema accepts them."""
    kept = world.history.versions_of("team/bot").items()
    return sorted(number for number, each in kept if condition(each, "Valid").get("status") == "True")


async def pruning(world: World) -> None:
    await _begun(world, versioning={"historyLimit": 2})
    for prompt in ("b", "c"):
        _edit(world, prompt)
    await world.until(lambda: 2 in numbers(world))
    world.person.patch("AssistantVersion", "bot-v2", {"metadata": {"labels": {"assistant-operator.dev/keep": ""}}})
    for prompt in ("d", "e"):
        _edit(world, prompt)


async def restore(world: World) -> None:
    await _begun(world)
    _edit(world, "b")
    await world.until_ready()
    world.person.delete("AssistantVersion", "bot-v2")
    await world.until(lambda: 2 in numbers(world))
    world.person.delete("AssistantVersion", "bot-v1")
    _edit(world, "c")


async def adoption(world: World) -> None:
    await _begun(world)
    _edit(world, "b")
    await world.until_ready()
    _own_besides(world, "bot-v1")
    world.person.delete("Assistant", "bot", "Orphan")
    await world.until(lambda: not world.person.get("Assistant", "bot"))
    world.person.assistant("bot", context={"prompt": "b"})
    await world.until_ready()
    _edit(world, "c")


def _own_besides(world: World, version: str) -> None:
    """Make the Graph another owner of a version."""
    graph, found = world.person.get("Graph", "writer"), world.person.get("AssistantVersion", version)
    assert graph
    assert found
    owner = {"apiVersion": graph["apiVersion"], "kind": "Graph", "name": "writer", "uid": graph["metadata"]["uid"]}
    owners = [*found["metadata"]["ownerReferences"], owner]
    world.person.patch("AssistantVersion", version, {"metadata": {"ownerReferences": owners}})


async def deletion(world: World) -> None:
    await _begun(world, served=True)
    world.person.assistant("other", context={"prompt": "x"})
    await world.until_ready()
    world.person.delete("Assistant", "bot")
    await world.until(lambda: not world.person.get("Assistant", "bot"))


async def publishing(world: World) -> None:
    await _begun(world, served=True)
    await world.until_ready()
    _edit(world, "b")
    await world.until_ready()
    world.not_ready = {"bot": "SchemaRefused"}
    _edit(world, 5)
    await world.until_ready()
    world.not_ready = {}
    _edit(world, "d")


async def server_move(world: World) -> None:
    await _begun(world, served=True)
    await world.serve("elsewhere")
    await world.until_ready()
    world.person.edit("Graph", "writer", server={"url": "http://elsewhere"})
    await world.until(lambda: copies(world, "elsewhere"))


def alias(world: World, name: str = "production") -> Json:
    """Its status."""
    found = world.person.get("AssistantAlias", name) or {}
    told: Json = found.get("status", {})
    return told


def _make_alias(world: World, name: str = "production", **asked: Any) -> None:
    world.person.create("AssistantAlias", name, {"assistantRef": {"name": "bot"}, **asked})


def moves(world: World, name: str = "production") -> list[tuple[int | None, int]]:
    """From which version to which, newest first."""
    return [(each.get("from"), each["to"]) for each in alias(world, name).get("moves", [])]


async def promotion(world: World) -> None:
    """Back and forth within a second; older versions are pruned meanwhile, but for that of the alias."""
    await _begun(world, versioning={"historyLimit": 2})
    _make_alias(world, version=1)
    await world.until_ready()
    for prompt in "bcd":
        _edit(world, prompt)
    await world.until_ready()
    await world.until(lambda: numbers(world) == [1, 3, 4])
    for number in (4, 1, 3):
        world.person.edit("AssistantAlias", "production", version=number)


async def published_alias(world: World) -> None:
    await _begun(world, served=True)
    _make_alias(world, version=1)
    await world.until_ready()
    _edit(world, "b")
    await world.until_ready()
    world.person.edit("AssistantAlias", "production", version=2)
    await world.until_ready()
    _make_alias(world, "staging", version=1)
    await world.until_ready()
    world.person.delete("AssistantAlias", "staging")


async def aliased_version_deleted(world: World) -> None:
    await _begun(world)
    _make_alias(world, version=1)
    await world.until_ready()
    _edit(world, "b")
    await world.until_ready()
    world.person.delete("AssistantVersion", "bot-v1")
    await world.until(lambda: 1 in numbers(world))


async def alias_by_digest(world: World) -> None:
    """The content comes again under another number. Another alias waits for a version that is refused."""
    await _begun(world)
    await world.until_ready()
    digest = world.history.versions_of("team/bot")[1]["spec"]["digest"]
    _make_alias(world, digest=digest)
    await world.until_ready()
    world.not_ready = {"bot": "SchemaRefused", "later": "VersionNotFound"}
    _make_alias(world, "later", version=3)
    _edit(world, 5)
    await world.until_ready()
    _edit(world, "a")
    world.not_ready = {}


async def alias_of_a_recreated_assistant(world: World) -> None:
    """The number comes again with other content: who may do that may not move the alias thereby."""
    await _begun(world, served=True)
    _make_alias(world, version=1)
    await world.until_ready()
    world.not_ready = {"production": "AssistantNotFound"}
    world.person.delete("Assistant", "bot")
    await world.until(lambda: not numbers(world) and world.is_ready())
    world.not_ready = {"production": "VersionNotFound"}
    world.person.assistant("bot", context={"prompt": "z"})


async def default_assistant(world: World) -> None:
    defaults = {"context": {"prompt": "a"}, "description": "theirs"}
    world.person.graph("writer", contextSchema=SCHEMA, defaults=defaults)
    await world.until(lambda: world.person.get("Assistant", "writer"))
    await world.until_ready()
    world.person.edit("Assistant", "writer", description="mine")
    await world.until_ready()
    world.person.edit("Graph", "writer", defaults={"context": {"prompt": "b"}, "description": "other"})
    await world.until(lambda: _default(world).get("context") == {"prompt": "b"})


async def late_label(world: World) -> None:
    """Somebody keeps a version that is about to be pruned, and the news of that comes late."""
    await _begun(world, versioning={"historyLimit": 1})
    await world.until_ready()
    world.cluster.server.endpoint.hold("assistantversions")
    world.person.patch("AssistantVersion", "bot-v1", {"metadata": {"labels": {"assistant-operator.dev/keep": ""}}})
    _edit(world, "b")
    await world.until(lambda: status(world).get("activeVersion") == 2 and world.is_quiet(3))
    world.cluster.server.endpoint.release()


async def refused_prunings(world: World) -> None:
    """While a policy refuses it, all else goes on: each version says whether it is in force."""
    policy = Policy("kept", "assistantversions", frozenset({"DELETE"}), lambda _: False, "kept for seven years")
    world.cluster.policies["kept"] = policy
    await _begun(world, versioning={"historyLimit": 1})
    for prompt in ("b", "c"):
        _edit(world, prompt)
    await world.until(lambda: _all_are_marked(world))
    del world.cluster.policies["kept"]
    world.trouble(world.simulation.elapsed())  # the pause before a retry is no longer than the refusals lasted


def _all_are_marked(world: World) -> bool:
    """Whether the last edit is recorded, and each version says whether it is in force."""
    assistant, versions = world.person.get("Assistant", "bot"), world.history.versions_of("team/bot")
    if not (assistant and is_observed(assistant) and status(world).get("versions") == len(versions)):
        return False
    if len(versions) < _EDITS and not world.history.is_lossy:
        return False
    marks = {number: condition(each, "Active").get("status") for number, each in versions.items()}
    return marks == {number: str(number == max(versions)) for number in versions}


async def replaced(world: World) -> None:
    """`kubectl replace` with a manifest that has no finalizers."""
    await _begun(world, served=True)
    await world.until_ready()
    await world.until(lambda: world.is_quiet(3))
    world.person.patch("Assistant", "bot", {"metadata": {"finalizers": None}})
    await world.until(lambda: _finalizers(world))


def _finalizers(world: World) -> list[str]:
    found = world.person.get("Assistant", "bot")
    finalizers: list[str] = found["metadata"].get("finalizers", []) if found else []
    return finalizers


def _crash_all(world: World, why: str = "crashes") -> None:
    for replica in world.replicas:
        if world.simulation.node(replica).is_alive:
            world.simulation.node(replica).crash(why)


async def other_cluster_name(world: World) -> None:
    await _begun(world, served=True)
    await world.until_ready()
    world.settings["cluster_name"] = "prod"
    _crash_all(world, "is started anew with another cluster name")
    await world.until(lambda: _owners(world) == ["prod/team/bot"])


def _owners(world: World) -> list[str]:
    found = (row["metadata"].get("assistant-operator.dev/owner") for row in world.servers["langgraph"].assistants())
    return [owner for owner in found if owner]


async def lost_role(world: World) -> None:
    await _begun(world)
    await world.until_ready()
    lasting.during(world, MINUTE, lasting.without_rights(world, "assistants", ALL_VERBS, cuts_watches=True))
    _edit(world, "b")
    await asyncio.sleep(MINUTE / 2)
    _edit(world, "c")
    await asyncio.sleep(MINUTE / 2)


async def unread_aliases(world: World) -> None:
    """Replicas that start without the right to list aliases delete no version until they may."""
    await _begun(world, versioning={"historyLimit": 1})
    _make_alias(world, version=1)
    await world.until_ready()
    lasting.during(world, MINUTE, lasting.without_rights(world, "assistantaliases", ALL_VERBS, cuts_watches=True))
    _crash_all(world)
    _edit(world, "b")
    await asyncio.sleep(MINUTE)


async def refused_version(world: World) -> None:
    """A policy refuses version 2 of one Assistant: all else goes on, and it heals without an edit."""
    await _begun(world)
    world.person.assistant("other", context={"prompt": "x"}, versioning={"historyLimit": 1})
    await world.until_ready()
    lasting.during(world, MINUTE, lasting.refused(world, "CREATE", "bot", 2))
    _edit(world, "b")
    world.person.edit("Assistant", "other", context={"prompt": "y"})
    await world.until(lambda: _is_refused(world) and status(world).get("activeVersion") == 1, MINUTE)
    await world.until(lambda: numbers(world, "other") == [2], MINUTE)


async def refused_pruning(world: World) -> None:
    await _begun(world, versioning={"historyLimit": 1})
    await world.until_ready()
    lasting.during(world, MINUTE, lasting.refused(world, "DELETE", "bot", 1))
    world.trouble(4 * MINUTE)  # a fault at the first retry afterwards doubles the pause before the next one
    for prompt in ("b", "c"):
        _edit(world, prompt)
    await world.until(lambda: numbers(world) == [1, 3])


async def quota(world: World) -> None:
    await _begun(world)
    await world.until_ready()
    lasting.during(world, MINUTE, lasting.full(world, room=1))
    for prompt in ("b", "c"):
        _edit(world, prompt)
    await world.until(lambda: _is_refused(world) and numbers(world) == [1, 2], MINUTE)


async def namespace_deletion(world: World) -> None:
    """Nothing can be made in a namespace that is being deleted; afterwards there is another of that name."""
    await _begun(world)
    world.cluster.create_namespace("other")
    other = Person(world.cluster, "other")
    other.graph("writer", contextSchema=SCHEMA, defaultAssistant=NO_DEFAULT)
    other.create("Assistant", "held", {"graphRef": {"name": "writer"}}, finalizers=["example.com/held"])
    await world.until_ready()
    world.end_namespace("other")
    other.edit("Assistant", "held", context={"prompt": "b"})
    _edit(world, "b")
    await world.until(lambda: numbers(world) == [1, 2])
    await asyncio.sleep(MINUTE / 2)
    other.patch("Assistant", "held", {"metadata": {"finalizers": None}})
    await world.until(lambda: not world.has_namespace("other"))
    world.cluster.create_namespace("other")
    other.graph("writer", contextSchema=SCHEMA, defaultAssistant=NO_DEFAULT)
    other.assistant("held", context={"prompt": "c"})


async def compaction(world: World) -> None:
    await _begun(world)
    await world.until_ready()
    for prompt in ("b", "c"):
        _edit(world, prompt)
    lasting.compacted(world, restarts=True)
    _edit(world, "d")
    await world.until_ready()
    lasting.compacted(world, restarts=False)
    _edit(world, "e")


async def restored_storage(world: World) -> None:
    """The store is put back while the operator runs: later edits are recorded, and numbers are unique."""
    await _begun(world)
    _edit(world, "b")
    await world.until(lambda: status(world).get("activeVersion") == 2 and world.is_quiet(3))
    snapshot = world.snapshot()
    for prompt in ("c", "d"):
        _edit(world, prompt)
    world.person.assistant("later", context={"prompt": "x"})
    await world.until_ready()
    world.restore(*snapshot)
    for prompt in ("e", "f"):
        _edit(world, prompt)
    await world.until_ready()
    world.person.assistant("later", context={"prompt": "y"})


async def stale_server(world: World) -> None:
    """Behind a load balancer with an API server whose watch cache lags."""
    lasting.during(world, MINUTE, lasting.stale_server(world))
    await _begun(world, versioning={"historyLimit": 2})
    await world.until_ready()
    for prompt in ("b", "c", "b"):
        _edit(world, prompt)
        await asyncio.sleep(lasting.LAG / 2)
    await world.until(lambda: 4 in numbers(world))
    world.person.delete("AssistantVersion", "bot-v4")
    world.person.edit("Assistant", "bot", versioning={"activeVersion": 3})
    await world.until(lambda: status(world).get("activeVersion") == 3)


def copies(world: World, server: str = "langgraph") -> dict[str, Json]:
    """What the operator keeps on a server: by name, what callers get."""
    rows = world.servers[server].assistants()
    owners = {row["metadata"].get("assistant-operator.dev/owner", ""): row["context"] for row in rows}
    return {owner.rpartition("/")[2]: context for owner, context in owners.items() if owner}


def _default(world: World) -> Json:
    found = world.person.get("Assistant", "writer")
    spec: Json = found["spec"] if found else {}
    return spec


SCENARIOS = (
    Scenario("late label", late_label, lambda world: _is_at(world, 2, [1, 2])),
    Scenario("refused prunings", refused_prunings, lambda world: numbers(world) == [status(world)["activeVersion"]]),
    Scenario("replaced", replaced, _finalizers),
    Scenario("other cluster name", other_cluster_name, lambda world: _owners(world) == ["prod/team/bot"]),
    Scenario("first edit", first_edit, lambda world: _is_at(world, 2, [1, 2])),
    Scenario("three fast edits", three_fast_edits, lambda world: _is_at(world, 4, [1, 2, 3, 4])),
    Scenario("edits for a minute", edits_for_a_minute, lambda world: _is_at(world, 7, [1, 2, 3, 4, 5, 6, 7])),
    Scenario("pin", pin, lambda world: _is_at(world, 1, [1, 2])),
    Scenario("invalid edit and fix", invalid_edit_and_fix, lambda world: _is_at(world, 3, [1, 2, 3])),
    Scenario("invalid pin", invalid_pin, lambda world: _is_at(world, 3, [1, 2, 3])),
    Scenario("deleted while pinned", deleted_while_pinned, lambda world: _is_at(world, 1, [1, 2])),
    Scenario("late graph", late_graph, lambda world: _is_at(world, 1, [1])),
    Scenario("schema change", schema_change, lambda world: _is_at(world, 3, [1, 2, 3])),
    Scenario("schema changes", schema_changes, lambda world: _is_at(world, 3, [1, 2, 3]) and valid(world) == [1, 3]),
    Scenario("pruning", pruning, lambda world: _is_at(world, 5, [2, 4, 5])),
    Scenario("restore", restore, lambda world: _is_at(world, 3, [2, 3])),
    Scenario("adoption", adoption, lambda world: _is_at(world, 3, [1, 2, 3])),
    Scenario("deletion", deletion, lambda world: copies(world) == {"other": {"prompt": "x"}} and not numbers(world)),
    Scenario("publishing", publishing, lambda world: copies(world) == {"bot": {"prompt": "d"}}),
    Scenario(
        "server move",
        server_move,
        lambda world: copies(world) == {} and copies(world, "elsewhere") == {"bot": {"prompt": "a"}},
    ),
    Scenario(
        "default assistant",
        default_assistant,
        lambda world: (_default(world)["description"], numbers(world, "writer")) == ("mine", [1, 2, 3]),
    ),
    Scenario("promotion", promotion, lambda world: (alias(world)["version"], numbers(world)) == (3, [3, 4])),
    Scenario(
        "published alias",
        published_alias,
        lambda world: copies(world) == {"bot": {"prompt": "b"}, "production": {"prompt": "b"}},
    ),
    Scenario("aliased version deleted", aliased_version_deleted, lambda world: numbers(world) == [1, 2]),
    Scenario(
        "alias by digest",
        alias_by_digest,
        lambda world: (alias(world)["version"], alias(world, "later")["version"]) == (3, 3),
    ),
    Scenario(
        "alias of a recreated assistant",
        alias_of_a_recreated_assistant,
        lambda world: (alias(world)["version"], copies(world)["production"]) == (1, {"prompt": "a"}),
    ),
    Scenario("lost role", lost_role, lambda world: _is_at(world, 3, [1, 2, 3])),
    Scenario("unread aliases", unread_aliases, lambda world: _is_at(world, 2, [1, 2])),
    Scenario("refused version", refused_version, lambda world: _is_at(world, 2, [1, 2])),
    Scenario("refused pruning", refused_pruning, lambda world: _is_at(world, 3, [3])),
    Scenario("quota", quota, lambda world: _is_at(world, 3, [1, 2, 3])),
    Scenario("namespace deletion", namespace_deletion, lambda world: _is_at(world, 2, [1, 2])),
    Scenario("compaction", compaction, lambda world: status(world).get("activeVersion") == max(numbers(world))),
    Scenario("restored storage", restored_storage, lambda world: _is_at(world, 4, [1, 2, 3, 4])),
    Scenario("stale API server", stale_server, lambda world: _is_at(world, 3, [3, 4])),
)
