"""Reads the aliases for a page. A page is complete without them: an older cluster does not serve the kind."""

from contextlib import suppress
from dataclasses import dataclass
from typing import Generic, TypeVar

from assistant_operator.api.assistant_alias import AssistantAlias
from assistant_operator.api.meta import FreeForm
from assistant_operator.clients.kubernetes.transport import ClusterRefused, ClusterUnavailable
from assistant_operator.kubectl.client import Found

from .feed import Feed

T = TypeVar("T")

_FORBIDDEN = 403


@dataclass(frozen=True, slots=True)
class Aliases(Generic[T]):
    """`notes`: why some are missing. `lost`: why they may be out of date."""

    items: tuple[T, ...] = ()
    notes: tuple[str, ...] = ()
    lost: str = ""


def found_alias(document: FreeForm) -> Found[AssistantAlias]:
    return Found(AssistantAlias.model_validate(document), document)


async def read_aliases(feed: Feed[T]) -> Aliases[T]:
    """The items of the feed; none if the user may not read them, or if the kind is not served."""
    with suppress(ClusterRefused, ClusterUnavailable):
        await feed.listed()
    if isinstance(feed.error, ClusterRefused):
        return Aliases(notes=tuple(_refusal(feed.error)))
    unreadable = [
        f"Alias {name!r} in namespace {namespace!r} has a form that this release of the plugin cannot read."
        for namespace, name in sorted(feed.unreadable)
    ]
    return Aliases(tuple(feed.items.values()), tuple(unreadable), feed.lost)


def _refusal(refused: ClusterRefused) -> list[str]:
    status = refused.status
    if status.is_not_served:
        return []
    if status.code != _FORBIDDEN:
        return [f"Aliases cannot be read: {status.message}"]
    verb = "watch" if "cannot watch" in status.message else "list"
    return [f"You may not {verb} aliases: the permission {verb} on assistantaliases.assistant-operator.dev is missing."]
