"""Who owns which field: managedFields after an update, and server-side apply with its conflicts."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from . import field_sets
from .field_sets import Difference, Fields
from .json_values import same
from .record import Record
from .shapes import Shape
from .statuses import ApiError, Cause

Json = dict[str, Any]

_STRIPPED: Fields = {
    ("f:apiVersion",),
    ("f:kind",),
    ("f:metadata",),
    *(
        ("f:metadata", f"f:{name}")
        for name in (
            *("name", "namespace", "creationTimestamp", "selfLink", "uid", "clusterName", "generation"),
            *("managedFields", "resourceVersion"),
        )
    ),
}


@dataclass(frozen=True, slots=True, order=True)
class Manager:
    """Who writes, and how: each is one entry of managedFields."""

    operation: str
    """Apply or Update."""
    name: str
    subresource: str = ""

    def shown(self, api_version: str) -> str:
        below = f' with subresource "{self.subresource}"' if self.subresource else ""
        using = f" using {api_version}" if self.operation == "Update" else ""
        return f'"{self.name}"{below}{using}'


@dataclass(frozen=True, slots=True)
class Owned:
    """What a manager owns, and since when it last changed."""

    fields: frozenset[field_sets.Path]
    time: str | None
    """None after an apply that changed nothing but the ownership."""


Ownership = dict[Manager, Owned]


@dataclass(frozen=True, slots=True)
class Write:
    """One write: who, when, and the top-level fields that this resource or subresource does not write."""

    manager: Manager
    time: str
    shape: Shape
    reset: frozenset[str]


def updated(ownership: Ownership, old: Json, new: Json, write: Write) -> Ownership:
    """The ownership after an update: what differs is the manager's from now on, and nobody else's."""
    differs = _difference(write.shape, old, new).without(set(write.reset))
    taken = (differs.added | differs.modified) - _STRIPPED
    kept = _without(ownership, differs)
    if taken:
        own = kept.get(write.manager)
        kept[write.manager] = Owned((own.fields if own else frozenset()) | taken, write.time)
    return kept


def applied(
    ownership: Ownership, live: Json, configuration: Json, write: Write, *, force: bool
) -> tuple[Json, Ownership]:
    """The object and the ownership after a server-side apply. Raises ApiError for conflicts."""
    whole = set(field_sets.members(write.shape, configuration))
    fields = {path for path in whole if path[0][2:] not in write.reset}
    last = ownership.get(write.manager)
    now = {**ownership, write.manager: Owned(frozenset(fields), write.time)}
    result = field_sets.merged(write.shape, live, configuration)
    if last and last.fields:
        result = _pruned(write.shape, result, set(last.fields), now.values())
    differs = _difference(write.shape, live, result).without(set(write.reset))
    others = {manager: owned for manager, owned in now.items() if manager != write.manager}
    if not force and (conflicts := _conflicts(others, differs)):
        raise conflicts_error(conflicts, configuration["apiVersion"])
    kept = _without(others, differs)
    if fields := fields - _STRIPPED:
        # An apply that changes nothing leaves the time of the last one.
        time = write.time if not same(live, result) else last.time if last else None
        kept[write.manager] = Owned(frozenset(fields), time)
    return result, kept


def decoded(entries: Iterable[Json]) -> Ownership:
    return {
        Manager(each["operation"], each["manager"], each.get("subresource", "")): Owned(
            frozenset(field_sets.paths(each["fieldsV1"])), each.get("time")
        )
        for each in entries
    }


def decoded_of(record: Record) -> Ownership:
    """The same of a record, read once."""
    return record.view("ownership", lambda content: decoded(content["metadata"].get("managedFields", ())))


def encoded(ownership: Ownership, api_version: str) -> list[Json]:
    """managedFields: appliers first, then by time and name."""
    ordered = sorted(ownership.items(), key=lambda item: (item[0].operation, item[1].time or "", item[0]))
    return [
        {
            "manager": manager.name,
            "operation": manager.operation,
            "apiVersion": api_version,
            **({"time": owned.time} if owned.time else {}),
            "fieldsType": "FieldsV1",
            "fieldsV1": field_sets.tree(owned.fields),
            **({"subresource": manager.subresource} if manager.subresource else {}),
        }
        for manager, owned in ordered
    ]


def conflicts_error(conflicts: list[tuple[Manager, field_sets.Path]], api_version: str) -> ApiError:
    causes = [
        Cause("FieldManagerConflict", f"conflict with {manager.shown(api_version)}", field_sets.shown(path))
        for manager, path in conflicts
    ]
    if len(causes) == 1:
        message = f"Apply failed with 1 conflict: {causes[0].message}: {causes[0].field}"
    else:
        lines = []
        for manager in sorted({manager for manager, _ in conflicts}, key=lambda each: each.shown(api_version)):
            lines.append(f"conflicts with {manager.shown(api_version)}:")
            lines += [f"- {field_sets.shown(path)}" for of, path in conflicts if of == manager]
        message = f"Apply failed with {len(causes)} conflicts: " + "\n".join(lines)
    return ApiError(409, "Conflict", message, {"causes": [each.manifest() for each in causes]})


def _difference(shape: Shape, old: Json, new: Json) -> Difference:
    return field_sets.difference(shape, _without_managed_fields(old), _without_managed_fields(new))


def _without_managed_fields(content: Json) -> Json:
    meta = content.get("metadata") or {}
    if "managedFields" not in meta:
        return content
    return {**content, "metadata": {name: each for name, each in meta.items() if name != "managedFields"}}


def _without(ownership: Ownership, differs: Difference) -> Ownership:
    """What is left to each when what differs is taken away; who owns nothing is forgotten."""
    gone = differs.added | differs.modified | differs.removed
    if not gone:
        return dict(ownership)
    left = {manager: replace(owned, fields=owned.fields - gone) for manager, owned in ownership.items()}
    return {manager: owned for manager, owned in left.items() if owned.fields}


def _conflicts(others: Ownership, differs: Difference) -> list[tuple[Manager, field_sets.Path]]:
    wanted = differs.added | differs.modified
    found = [(manager, path) for manager, owned in others.items() for path in owned.fields & wanted]
    return sorted(found, key=lambda conflict: (conflict[0], conflict[1]))


def _pruned(shape: Shape, merged: Json, last: Fields, owners: Iterable[Owned]) -> Json:
    """Without what the applier applied last time, does not apply now, and nobody else owns."""
    last = field_sets.with_named(shape, last)
    present = field_sets.with_named(shape, set(field_sets.members(shape, merged)))
    managed = field_sets.with_named(shape, set().union(*(owned.fields for owned in owners)))
    pruned = field_sets.removed(shape, merged, last)
    left = field_sets.with_named(shape, set(field_sets.members(shape, pruned)))
    pruned = field_sets.removed(shape, merged, present - left - managed)
    left = field_sets.with_named(shape, set(field_sets.members(shape, pruned)))
    result: Json = field_sets.removed(shape, merged, (present - left) & last)
    return result
