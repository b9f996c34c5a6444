"""The pages that move an alias: the choice of the alias, the difference, a form with the cause, then the write."""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from assistant_operator.api.assistant_alias import AssistantAlias
from assistant_operator.api.meta import NAME_PATTERN, Key
from assistant_operator.clients.kubernetes.transport import ClusterUnavailable
from assistant_operator.kubectl.client import Found
from assistant_operator.kubectl.errors import CliError
from assistant_operator.kubectl.gitops import git_owner, to_commit
from assistant_operator.kubectl.patch import patched
from assistant_operator.kubectl.text import as_yaml

from .actions import cause_of, seen
from .alias_feed import found_alias, read_aliases
from .aliases import MoveDraft, draft_move
from .changes import compared_snapshots, written_comparison
from .compare import Comparison
from .pages import FORMATS, MOVE, Pages, key_of
from .rows import AliasRow, VersionRow
from .site import NotHere, Site, aliases_source, versions_source
from .timeline import number_of, path_of
from .writing import write_as_shown


@dataclass(frozen=True, slots=True)
class Request:
    """The Assistant, the number of the version, and the name of the alias; empty while none is chosen."""

    key: Key
    number: int
    alias: str

    @classmethod
    def of(cls, request: web.Request) -> "Request":
        """Raises NotHere for what cannot be a name."""
        query = request.query
        found = cls(key_of(request), number_of(query.get("version", "")), query.get("alias", ""))
        if found.alias and not re.fullmatch(NAME_PATTERN, found.alias):
            raise NotHere("The URL does not have the name of an alias.")
        return found


class Moves:
    """The handlers."""

    def __init__(self, site: Site, pages: Pages) -> None:
        self._site = site
        self._pages = pages

    def routes(self) -> list[web.RouteDef]:
        path = f"/assistants/{{namespace}}/{{name}}/{MOVE}"
        return [web.get(path, self.ask), web.post(path, self.write)]

    async def ask(self, request: web.Request) -> web.StreamResponse:
        """The aliases to choose from, and of the chosen one the difference and the form that asks for the cause."""
        return await self._form(Request.of(request))

    async def write(self, request: web.Request) -> web.StreamResponse:
        asked, form = Request.of(request), await request.post()
        stated = str(form.get("cause", ""))
        try:
            cause = cause_of(stated)
        except CliError as missing:
            return await self._form(asked, said=missing.message)
        plan = partial(self._planned, asked)
        written = await write_as_shown(plan, self._site.client.patch_alias, str(form.get("seen", "")), cause)
        if written:
            done = urlencode({"done": MOVE, "version": written.after, "alias": asked.alias})
            return web.Response(status=303, headers={"Location": f"{path_of(asked.key)}?{done}"})
        changed = "The alias was changed while you read this. Nothing is written; this is the difference now."
        return await self._form(asked, cause=stated, said=changed, status=409)

    async def _planned(self, asked: Request) -> tuple[Found[AssistantAlias], MoveDraft]:
        """Raises NotHere, and CliError if the alias would not move to that version."""
        site, key = self._site, asked.key
        chosen = await self._pages.read_version(key, asked.number)
        assistant = await site.client.assistant(key)
        if assistant is None:
            raise NotHere(f"There is no assistant {key[1]!r} in namespace {key[0]!r}.")
        alias = await site.client.alias((key[0], asked.alias)) if asked.alias else None
        if alias is None or alias.resource.assistant_key != key:
            raise _no_alias(asked)
        async with site.feeds.using(versions_source(key), VersionRow.of) as versions:
            rows = tuple((await versions.listed()).items.values())
        return alias, draft_move(alias, assistant.resource, chosen.resource, rows)

    async def _form(self, asked: Request, cause: str = "", said: str = "", status: int = 200) -> web.Response:
        choices = await self._choices(asked.key)
        if not asked.alias and len(choices) == 1:
            asked = Request(asked.key, asked.number, choices[0].name)
        values: dict[str, Any] = {"namespace": asked.key[0], "name": asked.key[1], "path": path_of(asked.key)}
        values |= {"choices": choices, "number": asked.number, "alias": asked.alias}
        if not asked.alias:
            await self._pages.read_version(asked.key, asked.number)
            return self._site.page("move.html", title=f"Move an alias to v{asked.number}", planned=None, **values)
        found, planned = await self._planned(asked)
        owner = git_owner(found.resource) or ""
        return self._site.page(
            "move.html",
            status,
            planned=planned,
            title=f"Move {asked.alias} to v{planned.after}",
            content=await self._content(asked.key, planned),
            written=await asyncio.to_thread(written_comparison, found.document, planned.patch),
            owner=owner,
            manifest=as_yaml(to_commit(patched(found.document, planned.patch), AssistantAlias)) if owner else "",
            denied=await self._pages.permissions.move_denied(found.resource.key),
            seen=seen(found.resource),
            cause=cause,
            problem=said,
            **values,
        )

    async def _choices(self, key: Key) -> Sequence[AliasRow]:
        """The aliases of the Assistant.

        Raises NotHere without any, and CliError or ClusterUnavailable if they cannot be read.
        """
        async with self._site.feeds.using(aliases_source(key), found_alias) as feed:
            aliases = await read_aliases(feed)
        if not aliases.items:
            if aliases.lost:
                raise ClusterUnavailable(aliases.lost)
            if aliases.notes:
                raise CliError(aliases.notes[0])
            raise NotHere(f"Assistant {key[1]!r} in namespace {key[0]!r} has no alias.")
        rows = (AliasRow.from_alias(each.resource) for each in aliases.items)
        return sorted(rows, key=lambda row: row.name)

    async def _content(self, key: Key, planned: MoveDraft) -> Comparison | None:
        """The difference between the versions before and after; None if it is one version, or one no longer exists."""
        if planned.before == planned.after:
            return None
        client = self._site.client
        before = await client.version(key, planned.before) if planned.before else None
        after = await client.version(key, planned.after)
        if after is None or (planned.before and before is None):
            return None
        snapshot = before.resource.spec.snapshot if before else None
        return await asyncio.to_thread(compared_snapshots, snapshot, after.resource.spec.snapshot, FORMATS[0])


def _no_alias(asked: Request) -> NotHere:
    return NotHere(f"Assistant {asked.key[1]!r} in namespace {asked.key[0]!r} has no alias {asked.alias!r}.")
