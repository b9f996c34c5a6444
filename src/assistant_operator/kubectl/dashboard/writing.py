"""The write of an action: of the state that the form showed, with a cause, and refused after any other change."""

from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TypeVar

from assistant_operator.api.assistant import Assistant
from assistant_operator.api.assistant_alias import AssistantAlias
from assistant_operator.api.meta import FreeForm, Key
from assistant_operator.kubectl.client import Conflict, Found
from assistant_operator.kubectl.gitops import git_owner
from assistant_operator.kubectl.patch import Patch

from .actions import seen, with_cause

_ATTEMPTS = 3


class Planned(Protocol):
    """What an action writes."""

    @property
    def patch(self) -> Patch: ...


D = TypeVar("D", bound=Planned)
P = TypeVar("P", Assistant, AssistantAlias)


async def write_as_shown(
    plan: Callable[[], Awaitable[tuple[Found[P], D]]],
    send: Callable[[Key, list[FreeForm]], Awaitable[Any]],
    shown: str,
    cause: str,
) -> D | None:
    """Plan and send the patch. Returns None, and writes nothing, if the object is not in the state `shown`.

    A conflict with a write that did not change the spec, such as that of the status, leads to another attempt.
    """
    for _ in range(_ATTEMPTS):
        found, planned = await plan()
        if seen(found.resource) != shown or git_owner(found.resource) or not planned.patch:
            return None
        try:
            await send(found.resource.key, with_cause(planned.patch, found, cause))
        except Conflict:
            continue
        return planned
    return None
