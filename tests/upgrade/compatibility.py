"""Whether a CRD still takes and shows all that its older form did: the rules of crdify, and what users see."""

from collections.abc import Iterator
from typing import Any

Json = dict[str, Any]
FLOORS = ("minimum", "minLength", "minItems", "minProperties")
CEILINGS = ("maximum", "maxLength", "maxItems", "maxProperties")
FIXED = (
    "type",
    "format",
    "default",
    "pattern",
    "multipleOf",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "uniqueItems",
    "x-kubernetes-int-or-string",
    "x-kubernetes-embedded-resource",
    "x-kubernetes-list-type",
    "x-kubernetes-list-map-keys",
    "x-kubernetes-map-type",
)
ALLOWANCES = ("nullable", "x-kubernetes-preserve-unknown-fields")
NAMES = ("kind", "listKind", "plural", "singular")
READ = set(FLOORS + CEILINGS + FIXED + ALLOWANCES) | {
    "additionalProperties",
    "description",
    "enum",
    "items",
    "properties",
    "required",
    "x-kubernetes-validations",
}


def breaks(old: Json, new: Json) -> list[str]:
    """What a client or an object of `old` would meet in `new`, one line each; empty where nothing."""
    return [*_of_the_whole(old["spec"], new["spec"]), *_of_versions(old["spec"], new["spec"])]


def _of_the_whole(old: Json, new: Json) -> Iterator[str]:
    for field in ("group", "scope"):
        yield from _changed(field, old[field], new[field])
    for field in NAMES:
        yield from _changed(f"names.{field}", old["names"].get(field), new["names"].get(field))
    for field in ("shortNames", "categories"):
        gone = set(old["names"].get(field, ())) - set(new["names"].get(field, ()))
        yield from (f"names.{field}: {each} is gone" for each in sorted(gone))


def _of_versions(old: Json, new: Json) -> Iterator[str]:
    present = {each["name"]: each for each in new["versions"]}
    for version in old["versions"]:
        name = version["name"]
        if name not in present:
            yield f"{name}: the version is gone"
            continue
        yield from _of_version(name, version, present[name])


def _of_version(name: str, old: Json, new: Json) -> Iterator[str]:
    if old["served"] and not new["served"]:
        yield f"{name}: is no longer served"
    if old["storage"] and not new["storage"]:
        yield f"{name}: is no longer the stored version"
    gone = set(old.get("subresources", {})) - set(new.get("subresources", {}))
    yield from (f"{name}: subresource {each} is gone" for each in sorted(gone))
    for field in ("selectableFields", "additionalPrinterColumns"):
        kept = {each["jsonPath"] for each in new.get(field, ())}
        lost = [each["jsonPath"] for each in old.get(field, ()) if each["jsonPath"] not in kept]
        yield from (f"{name}: {field} {path} is gone" for path in lost)
    yield from _of_schema(name, old["schema"]["openAPIV3Schema"], new["schema"]["openAPIV3Schema"])


def _of_schema(at: str, old: Json, new: Json) -> Iterator[str]:
    unread = (set(old) | set(new)) - READ
    yield from (f"{at}: no rule reads {each}" for each in sorted(unread))
    for field in FIXED:
        yield from _changed(f"{at}: {field}", old.get(field), new.get(field))
    yield from _narrowed(at, old, new)
    yield from _of_rules(at, old, new)
    required = set(new.get("required", ())) - set(old.get("required", ()))
    yield from (f"{at}.{each}: is newly required" for each in sorted(required))
    yield from _of_parts(at, old, new)


def _narrowed(at: str, old: Json, new: Json) -> Iterator[str]:
    for field in FLOORS:
        if field in new and new[field] > old.get(field, float("-inf")):
            yield f"{at}: {field} rose from {old.get(field)} to {new[field]}"
    for field in CEILINGS:
        if field in new and new[field] < old.get(field, float("inf")):
            yield f"{at}: {field} fell from {old.get(field)} to {new[field]}"
    for field in ALLOWANCES:
        if old.get(field) and not new.get(field):
            yield f"{at}: {field} is gone"
    if "enum" in new:
        yield from _narrowed_enum(at, old, new)


def _narrowed_enum(at: str, old: Json, new: Json) -> Iterator[str]:
    if "enum" not in old:
        yield f"{at}: enum is new"
        return
    yield from (f"{at}: enum lost {each}" for each in old["enum"] if each not in new["enum"])


def _of_rules(at: str, old: Json, new: Json) -> Iterator[str]:
    """A new CEL rule may refuse what was taken; one that is gone lets through what was promised never to be."""
    rules, present = _rules(old), _rules(new)
    yield from (f"{at}: rule is new: {each}" for each in sorted(present - rules))
    yield from (f"{at}: rule is gone: {each}" for each in sorted(rules - present))


def _rules(schema: Json) -> set[str]:
    return {each["rule"] for each in schema.get("x-kubernetes-validations", ())}


def _of_parts(at: str, old: Json, new: Json) -> Iterator[str]:
    for name, schema in old.get("properties", {}).items():
        if name not in new.get("properties", {}):
            yield f"{at}.{name}: is gone"
        else:
            yield from _of_schema(f"{at}.{name}", schema, new["properties"][name])
    for field, step in (("items", "[]"), ("additionalProperties", "{}")):
        if field in old and field not in new:
            yield f"{at}{step}: is gone"
        elif field in old:
            yield from _of_schema(at + step, old[field], new[field])
        elif field in new:
            yield f"{at}{step}: is new"


def _changed(what: str, old: object, new: object) -> Iterator[str]:
    if old != new:
        yield f"{what} changed from {old} to {new}"
