"""Whether the API server stored what it was sent: an older CustomResourceDefinition drops the fields it lacks. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from assistant_operator.api.assistant import AssistantStatus
from assistant_operator.api.graph import GraphStatus

S = TypeVar("S", AssistantStatus, GraphStatus)

_MOST_FIELDS = 16


@dataclass(frozen=True, slots=True)
class Unstored(Generic[S]):
    """A status as it was sent, and as it was stored."""

    sent: S
    stored: S
    is_tried_again: bool = False
    """Whether the same status is to be sent once more."""

    def settles(self, wanted: S, present: S) -> bool:
        """Whether sending `wanted` over `present` would only repeat a write that had no effect."""
        return not self.is_tried_again and wanted == self.sent and present == self.stored

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields that were not stored as sent, such as `status.activations`."""
        found = sorted(set(_differences(self.sent.manifest(), self.stored.manifest(), "status")))
        return tuple(found[:_MOST_FIELDS]) or ("status",)

    def message(self, plural: str) -> str:
        """What to say of it."""
        return not_stored(self.fields, plural)


def not_stored(fields: tuple[str, ...], plural: str) -> str:
    """What to say of fields that were sent and are not there."""
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
