"""What differs between kinds and resources: built-in kinds, and the words in which a wrong kind is refused."""

import re
from collections.abc import Iterator
from typing import Any

from .intents import Intent
from .resources import Resource
from .statuses import ApiError, Cause, Named, NotSimulated, bad_request, invalid

Json = dict[str, Any]


def check_kind(resource: Resource, content: Json) -> None:
    """Raises ApiError for an object of another kind."""
    said = content["kind"]
    if content["apiVersion"] != resource.api_version:
        raise NotSimulated(f"a body of {content['apiVersion']} sent to {resource.api_version}")
    if said == resource.kind:
        return
    if not resource.is_custom:
        raise NotSimulated(f"a body of kind {said} sent to {resource.plural}")
    cause = Cause("FieldValueInvalid", f'Invalid value: "{said}": must be {resource.kind}', "kind")
    name = (content.get("metadata") or {}).get("name", "")
    raise invalid(resource.named(name), said, [cause])


def complete(resource: Resource, content: Json) -> None:
    """Put in what the API server adds to a new object of a built-in kind."""
    match resource.kind:
        case "Namespace":
            label = {"kubernetes.io/metadata.name": content["metadata"]["name"]}
            content["metadata"]["labels"] = {**content["metadata"].get("labels", {}), **label}
            content["spec"] = {"finalizers": ["kubernetes"]}
            content["status"] = {"phase": "Active"}
        case "Secret":
            if "stringData" in content:
                raise NotSimulated("stringData of a Secret")
            content.setdefault("type", "Opaque")


def faults(resource: Resource, content: Json) -> Iterator[Cause]:
    if resource.kind == "Event":
        if not content.get("action"):
            yield Cause("FieldValueRequired", "Required value", "action")
        if len(str(content.get("note", "")).encode()) > 1024:
            yield Cause("FieldValueInvalid", 'Invalid value: "": can have at most 1024 characters', "message")


def refused(resource: Resource, name: str, causes: list[Cause]) -> ApiError:
    """422. Of an Event the API server answers as of one in the core group."""
    about = resource.named(name)
    return invalid(Named("", about.plural, name) if resource.kind == "Event" else about, resource.kind, causes)


def uid_precondition(intent: Intent, wanted: str, found: str) -> str:
    key = f"/registry/{intent.resource.storage}/{intent.namespace}/{intent.name}"
    return (
        f"StorageError: invalid object, Code: 4, Key: {key}, ResourceVersion: 0, AdditionalErrorMsg: "
        f"Precondition failed: UID in precondition: {wanted}, UID in object meta: {found}"
    )


def unknown_fields(resource: Resource, fields: list[str]) -> ApiError:
    listed = ", ".join(f'unknown field "{each}"' for each in fields)
    kind = f'{resource.kind} in version "{resource.version}" cannot be handled as a {resource.kind}'
    return bad_request(f"{kind}: strict decoding error: {listed}")


def not_declared(intent: Intent, configuration: Json, fields: list[str]) -> ApiError:
    """An apply with a field that the schema does not know."""
    said = configuration["metadata"].get("namespace", "")
    what = f"({said}/{intent.name}; {intent.resource.api_version}, Kind={intent.resource.kind})"
    path = re.sub(r"\[\d+\]", "", f".{fields[0]}")
    return ApiError(500, "", f"failed to create typed patch object {what}: {path}: field not declared in schema")
