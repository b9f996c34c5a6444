"""What kstatus makes of an object: a port of its generic rules, by which Flux, Argo CD and others wait."""

from typing import Literal

from assistant_operator.api.assistant import Assistant
from assistant_operator.api.meta import condition

Health = Literal["Terminating", "InProgress", "Failed", "Current"]


def kstatus(assistant: Assistant) -> Health:
    """As cli-utils' `checkGenericProperties`, then its look at Ready; the first rule that says something decides."""
    meta, status = assistant.metadata, assistant.status
    if meta.deletion_timestamp:
        return "Terminating"
    if status.observed_generation != meta.generation:
        return "InProgress"
    for each in status.conditions:
        if each.type == "Reconciling" and each.status == "True":
            return "InProgress"
        if each.type == "Stalled" and each.status == "True":
            return "Failed"
    ready = condition(status.conditions, "Ready")
    return "InProgress" if ready and ready.status in ("False", "Unknown") else "Current"
