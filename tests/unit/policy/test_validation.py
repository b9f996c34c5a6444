"""What a version is told about its validity: the fate of its content, of its graph, of the graph's schemas."""

from typing import Any

import pytest

from assistant_operator.api.assistant import Snapshot
from assistant_operator.api.graph import Schemas
from assistant_operator.api.reason import Reason
from assistant_operator.api.schema_result import Fit, Invalid, SchemaError, Valid
from assistant_operator.api.server import Server
from assistant_operator.policy import validation
from assistant_operator.policy.assistant_input import ValidationResult
from harness.worlds import a_graph, a_graph_status

ANY: dict[str, Any] = {"contextSchema": {}}
TRIAGE = Snapshot.model_validate({"graphRef": {"name": "triage"}, "context": {"secret": "s3cret"}})
FROM_SERVER = {
    "server": Server(url="https://langgraph"),
    "status": a_graph_status(schemas=Schemas(source="Server", context={})),
}


FITS = "fits the schemas of graph 'support'"
Said = tuple[bool | None, str, str]
ROWS: dict[str, tuple[dict[str, Any], Fit, Said]] = {
    "no schema: everything is valid": ({}, Valid(), (True, "SchemaAccepted", "graph 'support' has no schemas to fit")),
    "it fits the schema of the spec": (ANY, Valid(), (True, "SchemaAccepted", FITS)),
    "a schema for the config alone is a schema": ({"configSchema": {}}, Valid(), (True, "SchemaAccepted", FITS)),
    "it fits the schema that the server told": (FROM_SERVER, Valid(), (True, "SchemaAccepted", FITS)),
    "it does not fit: which field and why": (
        ANY,
        Invalid("/context/temperature: 9 is greater than the maximum of 2"),
        (
            False,
            "SchemaRefused",
            "graph 'support' refuses it: /context/temperature: 9 is greater than the maximum of 2",
        ),
    ),
    "nobody can say: unknown, not invalid": (
        ANY,
        SchemaError("$ref to 'https://x' is remote"),
        (None, "SchemaUnusable", "graph 'support' cannot judge it: $ref to 'https://x' is remote"),
    ),
}


@pytest.mark.parametrize(("graph", "fit", "said"), [pytest.param(*row, id=draft) for draft, row in ROWS.items()])
def test_a_judgement_by_the_schemas_of_the_graph(graph: dict[str, Any], fit: Fit, said: Said) -> None:
    validation_result = validation.validation_result(a_graph(**graph), fit)
    assert (validation_result.holds, validation_result.reason, validation_result.message, validation_result.graph) == (
        *said,
        "support",
    )


@pytest.mark.parametrize("is_transient", [True, False])
def test_trouble_that_passes_is_known_as_such(is_transient: bool) -> None:  # noqa: FBT001 (of the table)
    judged = validation.validation_result(a_graph(**ANY), SchemaError("too slow", 60.0, is_transient=is_transient))
    assert (judged.holds, judged.is_transient) == (None, is_transient)


def test_without_its_graph_a_version_is_unknown_and_no_graph_is_said_to_exist() -> None:
    missing = ValidationResult(
        None, Reason.GRAPH_NOT_FOUND, "graph 'triage' does not exist in namespace 'team'", graph=""
    )
    assert validation.graph_missing(TRIAGE, "team") == missing


def test_altered_content_is_invalid_and_no_graph_was_asked() -> None:
    message = "the content of bot-v4 is not what its digest was taken of"
    assert validation.altered("bot-v4") == ValidationResult(False, Reason.CONTENT_ALTERED, message, graph="")
