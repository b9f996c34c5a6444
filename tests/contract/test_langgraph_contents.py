"""What the server keeps of what it is sent, where that is not the same."""

import json
from typing import Any

import pytest

from contract.langgraph_fixtures import assistant_id, langgraph
from contract.langgraph_subjects import Json, Subject

__all__ = ["assistant_id", "langgraph"]

KEPT: dict[str, tuple[Any, Any]] = {
    "NUL": ("a\0b", "a\ufffdb"),
    "the escape of NUL as text": (r"a\u0000b", r"a\ufffdb"),
    "NUL in an inner key": ({"k\0": {"k\0": ["\0"]}}, {"k\ufffd": {"k\ufffd": ["\ufffd"]}}),
    "the largest integer": (2**64 - 1, 2**64 - 1),
    "the smallest integer": (-(2**63), -(2**63)),
    "an integer too large": (2**64, 1.8446744073709552e19),
    "an integer too small": (-(2**63) - 1, -9.223372036854776e18),
    "other texts": ("ü🙂\r\n\t\u2028", "ü🙂\r\n\t\u2028"),
    "null": ({"a": None}, {"a": None}),
    "empty": ({"a": {}, "b": [], "c": ""}, {"a": {}, "b": [], "c": ""}),
    "other escapes": (r"\u0001 \n \x00", r"\u0001 \n \x00"),
}


@pytest.mark.parametrize(("sent", "kept"), KEPT.values(), ids=KEPT)
def test_values_are_kept_in_context_metadata_and_config(
    langgraph: Subject, assistant_id: str, sent: Any, kept: Any
) -> None:
    made = langgraph.created(assistant_id, context={"x": sent}, metadata={"x": sent}, config={"x": sent})
    assert made["context"] == made["config"]["configurable"] == made["metadata"] == {"x": kept}
    assert made["config"]["x"] == kept
    assert json.dumps(langgraph.read(assistant_id)["metadata"]) == json.dumps({"x": kept}), "of the same type, too"


def test_a_float_stays_a_float(langgraph: Subject, assistant_id: str) -> None:
    made = langgraph.created(assistant_id, context={"x": [1.0, 1, 1e3]})
    assert json.dumps(made["context"]) == '{"x": [1.0, 1, 1000.0]}'


def test_nul_in_names_and_texts_is_replaced(langgraph: Subject, assistant_id: str) -> None:
    made = langgraph.created(assistant_id, name="n\0", description=r"d\u0000", metadata={"k\0": 1})
    assert (made["name"], made["description"], made["metadata"]) == ("n\ufffd", r"d\ufffd", {"k\ufffd": 1})


@pytest.mark.parametrize("key", ["k\0", r"k\u0000", r"\U0000x"])
@pytest.mark.parametrize("where", ["context", "config", "configurable"])
def test_nul_in_a_first_key_is_refused(langgraph: Subject, assistant_id: str, where: str, key: str) -> None:
    fields: Json = {"config": {"configurable": {key: 1}}} if where == "configurable" else {where: {key: 1}}
    reply = langgraph.ask("POST", "/assistants", {"graph_id": "writer", "assistant_id": assistant_id, **fields})
    assert reply.status == 422
    assert " does not match " in reply.body["detail"]


METADATA = ("thread_id", "assistant_id", "run_id", "cron_id", "counters_since_delta_snapshot")
CONTEXT = (
    "langgraph_auth_user",
    "langgraph_auth_user_id",
    "langgraph_auth_permissions",
    "langgraph_request_id",
    "__request_start_time_ms__",
    "__after_seconds__",
    "__langsmith_project__",
    "__langsmith_example_id__",
    "__dd_trace_headers__",
    "__pregel_node_finished",
    "__context_provided__",
)
KEPT_KEYS = ("graph_id", "checkpoint_id", "user_id", "created_by", "__other", "__otel_trace")


@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_metadata_keys_of_the_server_are_dropped(langgraph: Subject, assistant_id: str, method: str) -> None:
    kept = dict.fromkeys(KEPT_KEYS, 1) | {"inner": {"thread_id": 1}}
    assert _content(langgraph, assistant_id, method, metadata=dict.fromkeys(METADATA, 1) | kept)["metadata"] == kept


@pytest.mark.parametrize("method", ["POST", "PATCH"])
@pytest.mark.parametrize("is_context", [True, False])
def test_context_keys_of_the_server_are_dropped(
    langgraph: Subject, assistant_id: str, method: str, *, is_context: bool
) -> None:
    kept = dict.fromkeys((*KEPT_KEYS, *METADATA), 1) | {"inner": {"langgraph_auth_user": 1}}
    sent = dict.fromkeys(CONTEXT, 1) | kept
    fields: Json = {"context": sent} if is_context else {"config": {"configurable": sent}}
    assert _content(langgraph, assistant_id, method, **fields)["context"] == kept


def test_a_context_of_such_keys_alone_is_an_empty_one(langgraph: Subject, assistant_id: str) -> None:
    langgraph.created(assistant_id, context={"a": 1})
    changed = langgraph.updated(assistant_id, context={"langgraph_auth_user": 1})
    assert (changed["context"], changed["config"]) == ({}, {"configurable": {"a": 1}})


def test_of_a_key_that_comes_twice_the_last_one_counts(langgraph: Subject, assistant_id: str) -> None:
    langgraph.created(assistant_id)
    reply = langgraph.ask("PATCH", f"/assistants/{assistant_id}", raw=b'{"context": {"a": 1, "a": 2}}')
    assert reply.body["context"] == {"a": 2}


def test_nesting_has_a_limit(langgraph: Subject, assistant_id: str) -> None:
    langgraph.created(assistant_id)

    def sent(levels: int) -> bytes:
        return b'{"context": ' + b'{"a":' * levels + b"1" + b"}" * levels + b"}"

    path = f"/assistants/{assistant_id}"
    assert langgraph.ask("PATCH", path, raw=sent(240)).status == 200
    assert langgraph.ask("PATCH", path, raw=sent(300)).error == (400, "Recursion limit reached")
    assert langgraph.ask("PATCH", path, raw=sent(2000)).error == (422, "Invalid JSON in request body")
    assert langgraph.read(assistant_id)["version"] == 2


def _content(langgraph: Subject, assistant_id: str, method: str, **fields: Any) -> Json:
    if method == "POST":
        return langgraph.created(assistant_id, **fields)
    langgraph.created(assistant_id)
    return langgraph.updated(assistant_id, **fields)
