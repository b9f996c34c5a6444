"""What happens next to a Graph and its default Assistant. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from assistant_operator.api.assistant import Assistant
from assistant_operator.api.graph import Graph, GraphStatus, Schemas
from assistant_operator.api.meta import FreeForm, condition
from assistant_operator.api.reason import Reason
from assistant_operator.api.remote import ServerStatus

from .conditions import ConditionDraft, Progress, conditions, restated, with_progress
from .default_assistant import apply_configuration
from .stored import Unstored

SCHEMAS_TOO_LARGE = "contextSchema and configSchema are too large: the API server cannot store them in the status, too"


@dataclass(frozen=True, slots=True)
class GraphInput:
    """All that a decision about one Graph may know."""

    graph: Graph
    now: datetime
    default: Assistant | None = None
    """The Assistant that has the default's name, whoever made it."""
    former: tuple[Assistant, ...] = ()
    """Assistants this Graph controls under another name than the default's."""
    assistants: int = 0
    """How many Assistants reference it."""
    schema_trouble: str | None = None
    """Why a schema of the spec cannot be used."""
    is_trouble_passing: bool = False
    """Whether the operator tries that schema again by itself."""
    probe: ServerStatus | None = None
    """What its server said; None while it was not asked since the operator started, or since spec.server changed."""
    unstorable: Schemas | None = None
    """Schemas that are too large for the API server to take them into the status."""
    refusal: str | None = None
    """What the API server said when it did not take the default assistant."""
    release_refusal: str | None = None
    """What it said when it did not let the label of a former default assistant be taken off."""
    unstored: Unstored[GraphStatus] | None = None
    """The status that was sent last, if the API server did not store all of it."""
    is_revalidating: bool = False
    """Its assistants have not all been judged by its present schemas yet."""

    @property
    def schemas(self) -> Schemas:
        """The schemas in force."""
        learned = self.probe.schemas if self.probe else None
        return self.graph.schemas_beside(learned) if learned else self.graph.schemas

    @property
    def are_schemas_too_large(self) -> bool:
        """Whether the API server has refused a status with them."""
        return self.schemas == self.unstorable


@dataclass(frozen=True, slots=True)
class ApplyDefaultAssistant:
    """Make the default Assistant follow the Graph's defaults, as far as nobody took its fields over."""

    name: str
    configuration: FreeForm = field(repr=False)  # a step is logged as its repr, and no value may be


@dataclass(frozen=True, slots=True)
class Disown:
    """A former default Assistant becomes an ordinary one: it stays, and so does its history."""

    name: str


@dataclass(frozen=True, slots=True)
class UpdateGraphStatus:
    """Write the status."""

    status: GraphStatus


GraphStep = ApplyDefaultAssistant | Disown | UpdateGraphStatus


def steps(world: GraphInput) -> Iterator[GraphStep]:
    """What is due now, in order; empty when the world is settled."""
    if world.graph.metadata.is_being_deleted:
        return
    name = world.graph.default_name
    # Made once the graph is deployed; what is made follows its graph, whatever became of the server.
    if name and (_deployed(world).holds or (world.default and is_ours(world.graph, world.default))):
        yield from _default_steps(world, name)
    told = status(world)
    if told != world.graph.status and not (world.unstored and world.unstored.settles(told, world.graph.status)):
        yield UpdateGraphStatus(told)


def _default_steps(world: GraphInput, name: str) -> Iterator[GraphStep]:
    if world.default is None or (is_ours(world.graph, world.default) and _is_default(world.graph, world.default)):
        configuration = apply_configuration(world.graph, world.default)
        if configuration is not None and not (world.default and world.default.metadata.is_being_deleted):
            yield ApplyDefaultAssistant(name, configuration)
    yield from (Disown(each.metadata.name) for each in world.former)


def is_ours(graph: Graph, assistant: Assistant) -> bool:
    """Whether the operator made this Assistant as a default of this very Graph."""
    controller = assistant.metadata.controller
    return controller is not None and controller.uid == graph.metadata.uid


def status(world: GraphInput) -> GraphStatus:
    """What the Graph's status should be. Equal to what it is: nothing to write."""
    before, graph = world.graph.status, world.graph
    default = world.default if world.default and _is_default(graph, world.default) else None
    generation = before.observed_generation if world.is_revalidating else graph.metadata.generation
    told: dict[str, Any] = {
        "conditions": conditions(_drafts(world), before.conditions, graph.metadata.generation, world.now),
        "observed_generation": generation,
        "graph_id": graph.graph_id,
        "default_assistant": default.metadata.name if default else None,
        "assistants": world.assistants,
        "schemas": _storable(world),
        "server_version": _server_version(world),
    }
    return GraphStatus(**{name: value for name, value in told.items() if value is not None})


