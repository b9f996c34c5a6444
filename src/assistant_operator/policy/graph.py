"""The steps that reconcile a Graph and its default Assistant, and the status of the Graph. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime

from assistant_operator.api.assistant import Assistant
from assistant_operator.api.condition_types import SECRET_SUSPECTED
from assistant_operator.api.graph import Graph, GraphStatus, Schemas
from assistant_operator.api.meta import FreeForm, condition
from assistant_operator.api.reason import Reason

from .conditions import Finding, conditions, restated, with_progress
from .default_assistant import apply_configuration
from .stored import Unstored
from .suspected_secret import suspected_secret

SCHEMAS_TOO_LARGE = "contextSchema and configSchema are too large: the API server cannot store them in the status, too"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerStatus(Finding):
    """The result of a probe: whether the server serves the graph, its release and the schemas of the graph."""

    release: str = ""
    schemas: Schemas | None = None
    """None if the server did not answer with schemas: those of an earlier probe stay valid."""


@dataclass(frozen=True, slots=True)
class GraphInput:
    """All facts that a decision about one Graph may use."""

    graph: Graph
    now: datetime
    default: Assistant | None = None
    """The Assistant with the name of the default Assistant, also if a user created it."""
    former: tuple[Assistant, ...] = ()
    """Assistants with another name that have this Graph as their controller owner."""
    assistants: int = 0
    """How many Assistants reference it."""
    schema_error: str | None = None
    """Why a schema of the spec cannot be used."""
    is_schema_error_transient: bool = False
    """Whether the operator tries that schema again by itself."""
    probe: ServerStatus | None = None
    """The newest probe result; None before the first probe since the start, or since a change of spec.server."""
    unstorable: Schemas | None = None
    """Schemas with which the API server refused a status, because they are too large."""
    refusal: str | None = None
    """The error of the API server, if it refused the default Assistant."""
    release_refusal: str | None = None
    """The error of the API server, if it refused to remove the label of a former default Assistant."""
    unstored: Unstored[GraphStatus] | None = None
    """The status that was written last, if the API server did not store all of its fields."""
    is_revalidating: bool = False
    """Whether versions of its Assistants are not validated against its present schemas yet."""

    @property
    def schemas(self) -> Schemas:
        """The schemas that apply."""
        served = self.probe.schemas if self.probe else None
        return self.graph.schemas_with(served) if served else self.graph.schemas

    @property
    def are_schemas_too_large(self) -> bool:
        """Whether the API server refused a status with the present schemas."""
        return self.schemas == self.unstorable


@dataclass(frozen=True, slots=True)
class ApplyDefaultAssistant:
    """Apply the Graph's defaults to the default Assistant, or create it."""

    name: str
    configuration: FreeForm = field(repr=False)  # steps are logged, and configuration must not be


@dataclass(frozen=True, slots=True)
class Disown:
    """Remove label and owner reference of a former default Assistant. It stays, with its history."""

    name: str


@dataclass(frozen=True, slots=True)
class UpdateGraphStatus:
    """Write the status of the Graph."""

    status: GraphStatus


GraphStep = ApplyDefaultAssistant | Disown | UpdateGraphStatus


def steps(input: GraphInput) -> Iterator[GraphStep]:
    """The steps that are due, in order; none if the Graph is settled."""
    if input.graph.metadata.is_being_deleted:
        return
    name = input.graph.default_name
    # It is created once the graph is deployed. After that it follows the Graph, even if the server is unavailable.
    if name and (_deployed(input).holds or (input.default and is_ours(input.graph, input.default))):
        yield from _default_steps(input, name)
    desired, present = status(input), input.graph.status
    if desired != present and not (input.unstored and input.unstored.settles(desired, present)):
        yield UpdateGraphStatus(desired)


def _default_steps(input: GraphInput, name: str) -> Iterator[GraphStep]:
    if input.default is None or (is_ours(input.graph, input.default) and _is_default(input.graph, input.default)):
        configuration = apply_configuration(input.graph, input.default)
        if configuration is not None and not (input.default and input.default.metadata.is_being_deleted):
            yield ApplyDefaultAssistant(name, configuration)
    yield from (Disown(former.metadata.name) for former in input.former)


def is_ours(graph: Graph, assistant: Assistant) -> bool:
    """Whether the operator created this Assistant as the default of this Graph (by UID)."""
    controller = assistant.metadata.controller
    return controller is not None and controller.uid == graph.metadata.uid


