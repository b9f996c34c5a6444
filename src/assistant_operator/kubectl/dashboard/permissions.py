"""What the user may change, as the API server answers."""

import asyncio
from collections.abc import Sequence

from cachetools import TTLCache

from assistant_operator.api.assistant import Assistant
from assistant_operator.api.assistant_alias import AssistantAlias
from assistant_operator.api.meta import Key, Resource

from .actions import denial
from .aliases import alias_denial
from .site import Site

_REMEMBERED, _SECONDS = 256, 10.0
"""Answers: how many are kept, and for how long."""


class Permissions:
    """Each method returns why something may not be changed; empty if it may."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._answers: TTLCache[tuple[str, Key], bool] = TTLCache(_REMEMBERED, _SECONDS)

    async def denied(self, assistant: Key) -> str:
        return "" if await self._may_change(Assistant, assistant) else denial(assistant[0])

    async def move_denied(self, alias: Key) -> str:
        return "" if await self._may_change(AssistantAlias, alias) else alias_denial(alias[0])

    async def moves_denied(self, namespace: str, names: Sequence[str]) -> str:
        """Why none of these aliases may be moved. A role can permit some by their names."""
        if not names or not await self.move_denied((namespace, "")):
            return ""
        denials = await asyncio.gather(*(self.move_denied((namespace, name)) for name in names))
        return "" if "" in denials else denials[0]

    async def _may_change(self, kind: type[Resource], key: Key) -> bool:
        known = self._answers.get((kind.plural, key))
        if known is None:
            known = await self._site.client.may_change(key, kind)
            self._answers[kind.plural, key] = known
        return known
