"""What `set` applies by server-side apply: the new values, and the values it applied before. Pure."""

from collections.abc import Iterable, Sequence
from typing import Any

from assistant_operator.api.assistant import Assistant
from assistant_operator.api.meta import API_VERSION, FreeForm, ManagedFields
from assistant_operator.policy.versioning import Path

from .assignments import Assignment
from .client import FIELD_MANAGER
from .edits import is_same
from .errors import CliError
from .fields import MISSING, dotted, value_at
from .patch import CAUSE, Patch


def configuration(document: FreeForm, managed: Iterable[ManagedFields], assignments: Sequence[Assignment]) -> FreeForm:
    """The configuration to apply to that object, and to no other or later one.

    Server-side apply removes the fields that the manager applied before and does not apply again. So they are part of
    it, but for the change-cause, which is that of one edit.
    """
    ours = [each.fields_v1 for each in managed if (each.manager, each.operation) == (FIELD_MANAGER, "Apply")]
    kept = owned(ours[0], document) if ours else {}
    spec: FreeForm = kept.get("spec", {})
    for assignment in assignments:
        spec = with_value(spec, assignment.path, assignment.value)
    meta = document["metadata"]
    before = kept.get("metadata", {})
    annotations = {name: value for name, value in before.get("annotations", {}).items() if name != CAUSE}
    others = {name: value for name, value in before.items() if name != "annotations"}
    identity = {name: meta[name] for name in ("name", "namespace", "uid", "resourceVersion")}
    return {
        "apiVersion": API_VERSION,
        "kind": Assistant.kind_name,
        "metadata": {**others, **({"annotations": annotations} if annotations else {}), **identity},
        "spec": spec,
    }


def owned(fields: FreeForm, value: Any) -> Any:
    """The part of `value` that a FieldsV1 tree names. An object that it names without its fields is empty."""
    if not isinstance(value, dict):
        return value
    names = {name.removeprefix("f:"): below for name, below in fields.items() if name.startswith("f:")}
    return {name: owned(below, value[name]) for name, below in names.items() if name in value}


def with_value(content: FreeForm, path: Path, value: Any) -> FreeForm:
    """A copy of the object with the value at `path`; objects are merged, all else is replaced."""
    first, *rest = path
    there = content.get(first)
    if rest:
        return {**content, first: with_value(there if isinstance(there, dict) else {}, tuple(rest), value)}
    return {**content, first: _merged(there, value)}


def _merged(before: Any, value: Any) -> Any:
    if not isinstance(before, dict) or not isinstance(value, dict):
        return value
    return {**before, **{name: _merged(before.get(name), each) for name, each in value.items()}}


def as_patch(spec: FreeForm, assignments: Sequence[Assignment]) -> Patch:
    """The same changes as a JSON patch; empty if the spec has all values. Raises CliError for an impossible path."""
    patch: list[FreeForm] = []
    for assignment in assignments:
        _check(spec, assignment.path)
        after = with_value(spec, assignment.path, assignment.value)
        if not is_same(value_at(spec, assignment.path), value_at(after, assignment.path)):
            patch.append(_operation(spec, after, assignment.path))
        spec = after
    return tuple(patch)


def _check(spec: FreeForm, path: Path) -> None:
    for length in range(1, len(path)):
        above = value_at(spec, path[:length])
        if isinstance(above, list):
            raise CliError(
                f"error: {dotted(path[:length])} is a list, which is set as a whole: {dotted(path[:length])}:=[…]"
            )
        if above is not MISSING and above is not None and not isinstance(above, dict):
            raise CliError(f"error: {dotted(path[:length])} is no object: {dotted(path)} cannot be set in it")


def _operation(before: FreeForm, after: FreeForm, path: Path) -> FreeForm:
    """Add the value with the objects above it that do not exist yet."""
    length = next(
        (length for length in range(1, len(path)) if not isinstance(value_at(before, path[:length]), dict)), len(path)
    )
    pointer = "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in ("spec", *path[:length]))
    return {"op": "add", "path": pointer, "value": value_at(after, path[:length])}
