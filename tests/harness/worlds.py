"""Builders of worlds, settled unless told otherwise: a test adds the one difference it is about."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from assistant_operator.api.assistant import Activation, Assistant, AssistantSpec, AssistantStatus
from assistant_operator.api.assistant_version import AssistantVersion, VersionRecord
from assistant_operator.api.graph import Graph, GraphSpec, GraphStatus, Schemas
from assistant_operator.api.meta import API_VERSION, Condition, ManagedFields, ObjectMeta, OwnerReference
from assistant_operator.api.reason import Reason
from assistant_operator.policy import assistant_input, graph
from assistant_operator.policy.assistant import background_steps, foreground_steps
from assistant_operator.policy.assistant_input import AssistantInput, Captured, Step, Validate, ValidationResult
from assistant_operator.policy.kept_versions import KeptVersions
from assistant_operator.policy.versioning import Edit, version

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
EARLIER = NOW - timedelta(days=1)
NAMESPACE, BOT, GRAPH = "team", "bot", "support"
UID, GRAPH_UID = "uid-of-bot", "uid-of-support"
KEY = (NAMESPACE, BOT)

VALID = ValidationResult(True, Reason.SCHEMA_ACCEPTED, f"fits the schemas of graph '{GRAPH}'", graph=GRAPH)
INVALID = ValidationResult(
    False, Reason.SCHEMA_REFUSED, f"graph '{GRAPH}' refuses it: /context/prompt: no", graph=GRAPH
)
UNDECIDED = ValidationResult(None, Reason.SCHEMA_UNUSABLE, f"graph '{GRAPH}' cannot judge it: too dear", graph=GRAPH)
NO_GRAPH = ValidationResult(None, Reason.GRAPH_NOT_FOUND, f"graph '{GRAPH}' does not exist in namespace '{NAMESPACE}'")

SPEC_FIELDS: dict[str, Any] = {"graph_ref": {"name": GRAPH}, "context": {"prompt": "three"}}


def steps(input: AssistantInput) -> Iterator[Step]:
    """The due steps of both controllers, in the order in which they are taken."""
    foreground = list(foreground_steps(input))
    yield from foreground
    if not any(isinstance(step, Validate) for step in foreground):
        yield from background_steps(input)


def a_condition(kind: str, status: str, reason: str, message: str, **different: Any) -> Condition:
    told = {"type": kind, "status": status, "reason": reason, "message": message}
    return Condition(**{**told, "observed_generation": 3, "last_transition_time": EARLIER, **different})


READY = (
    a_condition("Ready", "True", "Active", "bot-v3 is active"),
    a_condition("GraphFound", "True", "GraphFound", f"graph '{GRAPH}' exists"),
    a_condition("Valid", "True", "SchemaAccepted", VALID.message),
)


def a_digest(number: int) -> str:
    return f"sha256:{number:064x}"


def a_status(**different: Any) -> AssistantStatus:
    """Three versions, the third in force since yesterday."""
    told: dict[str, Any] = {"conditions": READY, "observed_generation": 3, "latest_version": 3, "active_version": 3}
    told |= {"versions": 3, "digest": a_digest(3), "activations": (Activation(number=3, since=EARLIER),)}
    return AssistantStatus(**{name: value for name, value in {**told, **different}.items() if value is not None})


def an_assistant(
    *, pin: int | None = None, manual: bool = False, limit: int = 100, status: Any = None, meta: Any = None, **spec: Any
) -> Assistant:
    """An Assistant at its third generation, each a version."""
    versioning: dict[str, Any] = {"history_limit": limit, "activation": "Manual" if manual else "Automatic"}
    if pin is not None:
        versioning["active_version"] = pin
    told: dict[str, Any] = {"name": BOT, "namespace": NAMESPACE, "uid": UID, "generation": 3, "resource_version": "30"}
    return Assistant(
        metadata=ObjectMeta(**{**told, **(meta or {})}),
        spec=AssistantSpec.model_validate({**SPEC_FIELDS, "versioning": versioning, **spec}),
        status=a_status() if status is None else status,
    )


def a_record(number: int, **different: Any) -> VersionRecord:
    """A version as a listing shows it: owned, valid and marked."""
    told = {"uid": f"uid-of-v{number}", "resource_version": str(10 * number), "digest": a_digest(number), "owner": UID}
    marks = {"active": "True" if number == 3 else "False", "valid": "True"}
    return VersionRecord(key=KEY, number=number, **{**told, **marks, **different})


def records(*numbers: int, **different: Any) -> tuple[VersionRecord, ...]:
    return tuple(a_record(number, **different) for number in numbers)


def a_world(**different: Any) -> assistant_input.AssistantInput:
    """An Assistant with three versions, the third in force: nothing to do."""
    told: dict[str, Any] = {"assistant": an_assistant(), "recorded": Captured(3, 3), "now": NOW}
    told |= {"kept": records(1, 2, 3), "validation_results": dict.fromkeys((1, 2, 3), VALID)}
    told |= different
    return assistant_input.AssistantInput(**{**told, "kept": KeptVersions.of(told["kept"])})


def a_version(number: int = 1, previous: AssistantVersion | None = None, **spec: Any) -> AssistantVersion:
    """The version that records such an Assistant."""
    return version(Edit(an_assistant(**spec), number, previous, is_first=number == 1))


def a_graph(*, status: GraphStatus | None = None, meta: Any = None, **spec: Any) -> Graph:
    """A Graph without a server, so deployed, whose default assistant is there."""
    told: dict[str, Any] = {"name": GRAPH, "namespace": NAMESPACE, "uid": GRAPH_UID, "generation": 1}
    return Graph(
        metadata=ObjectMeta(**{**told, **(meta or {})}),
        spec=GraphSpec.model_validate({"defaults": {"context": {"prompt": "hello"}}, **spec}),
        status=status or a_graph_status(),
    )


def a_graph_status(**different: Any) -> GraphStatus:
    declared = "no server is declared, so the graph counts as deployed"
    available = (
        a_condition("Ready", "True", "Available", "the graph is deployed", observed_generation=1),
        a_condition("Deployed", "True", "Declared", declared, observed_generation=1),
        a_condition(
            "DefaultAssistantReady", "True", "Available", "assistant 'support' is ready", observed_generation=1
        ),
    )
    told = {"conditions": available, "observed_generation": 1, "graph_id": GRAPH, "default_assistant": GRAPH}
    return GraphStatus(**{**told, "assistants": 1, "schemas": Schemas(source="None"), **different})


OWNED_BY_GRAPH = OwnerReference(
    api_version=API_VERSION, kind="Graph", name=GRAPH, uid=GRAPH_UID, controller=True, block_owner_deletion=True
)


def managed(manager: str, *paths: str, operation: str = "Update", **different: Any) -> ManagedFields:
    """What a manager owns below `spec`: dotted paths, as the API server keeps them."""
    tree: dict[str, Any] = {}
    for path in paths:
        place = tree
        for step in path.split("."):
            place = place.setdefault(f"f:{step}", {})
    told = {"manager": manager, "operation": operation, "fields_v1": {"f:spec": tree}}
    return ManagedFields(**{"time": EARLIER, **told, **different})


def managed_tree(manager: str, context: Any, operation: str = "Update", **different: Any) -> ManagedFields:
    """What a manager owns in the context, as the API server spells it; keys may have dots."""
    told = {"manager": manager, "operation": operation, "fields_v1": {"f:spec": {"f:context": context}}}
    return ManagedFields(**{"time": EARLIER, **told, **different})


def a_default(
    *others: ManagedFields, ours: tuple[str, ...] = ("graphRef.name", "context.prompt"), **spec: Any
) -> Assistant:
    """The default Assistant of that Graph, as the operator applied it."""
    applied = managed("assistant-operator", *ours, operation="Apply")
    meta: dict[str, Any] = {
        "name": GRAPH,
        "uid": "uid-of-default",
        "labels": {"assistant-operator.dev/default": "true"},
    }
    meta |= {"owner_references": (OWNED_BY_GRAPH,), "managed_fields": (applied, *others)}
    return an_assistant(meta=meta, **{"context": {"prompt": "hello"}, **spec})


def a_graph_world(**different: Any) -> graph.GraphInput:
    """A Graph whose default assistant follows it and is ready: nothing to do."""
    told: dict[str, Any] = {"graph": a_graph(), "now": NOW, "default": a_default(), "assistants": 1}
    return graph.GraphInput(**{**told, **different})
