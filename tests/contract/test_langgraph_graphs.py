"""The graphs of a server: their schemas, and the assistants that it makes for them. Restarts, and what they keep."""

from contract.langgraph_fixtures import assistant_id, langgraph, own_langgraph
from contract.langgraph_subjects import Json, Subject
from harness.simulated_langgraph import ROUTER, WRITER, default_id

__all__ = ["assistant_id", "langgraph", "own_langgraph"]

W, R = default_id("writer"), default_id("router")
SYSTEM: Json = {"metadata": {"created_by": "system"}, "config": {}, "context": {}, "version": 1, "description": None}
OTHER = "99999999-0000-4000-8000-000000000000"
THIRD = "99999999-0000-4000-8000-000000000001"


def default(langgraph: Subject, graph_id: str) -> Json:
    return langgraph.read(default_id(graph_id))


def test_each_graph_has_an_assistant_of_the_server(own_langgraph: Subject) -> None:
    for graph_id in ("writer", "router"):
        found = own_langgraph.found(graph_id=graph_id)
        assert [each["assistant_id"] for each in found] == [default_id(graph_id)]
        times = {key: found[0][key] for key in ("created_at", "updated_at")}
        named = {"assistant_id": default_id(graph_id), "graph_id": graph_id, "name": graph_id}
        assert found == [{**SYSTEM, **named, **times}]


def test_schemas_are_those_of_the_graph(langgraph: Subject, assistant_id: str) -> None:
    langgraph.created(assistant_id)
    for each in (assistant_id, W):
        assert langgraph.got("GET", f"/assistants/{each}/schemas") == {"graph_id": "writer", **WRITER.schemas}
    assert langgraph.got("GET", f"/assistants/{R}/schemas") == {"graph_id": "router", **ROUTER.schemas}


def test_a_graph_may_have_no_schema_for_its_context(langgraph: Subject) -> None:
    told = langgraph.got("GET", f"/assistants/{R}/schemas")
    assert (told["context_schema"], told["config_schema"]) == (None, {})


def test_the_servers_own_assistant_can_be_changed_as_any_other(own_langgraph: Subject) -> None:
    changed = own_langgraph.updated(W, context={"a": 1}, metadata={"mine": 1}, name="other")
    assert (changed["version"], changed["context"], changed["name"]) == (2, {"a": 1}, "other")
    assert changed["metadata"] == {"created_by": "system", "mine": 1}
    assert own_langgraph.ask("POST", "/assistants", {"graph_id": "writer", "assistant_id": W}).status == 409


def test_the_servers_own_assistant_is_back_after_a_restart(own_langgraph: Subject) -> None:
    assert own_langgraph.ask("DELETE", f"/assistants/{W}").status == 204
    assert own_langgraph.found(graph_id="writer") == []
    assert own_langgraph.ask("GET", f"/assistants/{W}/schemas").status == 404
    own_langgraph.restart()
    assert default(own_langgraph, "writer")["version"] == 1


def test_a_restart_keeps_assistants_and_versions(own_langgraph: Subject) -> None:
    own_langgraph.created(OTHER, context={"a": 1}, metadata={"m": 1}, name="bot", description="d")
    before = own_langgraph.updated(OTHER, context={"a": 2})
    own_langgraph.restart()
    assert own_langgraph.read(OTHER) == before
    assert len(own_langgraph.got("POST", f"/assistants/{OTHER}/versions", {})) == 2
    assert own_langgraph.updated(OTHER)["version"] == 3


def test_a_restart_makes_the_first_default_assistant_anew_beside_its_old_versions(own_langgraph: Subject) -> None:
    own_langgraph.updated(W, context={"a": 1}, metadata={"mine": 1})
    own_langgraph.restart()
    after = default(own_langgraph, "writer")
    assert after == {**after, **SYSTEM, "name": "writer"}
    versions = own_langgraph.got("POST", f"/assistants/{W}/versions", {})
    assert [each["version"] for each in versions] == [2, 1, 1]
    assert own_langgraph.updated(W)["version"] == 3