def status(input: GraphInput) -> GraphStatus:
    """The desired status. It is written only if it differs from the present one."""
    before, graph = input.graph.status, input.graph
    default = input.default if input.default and _is_default(graph, input.default) else None
    generation = before.observed_generation if input.is_revalidating else graph.metadata.generation
    return GraphStatus.of(
        conditions=conditions(_findings(input), before.conditions, graph.metadata.generation, input.now),
        observed_generation=generation,
        graph_id=graph.graph_id,
        default_assistant=default.metadata.name if default else None,
        assistants=input.assistants,
        schemas=_storable(input),
        server_version=_server_version(input),
    )


def _storable(input: GraphInput) -> Schemas | None:
    """`status.schemas`; None while they are not known. Unknown is not the same as no schemas."""
    is_served = input.probe is not None and input.probe.schemas is not None
    if not (is_served or input.graph.knows_schemas):
        return input.graph.status.schemas  # those that an earlier release wrote: unused, and left unchanged
    if input.are_schemas_too_large:
        return Schemas(source="Spec") if input.schemas.source == "Spec" else Schemas()
    has_no_release = input.graph.spec.server is not None and _server_version(input) is None
    # `Graph.knows_schemas` needs a field that proves an answer of the server: its release, else the source.
    return Schemas(source="Server") if has_no_release and input.schemas.source == "None" else input.schemas


def _server_version(input: GraphInput) -> str | None:
    if input.graph.spec.server is None:
        return None
    return (input.probe.release or None) if input.probe and input.probe.holds else input.graph.status.server_version


def _is_default(graph: Graph, assistant: Assistant) -> bool:
    return assistant.spec.graph_ref.name == graph.metadata.name


def _findings(input: GraphInput) -> dict[str, Finding]:
    deployed, default = _deployed(input), _default_ready(input)
    ready = _ready(input, deployed, default)
    ready = replace(ready, message=ready.message + _message_additions(input))
    suspected = suspected_secret(input.graph.spec.defaults.suspicions)
    others = {SECRET_SUSPECTED: suspected} if suspected else {}
    return with_progress(ready, {"Deployed": deployed, "DefaultAssistantReady": default, **others})


def _message_additions(input: GraphInput) -> str:
    """What the message of Ready adds: refused steps on which Ready does not depend, and fields that are not stored."""
    refused = f"; releasing a former default assistant is refused ({input.release_refusal})"
    not_stored = f"; {input.unstored.message(Graph.plural)}" if input.unstored else ""
    return (refused if input.release_refusal else "") + not_stored


def _deployed(input: GraphInput) -> Finding:
    if input.graph.spec.server is None:
        return Finding(True, Reason.DECLARED, "no server is declared, so the graph counts as deployed")
    if input.probe:
        return input.probe
    before = condition(input.graph.status.conditions, "Deployed")
    if before and before.observed_generation == input.graph.metadata.generation:
        return restated(before)  # after a restart, the last result is valid until the first probe
    return Finding(None, Reason.PROBING, "the server was not asked yet")


def _default_ready(input: GraphInput) -> Finding:
    name, default = input.graph.default_name, input.default
    if name is None:
        return Finding(True, Reason.NOT_WANTED, "spec.defaultAssistant.policy is None: no default assistant is wanted")
    if input.refusal:
        message = f"assistant '{name}' cannot be made or changed: {input.refusal}"
        return Finding(False, Reason.DEFAULT_ASSISTANT_REFUSED, message)
    if default is None:
        return Finding(False, Reason.DEFAULT_ASSISTANT_MISSING, f"assistant '{name}' does not exist yet")
    if not _is_default(input.graph, default):
        other = default.spec.graph_ref.name
        message = f"assistant '{name}' belongs to graph '{other}': set spec.defaultAssistant.name to another name"
        return Finding(False, Reason.NAME_CONFLICT, message)
    ready = condition(default.status.conditions, "Ready")
    if ready is None or ready.status != "True":
        details = f": {ready.message}" if ready else ""
        is_stalled = condition(default.status.conditions, "Stalled") is not None
        message = f"assistant '{name}' is not ready{details}"
        return Finding(False, Reason.DEFAULT_ASSISTANT_NOT_READY, message, is_transient=not is_stalled)
    return Finding(True, Reason.AVAILABLE, f"assistant '{name}' is ready")


def _ready(input: GraphInput, deployed: Finding, default: Finding) -> Finding:
    if input.are_schemas_too_large:
        return Finding(False, Reason.SCHEMA_UNUSABLE, SCHEMAS_TOO_LARGE)
    if input.schema_error:
        return Finding(False, Reason.SCHEMA_UNUSABLE, input.schema_error, input.is_schema_error_transient)
    if not deployed.holds:
        return replace(deployed, holds=False)
    if not default.holds:
        return default
    return Finding(True, Reason.AVAILABLE, "the graph is deployed")
