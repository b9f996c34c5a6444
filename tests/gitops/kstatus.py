"""kstatus of any live object of ours, by the one port of its rules that the tests have."""

from typing import Any

from assistant_operator.api.assistant import Assistant
from unit.policy.kstatus import Health, kstatus


def kstatus_of(found: dict[str, Any]) -> Health:
    """The rules read metadata and status, which the four kinds have in common.

    A version has no observedGeneration, and the library asks for none where there is none.
    """
    observed = {"observedGeneration": found["metadata"]["generation"], **found.get("status", {})}
    spec = {"graphRef": {"name": "not-read"}}
    return kstatus(Assistant.model_validate({"metadata": found["metadata"], "spec": spec, "status": observed}))
