"""What happens next to a Graph and its default assistant, and what its status says."""

from dataclasses import replace
from typing import Any

import pytest

from assistant_operator.api.assistant import Assistant
from assistant_operator.api.graph import GraphStatus, Schemas
from assistant_operator.api.meta import Condition, condition
from assistant_operator.api.reason import Reason
from assistant_operator.policy.graph import (
    SCHEMAS_TOO_LARGE,
    ApplyDefaultAssistant,
    Disown,
    GraphInput,
    ServerStatus,
    UpdateGraphStatus,
    status,
    steps,
)
from assistant_operator.policy.stored import Unstored
from harness.worlds import (
    EARLIER,
    GRAPH,
    NOW,
    OWNED_BY_GRAPH,
    a_condition,
    a_default,
    a_graph,
    a_graph_status,
    a_graph_world,
    a_status,
    an_assistant,
    managed,
)

REF = {"graphRef": {"name": GRAPH}}
HELLO = ApplyDefaultAssistant(GRAPH, {**REF, "context": {"prompt": "hello"}})
NEW = {"context": {"prompt": "new"}}
SERVER = {"url": "http://server"}
NOT_READY = a_status(conditions=(a_condition("Ready", "False", "AwaitingActivation", "pin a version"),))
STALLED = a_status(conditions=(*NOT_READY.conditions, a_condition("Stalled", "True", "AwaitingActivation", "pin")))


def a_persons(graph: str = GRAPH, **different: Any) -> Assistant:
    """An Assistant of the default's name that a person made."""
    return an_assistant(meta={"name": GRAPH, "uid": "uid-of-a-persons"}, graph_ref={"name": graph}, **different)


def changed(assistant: Assistant, **meta: Any) -> Assistant:
    return assistant.model_copy(update={"metadata": assistant.metadata.model_copy(update=meta)})


ADOPTED = a_graph_world(default=a_persons())
OF_ANOTHER = a_graph_world(default=a_persons("billing"))
MISSING = a_graph_world(default=None)
UNWANTED = a_graph_world(graph=a_graph(default_assistant={"policy": "None"}), default=None)
RENAMED = a_graph_world(
    graph=a_graph(default_assistant={"name": "front"}), default=None, former=(a_default(),), assistants=1
)
UNASKED = a_graph_world(graph=a_graph(server=SERVER, status=GraphStatus()), default=None)
SERVES = ServerStatus(holds=True, reason=Reason.SERVED, message="it serves the graph")
SILENT = ServerStatus(holds=False, reason=Reason.SERVER_UNREACHABLE, message="no answer")
TAKEN_AWAY = a_default(managed("kubectl", "graphRef.name"), ours=("context.prompt",), graph_ref={"name": "billing"})


def done(world: GraphInput) -> list[Any]:
    """The steps, of a report only that there is one."""
    return [UpdateGraphStatus if isinstance(step, UpdateGraphStatus) else step for step in steps(world)]


