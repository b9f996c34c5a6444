"""Objects as the API server sends them."""

from typing import Any

from assistant_operator.api.assistant_version import AssistantVersion
from assistant_operator.api.meta import Resource
from assistant_operator.kubectl.client import Found
from unit.kubectl.kept import a_kept

Json = dict[str, Any]


def sent(resource: Resource) -> Json:
    """The object as JSON."""
    return resource.model_dump(mode="json", by_alias=True, exclude_unset=True)


def a_sent_version(number: int, **change: Any) -> Json:
    """A version whose change has these further fields."""
    document = sent(a_kept(number, "x"))
    document["spec"]["change"] |= change
    return document


def found(resource: AssistantVersion | Any) -> Found[Any]:
    return Found(resource, sent(resource))
