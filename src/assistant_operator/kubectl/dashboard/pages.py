"""The pages that only read: overview, assistant, version, comparison; and the streams that keep them up to date."""

import asyncio
import json
import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack, suppress
from typing import Any

from aiohttp import web

from assistant_operator.api.assistant import Assistant
from assistant_operator.api.assistant_alias import AssistantAlias
from assistant_operator.api.assistant_version import AssistantVersion
from assistant_operator.api.meta import NAME_PATTERN, FreeForm, Key
from assistant_operator.clients.kubernetes.transport import ClusterRefused
from assistant_operator.kubectl.client import Found
from assistant_operator.kubectl.text import JOINERS, as_json, as_yaml

from .actions import Action, Offer, offers
from .alias_feed import Aliases, found_alias, read_aliases
from .aliases import alias_views, done_text
from .explanations import action
from .feed import Feed, any_change, revision_of
from .overview import Filter, overview
from .permissions import Permissions
from .rows import AliasRow, AssistantRow, EventRow, GraphRow, VersionRow
from .site import (
    NotHere,
    Site,
    aliases_of,
    aliases_source,
    assistant_source,
    assistants_of,
    events_source,
    graphs_of,
    versions_source,
)
from .timeline import Moment, Search, assistant_page, badges, event_views, number_of, path_of

_COALESCE, _HEARTBEAT, _AGES = 0.15, 15.0, 60.0
"""Seconds: changes within the first are one; without a change a comment is sent, and ages are refreshed."""
FORMATS = ("yaml", "json")
MOVE = "move"
"""In a URL: the move of an alias."""


def found_assistant(document: FreeForm) -> Found[Assistant]:
    return Found(Assistant.model_validate(document), document)


def key_of(request: web.Request) -> Key:
    """Namespace and name in the URL. Raises NotHere for what cannot be a name."""
    key = request.match_info["namespace"], request.match_info["name"]
    if not all(re.fullmatch(NAME_PATTERN, part) for part in key):
        raise NotHere("The URL does not have the name of an assistant.")
    return key