def _storable(world: GraphInput) -> Schemas | None:
    """What the status says of the schemas: nothing while the server did not tell them. Unknown is not none."""
    is_told = world.probe is not None and world.probe.schemas is not None
    if not (is_told or world.graph.knows_schemas):
        return world.graph.status.schemas  # those that an earlier release wrote count for nothing, and stay
    if world.are_schemas_too_large:
        return Schemas(source="Spec") if world.schemas.source == "Spec" else Schemas()
    is_nameless = world.graph.spec.server is not None and _server_version(world) is None
    # Where no release says that the server was reached, the source does.
    return Schemas(source="Server") if is_nameless and world.schemas.source == "None" else world.schemas


def _server_version(world: GraphInput) -> str | None:
    if world.graph.spec.server is None:
        return None
    return (world.probe.release or None) if world.probe and world.probe.serves else world.graph.status.server_version


def _is_default(graph: Graph, assistant: Assistant) -> bool:
    return assistant.spec.graph_ref.name == graph.metadata.name


def _drafts(world: GraphInput) -> tuple[ConditionDraft, ...]:
    deployed, default = _deployed(world), _default_ready(world)
    ready, progress = _ready(world, deployed, default)
    ready = replace(ready, message=ready.message + _bookkeeping(world))
    return with_progress(ready, progress, (deployed, default))


def _bookkeeping(world: GraphInput) -> str:
    """What is refused or not stored beside what Ready is about, to be added to its message."""
    refused = f"; releasing a former default assistant is refused ({world.release_refusal})"
    lacking = f"; {world.unstored.message(Graph.plural)}" if world.unstored else ""
    return (refused if world.release_refusal else "") + lacking


def _deployed(world: GraphInput) -> ConditionDraft:
    if world.graph.spec.server is None:
        return ConditionDraft(
            "Deployed", True, Reason.DECLARED, "no server is declared, so the graph counts as deployed"
        )
    if world.probe:
        return ConditionDraft("Deployed", world.probe.serves, world.probe.reason, world.probe.message)
    said = condition(world.graph.status.conditions, "Deployed")
    if said and said.observed_generation == world.graph.metadata.generation:
        return restated(said)  # unknown is not none
    return ConditionDraft("Deployed", None, Reason.PROBING, "the server was not asked yet")


def _default_ready(world: GraphInput) -> ConditionDraft:
    name, default = world.graph.default_name, world.default
    if name is None:
        message = "spec.defaultAssistant.policy is None: no default assistant is wanted"
        return ConditionDraft("DefaultAssistantReady", True, Reason.NOT_WANTED, message)
    if world.refusal:
        message = f"assistant '{name}' cannot be made or changed: {world.refusal}"
        return ConditionDraft("DefaultAssistantReady", False, Reason.DEFAULT_ASSISTANT_REFUSED, message)
    if default is None:
        message = f"assistant '{name}' does not exist yet"
        return ConditionDraft("DefaultAssistantReady", False, Reason.DEFAULT_ASSISTANT_MISSING, message)
    if not _is_default(world.graph, default):
        other = default.spec.graph_ref.name
        message = f"assistant '{name}' belongs to graph '{other}': set spec.defaultAssistant.name to another name"
        return ConditionDraft("DefaultAssistantReady", False, Reason.NAME_CONFLICT, message)
    ready = condition(default.status.conditions, "Ready")
    if ready is None or ready.status != "True":
        why = f": {ready.message}" if ready else ""
        message = f"assistant '{name}' is not ready{why}"
        return ConditionDraft("DefaultAssistantReady", False, Reason.DEFAULT_ASSISTANT_NOT_READY, message)
    return ConditionDraft("DefaultAssistantReady", True, Reason.AVAILABLE, f"assistant '{name}' is ready")


def _ready(world: GraphInput, deployed: ConditionDraft, default: ConditionDraft) -> tuple[ConditionDraft, Progress]:
    if world.are_schemas_too_large:
        return ConditionDraft("Ready", False, Reason.SCHEMA_UNUSABLE, SCHEMAS_TOO_LARGE), Progress.REJECT
    if world.schema_trouble:
        progress = Progress.WAIT if world.is_trouble_passing else Progress.REJECT
        return ConditionDraft("Ready", False, Reason.SCHEMA_UNUSABLE, world.schema_trouble), progress
    if not deployed.holds:
        waits = deployed.reason in (Reason.PROBING, Reason.SERVER_UNREACHABLE)
        progress = Progress.WAIT if waits else Progress.REJECT
        return ConditionDraft("Ready", False, deployed.reason, deployed.message), progress
    if not default.holds:
        hopeless = default.reason in (Reason.NAME_CONFLICT, Reason.DEFAULT_ASSISTANT_REFUSED)
        progress = Progress.REJECT if hopeless or _is_stalled(world.default) else Progress.WAIT
        return ConditionDraft("Ready", False, default.reason, default.message), progress
    return ConditionDraft("Ready", True, Reason.AVAILABLE, "the graph is deployed"), Progress.DONE


def _is_stalled(assistant: Assistant | None) -> bool:
    return assistant is not None and condition(assistant.status.conditions, "Stalled") is not None
