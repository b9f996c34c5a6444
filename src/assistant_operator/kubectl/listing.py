"""What `kubectl assistants get` shows: each Assistant in a line, and why it is not ready. Pure."""

from collections.abc import Sequence
from datetime import datetime

from ..resources.assistant import Assistant
from ..resources.graph import Graph
from ..resources.meta import ConditionStatus, condition
from ..resources.reason import Reason
from .text import NONE, age, table

_SHORT = 100


def assistants_table(assistants: Sequence[Assistant], now: datetime, *, wide: bool, everywhere: bool) -> str:
    """`wide`: with the number of kept versions and the id on the server, and the reason in full."""
    headers = ["NAME", "GRAPH", "LATEST", "ACTIVE", "PINNED", "READY", "AGE", "WHY"]
    if wide:
        headers[6:] = ["VERSIONS", "AGE", "ID", "WHY"]
    rows = [_row(each, now, wide=wide) for each in assistants]
    if everywhere:
        headers.insert(0, "NAMESPACE")
        rows = [[each.metadata.namespace, *row] for each, row in zip(assistants, rows, strict=True)]
    return table(headers, rows)


def _row(assistant: Assistant, now: datetime, *, wide: bool) -> list[str]:
    status, reason = assistant.status, why(assistant)
    numbers = [numbered(each) for each in (status.latest_version, status.active_version, assistant.pin)]
    first = [assistant.metadata.name, assistant.spec.graph_ref.name, *numbers, readiness(assistant)]
    since = age(assistant.metadata.creation_timestamp, now)
    if wide:
        return [*first, str(status.versions), since, status.assistant_id or NONE, reason]
    return [*first, since, reason if len(reason) <= _SHORT else f"{reason[: _SHORT - 1]}…"]


def numbered(number: int | None) -> str:
    return str(number) if number else NONE


def readiness(resource: Assistant | Graph) -> str:
    """What Ready says: Unknown while it speaks of an older spec than the present one."""
    ready = condition(resource.status.conditions, "Ready")
    return ready.status if ready and is_observed(resource) else ConditionStatus.UNKNOWN.value


def is_observed(resource: Assistant | Graph) -> bool:
    """Whether status and Ready are about the present spec."""
    ready = condition(resource.status.conditions, "Ready")
    seen = min(resource.status.observed_generation, (ready and ready.observed_generation) or -1)
    return seen >= resource.metadata.generation


def why(resource: Assistant | Graph) -> str:
    """Why it is not as it should be; empty if it is."""
    if resource.metadata.is_being_deleted:
        return "Deleting: it goes once its finalizers are done"
    ready = condition(resource.status.conditions, "Ready")
    if ready is None or not is_observed(resource):
        return "NotSeen: the operator has not looked at this spec yet"
    if ready.status == ConditionStatus.TRUE and ready.reason != Reason.SUSPENDED:
        return ""
    return f"{ready.reason}: {ready.message}"
