"""POST /assistants."""

from typing import Any

import pytest

from contract.langgraph_fixtures import assistant_id, langgraph
from contract.langgraph_subjects import Json, Subject

__all__ = ["assistant_id", "langgraph"]

UNKNOWN = (404, "Graph 'nope' not found. Expected one of: ['router', 'writer']")


def test_all_that_is_not_given_is_empty(langgraph: Subject, assistant_id: str) -> None:
    made = langgraph.created(assistant_id)
    assert made == {
        "assistant_id": assistant_id,
        "graph_id": "writer",
        "name": "Untitled",
        "description": None,
        "context": {},
        "config": {},
        "metadata": {},
        "version": 1,
        "created_at": made["updated_at"],
        "updated_at": made["updated_at"],
    }
    assert langgraph.read(assistant_id) == made


def test_an_id_that_is_not_given_is_made_up(langgraph: Subject) -> None:
    first, second = (langgraph.got("POST", "/assistants", {"graph_id": "writer"})["assistant_id"] for _ in range(2))
    assert first != second
    assert langgraph.read(first)["version"] == 1


def test_what_is_given_is_kept(langgraph: Subject, assistant_id: str) -> None:
    given: Json = {
        "name": "Bot",
        "description": "d",
        "metadata": {"a": {"b": [1, 1.5, None]}},
        "context": {"ü": "🙂\t"},
    }
    made = langgraph.created(assistant_id, **given, unknown=1)
    assert {key: made[key] for key in given} == given
    assert "unknown" not in made


MIRRORED = {
    "a context": ({"context": {"a": 1}}, {"a": 1}, {"configurable": {"a": 1}}),
    "a configurable": ({"config": {"configurable": {"a": 1}}}, {"a": 1}, {"configurable": {"a": 1}}),
    "neither": ({"config": {"tags": ["t"]}}, {}, {"tags": ["t"]}),
    "two that are empty": ({"context": {}, "config": {"configurable": {}}}, {}, {"configurable": {}}),
    "a context beside an empty configurable": (
        {"context": {"a": 1}, "config": {"configurable": {}}},
        {"a": 1},
        {"configurable": {"a": 1}},
    ),
    "a configurable beside an empty context": (
        {"context": {}, "config": {"configurable": {"a": 1}}},
        {"a": 1},
        {"configurable": {"a": 1}},
    ),
    "a context beside other configuration": (
        {"context": {"a": 1}, "config": {"tags": ["t"], "recursion_limit": 9, "other": {"x": 1}}},
        {"a": 1},
        {"tags": ["t"], "recursion_limit": 9, "other": {"x": 1}, "configurable": {"a": 1}},
    ),
}


@pytest.mark.parametrize(("given", "context", "config"), MIRRORED.values(), ids=MIRRORED)
def test_context_and_configurable_are_mirrored(
    langgraph: Subject, assistant_id: str, given: Json, context: Json, config: Json
) -> None:
    made = langgraph.created(assistant_id, **given)
    assert (made["context"], made["config"]) == (context, config)


def test_a_context_and_a_configurable_are_too_much(langgraph: Subject, assistant_id: str) -> None:
    body = {"graph_id": "writer", "context": {"a": 1}, "config": {"configurable": {"a": 1}}}
    status, detail = langgraph.ask("POST", "/assistants", {**body, "assistant_id": assistant_id}).error
    assert status == 400
    assert detail.startswith("Cannot specify both configurable and context. Prefer setting context alone.")


def test_an_empty_name_is_none(langgraph: Subject, assistant_id: str) -> None:
    made = langgraph.created(assistant_id, name="", description="")
    assert (made["name"], made["description"]) == ("Untitled", "")


def test_a_description_may_be_null(langgraph: Subject, assistant_id: str) -> None:
    assert langgraph.created(assistant_id, description=None)["description"] is None


