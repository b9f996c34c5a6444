"""Validation results of versions: from the digest, from a missing Graph, from the schemas. Pure."""

from assistant_operator.api.assistant import Snapshot
from assistant_operator.api.graph import Graph
from assistant_operator.api.reason import Reason
from assistant_operator.api.schema_result import Fit, Invalid, SchemaError, Valid

from .assistant_input import ValidationResult


def altered(name: str) -> ValidationResult:
    """The result of the version `name`, whose content does not match its digest."""
    return ValidationResult(False, Reason.CONTENT_ALTERED, f"the content of {name} is not what its digest was taken of")


def graph_missing(snapshot: Snapshot, namespace: str) -> ValidationResult:
    name = snapshot.graph_ref.name
    return ValidationResult(None, Reason.GRAPH_NOT_FOUND, f"graph '{name}' does not exist in namespace '{namespace}'")


def schemas_unknown(graph: Graph) -> ValidationResult:
    """The result while the schemas of the Graph's server are not known."""
    name = graph.metadata.name
    message = f"the schemas of graph '{name}' are not known yet: see its condition Deployed"
    return ValidationResult(None, Reason.PROBING, message, graph=name)


def validation_result(graph: Graph, fit: Fit) -> ValidationResult:
    """The result of the schemas of `graph`."""
    name = graph.metadata.name
    match fit:
        case Valid() if graph.schemas.source == "None":
            return ValidationResult(True, Reason.SCHEMA_ACCEPTED, f"graph '{name}' has no schemas to fit", graph=name)
        case Valid():
            return ValidationResult(True, Reason.SCHEMA_ACCEPTED, f"fits the schemas of graph '{name}'", graph=name)
        case Invalid(problems):
            return ValidationResult(False, Reason.SCHEMA_REFUSED, f"graph '{name}' refuses it: {problems}", graph=name)
        case SchemaError(why):
            message = f"graph '{name}' cannot judge it: {why}"
            return ValidationResult(None, Reason.SCHEMA_UNUSABLE, message, fit.is_transient, graph=name)
