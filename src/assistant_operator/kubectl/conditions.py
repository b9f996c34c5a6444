"""Readiness, activity and validity of an Assistant, a Graph, an alias or a version, from their conditions. Pure."""

from assistant_operator.api.assistant import Assistant
from assistant_operator.api.assistant_alias import Published
from assistant_operator.api.assistant_version import AssistantVersion
from assistant_operator.api.graph import Graph
from assistant_operator.api.meta import ConditionStatus, condition
from assistant_operator.api.reason import Reason


def is_observed(resource: Published | Graph) -> bool:
    """Whether the status and its condition Ready are about the present spec."""
    ready = condition(resource.status.conditions, "Ready")
    observed = min(resource.status.observed_generation, (ready and ready.observed_generation) or -1)
    return observed >= resource.metadata.generation


def readiness(resource: Published | Graph) -> str:
    """The status of Ready; Unknown if it is about an older spec."""
    ready = condition(resource.status.conditions, "Ready")
    return ready.status if ready and is_observed(resource) else ConditionStatus.UNKNOWN.value


def not_ready_reason(resource: Published | Graph) -> str:
    """Reason and message of a resource that is not ready, or suspended; empty for any other."""
    if resource.metadata.is_being_deleted:
        return "Deleting: it is gone once its finalizers are removed"
    ready = condition(resource.status.conditions, "Ready")
    if ready is None or not is_observed(resource):
        return "NotSeen: the operator has not observed this spec yet"
    if ready.status == ConditionStatus.TRUE and ready.reason != Reason.SUSPENDED:
        return ""
    return f"{ready.reason}: {ready.message}"


def activity(assistant: Assistant | None, version: AssistantVersion) -> str:
    """Whether the version is active, from the status of the Assistant: the version's condition is updated later.

    `assistant`: None if it no longer exists. Then the version's condition is used.
    """
    if assistant is None:
        return _status(version, "Active")
    is_active = str(assistant.status.active_version == version.number)
    return f"{is_active} (pinned)" if assistant.pin == version.number else is_active


def validity(version: AssistantVersion) -> str:
    return _status(version, "Valid")


def _status(version: AssistantVersion, kind: str) -> str:
    found = condition(version.status.conditions, kind)
    return found.status if found else ConditionStatus.UNKNOWN.value
