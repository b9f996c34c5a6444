"""PATCH and DELETE /assistants/{id}, and the versions that they make."""

import pytest

from contract.langgraph_fixtures import assistant_id, langgraph
from contract.langgraph_subjects import Json, Subject

__all__ = ["assistant_id", "langgraph"]

FULL: Json = {
    "name": "n",
    "description": "d",
    "context": {"a": 1, "b": {"c": 1}},
    "config": {"tags": ["t"], "recursion_limit": 9},
    "metadata": {"m": 1, "deep": {"x": 1}},
}
BEFORE = {"tags": ["t"], "recursion_limit": 9, "configurable": {"a": 1, "b": {"c": 1}}}


def test_what_is_not_sent_stays(langgraph: Subject, assistant_id: str) -> None:
    before = langgraph.created(assistant_id, **FULL)
    after = langgraph.updated(assistant_id)
    assert after == {**before, "version": 2, "updated_at": after["updated_at"]}
    assert after["updated_at"] > before["updated_at"]


@pytest.mark.parametrize("fields", [{}, {"name": "n"}, {"unknown": 1}, {"version": 9, "created_at": "x"}])
def test_each_update_is_a_version_also_if_it_changes_nothing(
    langgraph: Subject, assistant_id: str, fields: Json
) -> None:
    langgraph.created(assistant_id, **FULL)
    assert [langgraph.updated(assistant_id, **fields)["version"] for _ in range(3)] == [2, 3, 4]


def test_metadata_is_merged_at_its_first_level(langgraph: Subject, assistant_id: str) -> None:
    langgraph.created(assistant_id, **FULL)
    assert langgraph.updated(assistant_id, metadata={"deep": {"y": 2}, "new": 1})["metadata"] == {
        "m": 1,
        "deep": {"y": 2},
        "new": 1,
    }


def test_a_null_in_metadata_is_kept_as_null(langgraph: Subject, assistant_id: str) -> None:
    langgraph.created(assistant_id, metadata={"a": 1, "b": 1})
    assert langgraph.updated(assistant_id, metadata={"a": None})["metadata"] == {"a": None, "b": 1}


def test_empty_metadata_change_nothing(langgraph: Subject, assistant_id: str) -> None:
    langgraph.created(assistant_id, metadata={"a": 1})
    assert langgraph.updated(assistant_id, metadata={})["metadata"] == {"a": 1}


def test_texts_are_replaced_also_by_empty_ones(langgraph: Subject, assistant_id: str) -> None:
    langgraph.created(assistant_id, **FULL)
    changed = langgraph.updated(assistant_id, name="", description="")
    assert (changed["name"], changed["description"]) == ("", "")


MIRRORED = {
    "a context replaces all of config": ({"context": {"z": 1}}, {"z": 1}, {"configurable": {"z": 1}}),
    "a context beside config": (
        {"context": {"z": 1}, "config": {"tags": ["u"]}},
        {"z": 1},
        {"tags": ["u"], "configurable": {"z": 1}},
    ),
    "an empty context leaves config": ({"context": {}}, {}, BEFORE),
    "an empty config is none": ({"config": {}}, BEFORE["configurable"], BEFORE),
    "config without configurable leaves the context": (
        {"config": {"tags": ["u"]}},
        BEFORE["configurable"],
        {"tags": ["u"]},
    ),
    "a configurable becomes the context": (
        {"config": {"configurable": {"z": 1}}},
        {"z": 1},
        {"configurable": {"z": 1}},
    ),
    "an empty configurable leaves the context": (
        {"config": {"configurable": {}}},
        BEFORE["configurable"],
        {"configurable": {}},
    ),
    "a configurable beside an empty context": (
        {"config": {"configurable": {"z": 1}}, "context": {}},
        {"z": 1},
        {"configurable": {"z": 1}},
    ),
    "two empty ones clear both": (
        {"context": {}, "config": {"configurable": {}}},
        {},
        {"configurable": {}},
    ),
    "an empty context beside config": ({"context": {}, "config": {"tags": ["u"]}}, {}, {"tags": ["u"]}),
}


@pytest.mark.parametrize(("fields", "context", "config"), MIRRORED.values(), ids=MIRRORED)
def test_context_and_config_are_replaced_and_mirrored(
    langgraph: Subject, assistant_id: str, fields: Json, context: Json, config: Json
) -> None:
    langgraph.created(assistant_id, **FULL)
    changed = langgraph.updated(assistant_id, **fields)
    assert (changed["context"], changed["config"]) == (context, config)
    assert langgraph.read(assistant_id) == changed


def test_a_context_and_a_configurable_are_too_much(langgraph: Subject, assistant_id: str) -> None:
    before = langgraph.created(assistant_id)
    body = {"context": {"a": 1}, "config": {"configurable": {"a": 1}}}
    assert langgraph.ask("PATCH", f"/assistants/{assistant_id}", body).status == 400
    assert langgraph.read(assistant_id) == before


def test_another_graph_keeps_the_content(langgraph: Subject, assistant_id: str) -> None:
    before = langgraph.created(assistant_id, **FULL)
    after = langgraph.updated(assistant_id, graph_id="router")
    assert after["graph_id"] == "router"
    assert {key: after[key] for key in ("context", "config", "metadata", "name")} == {
        key: before[key] for key in ("context", "config", "metadata", "name")
    }
    assert langgraph.got("GET", f"/assistants/{assistant_id}/schemas")["graph_id"] == "router"