@pytest.mark.parametrize(
    ("world", "decision"),
    [
        pytest.param(a_graph_world(), [], id="settled"),
        pytest.param(MISSING, [HELLO, UpdateGraphStatus], id="the default assistant is made, again if it was deleted"),
        pytest.param(
            a_graph_world(graph=a_graph(defaults=NEW)),
            [ApplyDefaultAssistant(GRAPH, {**REF, **NEW})],
            id="it follows the graph",
        ),
        pytest.param(
            a_graph_world(
                graph=a_graph(defaults=NEW),
                default=a_default(
                    managed("kubectl", "context.prompt"), ours=("graphRef.name",), context={"prompt": "x"}
                ),
            ),
            [],
            id="a person took the changed field over",
        ),
        pytest.param(
            a_graph_world(graph=a_graph(defaults=NEW), default=changed(a_default(), deletion_timestamp=NOW)),
            [],
            id="it is being deleted: made again once it is gone",
        ),
        pytest.param(ADOPTED, [], id="a person's own is adopted as it is"),
        pytest.param(
            a_graph_world(graph=a_graph(defaults=NEW), default=a_persons()), [], id="an adopted one is never modified"
        ),
        pytest.param(
            a_graph_world(
                graph=a_graph(defaults=NEW),
                default=changed(
                    a_default(), owner_references=(OWNED_BY_GRAPH.model_copy(update={"uid": "uid-of-a-dead-graph"}),)
                ),
            ),
            [],
            id="one that a dead graph of the same name made is adopted",
        ),
        pytest.param(OF_ANOTHER, [UpdateGraphStatus], id="another graph's is left alone"),
        pytest.param(
            a_graph_world(graph=a_graph(defaults=NEW), default=TAKEN_AWAY),
            [UpdateGraphStatus],
            id="one that a person gave to another graph is left alone",
        ),
        pytest.param(UNWANTED, [UpdateGraphStatus], id="policy None makes none"),
        pytest.param(
            a_graph_world(graph=a_graph(default_assistant={"policy": "None"}), default=None, former=(a_default(),)),
            [UpdateGraphStatus],
            id="policy None deletes none",
        ),
        pytest.param(
            RENAMED,
            [ApplyDefaultAssistant("front", HELLO.configuration), Disown(GRAPH), UpdateGraphStatus],
            id="another name: the new one is made, the former becomes an ordinary one",
        ),
        pytest.param(
            a_graph_world(graph=a_graph(meta={"deletion_timestamp": NOW}, defaults=NEW)),
            [],
            id="the graph is being deleted",
        ),
        pytest.param(a_graph_world(assistants=2), [UpdateGraphStatus], id="another assistant references it"),
        pytest.param(
            a_graph_world(graph=a_graph(meta={"generation": 2})), [UpdateGraphStatus], id="an edit is observed"
        ),
        pytest.param(
            a_graph_world(graph=a_graph(context_schema={"type": "object"})),
            [UpdateGraphStatus],
            id="a schema is in force",
        ),
        pytest.param(UNASKED, [UpdateGraphStatus], id="none is made before it is known to be deployed"),
        pytest.param(
            a_graph_world(graph=a_graph(server=SERVER), default=None, probe=SERVES),
            [HELLO, UpdateGraphStatus],
            id="it is made once the server serves the graph",
        ),
        pytest.param(
            a_graph_world(graph=a_graph(server=SERVER, defaults=NEW), probe=SILENT),
            [ApplyDefaultAssistant(GRAPH, {**REF, **NEW}), UpdateGraphStatus],
            id="what is made follows, whatever became of the server",
        ),
    ],
)
def test_steps(world: GraphInput, decision: list[Any]) -> None:
    assert done(world) == decision
    for step in steps(world):
        if isinstance(step, UpdateGraphStatus):
            reported = GraphInput(**{**_fields(world), "graph": world.graph.model_copy(update={"status": step.status})})
            assert UpdateGraphStatus not in done(reported), "the same status is written twice"


def _fields(world: GraphInput) -> dict[str, Any]:
    return {name: getattr(world, name) for name in GraphInput.__slots__}


