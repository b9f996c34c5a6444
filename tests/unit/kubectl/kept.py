"""A history as people meet it: three versions of one assistant, made three, two and one hour ago."""

from datetime import timedelta
from typing import Any

from assistant_operator.api.assistant_version import AssistantVersion, Change
from harness.worlds import NOW, a_condition, a_version

PROMPTS = ("one", "two", "three")
VALID = a_condition("Valid", "True", "SchemaAccepted", "fits the schemas of graph 'support'")
NOT_VALID = a_condition("Valid", "False", "SchemaRefused", "graph 'support' refuses it: /context/prompt: no")
UNJUDGED = a_condition("Valid", "Unknown", "GraphNotFound", "graph 'support' does not exist in namespace 'team'")
EDITED = Change(kind="Edited", paths=("/context/prompt",), manager="kubectl-edit")


def a_kept(number: int, prompt: str = "", *, valid: Any = VALID, change: Change | None = None) -> AssistantVersion:
    """The version of that number, made as many hours before now as it is older than the fourth."""
    made = a_version(number, context={"prompt": prompt or PROMPTS[number - 1]})
    spec = made.spec.model_copy(update={"change": change or (EDITED if number > 1 else made.spec.change)})
    meta = made.metadata.model_copy(update={"creation_timestamp": NOW - timedelta(hours=4 - number)})
    status = made.status.model_copy(update={"conditions": (valid,)})
    return made.model_copy(update={"metadata": meta, "spec": spec, "status": status})


def kept(*numbers: int, **different: Any) -> list[AssistantVersion]:
    return [a_kept(number, **different) for number in numbers or (1, 2, 3)]
