"""Our models as CustomResourceDefinitions: pure, from the models to what stands in crds/."""

from dataclasses import dataclass
from typing import Any

import yaml

from .assistant import Assistant
from .assistant_version import AssistantVersion
from .graph import GRAPH_ID_STAYS, Graph
from .meta import GROUP, VERSION, Resource

JsonSchema = dict[str, Any]

_DROPPED = {"title", "$defs", "discriminator", "examples"}
_BELOW_STATUS = '.status.conditions[?(@.type=="{}")].{}'


@dataclass(frozen=True, slots=True)
class Column:
    """One column of `kubectl get`."""

    name: str
    path: str
    description: str
    type: str = "string"
    is_wide: bool = False

    def manifest(self) -> JsonSchema:
        wide = {"priority": 1} if self.is_wide else {}
        return {
            "name": self.name,
            "type": self.type,
            "jsonPath": self.path,
            "description": self.description,
            **wide,
        }


def _says(name: str, condition: str, field: str = "status", *, is_wide: bool = False) -> Column:
    return Column(
        name, _BELOW_STATUS.format(condition, field), f"{field} of the condition {condition}.", is_wide=is_wide
    )


AGE = Column("Age", ".metadata.creationTimestamp", "When the object was made.", "date")
REASON = _says("Reason", "Ready", "reason", is_wide=True)
MESSAGE = _says("Message", "Ready", "message", is_wide=True)


@dataclass(frozen=True, slots=True)
class Kind:
    """What a CustomResourceDefinition says beside its model."""

    model: type[Resource]
    short_name: str
    columns: tuple[Column, ...]
    selectable: tuple[str, ...] = ()
    root_rules: tuple[JsonSchema, ...] = ()
    is_frozen: bool = False


def _short_name_rule(why: str) -> JsonSchema:
    return {
        "rule": "self.metadata.name.size() <= 200",
        "message": f"metadata.name must be at most 200 characters, {why}",
        "fieldPath": ".metadata.name",
    }


KINDS = (
    Kind(
        Graph,
        "lgraph",
        (
            Column("Graph-ID", ".status.graphId", "The graph's id on the LangGraph Server."),
            _says("Deployed", "Deployed"),
            _says("Ready", "Ready"),
            Column("Default", ".status.defaultAssistant", "The default Assistant."),
            Column("Assistants", ".status.assistants", "How many Assistants reference the graph.", "integer"),
            AGE,
            Column("Server", ".spec.server.url", "The LangGraph Server.", is_wide=True),
            REASON,
            MESSAGE,
        ),
        root_rules=(
            _short_name_rule("so that its default assistant and that one's versions can be named after it"),
            # The rule of spec itself is not asked where an edit takes spec away.
            {
                "rule": "has(self.spec) || !has(oldSelf.spec) || !has(oldSelf.spec.graphId)",
                "message": GRAPH_ID_STAYS,
                "fieldPath": ".spec.graphId",
            },
        ),
    ),
    Kind(
        Assistant,
        "asst",
        (
            Column("Graph", ".spec.graphRef.name", "The Graph it is an instance of."),
            Column("Latest", ".status.latestVersion", "Number of the newest version.", "integer"),
            Column("Active", ".status.activeVersion", "Number of the version in force.", "integer"),
            _says("Ready", "Ready"),
            Column("Versions", ".status.versions", "How many versions are kept.", "integer"),
            AGE,
            Column("Pinned", ".spec.versioning.activeVersion", "The pin, if any.", "integer", is_wide=True),
            REASON,
            MESSAGE,
            Column("ID", ".status.assistantId", "UUID of the copy on the LangGraph Server.", is_wide=True),
        ),
        selectable=(".spec.graphRef.name",),
        root_rules=(_short_name_rule("so that its versions can be named after it"),),
    ),
    Kind(
        AssistantVersion,
        "asstv",
        (
            Column("Assistant", ".spec.assistantRef.name", "The Assistant it was taken from."),
            Column("Number", ".spec.number", "1, 2, 3 and so on.", "integer"),
            _says("Active", "Active"),
            _says("Valid", "Valid"),
            Column("Change", ".spec.change.kind", "Created, Edited or Reverted."),
            Column("By", ".spec.change.manager", "The field manager that made the change."),
            AGE,
            Column("Digest", ".spec.digest", "sha256 of the content.", is_wide=True),
            Column("Cause", ".spec.change.cause", "Why, as the change-cause annotation said.", is_wide=True),
        ),
        selectable=(".spec.assistantRef.name", ".spec.number"),
        root_rules=(
            {
                "rule": "self.metadata.name.startsWith(self.spec.assistantRef.name + '-v')"
                " && self.metadata.name.substring(self.spec.assistantRef.name.size() + 2) == string(self.spec.number)",
                "message": "metadata.name must be <spec.assistantRef.name>-v<spec.number>",
                "fieldPath": ".metadata.name",
            },
        ),
        is_frozen=True,
    ),
)