def test_a_restart_passes_over_the_assistant_behind_one_that_it_removes(own_langgraph: Subject) -> None:
    own_langgraph.updated(R, context={"a": 1}, metadata={"mine": 1})
    system: Json = {"created_by": "system"}
    for each in (OTHER, THIRD):
        own_langgraph.created(each, metadata=system)
    own_langgraph.restart()
    # In the order in which they were made: W is removed, R is passed over, OTHER is removed, THIRD is passed over.
    assert default(own_langgraph, "router")["context"] == {"a": 1}
    assert own_langgraph.ask("GET", f"/assistants/{OTHER}").status == 404
    assert own_langgraph.read(THIRD)["version"] == 1
    own_langgraph.restart()
    assert default(own_langgraph, "router")["context"] == {}


def test_versions_outlive_an_assistant_that_a_restart_removes(own_langgraph: Subject) -> None:
    own_langgraph.created(THIRD)
    own_langgraph.created(OTHER, metadata={"created_by": "system"})
    own_langgraph.updated(OTHER)
    own_langgraph.restart()
    path = f"/assistants/{OTHER}"
    for method, of in (("GET", path), ("POST", f"{path}/versions"), ("DELETE", path)):
        assert own_langgraph.ask(method, of, {}).status == 404
    assert own_langgraph.created(OTHER)["version"] == 1
    versions = own_langgraph.got("POST", f"{path}/versions", {})
    assert [each["version"] for each in versions] == [2, 1, 1]
    assert own_langgraph.updated(OTHER)["version"] == 3


def test_one_that_says_another_made_it_stays(own_langgraph: Subject) -> None:
    before = own_langgraph.updated(W, context={"a": 1}, metadata={"created_by": "me"})
    own_langgraph.restart()
    assert default(own_langgraph, "writer") == before


def test_a_restart_gives_name_and_description_back_by_a_version(own_langgraph: Subject) -> None:
    own_langgraph.updated(W, name="other", context={"a": 1}, metadata={"created_by": "me"})
    own_langgraph.restart()
    after = default(own_langgraph, "writer")
    assert (after["name"], after["version"], after["context"]) == ("writer", 3, {"a": 1})
    own_langgraph.updated(W, description="d")
    for version in (5, 6):
        own_langgraph.restart()
        after = default(own_langgraph, "writer")
        assert (after["description"], after["version"]) == ("d", version), "it cannot be made null again"


def test_an_assistant_outlives_its_graph(own_langgraph: Subject) -> None:
    own_langgraph.created(OTHER, "router", name="bot")
    own_langgraph.restart(["writer"])
    gone = "Graph 'router' not found. Expected one of: ['writer']"
    path = f"/assistants/{OTHER}"
    assert own_langgraph.ask("GET", path).error == (404, f"assistant {OTHER} not found")
    assert own_langgraph.ask("GET", f"{path}/schemas").error == (404, gone)
    assert own_langgraph.ask("POST", "/assistants/search", {"graph_id": "router"}).error == (404, gone)
    assert OTHER in [each["assistant_id"] for each in own_langgraph.found()]
    taken: Json = {"graph_id": "writer", "assistant_id": OTHER}
    assert own_langgraph.ask("POST", "/assistants", taken).error == (409, f"Assistant {OTHER} already exists")
    assert own_langgraph.got("POST", "/assistants", {**taken, "if_exists": "do_nothing"})["graph_id"] == "router"
    assert own_langgraph.updated(OTHER, name="changed")["version"] == 2
    own_langgraph.restart()
    assert own_langgraph.read(OTHER)["name"] == "changed"


def test_an_assistant_whose_graph_is_gone_can_be_moved_and_deleted(own_langgraph: Subject) -> None:
    for each in (OTHER, THIRD):
        own_langgraph.created(each, "router")
    own_langgraph.restart(["writer"])
    assert own_langgraph.updated(OTHER, graph_id="writer")["graph_id"] == "writer"
    assert own_langgraph.read(OTHER)["version"] == 2
    assert own_langgraph.ask("DELETE", f"/assistants/{THIRD}").status == 204
    own_langgraph.restart()
    assert own_langgraph.ask("GET", f"/assistants/{THIRD}").status == 404


def test_a_killed_server_knows_what_it_wrote_every_ten_seconds(own_langgraph: Subject) -> None:
    own_langgraph.created(OTHER, name="written")
    own_langgraph.wait(12)
    own_langgraph.updated(OTHER, name="not written")
    own_langgraph.created(THIRD)
    own_langgraph.kill()
    assert own_langgraph.read(OTHER)["name"] == "written"
    assert own_langgraph.ask("GET", f"/assistants/{THIRD}").status == 404
