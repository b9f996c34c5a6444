"""The LangGraph Server itself: what it says of itself, whom it answers, and which requests it knows."""

import uuid

import pytest

from contract.langgraph_fixtures import KEY, assistant_id, langgraph, locked_langgraph, metaless_langgraph
from contract.langgraph_subjects import Subject

__all__ = ["assistant_id", "langgraph", "locked_langgraph", "metaless_langgraph"]


def test_it_says_that_it_is_well(langgraph: Subject) -> None:
    reply = langgraph.ask("GET", "/ok")
    assert (reply.status, reply.body) == (200, {"ok": True, "services": {}})


def test_it_names_its_release(langgraph: Subject) -> None:
    told = langgraph.got("GET", "/info")
    assert told["version"].startswith("0.")
    assert told["flags"]["assistants"] is True


def test_without_meta_it_names_no_release_and_is_well_all_the_same(metaless_langgraph: Subject) -> None:
    assert metaless_langgraph.ask("GET", "/info").error == (404, "Not Found")
    assert metaless_langgraph.got("GET", "/ok") == {"ok": True}


@pytest.mark.parametrize("path", ["/ok", "/info"])
def test_without_the_key_it_tells_of_itself(locked_langgraph: Subject, path: str) -> None:
    assert locked_langgraph.ask("GET", path).status == 200


@pytest.mark.parametrize("key", [None, "wrong"])
@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/assistants/search"), ("GET", f"/assistants/{uuid.UUID(int=1)}"), ("GET", "/nothing")],
)
def test_without_the_key_it_tells_nothing_else(
    locked_langgraph: Subject, key: str | None, method: str, path: str
) -> None:
    assert locked_langgraph.ask(method, path, {}, key=key).error == (401, "bad key")


def test_with_the_key_it_answers(locked_langgraph: Subject) -> None:
    assert locked_langgraph.ask("POST", "/assistants/search", {}, key=KEY).status == 200


def test_a_key_that_it_does_not_want_is_no_matter(langgraph: Subject) -> None:
    assert langgraph.ask("POST", "/assistants/search", {}, key="any").status == 200


def test_it_does_not_know_other_paths(langgraph: Subject) -> None:
    assert langgraph.ask("GET", "/elsewhere").error == (404, "Not Found")


@pytest.mark.parametrize(("method", "path"), [("GET", "/assistants"), ("PUT", f"/assistants/{uuid.UUID(int=1)}")])
def test_it_does_not_know_other_methods(langgraph: Subject, method: str, path: str) -> None:
    assert langgraph.ask(method, path, {}).error == (405, "Method Not Allowed")


def test_a_slash_too_much_is_a_redirect(langgraph: Subject) -> None:
    reply = langgraph.ask("POST", "/assistants/search/", {})
    assert reply.status == 307
    assert reply.headers["location"].endswith("/assistants/search")


INVALID = {
    "nothing": b"",
    "half of it": b"{",
    "not a number": b'{"graph_id": "writer", "context": {"a": NaN}}',
    "beyond every float": b'{"graph_id": "writer", "context": {"a": 1e400}}',
    "half a character": b'{"graph_id": "writer", "context": {"a": "\\ud800"}}',
}


@pytest.mark.parametrize("raw", INVALID.values(), ids=INVALID)
def test_a_body_that_is_no_json_is_refused(langgraph: Subject, raw: bytes) -> None:
    assert langgraph.ask("POST", "/assistants", raw=raw).error == (422, "Invalid JSON in request body")


def test_a_body_of_another_form_is_refused(langgraph: Subject) -> None:
    assert langgraph.ask("POST", "/assistants/search", []).error == (422, '[] is not of type "object"')
    reply = langgraph.ask("POST", "/assistants", {})
    assert reply.body["detail"] == (
        '"graph_id" is a required property\n\nFailed validating "required" in schema\n\nOn instance:\n    {}'
    )


def test_an_id_is_a_uuid_in_any_spelling(langgraph: Subject, assistant_id: str) -> None:
    langgraph.created(assistant_id.upper())
    for spelling in (assistant_id, assistant_id.upper(), assistant_id.replace("-", "")):
        assert langgraph.read(spelling)["assistant_id"] == assistant_id


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/assistants/writer", None),
        ("GET", "/assistants/writer/schemas", None),
        ("PATCH", "/assistants/writer", {}),
        ("DELETE", "/assistants/writer", None),
        ("POST", "/assistants", {"graph_id": "writer", "assistant_id": "writer"}),
    ],
)
def test_an_id_is_nothing_else(langgraph: Subject, method: str, path: str, body: object) -> None:
    assert langgraph.ask(method, path, body).error == (422, "Invalid assistant ID: must be a UUID")


@pytest.mark.parametrize(
    ("method", "path", "body", "detail"),
    [
        ("GET", "", None, "Not Found"),
        ("GET", "/schemas", None, "Not Found"),
        ("PATCH", "", {}, "Assistant {} not found"),
        ("DELETE", "", None, "Assistant with ID {} not found"),
        ("POST", "/versions", {}, "Assistant {} not found"),
        ("POST", "/latest", {"version": 1}, "Assistant {} not found"),
    ],
)
def test_an_assistant_that_is_not_there(
    langgraph: Subject, assistant_id: str, method: str, path: str, body: object, detail: str
) -> None:
    reply = langgraph.ask(method, f"/assistants/{assistant_id}{path}", body)
    assert reply.error == (404, detail.format(assistant_id))
