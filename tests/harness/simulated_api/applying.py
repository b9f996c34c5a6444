"""Server-side apply."""

from typing import Any

from . import built_in, managed_fields, metadata, schema
from .intents import Intent
from .managed_fields import Write
from .objects import Objects
from .record import Record
from .statuses import ApiError, Cause, NotSimulated, bad_request, conflict, modified, not_found
from .validation import faults

Json = dict[str, Any]


def apply(objects: Objects, intent: Intent, body: Json, *, force: bool) -> tuple[Record, bool]:
    """The object, and whether it was created. Raises ApiError."""
    configuration = _checked(intent, body)
    old = objects.store.get(intent.key)
    write = Write(intent.of("Apply"), objects.time(), intent.resource.shape, intent.reset)
    meta = configuration["metadata"]
    if old is None:
        return _created(objects, intent, configuration, write), True
    if meta.get("resourceVersion", old.meta["resourceVersion"]) != old.meta["resourceVersion"]:
        raise modified(intent.about)
    before = managed_fields.decoded_of(old)
    result, ownership = managed_fields.applied(before, old.content, configuration, write, force=force)
    content = objects.read_applied(intent, result)
    return objects.write(intent, old, content, ownership=ownership), False


def _created(objects: Objects, intent: Intent, configuration: Json, write: Write) -> Record:
    if intent.subresource:
        raise not_found(intent.about)
    if uid := configuration["metadata"].get("uid"):
        why = f"uid mismatch: the provided object specified uid {uid}, and no existing object was found"
        raise conflict(intent.about, why)
    if "resourceVersion" in configuration["metadata"]:
        raise NotSimulated("an apply with a resourceVersion to what does not exist")
    live = {"apiVersion": configuration["apiVersion"], "kind": configuration["kind"]}
    content, ownership = managed_fields.applied({}, live, configuration, write, force=True)
    return objects.create(intent, content, ownership=ownership)


def _checked(intent: Intent, body: Json) -> Json:
    """The configuration as it is owned: without empty metadata. Raises ApiError."""
    resource = intent.resource
    if not resource.schema:
        raise NotSimulated(f"server-side apply of {resource.plural}")
    said = body.get("metadata") or {}
    if not intent.manager:
        raise _no_manager()
    if said.get("name", intent.name) != intent.name:
        told = f"the name of the object ({said['name']}) does not match the name on the URL ({intent.name})"
        raise bad_request(told)
    if (body.get("apiVersion"), body.get("kind")) != (resource.api_version, resource.kind):
        group, _, version = body.get("apiVersion", "").rpartition("/")
        raise bad_request(f"invalid object type: {group}/{version}, Kind={body.get('kind', '')}")
    if "managedFields" in said:
        raise bad_request("metadata.managedFields must be nil")
    content = {name: value for name, value in body.items() if name != "metadata"}
    if unknown := schema.unknown_fields(resource.schema, content):
        raise built_in.not_declared(intent, body, unknown)
    if any(
        cause.reason in {"FieldValueTypeInvalid", "FieldValueDuplicate"} for cause in faults(resource.schema, content)
    ):
        raise NotSimulated("an apply of a value of the wrong type")
    return {**content, "metadata": {**metadata.normalized(said), "name": intent.name, "namespace": intent.namespace}}


def _no_manager() -> ApiError:
    cause = Cause("FieldValueRequired", "Required value: is required for apply patch", "fieldManager")
    details = {"group": "meta.k8s.io", "kind": "PatchOptions", "causes": [cause.manifest()]}
    told = f'PatchOptions.meta.k8s.io "" is invalid: {cause.field}: {cause.message}'
    return ApiError(422, "Invalid", told, details)