class Pages:
    """The handlers."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self.permissions = Permissions(site)

    def routes(self) -> list[web.RouteDef]:
        one = "/assistants/{namespace}/{name}"
        return [
            web.get("/", self.overview),
            web.get("/events", self.overview_events),
            web.get(one, self.assistant),
            web.get(f"{one}/events", self.assistant_events),
            web.get(f"{one}/versions/{{number}}", self.version),
        ]

    async def overview(self, request: web.Request) -> web.StreamResponse:
        site = self._site
        async with AsyncExitStack() as stack:
            assistants, graphs, aliases = feeds = await self._overview_feeds(stack)
            rows = (await assistants.listed()).items.values()
            known, denied = await _graphs(graphs)
            named = await read_aliases(aliases)
            shown = overview(rows, known, Filter.of(request.query), named.items)
            notes = [*denied, *named.notes, *(_unreadable(key) for key in sorted(assistants.unreadable))]
            lost, events = assistants.lost or named.lost, f"/events?since={revision_of(feeds)}"
            unknown = bool(denied or graphs.unreadable)
        return site.page("overview.html", page=shown, notes=notes, graphs_unknown=unknown, lost=lost, events=events)

    async def overview_events(self, request: web.Request) -> web.StreamResponse:
        async with AsyncExitStack() as stack:
            return await stream(request, list(await self._overview_feeds(stack)))

    async def _overview_feeds(self, stack: AsyncExitStack) -> tuple[Feed[AssistantRow], Feed[GraphRow], Feed[AliasRow]]:
        feeds, namespace = self._site.feeds, self._site.namespace
        return (
            await stack.enter_async_context(feeds.using(assistants_of(namespace), AssistantRow.of)),
            await stack.enter_async_context(feeds.using(graphs_of(namespace), GraphRow.of)),
            await stack.enter_async_context(feeds.using(aliases_of(namespace), AliasRow.of)),
        )

    async def assistant(self, request: web.Request) -> web.StreamResponse:
        key, site = key_of(request), self._site
        async with AsyncExitStack() as stack:
            found, versions, events, named = feeds = await self._feeds(stack, key)
            document = next(iter((await found.listed()).items.values()), None)
            rows = tuple((await versions.listed()).items.values())
            aliases = await read_aliases(named)
            if found.unreadable:
                raise NotHere(_unreadable(key))
            if not (document or rows or aliases.items):
                raise NotHere(f"There is no assistant {key[1]!r} in namespace {key[0]!r}.")
            happened, note = await _events(events)
            lost, revision = found.lost or versions.lost or aliases.lost, revision_of(feeds)
        now, alias_rows = site.now(), _alias_rows(aliases)
        shown = assistant_page(key, document, rows, now, Search.of(request.query), alias_rows)
        denied = await self.permissions.denied(key) if document else ""
        values: dict[str, Any] = {
            "aliases": alias_views([each.resource for each in aliases.items], now),
            "aliases_notes": aliases.notes,
            "denied": denied,
            "move_denied": await self._moves_denied(key, alias_rows) if document else "",
            "event_views": event_views(happened, now),
            "events_note": note,
            "lost": lost,
            "offers": offers(document.resource, path_of(key), denied) if document else (),
            "said": _done(request),
        }
        return site.page("assistant.html", page=shown, events=f"{path_of(key)}/events?since={revision}", **values)

    async def assistant_events(self, request: web.Request) -> web.StreamResponse:
        async with AsyncExitStack() as stack:
            return await stream(request, list(await self._feeds(stack, key_of(request))))

    async def _feeds(
        self, stack: AsyncExitStack, key: Key
    ) -> tuple[Feed[Found[Assistant]], Feed[VersionRow], Feed[EventRow], Feed[Found[AssistantAlias]]]:
        feeds = self._site.feeds
        return (
            await stack.enter_async_context(feeds.using(assistant_source(key), found_assistant)),
            await stack.enter_async_context(feeds.using(versions_source(key), VersionRow.of)),
            await stack.enter_async_context(feeds.using(events_source(key), EventRow.of)),
            await stack.enter_async_context(feeds.using(aliases_source(key), found_alias)),
        )

    async def _moves_denied(self, key: Key, aliases: Sequence[AliasRow]) -> str:
        return await self.permissions.moves_denied(key[0], [alias.name for alias in aliases])

    async def version(self, request: web.Request) -> web.StreamResponse:
        key, site, number = key_of(request), self._site, number_of(request.match_info["number"])
        found, assistant = await self.read_version(key, number), await site.client.assistant(key)
        row, chosen = VersionRow.of(found.document), request.query.get("format", "")
        chosen = chosen if chosen in FORMATS else FORMATS[0]
        denied = await self.permissions.denied(key) if assistant else ""
        async with site.feeds.using(aliases_source(key), found_alias) as feed:
            aliases = _alias_rows(await read_aliases(feed))
        move_denied = await self._moves_denied(key, aliases)
        content = await asyncio.to_thread(as_text, found.document["spec"]["snapshot"], chosen)
        return site.page(
            "version.html",
            namespace=key[0],
            name=key[1],
            path=path_of(key),
            version=row,
            badges=badges(row, assistant.resource if assistant else None, aliases),
            made=Moment.of(row.created, site.now()),
            is_intact=await asyncio.to_thread(lambda: found.resource.is_intact),
            action=action(row.reason),
            offers=_version_offers(row, path_of(key), denied, move_denied if aliases else None) if assistant else (),
            denied=denied,
            move_denied=move_denied if assistant else "",
            content=content,
            format=chosen,
        )

    async def read_version(self, key: Key, number: int) -> Found[AssistantVersion]:
        """Raises NotHere."""
        found = await self._site.client.version(key, number) if number else None
        if found is None:
            raise NotHere(
                f"Assistant {key[1]!r} in namespace {key[0]!r} has no version {number or ''}.".replace(" .", ".")
            )
        return found


def as_text(content: Any, form: str) -> str:
    """`form`: one of FORMATS. Invisible characters, which could hide or reorder text, are escaped."""
    if form == "json":
        return visible(as_json(content), lambda character: json.dumps(character)[1:-1])
    return visible(as_yaml(content), _yaml_escape)


def visible(text: str, escape: Callable[[str], str]) -> str:
    """Both formats quote a text that has such a character, so an escape of that format is equal content."""
    hidden = {each for each in set(text) if unicodedata.category(each) == "Cf" and each not in JOINERS}
    return text.translate({ord(each): escape(each) for each in hidden}) if hidden else text


def _yaml_escape(character: str) -> str:
    number = ord(character)
    return f"\\u{number:04X}" if number < 0x10000 else f"\\U{number:08X}"  # noqa: PLR2004 (the last of four digits)


def _unreadable(key: Key) -> str:
    return f"Assistant {key[1]!r} in namespace {key[0]!r} has a form that this release of the plugin cannot read."


def _done(request: web.Request) -> str:
    """What the last action did, from the URL that it redirected to; empty if there was none."""
    done, alias = request.query.get("done", ""), request.query.get("alias", "")
    if done == MOVE and re.fullmatch(NAME_PATTERN, alias):
        return done_text(alias, number_of(request.query.get("version", "")))
    return Action(done).result(number_of(request.query.get("version", ""))) if done in set(Action) else ""


def _version_offers(row: VersionRow, path: str, denied: str, move_denied: str | None) -> Iterator[Offer]:
    """`move_denied`: None if there is no alias."""
    refused = row.message if row.is_refused else ""
    for each in (Action.PIN, Action.RESTORE):
        why = denied or refused
        yield Offer(each.label(row.number), "" if why else f"{path}/{each}?version={row.number}", why)
    if move_denied is not None:
        why = move_denied or refused
        title = f"Move an alias to v{row.number}"
        yield Offer(title, "" if why else f"{path}/{MOVE}?version={row.number}", why, "move-denied")


def _alias_rows(aliases: Aliases[Found[AssistantAlias]]) -> tuple[AliasRow, ...]:
    """By name."""
    rows = (AliasRow.from_alias(each.resource) for each in aliases.items)
    return tuple(sorted(rows, key=lambda row: row.key))


async def _graphs(feed: Feed[GraphRow]) -> tuple[Sequence[GraphRow], Sequence[str]]:
    """The Graphs, and why there are none if the user may not read them."""
    try:
        return tuple((await feed.listed()).items.values()), ()
    except ClusterRefused:
        return (), ("You may not list graphs: the permission list on graphs.assistant-operator.dev is missing.",)


async def _events(feed: Feed[EventRow]) -> tuple[Sequence[EventRow], str]:
    """The events, and why there are none if the user may not read them."""
    try:
        return tuple((await feed.listed()).items.values()), ""
    except ClusterRefused:
        return (), "You may not list events: the permission list on events is missing in this namespace."


async def stream(request: web.Request, feeds: list[Feed[Any]]) -> web.StreamResponse:
    """Server-sent events: one after each change of the feeds, and one a minute, because ages change.

    `since` in the URL: the revision that the page shows.
    """
    answer = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
    with suppress(ConnectionError):  # the browser left the page
        await _write_events(request, answer, feeds)
    return answer


async def _write_events(request: web.Request, answer: web.StreamResponse, feeds: list[Feed[Any]]) -> None:
    await answer.prepare(request)
    await answer.write(b": connected\n\n")
    loop = asyncio.get_running_loop()
    refreshed = loop.time()
    seen = request.query.get("since", "")
    while True:
        is_changed = seen != revision_of(feeds) or await any_change(feeds, _HEARTBEAT)
        if is_changed:
            await asyncio.sleep(_COALESCE)
        is_due = is_changed or loop.time() - refreshed >= _AGES
        seen, refreshed = revision_of(feeds), loop.time() if is_due else refreshed
        await answer.write(b"data: changed\n\n" if is_due else b": alive\n\n")