def definition(kind: Kind) -> JsonSchema:
    """The CustomResourceDefinition of one kind."""
    name = kind.model.kind_name
    names = {"kind": name, "listKind": f"{name}List", "plural": kind.model.plural, "singular": name.lower()}
    version = {
        "name": VERSION,
        "served": True,
        "storage": True,
        "subresources": {"status": {}},
        "additionalPrinterColumns": [column.manifest() for column in kind.columns],
        "selectableFields": [{"jsonPath": path} for path in kind.selectable],
        "schema": {"openAPIV3Schema": _root(kind)},
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{kind.model.plural}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {**names, "shortNames": [kind.short_name], "categories": ["langgraph"]},
            "versions": [{key: value for key, value in version.items() if value}],
        },
    }


def manifests() -> dict[str, str]:
    """File name and YAML text of each definition, and of the kustomization that names them."""
    files = {f"{kind.model.plural}.yaml": _yaml(definition(kind)) for kind in KINDS}
    kustomization = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": sorted(files),
    }
    return {**files, "kustomization.yaml": _yaml(kustomization)}


def _yaml(content: JsonSchema) -> str:
    text: str = yaml.safe_dump(content, sort_keys=False, width=120, allow_unicode=True)
    return text


def _root(kind: Kind) -> JsonSchema:
    whole = kind.model.model_json_schema(by_alias=True)
    schema = _structural(whole, whole.get("$defs", {}), is_frozen=kind.is_frozen)
    is_required = kind.model.model_fields["spec"].is_required()
    spec, status = schema["properties"]["spec"], schema["properties"]["status"]
    if not is_required:
        spec = {**spec, "nullable": True}  # or a server-side apply of `spec:` would be refused
    status = _without_defaults(status)
    if "observedGeneration" in status["properties"]:
        status["properties"]["observedGeneration"]["default"] = -1
        status["default"] = {"observedGeneration": -1}
    fixed = {
        "apiVersion": {"type": "string", "description": f"apiVersion is {GROUP}/{VERSION}."},
        "kind": {"type": "string", "description": f"kind is {kind.model.kind_name}."},
        # The API server wants to know how long a name can be before it accepts rules that look at it.
        "metadata": {"type": "object", "properties": {"name": {"type": "string", "maxLength": 253}}},
    }
    return {
        "type": "object",
        "description": kind.model.__doc__,
        **({"required": ["spec"]} if is_required else {}),
        "properties": {**fixed, "spec": spec, "status": status},
        **({"x-kubernetes-validations": list(kind.root_rules)} if kind.root_rules else {}),
    }


def _structural(schema: JsonSchema, definitions: JsonSchema, *, is_frozen: bool) -> JsonSchema:
    """pydantic's JSON Schema as a structural one: references inlined, optional is absence, no model defaults."""
    schema = _inlined(schema, definitions)
    if schema.get("x-kubernetes-preserve-unknown-fields"):
        return _free_form(schema, is_frozen=is_frozen)
    kept = {key: value for key, value in schema.items() if key not in _DROPPED}
    if "const" in kept:
        kept["enum"] = [kept.pop("const")]
    if kept.get("type") == "integer":
        kept.setdefault("format", "int64")
    if kept.get("default", ()) in (None, [], {}) or isinstance(kept.get("default"), dict):
        del kept["default"]
    if "properties" in kept:
        kept.pop("additionalProperties", None)
        kept["properties"] = {
            name: _structural(each, definitions, is_frozen=is_frozen) for name, each in kept["properties"].items()
        }
    if "items" in kept:
        kept["items"] = _without_defaults(_structural(kept["items"], definitions, is_frozen=is_frozen))
    return kept


def _inlined(schema: JsonSchema, definitions: JsonSchema) -> JsonSchema:
    """`schema` with its own reference or its `X or null` replaced by what it stands for; its own words win."""
    own = {key: value for key, value in schema.items() if key not in {"$ref", "anyOf", "allOf"}}
    if "$ref" in schema:
        target = definitions[schema["$ref"].rpartition("/")[2]]
        return {**_inlined(target, definitions), **own}
    choices = [choice for choice in schema.get("anyOf", ()) if choice.get("type") != "null"]
    if len(choices) == 1:
        return {**_inlined(choices[0], definitions), **own}
    return schema


def _free_form(schema: JsonSchema, *, is_frozen: bool) -> JsonSchema:
    """Free-form JSON. In a frozen kind as additionalProperties: `self == oldSelf` has a hole for the plain form."""
    kept: JsonSchema = {key: schema[key] for key in ("type", "description") if key in schema}
    if not is_frozen:
        return {**kept, "x-kubernetes-preserve-unknown-fields": True}
    return {**kept, "additionalProperties": {"nullable": True, "x-kubernetes-preserve-unknown-fields": True}}


def _without_defaults(schema: JsonSchema) -> JsonSchema:
    """`schema` without any default in it: inside a list item one is a permanent difference for GitOps tools."""
    kept = {key: value for key, value in schema.items() if key != "default"}
    if "properties" in kept:
        kept["properties"] = {name: _without_defaults(each) for name, each in kept["properties"].items()}
    return kept
