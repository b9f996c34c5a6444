"""The content of objects: shaped by the schema, restricted to what a write may change, checked, compared."""

from typing import Any

from . import built_in, metadata, schema
from .intents import Intent
from .json_values import is_unchanged, same
from .record import Record
from .resources import Resource
from .statuses import Cause
from .validation import broken_rules, faults

Json = dict[str, Any]

_UNCHECKED = Cause(
    "FieldValueInvalid",
    "Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing "
    "errors to complete validation",
    "<nil>",
)
_BLOCKING = {
    *("FieldValueRequired", "FieldValueTypeInvalid", "FieldValueNotSupported"),
    *("FieldValueTooLong", "FieldValueTooMany"),
}


def bare(content: Json) -> Json:
    """The object without its metadata, which the schema says nothing of."""
    return {name: value for name, value in content.items() if name != "metadata"}


def shaped(resource: Resource, content: Json, *, keeps_nulls: bool = False) -> Json:
    """Without what the schema does not know, with its defaults."""
    if not resource.schema:
        return content
    result: Json = schema.shaped(resource.schema, bare(content), keeps_nulls=keeps_nulls)
    return {**result, "metadata": content["metadata"]}


def restricted(intent: Intent, old: Json, content: Json) -> Json:
    """What this resource or subresource may write, over what was there; the generation rises with the spec."""
    if intent.subresource:
        kept = {**old, "metadata": {**old["metadata"], "managedFields": content["metadata"]["managedFields"]}}
        kept.pop("status", None)
        return {**kept, "status": content["status"]} if "status" in content else kept
    result = {name: value for name, value in content.items() if name != "status"}
    if "status" in old:
        result["status"] = old["status"]
    if not is_unchanged(bare(old), bare(result)):
        result["metadata"]["generation"] = old["metadata"]["generation"] + 1
    return result


def check(resource: Resource, content: Json, old: Record | None) -> None:
    """Raises ApiError 422 for what the schema, a rule or the kind itself refuses."""
    meta = content["metadata"]
    causes = list(metadata.faults_of_update(meta, old) if old else metadata.faults_of_create(meta))
    node = resource.schema
    if node:
        causes += faults(node, content, old=old.content if old else None)
        if any(cause.reason in _BLOCKING for cause in causes):
            causes.append(_UNCHECKED)
        elif not causes:
            causes += broken_rules(node, content, old.content if old else None)
    causes += built_in.faults(resource, content)
    if causes:
        raise built_in.refused(resource, meta.get("name", ""), causes)


def is_same(old: Json, new: Json) -> bool:
    """Whether nothing but the times of managedFields differs."""
    if not same(bare(old), bare(new)):
        return False
    before, after = ({**each["metadata"]} for each in (old, new))
    before["managedFields"], after["managedFields"] = (
        [{**entry, "time": ""} for entry in each.get("managedFields", ())] for each in (before, after)
    )
    return same(before, after)
