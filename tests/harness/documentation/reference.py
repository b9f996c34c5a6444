"""The API reference, from the CustomResourceDefinitions that the models give."""

from collections.abc import Iterator
from typing import Any

from assistant_operator.api.meta import API_VERSION

from .definitions import KINDS, Kind, definition
from .tables import table

Schema = dict[str, Any]
_BOUNDS = {
    "minimum": "at least {}",
    "maximum": "at most {}",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "maxItems": "at most {} items",
}


def text() -> str:
    return "\n\n".join(_kind(kind) for kind in KINDS)


def _kind(kind: Kind) -> str:
    spec = definition(kind)["spec"]
    names, (version,) = spec["names"], spec["versions"]
    root = version["schema"]["openAPIV3Schema"]
    parts = [
        f"## {names['kind']}",
        root["description"],
        (
            f"`apiVersion: {API_VERSION}`, `kind: {names['kind']}`, plural `{names['plural']}`,"
            f" short name `{names['shortNames'][0]}`, category `{names['categories'][0]}`. Namespaced."
        ),
        *(_fields(names["kind"], root, part) for part in ("spec", "status")),
        _rules(root),
        _columns(names["kind"], version),
    ]
    return "\n\n".join(part for part in parts if part)


def _fields(kind: str, root: Schema, part: str) -> str:
    """The table of all fields below `spec` or `status`."""
    schema = root["properties"][part]
    rows = [
        (
            f"`{path}`",
            _type(each),
            _default(each),
            _constraints(each, is_required=needed),
            _plain(each.get("description", "")),
        )
        for path, each, needed in walk(schema, part)
    ]
    lead = f"### {kind} {part}\n\n{_plain(schema['description'])}\n\n"
    return lead + table(("field", "type", "default", "constraints", "description"), rows)


def walk(schema: Schema, path: str) -> Iterator[tuple[str, Schema, bool]]:
    """Path, schema and whether it is required, of every field below; `[]` stands for the items of a list."""
    for name, each in schema.get("properties", {}).items():
        inner = f"{path}.{name}"
        yield inner, each, name in schema.get("required", ())
        yield from walk(each, inner)
        yield from walk(each.get("items", {}), f"{inner}[]")


def _type(schema: Schema) -> str:
    if _is_free_form(schema):
        return "free-form object"
    if schema.get("type") == "array":
        return f"list of {_type(schema['items'])}"
    names = {"date-time": "time", "int32": "int32", "int64": "int64"}
    return str(names.get(schema.get("format", ""), schema.get("type", "any")))


def _is_free_form(schema: Schema) -> bool:
    inner = schema.get("additionalProperties")
    return bool(schema.get("x-kubernetes-preserve-unknown-fields") or isinstance(inner, dict))


def _default(schema: Schema) -> str:
    if "default" not in schema:
        return ""
    value = schema["default"]
    return f"`{str(value).lower() if isinstance(value, bool) else value}`" if value != "" else '`""`'


def _constraints(schema: Schema, *, is_required: bool) -> str:
    said = ["required"] if is_required else []
    if "enum" in schema:
        said.append("one of " + ", ".join(f"`{each}`" for each in schema["enum"]))
    said += [words.format(schema[name]) for name, words in _BOUNDS.items() if name in schema]
    said = ["not empty" if each == _BOUNDS["minLength"].format(1) else each for each in said]
    if "pattern" in schema:
        said.append(f"matches `{schema['pattern']}`")
    if schema.get("type") == "array":
        said.append(f"list type {schema['x-kubernetes-list-type']}")
        inner = _constraints(schema["items"], is_required=False)
        said += [f"each: {inner}"] if inner else []
    return "; ".join(said)


def _rules(root: Schema) -> str:
    """The messages of all rules that the API server checks, by the field that they are about."""
    places = (("", root), *((path, each) for path, each, _ in walk(root, "")))
    rows = [
        (f"`{(path + rule.get('fieldPath', '')).removeprefix('.')}`", _plain(rule["message"]))
        for path, schema in places
        for rule in schema.get("x-kubernetes-validations", ())
    ]
    return "Rules that the API server checks:\n\n" + table(("field", "message"), rows) if rows else ""


def _plain(text: str) -> str:
    """Text with nothing in it that Markdown would take for HTML."""
    return text.replace("<", "&lt;")


def _columns(kind: str, version: Schema) -> str:
    rows = [
        (each["name"].upper(), f"`{each['jsonPath']}`", "wide" if each.get("priority") else "", each["description"])
        for each in version["additionalPrinterColumns"]
    ]
    selectable = ", ".join(f"`{each['jsonPath']}`" for each in version.get("selectableFields", ()))
    return (
        f"### {kind} columns\n\n"
        + table(("column", "path", "only with `-o wide`", "description"), rows)
        + (f"\n\nField selectors: {selectable}, `.metadata.name`, `.metadata.namespace`." if selectable else "")
    )
