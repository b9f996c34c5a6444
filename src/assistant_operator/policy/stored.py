"""Detection of status fields that the API server drops, because its CustomResourceDefinition is older. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from assistant_operator.api.assistant import AssistantStatus
from assistant_operator.api.assistant_alias import AssistantAliasStatus
from assistant_operator.api.graph import GraphStatus

S = TypeVar("S", AssistantStatus, GraphStatus, AssistantAliasStatus)

_MOST_FIELDS = 16


@dataclass(frozen=True, slots=True)
class Unstored(Generic[S]):
    """A status as it was sent, and as the API server stored it."""

    sent: S
    stored: S
    is_tried_again: bool = False
    """Whether the same status should be sent once more."""

    def settles(self, desired: S, present: S) -> bool:
        """Whether writing `desired` over `present` would repeat a write that had no effect."""
        return not self.is_tried_again and desired == self.sent and present == self.stored

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields that were not stored as sent, such as `status.activations`."""
        found = sorted(set(_differences(self.sent.manifest(), self.stored.manifest(), "status")))
        return tuple(found[:_MOST_FIELDS]) or ("status",)

    def message(self, plural: str) -> str:
        """The message about these fields. `plural`: the resource of the CustomResourceDefinition."""
        return not_stored(self.fields, plural)


def not_stored(fields: tuple[str, ...], plural: str) -> str:
    """The message about fields that are not stored. `plural`: the resource of the CustomResourceDefinition."""
    return (
        f"the API server does not store {', '.join(fields)}: if the CustomResourceDefinition of {plural} is older than"
        " the operator, run kubectl apply --server-side -k crds"
    )


def _differences(sent: Any, stored: Any, at: str) -> Iterator[str]:
    if isinstance(sent, dict) and isinstance(stored, dict):
        for name in sent.keys() | stored.keys():
            yield from _differences(sent.get(name), stored.get(name), f"{at}.{name}")
    elif isinstance(sent, list) and isinstance(stored, list) and len(sent) == len(stored):
        for each, other in zip(sent, stored, strict=True):
            yield from _differences(each, other, f"{at}[]")
    elif sent != stored:
        yield at
