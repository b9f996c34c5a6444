"""The metadata of objects: what a client may say in it, and what the API server keeps."""

import re
from collections.abc import Iterator
from typing import Any

from .record import Record
from .statuses import Cause

Json = dict[str, Any]

_KNOWN = frozenset(
    (
        *("name", "generateName", "namespace", "uid", "resourceVersion", "generation", "creationTimestamp"),
        *("deletionTimestamp", "deletionGracePeriodSeconds", "labels", "annotations", "ownerReferences"),
        *("finalizers", "managedFields"),
    )
)
_OF_SERVER = ("generation", "deletionTimestamp", "deletionGracePeriodSeconds", "name", "namespace", "generateName")
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_WHAT_A_NAME_IS = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    r"'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)


def normalized(meta: Any) -> Json:
    """Known fields only, and none that says nothing."""
    said = meta if isinstance(meta, dict) else {}
    return {name: value for name, value in said.items() if name in _KNOWN and value not in (None, [], {}, "")}


def carried_over(meta: Json, old: Record) -> Json:
    """The metadata of an update, with what only the API server sets as it was."""
    kept = {name: old.meta[name] for name in _OF_SERVER if name in old.meta}
    rest = {name: value for name, value in meta.items() if name not in _OF_SERVER}
    return {"uid": old.meta["uid"], "creationTimestamp": old.meta["creationTimestamp"], **rest, **kept}


def faults_of_create(meta: Json) -> Iterator[Cause]:
    name = meta.get("name", "")
    if not name:
        yield Cause("FieldValueRequired", "Required value: name or generateName is required", "metadata.name")
    elif not _NAME.fullmatch(name):
        yield Cause("FieldValueInvalid", f'Invalid value: "{name}": {_WHAT_A_NAME_IS}', "metadata.name")


def faults_of_update(meta: Json, old: Record) -> Iterator[Cause]:
    """Each twice, as the API server answers it of custom resources."""
    for name in ("uid", "creationTimestamp"):
        if meta[name] != old.meta[name]:
            cause = Cause("FieldValueInvalid", f'Invalid value: "{meta[name]}": field is immutable', f"metadata.{name}")
            yield from (cause, cause)
    fresh = [each for each in meta.get("finalizers", ()) if each not in old.finalizers]
    if old.is_being_deleted and fresh:
        listed = ", ".join(f'"{each}"' for each in fresh)
        why = "no new finalizers can be added if the object is being deleted, found new finalizers"
        cause = Cause("FieldValueForbidden", f"Forbidden: {why} []string{{{listed}}}", "metadata.finalizers")
        yield from (cause, cause)
