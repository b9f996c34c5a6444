"""The changes that the plugin makes to the spec of an Assistant or an alias, as operations of a JSON patch. Pure."""

import jsonpatch

from assistant_operator.api.assistant import Snapshot
from assistant_operator.api.canonical import canonical
from assistant_operator.api.meta import FreeForm, Resource
from assistant_operator.policy.versioning import CAUSES

CAUSE = CAUSES[0]
"""The annotation for a cause: of those that the operator reads, the one that it prefers."""

SNAPSHOT_FIELDS = tuple(field.alias or name for name, field in Snapshot.model_fields.items())

_ANNOTATIONS = "/metadata/annotations"

Patch = tuple[FreeForm, ...]
"""Operations of a JSON patch (RFC 6902); empty if there is nothing to change."""


def _set(path: str, value: object) -> FreeForm:
    return {"op": "add", "path": f"/spec/{path}", "value": value}


def _remove(path: str) -> FreeForm:
    return {"op": "remove", "path": f"/spec/{path}"}


def pin(spec: FreeForm, number: int) -> Patch:
    versioning = spec.get("versioning")
    if versioning is None:
        return (_set("versioning", {"activeVersion": number}),)
    return () if versioning.get("activeVersion") == number else (_set("versioning/activeVersion", number),)


def unpin(spec: FreeForm) -> Patch:
    is_pinned = (spec.get("versioning") or {}).get("activeVersion") is not None
    return (_remove("versioning/activeVersion"),) if is_pinned else ()


def suspend(spec: FreeForm, *, on: bool) -> Patch:
    return () if spec.get("suspend", False) == on else (_set("suspend", on),)


def move(spec: FreeForm, number: int, digest: str) -> Patch:
    """Make an alias ask for that version: by its digest, if the alias selects by digest, else by its number."""
    field, value = ("digest", digest) if "digest" in spec else ("version", number)
    return () if spec.get(field) == value else (_set(field, value),)


def create(document: FreeForm) -> Patch:
    """The object that does not exist yet."""
    return ({"op": "add", "path": "", "value": document},)


def restore(spec: FreeForm, snapshot: FreeForm) -> Patch:
    """Make the versioned fields of the spec those of the snapshot. A field is replaced as a whole."""
    patch: list[FreeForm] = []
    for name in SNAPSHOT_FIELDS:
        if name not in snapshot:
            patch += [_remove(name)] if name in spec else []
        elif name not in spec or canonical(spec[name]) != canonical(snapshot[name]):
            patch.append(_set(name, snapshot[name]))
    return tuple(patch)


def annotate_cause(document: FreeForm, cause: str) -> Patch:
    """Make `cause` the change-cause of the object."""
    annotations = document["metadata"].get("annotations")
    if annotations is None:
        return ({"op": "add", "path": _ANNOTATIONS, "value": {CAUSE: cause}},)
    path = f"{_ANNOTATIONS}/{CAUSE.replace('/', '~1')}"
    return () if annotations.get(CAUSE) == cause else ({"op": "add", "path": path, "value": cause},)


def guarded(patch: Patch, resource: Resource, *, same_spec: bool) -> list[FreeForm]:
    """The patch, to be refused if the object was replaced by another, or with `same_spec` also if its spec changed."""
    meta = resource.metadata
    tests: list[FreeForm] = [{"op": "test", "path": "/metadata/uid", "value": meta.uid}]
    if same_spec:
        tests.append({"op": "test", "path": "/metadata/generation", "value": meta.generation})
    if any(each["path"] == _ANNOTATIONS for each in patch):
        # The API server takes an absent field for null. Annotations that were added meanwhile must not be replaced.
        tests.append({"op": "test", "path": _ANNOTATIONS, "value": None})
    return [*tests, *patch]


def patched(document: FreeForm, patch: Patch) -> FreeForm:
    """A copy of the object with the patch applied."""
    result: FreeForm = jsonpatch.apply_patch(document, list(patch))
    return result


def described(patch: Patch) -> str:
    """The changed fields, in words."""
    verbs = {"add": "changes", "remove": "is removed"}
    paths = [(each["path"].removeprefix("/").replace("/", "."), verbs[each["op"]]) for each in patch]
    return ", ".join(f"{path} {verb}" for path, verb in paths if path.startswith("spec."))