@pytest.mark.parametrize("graph_id", ["nope", ""])
def test_an_unknown_graph_is_refused(langgraph: Subject, assistant_id: str, graph_id: str) -> None:
    before = langgraph.created(assistant_id)
    reply = langgraph.ask("PATCH", f"/assistants/{assistant_id}", {"graph_id": graph_id})
    assert reply.error == (404, f"Graph '{graph_id}' not found. Expected one of: ['router', 'writer']")
    assert langgraph.read(assistant_id) == before


def test_an_unknown_graph_is_found_before_the_assistant(langgraph: Subject, assistant_id: str) -> None:
    reply = langgraph.ask("PATCH", f"/assistants/{assistant_id}", {"graph_id": "nope"})
    assert reply.error == (404, "Graph 'nope' not found. Expected one of: ['router', 'writer']")


WRONG: dict[str, tuple[Json, str]] = {
    "graph_id": ({"graph_id": None}, 'null is not of type "string"'),
    "name": ({"name": None}, 'null is not of type "string"'),
    "description": ({"description": None}, 'null is not of type "string"'),
    "context": ({"context": None}, 'null is not of type "object"'),
    "metadata": ({"metadata": None}, 'null is not of type "object"'),
    "config": ({"config": None}, 'null is not of type "object"'),
    "a tag": ({"config": {"tags": [1]}}, '1 is not of type "string"'),
}


@pytest.mark.parametrize(("fields", "detail"), WRONG.values(), ids=WRONG)
def test_a_field_of_another_type_is_refused_and_changes_nothing(
    langgraph: Subject, assistant_id: str, fields: Json, detail: str
) -> None:
    before = langgraph.created(assistant_id, **FULL)
    reply = langgraph.ask("PATCH", f"/assistants/{assistant_id}", {"name": "other", **fields})
    assert reply.error == (422, detail)
    assert langgraph.read(assistant_id) == before


def test_a_deleted_assistant_is_gone(langgraph: Subject, assistant_id: str) -> None:
    langgraph.created(assistant_id)
    reply = langgraph.ask("DELETE", f"/assistants/{assistant_id}")
    assert (reply.status, reply.body) == (204, None)
    assert langgraph.ask("GET", f"/assistants/{assistant_id}").status == 404
    assert langgraph.ask("DELETE", f"/assistants/{assistant_id}").status == 404


def test_an_id_begins_anew_after_its_deletion(langgraph: Subject, assistant_id: str) -> None:
    langgraph.created(assistant_id, **FULL)
    langgraph.updated(assistant_id, name="other")
    langgraph.ask("DELETE", f"/assistants/{assistant_id}")
    again = langgraph.created(assistant_id)
    assert (again["version"], again["metadata"], again["context"]) == (1, {}, {})
    assert [each["version"] for each in langgraph.got("POST", f"/assistants/{assistant_id}/versions", {})] == [1]


def test_a_version_keeps_what_the_assistant_was(langgraph: Subject, assistant_id: str) -> None:
    first = langgraph.created(assistant_id, **FULL)
    second = langgraph.updated(assistant_id, context={"z": 1}, metadata={"m": 2}, name="other", graph_id="router")
    assert langgraph.got("POST", f"/assistants/{assistant_id}/versions", {}) == [
        {**{key: value for key, value in row.items() if key != "updated_at"}, "created_at": row["updated_at"]}
        for row in (second, first)
    ]


def test_versions_come_in_pages_of_ten(langgraph: Subject, assistant_id: str) -> None:
    langgraph.created(assistant_id)
    for _ in range(11):
        langgraph.updated(assistant_id)
    path = f"/assistants/{assistant_id}/versions"
    numbers = [each["version"] for each in langgraph.got("POST", path, {})]
    assert numbers == list(range(12, 2, -1))
    assert [each["version"] for each in langgraph.got("POST", path, {"limit": 3, "offset": 10})] == [2, 1]
    assert langgraph.ask("POST", path, {"offset": 12}).error == (404, f"Assistant {assistant_id} not found")


def test_a_rollback_restores_all_but_context_and_graph(langgraph: Subject, assistant_id: str) -> None:
    first = langgraph.created(assistant_id, **FULL)
    second = langgraph.updated(assistant_id, context={"z": 1}, metadata={"new": 2}, name="other", graph_id="router")
    after = langgraph.got("POST", f"/assistants/{assistant_id}/latest", {"version": 1})
    kept = {"context": {"z": 1}, "graph_id": "router", "updated_at": after["updated_at"]}
    assert after == {**first, **kept}
    assert after["updated_at"] > second["updated_at"]


def test_an_update_after_a_rollback_has_the_next_number_of_all(langgraph: Subject, assistant_id: str) -> None:
    langgraph.created(assistant_id, name="first")
    langgraph.updated(assistant_id, name="second")
    langgraph.updated(assistant_id, name="third")
    langgraph.got("POST", f"/assistants/{assistant_id}/latest", {"version": 1})
    after = langgraph.updated(assistant_id)
    assert (after["version"], after["name"]) == (4, "first")


def test_a_rollback_to_no_version_is_refused(langgraph: Subject, assistant_id: str) -> None:
    langgraph.created(assistant_id)
    reply = langgraph.ask("POST", f"/assistants/{assistant_id}/latest", {"version": 9})
    assert reply.error == (404, f"Version 9 not found for assistant {assistant_id}")
