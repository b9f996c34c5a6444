"""One write, as the handlers understood it from the request."""

from collections.abc import Callable
from dataclasses import dataclass

from .managed_fields import Manager
from .resources import Resource
from .statuses import Named


@dataclass(frozen=True, slots=True)
class Intent:
    """What is to be written, by whom."""

    resource: Resource
    namespace: str
    name: str
    """Empty for a create."""
    manager: str
    subresource: str = ""
    is_strict: bool = False
    """Whether unknown fields are refused (fieldValidation=Strict)."""
    check_create: Callable[[], object] = lambda: None
    """Raises ApiError if the user may not create what this write would create."""

    @property
    def about(self) -> Named:
        return self.resource.named(self.name)

    @property
    def key(self) -> tuple[str, str]:
        return self.resource.key(self.namespace, self.name)

    @property
    def reset(self) -> frozenset[str]:
        """The top-level fields that this write leaves alone."""
        if not self.resource.is_custom:
            return frozenset()
        return frozenset({"metadata", "spec"} if self.subresource else {"status"})

    def of(self, operation: str) -> Manager:
        return Manager(operation, self.manager, self.subresource)
