"""The pages that compare and that change: the difference first, then a form with the cause, then the write."""

import asyncio
import json
from functools import partial
from typing import Any

from aiohttp import web

from assistant_operator.api.assistant import Assistant, Snapshot
from assistant_operator.api.assistant_version import AssistantVersion
from assistant_operator.api.meta import FreeForm, Key
from assistant_operator.kubectl.client import Found
from assistant_operator.kubectl.errors import CliError
from assistant_operator.kubectl.gitops import git_owner, to_commit
from assistant_operator.kubectl.patch import Patch, patched
from assistant_operator.kubectl.text import as_yaml

from .actions import Action, Draft, cause_of, draft, seen
from .compare import Comparison, compare
from .pages import FORMATS, Pages, as_text, key_of
from .rows import VersionRow
from .site import NotHere, Site, versions_source
from .timeline import number_of, path_of
from .writing import write_as_shown

SPEC = "spec"
"""In a URL, in place of a number: the present spec."""


class Changes:
    """The handlers."""

    def __init__(self, site: Site, pages: Pages) -> None:
        self._site = site
        self._pages = pages

    def routes(self) -> list[web.RouteDef]:
        one = "/assistants/{namespace}/{name}"
        actions = "|".join(Action)
        return [
            web.get(f"{one}/compare", self.compare),
            web.get(f"{one}/{{action:{actions}}}", self.ask),
            web.post(f"{one}/{{action:{actions}}}", self.write),
        ]

    async def compare(self, request: web.Request) -> web.StreamResponse:
        key, site, query = key_of(request), self._site, request.query
        assistant = await site.client.assistant(key)
        status = assistant.resource.status if assistant else None
        left = query.get("from", "") or str((status and status.active_version) or 1)
        right = query.get("to", "") or str((status and status.latest_version) or SPEC)
        sides = [await self._side(key, each, assistant) for each in (left, right)]
        form = query.get("format", "") if query.get("format", "") in FORMATS else FORMATS[0]
        is_unfolded = query.get("unfold") == "1"
        found = await asyncio.to_thread(compared_snapshots, sides[0], sides[1], form, unfold=is_unfolded)
        values: dict[str, Any] = {"namespace": key[0], "name": key[1], "path": path_of(key), "found": found}
        values |= {"left": left, "right": right, "format": form, "unfold": is_unfolded}
        return site.page("compare.html", **values)

    async def _side(self, key: Key, name: str, assistant: Found[Assistant] | None) -> Snapshot:
        """The content of a version, or of the spec."""
        if name == SPEC:
            if assistant is None:
                raise NotHere(f"Assistant {key[1]!r} in namespace {key[0]!r} was deleted: it has no spec.")
            return assistant.resource.spec.snapshot
        return (await self._pages.read_version(key, number_of(name.removeprefix("v")))).resource.spec.snapshot

    async def ask(self, request: web.Request) -> web.StreamResponse:
        """The difference, and the form that asks for the cause."""
        return await self._form(key_of(request), *_action_of(request))

    async def write(self, request: web.Request) -> web.StreamResponse:
        key, (action, number), form = key_of(request), _action_of(request), await request.post()
        stated = str(form.get("cause", ""))
        try:
            cause = cause_of(stated)
        except CliError as missing:
            return await self._form(key, action, number, said=missing.message)
        plan = partial(self._planned, key, action, number)
        if await write_as_shown(plan, self._site.client.patch, str(form.get("seen", "")), cause):
            return web.Response(status=303, headers={"Location": f"{path_of(key)}?done={action}&version={number}"})
        changed = "The assistant was changed while you read this. Nothing is written; this is the difference now."
        return await self._form(key, action, number, cause=stated, said=changed, status=409)

    async def _planned(self, key: Key, action: Action, number: int) -> tuple[Found[Assistant], Draft]:
        site = self._site
        chosen = await self._pages.read_version(key, number) if action.has_version else None
        async with site.feeds.using(versions_source(key), VersionRow.of) as versions:
            rows = tuple((await versions.listed()).items.values())
        found = await site.client.assistant(key)
        if found is None:
            raise NotHere(f"There is no assistant {key[1]!r} in namespace {key[0]!r}.")
        return found, draft(action, found, rows, chosen)

    async def _form(
        self, key: Key, action: Action, number: int, cause: str = "", said: str = "", status: int = 200
    ) -> web.Response:
        found, planned = await self._planned(key, action, number)
        owner = git_owner(found.resource) or ""
        content = None
        if planned.after != planned.before:
            content = await self._content(key, planned)
        written = await asyncio.to_thread(written_comparison, found.document, planned.patch)
        return self._site.page(
            "action.html",
            status,
            namespace=key[0],
            name=key[1],
            path=path_of(key),
            planned=planned,
            title=action.label(number),
            content=content,
            written=written,
            owner=owner,
            manifest=as_yaml(to_commit(patched(found.document, planned.patch))) if owner else "",
            denied=await self._pages.permissions.denied(key),
            seen=seen(found.resource),
            cause=cause,
            problem=said,
        )

    async def _content(self, key: Key, planned: Draft) -> Comparison:
        """The difference between what is in force and what comes into force."""
        before = await self._snapshot(key, planned.before)
        after = await self._snapshot(key, planned.after)
        sides = [each.resource.spec.snapshot if each else None for each in (before, after)]
        return await asyncio.to_thread(compared_snapshots, sides[0], sides[1], FORMATS[0])

    async def _snapshot(self, key: Key, number: int) -> Found[AssistantVersion] | None:
        return await self._pages.read_version(key, number) if number else None


def _action_of(request: web.Request) -> tuple[Action, int]:
    """The action, and the number of its version; 0 for an action without one."""
    action = Action(request.match_info["action"])
    return action, number_of(request.query.get("version", "")) if action.has_version else 0


def _text(snapshot: Snapshot, form: str) -> str:
    """Text that is equal for equal content, whatever the order of keys and the spelling of numbers."""
    return as_text(json.loads(snapshot.canonical.decode("utf-8", "surrogatepass")), form)


def compared_snapshots(left: Snapshot | None, right: Snapshot | None, form: str, *, unfold: bool = False) -> Comparison:
    """The difference between two contents; None for one that does not exist."""
    before, after = (_text(each, form) if each else "" for each in (left, right))
    return compare(before, after, unfold=unfold)


def written_comparison(document: FreeForm, patch: Patch) -> Comparison:
    """The difference in the spec."""
    return compare(as_yaml(document["spec"]), as_yaml(patched(document, patch)["spec"]))