DECLARED = ("True", "Declared")
CONDITIONS: list[Any] = [
    pytest.param(
        a_graph_world(),
        {"Ready": ("True", "Available"), "Deployed": DECLARED, "DefaultAssistantReady": ("True", "Available")},
        id="settled",
    ),
    pytest.param(
        ADOPTED,
        {"Ready": ("True", "Available"), "Deployed": DECLARED, "DefaultAssistantReady": ("True", "Available")},
        id="an adopted default counts like ours",
    ),
    pytest.param(
        UNWANTED,
        {"Ready": ("True", "Available"), "Deployed": DECLARED, "DefaultAssistantReady": ("True", "NotWanted")},
        id="none is wanted",
    ),
    pytest.param(
        MISSING,
        {
            "Ready": ("False", "DefaultAssistantMissing"),
            "Deployed": DECLARED,
            "DefaultAssistantReady": ("False", "DefaultAssistantMissing"),
            "Reconciling": ("True", "DefaultAssistantMissing"),
        },
        id="it is about to be made",
    ),
    pytest.param(
        a_graph_world(default=a_default(status=NOT_READY)),
        {
            "Ready": ("False", "DefaultAssistantNotReady"),
            "Deployed": DECLARED,
            "DefaultAssistantReady": ("False", "DefaultAssistantNotReady"),
            "Reconciling": ("True", "DefaultAssistantNotReady"),
        },
        id="it is not ready yet",
    ),
    pytest.param(
        a_graph_world(default=a_default(status=STALLED)),
        {
            "Ready": ("False", "DefaultAssistantNotReady"),
            "Deployed": DECLARED,
            "DefaultAssistantReady": ("False", "DefaultAssistantNotReady"),
            "Stalled": ("True", "DefaultAssistantNotReady"),
        },
        id="it waits for somebody",
    ),
    pytest.param(
        OF_ANOTHER,
        {
            "Ready": ("False", "NameConflict"),
            "Deployed": DECLARED,
            "DefaultAssistantReady": ("False", "NameConflict"),
            "Stalled": ("True", "NameConflict"),
        },
        id="another graph has it",
    ),
    pytest.param(
        a_graph_world(schema_error="the schema for /context is wrong at '/type': no"),
        {
            "Ready": ("False", "SchemaUnusable"),
            "Deployed": DECLARED,
            "DefaultAssistantReady": ("True", "Available"),
            "Stalled": ("True", "SchemaUnusable"),
        },
        id="its schema cannot be used",
    ),
    pytest.param(
        a_graph_world(schema_error="schema validation did not finish in time", is_schema_error_transient=True),
        {
            "Ready": ("False", "SchemaUnusable"),
            "Deployed": DECLARED,
            "DefaultAssistantReady": ("True", "Available"),
            "Reconciling": ("True", "SchemaUnusable"),
        },
        id="its schema is tried again",
    ),
    pytest.param(
        UNASKED,
        {
            "Ready": ("False", "Probing"),
            "Deployed": ("Unknown", "Probing"),
            "DefaultAssistantReady": ("False", "DefaultAssistantMissing"),
            "Reconciling": ("True", "Probing"),
        },
        id="its server was not asked yet",
    ),
]


@pytest.mark.parametrize(("world", "said"), CONDITIONS)
def test_conditions(world: GraphInput, said: dict[str, tuple[str, str]]) -> None:
    stated = status(world).conditions
    assert {each.type: (each.status, each.reason) for each in stated} == said
    assert {each.observed_generation for each in stated} == {world.graph.metadata.generation}
    progress = [each for each in stated if each.type in ("Reconciling", "Stalled")]
    ready = condition(stated, "Ready")
    assert ready
    assert [each.message for each in progress] == ([] if ready.status == "True" else [ready.message])


@pytest.mark.parametrize(
    ("world", "message"),
    [
        pytest.param(
            OF_ANOTHER,
            "assistant 'support' belongs to graph 'billing': set spec.defaultAssistant.name to another name",
            id="whose it is and what to do",
        ),
        pytest.param(
            a_graph_world(default=a_default(status=NOT_READY)),
            "assistant 'support' is not ready: pin a version",
            id="why",
        ),
        pytest.param(
            a_graph_world(default=a_default(status=a_status(conditions=()))),
            "assistant 'support' is not ready",
            id="new",
        ),
        pytest.param(
            a_graph_world(release_refusal="not allowed"),
            "the graph is deployed; releasing a former default assistant is refused (not allowed)",
            id="what is refused beside it",
        ),
        pytest.param(
            a_graph_world(refusal="quota", release_refusal="no"),
            "assistant 'support' cannot be made or changed: quota;"
            " releasing a former default assistant is refused (no)",
            id="both",
        ),
        pytest.param(
            a_graph_world(unstored=Unstored(a_graph_status(), a_graph_status(graph_id=None))),
            "the graph is deployed; the API server does not store status.graphId: if the CustomResourceDefinition of"
            " graphs is older than the operator, run kubectl apply --server-side -k crds",
            id="what is not stored",
        ),
    ],
)
def test_ready_says_what_the_trouble_is(world: GraphInput, message: str) -> None:
    ready = condition(status(world).conditions, "Ready")
    assert ready
    assert ready.message == message


