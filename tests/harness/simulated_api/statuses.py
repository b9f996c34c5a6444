"""What the API server answers instead of an object: metav1.Status, built and raised."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Named:
    """The object that a Status is about: its API group and plural, and its name."""

    group: str
    plural: str
    name: str = ""

    @property
    def qualified(self) -> str:
        return f"{self.plural}.{self.group}" if self.group else self.plural

    def details(self) -> Json:
        told = {"name": self.name, "group": self.group, "kind": self.plural}
        return {key: value for key, value in told.items() if value}


@dataclass(frozen=True, slots=True)
class Cause:
    """One cause in the details of a Status."""

    reason: str
    message: str
    field: str = ""

    def manifest(self) -> Json:
        told = {"reason": self.reason, "message": self.message, "field": self.field}
        return {key: value for key, value in told.items() if value}


@dataclass
class ApiError(Exception):
    """A refusal, as the answer to a request."""

    code: int
    reason: str
    message: str
    details: Json | None = None
    metadata: Json = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.code} {self.reason}: {self.message}"

    def manifest(self) -> Json:
        details = {} if self.details is None else {"details": self.details}
        reason = {"reason": self.reason} if self.reason else {}
        return {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": self.metadata,
            "status": "Failure",
            "message": self.message,
            **reason,
            **details,
            "code": self.code,
        }


class NotSimulated(Exception):
    """The simulator does not show this behaviour: no contract test covers it."""


def success(about: Named, uid: str) -> Json:
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": {**about.details(), "uid": uid},
    }


def not_found(about: Named) -> ApiError:
    return ApiError(404, "NotFound", f'{about.qualified} "{about.name}" not found', about.details())


def already_exists(about: Named, *, is_being_deleted: bool) -> ApiError:
    still = "object is being deleted: " if is_being_deleted else ""
    message = f'{still}{about.qualified} "{about.name}" already exists'
    return ApiError(409, "AlreadyExists", message, about.details())


def conflict(about: Named, why: str) -> ApiError:
    message = f'Operation cannot be fulfilled on {about.qualified} "{about.name}": {why}'
    return ApiError(409, "Conflict", message, about.details())


def modified(about: Named) -> ApiError:
    why = "the object has been modified; please apply your changes to the latest version and try again"
    return conflict(about, why)


def bad_request(message: str) -> ApiError:
    return ApiError(400, "BadRequest", message)


def forbidden(about: Named, why: str, causes: Sequence[Cause] = ()) -> ApiError:
    shown = f'{about.qualified} "{about.name}"' if about.name else about.qualified
    details = about.details() | ({"causes": [each.manifest() for each in causes]} if causes else {})
    return ApiError(403, "Forbidden", f"{shown} is forbidden: {why}", details)


def invalid(about: Named, kind: str, causes: Sequence[Cause]) -> ApiError:
    """422 with a cause a field; `kind` stands in the details in place of the plural."""
    shown = list(dict.fromkeys(f"{each.field}: {each.message}" if each.field else each.message for each in causes))
    listed = shown[0] if len(shown) == 1 else f"[{', '.join(shown)}]"
    details = {**about.details(), "kind": kind, "causes": [each.manifest() for each in causes]}
    qualified = f"{kind}.{about.group}" if about.group else kind
    return ApiError(422, "Invalid", f'{qualified} "{about.name}" is invalid: {listed}', details)


def expired(message: str, metadata: Json | None = None) -> ApiError:
    return ApiError(410, "Expired", message, metadata=metadata or {})
