"""Whether a status says nothing that docs/conditions.md does not explain."""

from collections.abc import Iterator
from typing import Any

from assistant_operator.api.condition_types import PROGRESS
from assistant_operator.api.reason import Reason


def unexplained(found: dict[str, Any]) -> Iterator[str]:
    """Each condition of an object whose reason does not have that place in the catalogue."""
    kind = found["kind"]
    for each in found.get("status", {}).get("conditions", ()):
        name, reason = each["type"], Reason(each["reason"])
        place = name if name in PROGRESS else f"{kind}.{name}"
        if place not in reason.places:
            yield f"{place} with reason {reason}"
