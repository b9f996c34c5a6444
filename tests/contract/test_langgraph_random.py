"""The simulated LangGraph Server beside the real one: they answer the same to requests that nobody thought of."""

import random
from collections.abc import Iterator
from typing import Any

import pytest

from contract.langgraph_fixtures import started
from contract.langgraph_subjects import DEPLOYED, Json, RealSubject, Reply, SimulatedSubject, Subject
from harness.langgraph_server import LangGraphServer
from harness.simulated_langgraph import default_id

REQUESTS = 400
IDS = [default_id("writer"), default_id("router"), *(f"00000000-0000-4000-8000-00000000000{n}" for n in range(4)), "x"]
TIMES = ("created_at", "updated_at")


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Subject, Subject]]:
    with started(lambda: LangGraphServer(tmp_path_factory.mktemp("langgraph"), graphs=DEPLOYED)) as server:
        yield SimulatedSubject(), RealSubject(server)


@pytest.mark.parametrize("seed", range(5))
def test_they_answer_the_same(pair: tuple[Subject, Subject], seed: int) -> None:
    simulated, real = pair
    chance = random.Random(seed)
    asked = []
    for number in range(REQUESTS):
        method, path, body = _request(chance)
        asked.append(f"{method} {path} {body}")
        answers = [_comparable(each.ask(method, path, body)) for each in (simulated, real)]
        assert answers[0] == answers[1], "\n".join([f"request {number} of seed {seed}:", *asked[-12:]])
    for subject in pair:
        subject.restart()
    lists = [_comparable(each.ask("POST", "/assistants/search", {"limit": 1000})) for each in pair]
    assert lists[0] == lists[1], f"after the restart of seed {seed}"


def _request(chance: random.Random) -> tuple[str, str, Any]:
    path = f"/assistants/{chance.choice(IDS)}"
    return chance.choice(
        [
            ("POST", "/assistants", _create(chance)),
            ("PATCH", path, _fields(chance)),
            ("PATCH", path, _fields(chance)),
            ("GET", path, None),
            ("GET", f"{path}/schemas", None),
            ("POST", f"{path}/versions", _some(chance, limit=[1, 5, 0], offset=[0, 2, 50])),
            ("POST", f"{path}/latest", _some(chance, version=[1, 2, 3, 0, None])),
            ("POST", "/assistants/search", _search(chance)),
            *([("DELETE", path, None)] if chance.random() < 0.3 else []),
        ]
    )


def _some(chance: random.Random, **choices: list[Any]) -> Json:
    """Of each key one of its values, or none."""
    return {key: chance.choice(values) for key, values in choices.items() if chance.random() < 0.5}


def _create(chance: random.Random) -> Json:
    chosen = _some(chance, if_exists=["raise", "do_nothing", "do_nothing", "other"])
    return {"graph_id": "writer", **_fields(chance), **chosen, "assistant_id": chance.choice(IDS)}


def _fields(chance: random.Random) -> Json:
    return _some(
        chance,
        graph_id=["writer", "router", "writer", "router", "nope"],
        name=["a", "A", "B", "", "a\0", None, "Zoé", "ß", "SS"],
        description=["", "d", None, r"\u0000"],
        metadata=[{}, {"a": 1}, {"a": None}, {"a": {"b": 2**64}}, {"created_by": "system"}, {"run_id": 1, "c": "\0"}],
        context=[{}, {"p": "x"}, {"p": [1.0, -(2**63) - 1]}, {"langgraph_auth_user": 1}, {"k\0": 1}, []],
        config=[
            {},
            {"tags": ["t"]},
            {"configurable": {}},
            {"configurable": {"p": "y"}},
            {"recursion_limit": 2**64, "x": {"y\0": "\0"}},
            {"tags": "t"},
        ],
    )


def _search(chance: random.Random) -> Json:
    return {
        "limit": 1000,
        **_some(
            chance,
            graph_id=["writer", "router", "nope"],
            name=["a", "ZO", "É", "", "ss", "ß"],
            metadata=[{"a": 1}, {"a": None}, {"created_by": "system"}, {"a": {"b": 1.8446744073709552e19}}],
            sort_by=["assistant_id", "created_at", "updated_at", "name", "graph_id", "x"],
            sort_order=["asc", "desc"],
            offset=[0, 1, 9],
        ),
    }


def _comparable(reply: Reply) -> tuple[int, Any, Any]:
    """Without times, and without ids that the server made up."""
    pages = {name: value for name, value in reply.headers.items() if name.startswith("x-pagination")}
    return reply.status, _timeless(reply.body), pages


def _timeless(body: Any) -> Any:
    if isinstance(body, list):
        return [_timeless(each) for each in body]
    if isinstance(body, dict):
        return {key: value for key, value in body.items() if key not in TIMES}
    return body
