"""What a Graph's status makes of what its server said."""

from dataclasses import replace
from typing import Any

import pytest

from assistant_operator.api.graph import GraphStatus, Schemas
from assistant_operator.api.meta import condition
from assistant_operator.api.reason import Reason
from assistant_operator.policy.graph import (
    ApplyDefaultAssistant,
    GraphInput,
    ServerStatus,
    UpdateGraphStatus,
    status,
    steps,
)
from harness.worlds import GRAPH, a_condition, a_default, a_graph, a_graph_status, a_graph_world, a_status

SERVER = {"url": "http://server"}
LEARNED = Schemas(source="Server", context={"type": "object"}, config={"maxProperties": 1})
SERVES = ServerStatus(True, Reason.SERVED, "http://server serves graph 'support'", release="0.16.7", schemas=LEARNED)
DEPLOYED = a_condition("Deployed", "True", "Served", SERVES.message, observed_generation=1)
STATED = (a_graph_status().conditions[0], DEPLOYED, a_graph_status().conditions[2])
SETTLED = a_graph_status(conditions=STATED, schemas=LEARNED, server_version="0.16.7")
SCHEMA = {"required": ["prompt"]}
MUTE = ServerStatus(True, Reason.SERVED, SERVES.message, release="0.16.7")
HIDDEN = ServerStatus(True, Reason.SERVED, SERVES.message, schemas=LEARNED)


def failing(reason: Reason, message: str = "why", release: str = "") -> ServerStatus:
    return ServerStatus(False, reason, message, release=release)


def served(stands: GraphStatus = SETTLED, probe: ServerStatus | None = SERVES, **different: Any) -> GraphInput:
    """A Graph whose server serves it and said the same before: nothing to do."""
    graph = a_graph(status=stands, **{"server": SERVER, **different.pop("spec", {})})
    return a_graph_world(**{"graph": graph, "probe": probe, **different})


def said(world: GraphInput, kind: str) -> tuple[str, str, str] | None:
    found = condition(status(world).conditions, kind)
    return (found.status, found.reason, found.message) if found else None


@pytest.mark.parametrize(
    "world",
    [
        pytest.param(served(), id="it says what it said before"),
        pytest.param(served(probe=None), id="after a restart, before it is asked: unknown is not none"),
    ],
)
def test_a_settled_one_writes_nothing(world: GraphInput) -> None:
    assert list(steps(world)) == []


@pytest.mark.parametrize(
    ("probe", "deployed", "progress"),
    [
        pytest.param(SERVES, "True", None, id="serves"),
        pytest.param(failing(Reason.SERVER_UNREACHABLE), "False", "Reconciling", id="no answer: it goes on by itself"),
        pytest.param(failing(Reason.SERVER_UNAUTHORIZED), "False", "Stalled", id="a key that it does not take"),
        pytest.param(failing(Reason.SERVER_UNRECOGNIZED), "False", "Stalled", id="something else"),
        pytest.param(failing(Reason.GRAPH_UNKNOWN, release="0.17"), "False", "Stalled", id="a graph it does not have"),
        pytest.param(failing(Reason.CREDENTIALS_NOT_FOUND), "False", "Stalled", id="no Secret"),
        pytest.param(failing(Reason.CREDENTIALS_FORBIDDEN), "False", "Stalled", id="no right to read the Secret"),
        pytest.param(failing(Reason.ASSISTANTS_DISABLED), "False", "Stalled", id="no Assistants API"),
    ],
)
def test_deployed_is_what_the_server_says(probe: ServerStatus, deployed: str, progress: str | None) -> None:
    world = served(probe=probe)
    told = (deployed, probe.reason.value, probe.message)
    assert said(world, "Deployed") == told
    assert said(world, "Ready") == (told if progress else ("True", "Available", "the graph is deployed"))
    assert [kind for kind in ("Reconciling", "Stalled") if said(world, kind)] == ([progress] if progress else [])
    if progress:
        assert said(world, progress) == ("True", *told[1:])


@pytest.mark.parametrize(
    "world",
    [
        pytest.param(served(GraphStatus(), None, default=None), id="new, and not asked yet"),
        pytest.param(served(SETTLED, None, spec={"meta": {"generation": 2}}), id="edited, and not asked again yet"),
    ],
)
def test_what_nobody_knows_is_unknown(world: GraphInput) -> None:
    told = ("Probing", "the server was not asked yet")
    assert said(world, "Deployed") == ("Unknown", *told)
    assert said(world, "Ready") == ("False", *told)
    assert said(world, "Reconciling") == ("True", *told)


