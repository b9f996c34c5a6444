"""POST /assistants/search."""

import uuid

import pytest

from contract.langgraph_fixtures import langgraph
from contract.langgraph_subjects import Json, Subject

__all__ = ["langgraph"]


def some(langgraph: Subject, *names: str) -> tuple[Json, list[Json]]:
    """Assistants of those names, of both graphs in turn, and the filter that finds them alone."""
    mark = {"mark": str(uuid.uuid4())}
    graphs = ("writer", "router")
    bodies = [{"graph_id": graphs[n % 2], "name": name, "metadata": mark} for n, name in enumerate(names)]
    return {"metadata": mark}, [langgraph.got("POST", "/assistants", body) for body in bodies]


def test_all_are_found_newest_first(langgraph: Subject) -> None:
    mine, made = some(langgraph, "a", "b", "c")
    assert langgraph.found(**mine) == made[::-1]


def test_those_of_a_graph_are_found(langgraph: Subject) -> None:
    mine, made = some(langgraph, "a", "b", "c")
    assert langgraph.found(**mine, graph_id="router") == [made[1]]


@pytest.mark.parametrize("graph_id", ["nope", ""])
def test_an_unknown_graph_is_refused(langgraph: Subject, graph_id: str) -> None:
    reply = langgraph.ask("POST", "/assistants/search", {"graph_id": graph_id, "limit": 1})
    assert reply.error == (404, f"Graph '{graph_id}' not found. Expected one of: ['router', 'writer']")


def test_an_updated_one_is_found_by_what_it_is_now(langgraph: Subject) -> None:
    mine, made = some(langgraph, "a")
    changed = langgraph.updated(made[0]["assistant_id"], graph_id="router")
    assert langgraph.found(**mine, graph_id="writer") == []
    assert langgraph.found(**mine, graph_id="router") == [changed]


@pytest.mark.parametrize("by", ["assistant_id", "created_at", "updated_at", "name", "graph_id"])
def test_they_come_sorted(langgraph: Subject, by: str) -> None:
    mine, made = some(langgraph, "B", "a", "C", "d")
    langgraph.updated(made[1]["assistant_id"])
    up = [each[by].casefold() for each in langgraph.found(**mine, sort_by=by, sort_order="asc")]
    down = [each[by].casefold() for each in langgraph.found(**mine, sort_by=by, sort_order="desc")]
    assert up == sorted(up)
    assert down == sorted(down, reverse=True)
    assert len(up) == len(down) == 4


def test_without_an_order_they_come_from_the_end(langgraph: Subject) -> None:
    mine, _ = some(langgraph, "b", "a", "c")
    assert [each["name"] for each in langgraph.found(**mine, sort_by="name")] == ["c", "b", "a"]


def test_an_order_alone_is_no_matter(langgraph: Subject) -> None:
    mine, made = some(langgraph, "b", "a", "c")
    assert langgraph.found(**mine, sort_order="asc") == made[::-1]


def test_ten_come_unless_another_number_is_asked_for(langgraph: Subject) -> None:
    mine, made = some(langgraph, *"abcdefghijkl")
    assert langgraph.found(**mine) == made[:1:-1]
    assert langgraph.found(**mine, limit=1000) == made[::-1]


def test_pages_follow_each_other_and_the_last_is_empty(langgraph: Subject) -> None:
    mine, made = some(langgraph, *"abcde")
    asked = {**mine, "limit": 2, "sort_by": "assistant_id", "sort_order": "asc"}
    pages = [langgraph.found(**asked, offset=offset) for offset in (0, 2, 4, 6)]
    assert [len(page) for page in pages] == [2, 2, 1, 0]
    found = [each["assistant_id"] for page in pages for each in page]
    assert found == sorted(each["assistant_id"] for each in made)


def test_headers_say_whether_there_is_more(langgraph: Subject) -> None:
    mine, _ = some(langgraph, *"abcde")

    def told(**page: int) -> tuple[str | None, str | None]:
        headers = langgraph.ask("POST", "/assistants/search", {**mine, **page}).headers
        return headers.get("x-pagination-next"), headers.get("x-pagination-total")

    assert told(limit=2) == ("2", "3")
    assert told(limit=2, offset=2) == ("4", "5")
    assert told(limit=2, offset=4) == (None, "5")
    assert told(offset=100) == (None, "100")


CONTAINED: list[Json] = [{}, {"a": {}}, {"a": {"b": 1}}, {"a": {"c": [1, 2]}}]
NOT_CONTAINED: list[Json] = [{"x": 1}, {"a": {"b": 2}}, {"a": {"b": "1"}}, {"a": {"c": [1]}}, {"a": 1}]


def test_metadata_are_found_by_what_they_contain(langgraph: Subject) -> None:
    mark = str(uuid.uuid4())
    content = {"m": mark, "a": {"b": 1, "c": [1, 2]}}
    made = langgraph.got("POST", "/assistants", {"graph_id": "writer", "metadata": content})
    for wanted in CONTAINED:
        assert langgraph.found(metadata={"m": mark, **wanted}) == [made], wanted
    for wanted in NOT_CONTAINED:
        assert langgraph.found(metadata={"m": mark, **wanted}) == [], wanted


def test_names_are_found_by_a_part_in_any_case(langgraph: Subject) -> None:
    mine, made = some(langgraph, "My Writer", "other")
    assert langgraph.found(**mine, name="wRIT") == [made[0]]
    assert langgraph.found(**mine, name="") == made[::-1]
    assert langgraph.found(**mine, name="%") == []


def test_only_the_chosen_keys_come(langgraph: Subject) -> None:
    mine, _ = some(langgraph, "a")
    assert langgraph.found(**mine, select=["name", "version"]) == [{"name": "a", "version": 1}]


def test_other_keys_are_no_matter(langgraph: Subject) -> None:
    mine, made = some(langgraph, "a")
    assert langgraph.found(**mine, unknown=1, assistant_id="x") == made


WRONG: dict[str, tuple[Json, str]] = {
    "no limit": ({"limit": 0}, "0 is less than the minimum of 1"),
    "a large limit": ({"limit": 1001}, "1001 is greater than the maximum of 1000"),
    "a text as limit": ({"limit": "1"}, '"1" is not of type "integer"'),
    "a negative offset": ({"offset": -1}, "-1 is less than the minimum of 0"),
    "another field": ({"sort_by": "x"}, '"x" is not one of "assistant_id", "created_at" or 3 other candidates'),
    "another order": ({"sort_order": "up"}, '"up" is not one of "asc" or "desc"'),
    "a null": ({"graph_id": None}, 'null is not of type "string"'),
    "metadata": ({"metadata": 3}, '3 is not of type "object"'),
}


@pytest.mark.parametrize(("fields", "detail"), WRONG.values(), ids=WRONG)
def test_a_wrong_question_is_refused(langgraph: Subject, fields: Json, detail: str) -> None:
    assert langgraph.ask("POST", "/assistants/search", fields).error == (422, detail)
