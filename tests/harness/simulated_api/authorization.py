"""Who asks, and whether RBAC lets him."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .statuses import ApiError, Named, forbidden


@dataclass(frozen=True, slots=True)
class Grant:
    """One rule of a Role or ClusterRole; a star is everything."""

    groups: frozenset[str]
    resources: frozenset[str]
    verbs: frozenset[str]
    namespace: str = ""
    """Where it holds; empty for everywhere."""
    names: frozenset[str] = frozenset()
    """Of the objects that it is about; empty for all."""

    def allows(self, verb: str, about: Named, resource: str, namespace: str) -> bool:
        is_there = self.namespace in ("", namespace) and (not self.names or about.name in self.names)
        is_meant = bool({about.group, "*"} & self.groups and {resource, "*"} & self.resources)
        return is_there and is_meant and bool({verb, "*"} & self.verbs)


def grants_of(rules: Iterable[Mapping[str, Any]], namespace: str = "") -> tuple[Grant, ...]:
    """The rules of a Role, which holds in one namespace, or of a ClusterRole."""
    return tuple(
        Grant(
            frozenset(rule["apiGroups"]),
            frozenset(rule["resources"]),
            frozenset(rule["verbs"]),
            namespace,
            frozenset(rule.get("resourceNames", ())),
        )
        for rule in rules
    )


@dataclass(frozen=True, slots=True)
class User:
    """A name, and what it was granted."""

    name: str
    grants: tuple[Grant, ...] = ()


ANONYMOUS = User("system:anonymous")


@dataclass
class Authorizer:
    """Users by their tokens. While there are none, everybody may do everything."""

    users: dict[str, User] = field(default_factory=dict)

    def authorize(self, header: str, verb: str, about: Named, subresource: str, namespace: str) -> str:
        """The name of the user. Raises ApiError 401 or 403. `header`: the value of Authorization."""
        if not self.users:
            return "admin"
        user = self._user(header)
        resource = f"{about.plural}/{subresource}" if subresource else about.plural
        if not any(grant.allows(verb, about, resource, namespace) for grant in user.grants):
            scope = f'in the namespace "{namespace}"' if namespace else "at the cluster scope"
            what = f'resource "{resource}" in API group "{about.group}"'
            raise forbidden(about, f'User "{user.name}" cannot {verb} {what} {scope}')
        return user.name

    def authorize_path(self, header: str, path: str) -> None:
        """Everybody with a token may ask what there is. Raises ApiError 401 or 403."""
        if self.users and self._user(header) is ANONYMOUS:
            message = f'forbidden: User "{ANONYMOUS.name}" cannot get path "{path}"'
            raise ApiError(403, "Forbidden", message, {})

    def _user(self, header: str) -> User:
        scheme, _, token = header.partition(" ")
        if scheme != "Bearer" or not token:
            return ANONYMOUS
        if token not in self.users:
            raise ApiError(401, "Unauthorized", "Unauthorized")
        return self.users[token]
