"""The CustomResourceDefinitions in crds/ and in the operator's package, generated from the models."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from assistant_operator.api.assistant import Assistant
from assistant_operator.api.assistant_alias import AssistantAlias
from assistant_operator.api.assistant_version import AssistantVersion
from assistant_operator.api.graph import GRAPH_ID_STAYS, Graph
from assistant_operator.api.meta import GROUP, VERSION, Resource

from . import ROOT

DIRECTORIES = (ROOT / "crds", ROOT / "src/assistant_operator/crds")
"""The kustomize base, and the copy that `assistant-operator crds` prints."""

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


def _condition_column(name: str, condition: str, field: str = "status", *, is_wide: bool = False) -> Column:
    return Column(
        name, _BELOW_STATUS.format(condition, field), f"{field} of the condition {condition}.", is_wide=is_wide
    )


AGE = Column("Age", ".metadata.creationTimestamp", "When the object was made.", "date")
REASON = _condition_column("Reason", "Ready", "reason", is_wide=True)
MESSAGE = _condition_column("Message", "Ready", "message", is_wide=True)


@dataclass(frozen=True, slots=True)
class Kind:
    """What the definition of a kind contains beside the schema of its model."""

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
            _condition_column("Deployed", "Deployed"),
            _condition_column("Ready", "Ready"),
            Column("Default", ".status.defaultAssistant", "The default Assistant."),
            Column("Assistants", ".status.assistants", "How many Assistants reference the graph.", "integer"),
            AGE,
            Column("Server", ".spec.server.url", "The LangGraph Server.", is_wide=True),
            REASON,
            MESSAGE,
        ),
        root_rules=(
            _short_name_rule("so that its default assistant and that one's versions can be named after it"),
            # The API server does not evaluate the rule of spec if an edit removes spec.
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
            _condition_column("Ready", "Ready"),
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
            _condition_column("Active", "Active"),
            _condition_column("Valid", "Valid"),
            Column("Change", ".spec.change.kind", "Created, Edited or Reverted."),
            Column(
                "By",
                ".spec.change['user','manager']",
                "The user who made the change; the field manager, if the user is not known.",
            ),
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
    Kind(
        AssistantAlias,
        "asstalias",
        (
            Column("Assistant", ".spec.assistantRef.name", "The Assistant of which it names a version."),
            Column("Version", ".status.version", "Number of the version that it stands for.", "integer"),
            _condition_column("Ready", "Ready"),
            AGE,
            Column("Digest", ".status.digest", "sha256 of the content of that version.", is_wide=True),
            Column("Moved", ".status.moves[0].since", "When it was moved last.", "date", is_wide=True),
            Column(
                "By",
                ".status.moves[0]['user','manager']",
                "The user who moved it last; the field manager, if the user is not known.",
                is_wide=True,
            ),
            REASON,
            MESSAGE,
            Column("ID", ".status.assistantId", "UUID of the alias on the LangGraph Server.", is_wide=True),
        ),
        selectable=(".spec.assistantRef.name",),
    ),
)


def definition(kind: Kind) -> JsonSchema:
    """The CustomResourceDefinition of `kind`."""
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
    """File name and YAML text of each definition, and of the kustomization that lists them."""
    files = {f"{kind.model.plural}.yaml": _yaml(definition(kind)) for kind in KINDS}
    kustomization = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": sorted(files),
    }
    return {**files, "kustomization.yaml": _yaml(kustomization)}


def written() -> Iterator[tuple[Path, str]]:
    """Each generated file, with the text that it should have."""
    for directory in DIRECTORIES:
        for name, text in manifests().items():
            yield directory / name, text


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
        # The API server needs the maximum length of a name to estimate the cost of rules that read it.
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
    """The structural schema for a JSON Schema of pydantic: without references, null types and defaults of objects."""
    schema = _inlined(schema, definitions)
    if "description" in schema:
        schema["description"] = " ".join(schema["description"].split())  # a docstring may have several lines
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
            name: _structural(field, definitions, is_frozen=is_frozen) for name, field in kept["properties"].items()
        }
    if "items" in kept:
        kept["items"] = _without_defaults(_structural(kept["items"], definitions, is_frozen=is_frozen))
    return kept


def _inlined(schema: JsonSchema, definitions: JsonSchema) -> JsonSchema:
    """`schema` with its `$ref`, or its `anyOf` of one type and null, replaced by the target. Its own keywords win."""
    own = {key: value for key, value in schema.items() if key not in {"$ref", "anyOf", "allOf"}}
    if "$ref" in schema:
        target = definitions[schema["$ref"].rpartition("/")[2]]
        return {**_inlined(target, definitions), **own}
    choices = [choice for choice in schema.get("anyOf", ()) if choice.get("type") != "null"]
    if len(choices) == 1:
        return {**_inlined(choices[0], definitions), **own}
    return schema


def _free_form(schema: JsonSchema, *, is_frozen: bool) -> JsonSchema:
    """The schema of free-form JSON.

    In a frozen kind it is `additionalProperties`: with `x-kubernetes-preserve-unknown-fields` on the object itself,
    `self == oldSelf` accepts an edit that replaces one top-level key by another.
    """
    kept: JsonSchema = {key: schema[key] for key in ("type", "description") if key in schema}
    if not is_frozen:
        return {**kept, "x-kubernetes-preserve-unknown-fields": True}
    return {**kept, "additionalProperties": {"nullable": True, "x-kubernetes-preserve-unknown-fields": True}}


def _without_defaults(schema: JsonSchema) -> JsonSchema:
    """`schema` without defaults at any level: GitOps tools report a default in a list item as permanent drift."""
    kept = {key: value for key, value in schema.items() if key != "default"}
    if "properties" in kept:
        kept["properties"] = {name: _without_defaults(field) for name, field in kept["properties"].items()}
    return kept
