"""Graph: a deployed LangGraph graph, and the configuration of its default assistant."""

from functools import cached_property
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, field_validator

from .credentials import Suspicion, suspicions
from .meta import CONDITIONS, Condition, Count, FreeForm, Model, Name, Resource, bounded, condition, rules
from .server import Server

DisplayName = Annotated[str, bounded(256)]
Description = Annotated[str, bounded(8192)]
ONE_CONFIGURATION = {
    "rule": "!has(self.context) || !has(self.config) || !has(self.config.configurable)"
    " || size(dyn(self.context)) == 0 || size(dyn(self.config.configurable)) == 0",
    "message": "context and config.configurable must not both be non-empty: LangGraph takes one of them",
    "fieldPath": ".context",
}

GRAPH_ID_STAYS = "graphId must not change once set; make another Graph for another graph"


class Config(Model):
    """The fields of a LangGraph RunnableConfig that an assistant has."""

    tags: tuple[Annotated[str, bounded(256)], ...] | None = Field(
        default=None, json_schema_extra={"maxItems": 64, "x-kubernetes-list-type": "atomic"}
    )
    """tags are attached to each run of the assistant, in this order."""
    recursion_limit: int | None = Field(
        default=None, json_schema_extra={"minimum": 1, "maximum": 2147483647, "format": "int32"}
    )
    """recursionLimit is the greatest number of steps of one run; absent, the server's own limit holds."""
    configurable: FreeForm | None = None
    """configurable is free-form JSON for graphs that read config.configurable. Not together with context."""


class Defaults(Model):
    """The configuration of the default assistant."""

    model_config = rules(ONE_CONFIGURATION)

    display_name: DisplayName | None = None
    """displayName of the default assistant, for people."""
    description: Description | None = None
    """description of the default assistant."""
    context: FreeForm | None = None
    """context is free-form JSON, the static context of the default assistant's runs: prompt, model, tools."""
    config: Config | None = None
    """config is the RunnableConfig of the default assistant."""
    metadata: FreeForm | None = None
    """metadata is free-form JSON kept with the default assistant."""

    @cached_property
    def suspicions(self) -> tuple[Suspicion, ...]:
        """Where the defaults have texts that look like credentials, as JSON Pointers into the spec of the Graph."""
        return suspicions(self.manifest(), "/defaults")


class DefaultAssistant(Model):
    """Whether a Graph has a default assistant, and its name."""

    policy: Literal["Create", "None"] = "Create"
    """policy is Create (the operator makes the default assistant once the graph is deployed, and again when it was
    deleted) or None (it makes none and deletes none).
    """
    name: Annotated[Name, bounded(200)] | None = None
    """name of the default Assistant; the Graph's own name when absent."""


class GraphSpec(Model):
    """The desired state of a Graph."""

    model_config = rules(
        {
            "rule": "!has(oldSelf.graphId) || (has(self.graphId) && self.graphId == oldSelf.graphId)",
            "message": GRAPH_ID_STAYS,
            "fieldPath": ".graphId",
        }
    )

    graph_id: Annotated[str, bounded(253, minLength=1)] | None = None
    """graphId is the id of the graph in the server's langgraph.json; metadata.name when absent. Immutable once set."""
    description: Description | None = None
    """description of the graph, for people."""
    server: Server | None = None
    """server is the LangGraph Server that runs the graph; without it the Graph is a declaration only and counts as
    deployed.
    """
    context_schema: FreeForm | None = None
    """contextSchema is the JSON Schema (2020-12) that context of each assistant of this graph must fit."""
    config_schema: FreeForm | None = None
    """configSchema is the JSON Schema (2020-12) that config.configurable of each assistant must fit."""
    defaults: Defaults = Defaults()
    """defaults is the configuration the default assistant follows, field by field."""
    default_assistant: DefaultAssistant = DefaultAssistant()
    """defaultAssistant says whether there is one and what it is called."""


class Schemas(Model):
    """The schemas that apply to the assistants of a graph, and their source."""

    source: Literal["Spec", "Server", "None"] = "None"
    """source is Spec, Server or None (nothing is checked)."""
    context: FreeForm | None = None
    """context is the schema in force for context."""
    config: FreeForm | None = None
    """config is the schema in force for config.configurable."""


class GraphStatus(Model):
    """The observed state of a Graph."""

    conditions: tuple[Condition, ...] = CONDITIONS
    observed_generation: int = -1
    """observedGeneration is the metadata.generation the operator has seen and acted on; -1 before the first look."""
    graph_id: Annotated[str, bounded(253)] | None = None
    """graphId in force."""
    default_assistant: Annotated[str, bounded(253)] | None = None
    """defaultAssistant is the name of the default Assistant, once there is one."""
    assistants: Count = 0
    """assistants is how many Assistants reference this graph."""
    schemas: Schemas | None = None
    """schemas in force for the assistants of this graph; absent until its server has given them."""
    server_version: Annotated[str, bounded(256)] | None = None
    """serverVersion is what the LangGraph Server says of its own release; absent where it hides that."""


class Graph(Resource):
    """A deployed LangGraph graph. Several Assistants may share it; it gets a default one."""

    kind_name: ClassVar[str] = "Graph"
    plural: ClassVar[str] = "graphs"

    spec: GraphSpec = GraphSpec()
    """spec is what a person says of the graph."""
    status: GraphStatus = GraphStatus()
    """status is what the operator reports."""

    @field_validator("spec", mode="before")
    @classmethod
    def _without_null(cls, spec: Any) -> Any:
        return GraphSpec() if spec is None else spec

    @property
    def graph_id(self) -> str:
        return self.spec.graph_id or self.metadata.name

    @property
    def default_name(self) -> str | None:
        """The name of the default assistant; None if `policy` is None."""
        default = self.spec.default_assistant
        return None if default.policy == "None" else default.name or self.metadata.name

    @property
    def schemas(self) -> Schemas:
        """The schemas that apply, with those of the server as the status records them."""
        return self.schemas_with(self.status.schemas)

    @property
    def needs_no_server_for_schemas(self) -> bool:
        """Whether the spec alone determines the schemas."""
        spec = self.spec
        return spec.server is None or (spec.context_schema is not None and spec.config_schema is not None)

    @property
    def knows_schemas(self) -> bool:
        """Whether the schemas are known: the spec determines them, or the server was asked.

        Earlier releases wrote `status.schemas` before the server had answered. Such a status counts only if another
        field of it comes from the server.
        """
        recorded = self.status.schemas
        if self.needs_no_server_for_schemas or recorded is None:
            return self.needs_no_server_for_schemas
        deployed = condition(self.status.conditions, "Deployed")
        is_deployed = deployed is not None and deployed.status == "True"
        return recorded.source == "Server" or self.status.server_version is not None or is_deployed

    def schemas_with(self, served: Schemas | None) -> Schemas:
        """The schemas that apply if the server has the schemas `served`. A field of the spec wins."""
        fallback = served if served and self.spec.server else Schemas()
        declared = {"context": self.spec.context_schema, "config": self.spec.config_schema}
        present = {name: getattr(fallback, name) if schema is None else schema for name, schema in declared.items()}
        present = {name: schema for name, schema in present.items() if schema is not None}
        if any(schema is not None for schema in declared.values()):
            return Schemas(source="Spec", **present)
        return Schemas(source="Server", **present) if present else Schemas(source="None")