def test_names_need_not_differ(langgraph: Subject, assistant_id: str) -> None:
    first = langgraph.created(assistant_id, name="same")
    second = langgraph.got("POST", "/assistants", {"graph_id": "writer", "name": "same"})
    assert first["name"] == second["name"]


def test_an_unknown_graph_is_refused(langgraph: Subject, assistant_id: str) -> None:
    assert langgraph.ask("POST", "/assistants", {"graph_id": "nope"}).error == UNKNOWN
    assert langgraph.ask("POST", "/assistants", {"graph_id": ""}).status == 404


def test_an_unknown_graph_is_found_before_the_id(langgraph: Subject, assistant_id: str) -> None:
    langgraph.created(assistant_id)
    body = {"graph_id": "nope", "assistant_id": assistant_id, "if_exists": "do_nothing"}
    assert langgraph.ask("POST", "/assistants", body).error == UNKNOWN


@pytest.mark.parametrize("mode", [{}, {"if_exists": "raise"}])
def test_an_id_that_is_taken_is_a_conflict(langgraph: Subject, assistant_id: str, mode: Json) -> None:
    langgraph.created(assistant_id)
    reply = langgraph.ask("POST", "/assistants", {"graph_id": "router", "assistant_id": assistant_id, **mode})
    assert reply.error == (409, f"Assistant {assistant_id} already exists")


def test_do_nothing_gives_back_what_is_there_whatever_it_is(langgraph: Subject, assistant_id: str) -> None:
    first = langgraph.created(assistant_id, name="first", context={"a": 1})
    again = langgraph.created(assistant_id, "router", name="second", context={"b": 1}, if_exists="do_nothing")
    assert again == first == langgraph.read(assistant_id)


def test_do_nothing_makes_what_is_not_there(langgraph: Subject, assistant_id: str) -> None:
    assert langgraph.created(assistant_id, if_exists="do_nothing")["version"] == 1


WRONG: dict[str, tuple[Json, str]] = {
    "graph_id": ({"graph_id": 5}, '5 is not of type "string"'),
    "no graph_id": ({"graph_id": None}, 'null is not of type "string"'),
    "assistant_id": ({"assistant_id": 5}, '5 is not of type "string"'),
    "name": ({"name": None}, 'null is not of type "string"'),
    "description": ({"description": 5}, '5 is not of types "null", "string"'),
    "context": ({"context": None}, 'null is not of type "object"'),
    "metadata": ({"metadata": [1]}, '[1] is not of type "object"'),
    "config": ({"config": []}, '[] is not of type "object"'),
    "configurable": ({"config": {"configurable": "x"}}, '"x" is not of type "object"'),
    "tags": ({"config": {"tags": "x"}}, '"x" is not of type "array"'),
    "a tag": ({"config": {"tags": [1]}}, '1 is not of type "string"'),
    "recursion_limit": ({"config": {"recursion_limit": "7"}}, '"7" is not of type "integer"'),
    "no recursion_limit": ({"config": {"recursion_limit": None}}, 'null is not of type "integer"'),
    "if_exists": ({"if_exists": "replace"}, '"replace" is not one of "raise" or "do_nothing"'),
}


@pytest.mark.parametrize(("fields", "detail"), WRONG.values(), ids=WRONG)
def test_a_field_of_another_type_is_refused(langgraph: Subject, fields: Json, detail: str) -> None:
    reply = langgraph.ask("POST", "/assistants", {"graph_id": "writer", **fields})
    assert reply.error == (422, detail)


@pytest.mark.parametrize("value", [0, 5.0, -1, 2**40])
def test_a_limit_may_be_any_whole_number(langgraph: Subject, assistant_id: str, value: Any) -> None:
    assert langgraph.created(assistant_id, config={"recursion_limit": value})["config"] == {"recursion_limit": value}


def test_nothing_is_checked_by_the_schemas_of_the_graph(langgraph: Subject, assistant_id: str) -> None:
    context = {"temperature": "hot", "unknown": True}
    assert langgraph.created(assistant_id, context=context)["context"] == context
