"""A request to the API server, understood: which resource, which object, which verb."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .json_values import parse
from .resources import Catalogue, Resource
from .statuses import ApiError, NotSimulated, bad_request

Json = dict[str, Any]

MERGE, JSON_PATCH, APPLY = (
    "application/merge-patch+json",
    "application/json-patch+json",
    "application/apply-patch+yaml",
)
LARGEST = 3 * 2**20
_WRITE = {"fieldManager", "fieldValidation"}
_LIST = {"limit", "continue", "resourceVersion", "resourceVersionMatch", "labelSelector", "fieldSelector"}
_WATCH = {
    *("watch", "resourceVersion", "labelSelector", "fieldSelector", "timeoutSeconds", "allowWatchBookmarks"),
}
_QUERY = {
    "get": {"resourceVersion"},
    "list": _LIST | {"watch"},
    "watch": _WATCH,
    "create": _WRITE,
    "update": _WRITE,
    "patch": _WRITE | {"force"},
    "delete": set(),
}


@dataclass(frozen=True, slots=True)
class Request:
    """What came over the wire."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    content_type: str = "application/json"
    accept: str = "application/json"
    authorization: str = ""
    user_agent: str = ""

    @property
    def is_watch(self) -> bool:
        return self.query.get("watch", "").lower() in ("true", "1")

    @property
    def manager(self) -> str:
        """The field manager: as the client says, else the program that it is."""
        return self.query.get("fieldManager") or self.user_agent.partition("/")[0]

    def json(self) -> Any:
        """Raises ApiError for a body that is no JSON object, or too large."""
        if len(self.body) > LARGEST:
            message = f"Request entity too large: limit is {LARGEST}"
            raise ApiError(413, "RequestEntityTooLarge", message)
        try:
            return parse(self.body) if self.body else {}
        except ValueError as error:
            raise bad_request(f"the object provided is unrecognized: json parse error: {error}") from error


@dataclass(frozen=True, slots=True)
class Target:
    """What a request is about."""

    resource: Resource
    namespace: str
    name: str
    subresource: str
    verb: str


def target_of(catalogue: Catalogue, request: Request) -> Target | None:
    """None if nothing is served at that path. Raises NotSimulated for what is served, but not here."""
    parts = request.path.strip("/").split("/")
    match parts:
        case ["api", "v1", *rest]:
            found = _below(catalogue, ("", "v1"), rest)
        case ["apis", group, version, *rest]:
            found = _below(catalogue, (group, version), rest)
        case _:
            return None
    if found is None:
        return None
    resource, namespace, name, subresource = found
    verb = _verb(request, name)
    if verb == "create" and resource.is_namespaced and not namespace:
        return None
    known = resource.verbs if not subresource else ("get", "patch", "update")
    if verb not in known:
        raise NotSimulated(f"{verb} of {resource.plural}{'/' if subresource else ''}{subresource}")
    if unknown := request.query.keys() - _QUERY[verb]:
        raise NotSimulated(f"{verb} with the parameters {sorted(unknown)}")
    return Target(resource, namespace, name, subresource, verb)


def _below(catalogue: Catalogue, of: tuple[str, str], rest: list[str]) -> tuple[Resource, str, str, str] | None:
    """Resource, namespace, name and subresource."""
    namespace = ""
    if len(rest) > 2 and rest[0] == "namespaces":
        _, namespace, *rest = rest
    plural, name, subresource, *more = [*rest, "", "", ""][: max(3, len(rest))]
    resource = catalogue.by_path.get((*of, plural))
    if resource is None or any(more) or (resource.is_namespaced and name and not namespace):
        return None
    if subresource not in ("", "status") or (subresource and not resource.is_custom):
        return None
    return resource, namespace, name, subresource


def _verb(request: Request, name: str) -> str:
    match request.method:
        case "GET" if name:
            return "get"
        case "GET":
            return "watch" if request.is_watch else "list"
        case "POST" if not name:
            return "create"
        case "PUT" if name:
            return "update"
        case "PATCH" if name:
            return "patch"
        case "DELETE":
            return "delete" if name else "deletecollection"
    raise NotSimulated(f"{request.method} {request.path}")
