"""Objects deleted: preconditions, finalizers, propagation policies."""

from typing import Any

from .admission import Attempt, admit
from .intents import Intent
from .objects import Objects
from .record import Record
from .statuses import ApiError, Cause, NotSimulated, success

Json = dict[str, Any]
FOREGROUND, ORPHAN = "foregroundDeletion", "orphan"
_FINALIZERS = {"Foreground": FOREGROUND, "Orphan": ORPHAN}
_POLICIES = ("Foreground", "Background", "Orphan")
_OPTIONS = {"kind", "apiVersion", "preconditions", "propagationPolicy"}


def delete(objects: Objects, intent: Intent, options: Json) -> Record | Json:
    """A Status where the object is gone; else the object, which waits for its finalizers. Raises ApiError."""
    policy = _policy(options)
    old = objects.existing(intent)
    _check_preconditions(intent, options.get("preconditions") or {}, old)
    admit(objects.policies, Attempt("DELETE", intent.about, {}, None, old.content))
    if intent.resource.kind == "Namespace":
        return _terminated(objects, intent, old)
    kept = [each for each in old.finalizers if each not in _FINALIZERS.values()]
    if policy in _FINALIZERS:
        kept.append(_FINALIZERS[policy])
    elif not policy:
        kept = list(old.finalizers)
    if not kept:
        objects.store.delete(intent.key)
        return success(intent.about, old.meta["uid"])
    return _marked(objects, intent, old, kept)


def _marked(objects: Objects, intent: Intent, old: Record, finalizers: list[str]) -> Record:
    """The object with a deletionTimestamp, at the next generation; or as it is, if it had one before."""
    if old.is_being_deleted and finalizers == old.finalizers:
        return old
    meta = {**old.meta, "finalizers": finalizers}
    if not old.is_being_deleted:
        meta |= {"deletionTimestamp": objects.time(), "deletionGracePeriodSeconds": 0}
        meta["generation"] = old.meta["generation"] + 1
    return objects.store.put(intent.key, {**old.content, "metadata": meta})


def _terminated(objects: Objects, intent: Intent, old: Record) -> Record:
    if old.is_being_deleted:
        return old
    meta = {**old.meta, "deletionTimestamp": objects.time()}
    return objects.store.put(intent.key, {**old.content, "metadata": meta, "status": {"phase": "Terminating"}})


def _policy(options: Json) -> str:
    if unknown := options.keys() - _OPTIONS:
        raise NotSimulated(f"DeleteOptions {sorted(unknown)}")
    policy = str(options.get("propagationPolicy") or "")
    if policy and policy not in _POLICIES:
        listed = '"Foreground", "Background", "Orphan", "nil"'
        said = f'Unsupported value: "{policy}": supported values: {listed}'
        cause = Cause("FieldValueNotSupported", said, "propagationPolicy")
        details = {"group": "meta.k8s.io", "kind": "DeleteOptions", "causes": [cause.manifest()]}
        told = f'DeleteOptions.meta.k8s.io "" is invalid: {cause.field}: {cause.message}'
        raise ApiError(422, "Invalid", told, details)
    return policy


def _check_preconditions(intent: Intent, wanted: Json, old: Record) -> None:
    told = {
        "uid": ("UID", "The object might have been deleted and then recreated"),
        "resourceVersion": ("ResourceVersion", "The object might have been modified"),
    }
    for name, (shown, why) in told.items():
        if name in wanted and wanted[name] != old.meta[name]:
            kind = f"{intent.resource.kind}.{intent.resource.group}"
            message = (
                f'Operation cannot be fulfilled on {kind} "{intent.name}": the {shown} in the precondition '
                f"({wanted[name]}) does not match the {shown} in record ({old.meta[name]}). {why}"
            )
            details = {**intent.about.details(), "kind": intent.resource.kind}
            raise ApiError(409, "Conflict", message, details)