@pytest.mark.parametrize(
    ("world", "name"),
    [
        pytest.param(a_graph_world(), GRAPH, id="ours"),
        pytest.param(ADOPTED, GRAPH, id="adopted"),
        pytest.param(MISSING, None, id="none yet"),
        pytest.param(OF_ANOTHER, None, id="another graph's"),
        pytest.param(UNWANTED, None, id="unwanted"),
    ],
)
def test_the_status_names_the_default_assistant_only_if_it_is_this_graphs(world: GraphInput, name: str | None) -> None:
    assert status(world).default_assistant == name


def test_the_status_tells_the_graphs_id_schemas_and_assistants() -> None:
    graph = a_graph(graph_id="agent", config_schema={}, meta={"generation": 4})
    told = status(a_graph_world(graph=graph, assistants=12))
    assert (told.graph_id, told.assistants, told.observed_generation) == ("agent", 12, 4)
    assert told.schemas == Schemas(source="Spec", config={})


LARGE = {"title": "as if it had 750 KB"}


@pytest.mark.parametrize(
    ("world", "kept"),
    [
        pytest.param(
            a_graph_world(graph=a_graph(context_schema=LARGE)), Schemas(source="Spec"), id="the spec has them"
        ),
        pytest.param(
            a_graph_world(
                graph=a_graph(server=SERVER),
                probe=replace(SERVES, schemas=Schemas(source="Server", context=LARGE)),
            ),
            Schemas(),
            id="the server has them: nothing is checked",
        ),
    ],
)
def test_schemas_that_the_status_cannot_hold_are_left_out_of_it_and_told(world: GraphInput, kept: Schemas) -> None:
    unstorable = status(world).schemas
    assert unstorable is not None
    assert unstorable.context == LARGE

    without = status(replace(world, unstorable=unstorable))
    assert without.schemas == kept
    ready = condition(without.conditions, "Ready")
    assert ready is not None
    assert (ready.status, ready.reason, ready.message) == ("False", "SchemaUnusable", SCHEMAS_TOO_LARGE)
    reported = world.graph.model_copy(update={"status": without})
    assert done(replace(world, graph=reported, unstorable=unstorable)) == [], "and that is all"


def test_a_status_that_was_not_stored_is_not_sent_again_before_its_time() -> None:
    stored = a_graph_status(assistants=0)
    world = a_graph_world(graph=a_graph(status=stored), unstored=Unstored(a_graph_status(), stored))
    (report,) = steps(world)
    assert isinstance(report, UpdateGraphStatus), "which fields those are is still to be told"
    kept = report.status.model_copy(update={"assistants": 0})
    told = replace(world, graph=a_graph(status=kept), unstored=Unstored(report.status, kept))
    assert list(steps(told)) == []
    again = Unstored(report.status, kept, is_tried_again=True)
    assert list(steps(replace(told, unstored=again))) == [report]


def test_an_edit_counts_as_observed_once_the_assistants_are_judged_anew() -> None:
    graph = a_graph(meta={"generation": 2}, context_schema={})
    assert status(a_graph_world(graph=graph, is_revalidating=True)).observed_generation == 1
    assert status(a_graph_world(graph=graph)).observed_generation == 2


def test_a_conditions_time_moves_only_with_its_status() -> None:
    times = {each.type: each.last_transition_time for each in status(OF_ANOTHER).conditions}
    assert times == {"Ready": NOW, "Deployed": EARLIER, "DefaultAssistantReady": NOW, "Stalled": NOW}


def test_two_graphs_never_share_a_default_assistant() -> None:
    """Both name one Assistant: whoever made it has it, whatever the other's defaults are."""
    other = a_graph(
        meta={"name": "billing", "uid": "uid-of-billing"},
        status=GraphStatus(),
        default_assistant={"name": GRAPH},
        defaults=NEW,
    )
    world = a_graph_world(graph=other)
    assert done(world) == [UpdateGraphStatus]
    assert status(world).default_assistant is None
    conflict: Condition | None = condition(status(world).conditions, "DefaultAssistantReady")
    assert conflict
    assert (conflict.status, conflict.reason) == ("False", "NameConflict")
    assert done(a_graph_world()) == [], "the one that has it is not disturbed"


def test_a_step_is_logged_without_any_value() -> None:
    assert repr(HELLO) == "ApplyDefaultAssistant(name='support')"