@pytest.mark.parametrize(
    ("world", "schemas", "release"),
    [
        pytest.param(served(), LEARNED, "0.16.7", id="what the server says"),
        pytest.param(
            served(
                probe=ServerStatus(
                    True, Reason.SERVED, "", release="0.17", schemas=Schemas(source="Server", context=SCHEMA)
                )
            ),
            Schemas(source="Server", context=SCHEMA),
            "0.17",
            id="redeployed",
        ),
        pytest.param(
            served(probe=ServerStatus(True, Reason.SERVED, "", release="0.17", schemas=Schemas(source="None"))),
            Schemas(source="None"),
            "0.17",
            id="redeployed without any",
        ),
        pytest.param(
            served(probe=ServerStatus(True, Reason.SERVED, "", release="0.16.7")),
            LEARNED,
            "0.16.7",
            id="somebody deleted the assistant that is asked for them: what it said before holds",
        ),
        pytest.param(
            served(probe=failing(Reason.SERVER_UNREACHABLE)),
            LEARNED,
            "0.16.7",
            id="no answer: what it said before holds",
        ),
        pytest.param(
            served(probe=failing(Reason.GRAPH_UNKNOWN, release="0.17")),
            LEARNED,
            "0.16.7",
            id="nor does another's count",
        ),
        pytest.param(
            served(spec={"context_schema": SCHEMA}),
            Schemas(source="Spec", context=SCHEMA, config=LEARNED.config),
            "0.16.7",
            id="a field in the spec wins",
        ),
        pytest.param(
            served(spec={"context_schema": SCHEMA, "config_schema": {}}),
            Schemas(source="Spec", context=SCHEMA, config={}),
            "0.16.7",
            id="both in the spec: even one that lets all through",
        ),
        pytest.param(served(spec={"server": None}, probe=None), Schemas(source="None"), None, id="no server any more"),
        pytest.param(served(GraphStatus(), None), None, None, id="not asked yet: nobody knows, which is not none"),
        pytest.param(served(GraphStatus(), MUTE), None, "0.16.7", id="it tells no schemas: unknown, not none"),
        pytest.param(
            served(GraphStatus(), MUTE, spec={"context_schema": SCHEMA}),
            None,
            "0.16.7",
            id="it tells none, and the spec has only one of them",
        ),
        pytest.param(
            served(GraphStatus(), MUTE, spec={"context_schema": SCHEMA, "config_schema": {}}),
            Schemas(source="Spec", context=SCHEMA, config={}),
            "0.16.7",
            id="it tells none, and need not",
        ),
        pytest.param(
            served(GraphStatus(), HIDDEN), LEARNED, None, id="a server that hides its release tells its schemas"
        ),
        pytest.param(
            served(GraphStatus(), ServerStatus(True, Reason.SERVED, "", schemas=Schemas(source="None"))),
            Schemas(source="Server"),
            None,
            id="it hides its release and says that there are no schemas",
        ),
        pytest.param(
            served(GraphStatus(schemas=Schemas(source="Server")), failing(Reason.SERVER_UNREACHABLE)),
            Schemas(source="Server"),
            None,
            id="no answer since: what it said before holds",
        ),
    ],
)
def test_schemas_and_release(world: GraphInput, schemas: Schemas | None, release: str | None) -> None:
    told = status(world)
    assert (told.schemas, told.server_version) == (schemas, release)
    reported = world.graph.model_copy(update={"status": told})
    assert reported.knows_schemas == (schemas is not None), "what is not told is not known"
    assert status(replace(world, graph=reported)) == told, "the same is written once"


def test_schemas_that_an_earlier_release_wrote_before_the_server_was_reached_count_for_nothing_and_stay() -> None:
    stands = GraphStatus(schemas=Schemas(source="None"))
    world = served(stands, failing(Reason.SERVER_UNREACHABLE))
    told = status(world)
    assert (told.schemas, world.graph.knows_schemas) == (Schemas(source="None"), False)
    assert not world.graph.model_copy(update={"status": told}).knows_schemas


NOBODY: dict[str, Any] = {"default": None, "assistants": 0}


@pytest.mark.parametrize(
    ("world", "made"),
    [
        pytest.param(served(GraphStatus(), **NOBODY), True, id="deployed: made"),
        pytest.param(served(GraphStatus(), None, **NOBODY), False, id="not asked yet: not made"),
        pytest.param(
            served(GraphStatus(), failing(Reason.GRAPH_UNKNOWN), **NOBODY), False, id="not deployed: not made"
        ),
        pytest.param(
            served(probe=failing(Reason.SERVER_UNREACHABLE), default=a_default(context={"prompt": "old"})),
            True,
            id="what is made follows its graph, whatever became of the server",
        ),
    ],
)
def test_the_default_assistant_is_made_once_deployed(world: GraphInput, *, made: bool) -> None:
    assert any(isinstance(step, ApplyDefaultAssistant) for step in steps(world)) == made


def test_a_default_assistant_that_another_claims_makes_its_graph_stall() -> None:
    claimed = "assistant X on http://server belongs to 'blue/team/support'"
    stated = [a_condition(kind, "True", "OwnedByAnother", claimed) for kind in ("Stalled",)]
    default = a_default(status=a_status(conditions=(a_condition("Ready", "False", "OwnedByAnother", claimed), *stated)))
    world = served(default=default)
    message = f"assistant '{GRAPH}' is not ready: {claimed}"
    assert said(world, "Ready") == ("False", "DefaultAssistantNotReady", message)
    assert said(world, "Stalled") == ("True", "DefaultAssistantNotReady", message)
    assert said(world, "Deployed") == ("True", "Served", SERVES.message)
    assert [type(step) for step in steps(world)] == [UpdateGraphStatus]
