"""What the plugin changes in an Assistant's spec, as a JSON patch and on paper. Pure."""

import copy
from dataclasses import dataclass
from typing import Any

from ..decisions.history import pointer
from ..resources.assistant import Assistant, Snapshot
from ..resources.canonical import canonical
from ..resources.meta import FreeForm

SNAPSHOT_FIELDS = tuple(field.alias or name for name, field in Snapshot.model_fields.items())
Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Put:
    """A field of the spec gets this value."""

    path: Path
    value: Any


@dataclass(frozen=True, slots=True)
class Drop:
    """A field of the spec goes."""

    path: Path


Edit = tuple[Put | Drop, ...]
"""Empty: the spec is so already."""


def pin(spec: FreeForm, number: int) -> Edit:
    versioning = spec.get("versioning")
    if versioning is None:
        return (Put(("versioning",), {"activeVersion": number}),)
    if versioning.get("activeVersion") == number:
        return ()
    return (Put(("versioning", "activeVersion"), number),)


def unpin(spec: FreeForm) -> Edit:
    pinned = (spec.get("versioning") or {}).get("activeVersion") is not None
    return (Drop(("versioning", "activeVersion")),) if pinned else ()


def suspension(spec: FreeForm, *, on: bool) -> Edit:
    return () if spec.get("suspend", False) == on else (Put(("suspend",), on),)


def restore(spec: FreeForm, snapshot: FreeForm) -> Edit:
    """The spec's versioned part becomes `snapshot`, field by field: what it had not goes."""
    missing = object()
    edit: list[Put | Drop] = []
    for name in SNAPSHOT_FIELDS:
        before, after = spec.get(name, missing), snapshot.get(name, missing)
        if after is missing:
            edit += [] if before is missing else [Drop((name,))]
        elif before is missing or canonical(before) != canonical(after):
            edit.append(Put((name,), after))
    return tuple(edit)


def json_patch(edit: Edit, assistant: Assistant, *, as_seen: bool) -> list[FreeForm]:
    """For that very Assistant; `as_seen`: only while its spec is what was looked at."""
    meta = assistant.metadata
    tests = [{"op": "test", "path": "/metadata/uid", "value": meta.uid}]
    seen: list[FreeForm] = [{"op": "test", "path": "/metadata/generation", "value": meta.generation}]
    return [*tests, *(seen if as_seen else []), *(_operation(each) for each in edit)]


def _operation(change: Put | Drop) -> FreeForm:
    path = pointer(("spec", *change.path))
    if isinstance(change, Put):
        return {"op": "add", "path": path, "value": change.value}
    return {"op": "remove", "path": path}


def edited(document: FreeForm, edit: Edit) -> FreeForm:
    """The object as it would be."""
    made = copy.deepcopy(document)
    for change in edit:
        place = made["spec"]
        for step in change.path[:-1]:
            place = place[step]
        if isinstance(change, Put):
            place[change.path[-1]] = change.value
        else:
            del place[change.path[-1]]
    return made


def told(edit: Edit) -> str:
    """The edit in words, for whoever must make it elsewhere."""
    return ", ".join(f"spec.{'.'.join(each.path)} {'changes' if isinstance(each, Put) else 'goes'}" for each in edit)
