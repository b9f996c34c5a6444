"""Answers the Tab key, for kubectl and for our own scripts: candidates, then a line `:<directive>`; never an error."""

import asyncio
from collections.abc import Sequence

from ..gateways.api_server import ClusterRefused, ClusterUnavailable
from ..gateways.guest import Guest
from ..gateways.kubeconfig import access, contexts
from ..resources.assistant import Assistant
from ..resources.graph import Graph
from .app import language
from .completing import Question, Wanted

PATIENCE = 2.0
"""Seconds that a person waits for names from the cluster."""

_FILES, _NO_FILES = ":0", ":4"
"""As kubectl's shell scripts read them: whether names of files may be offered beside the candidates."""


def offer(words: Sequence[str]) -> str:
    """What is printed when the last of `words` is to be completed."""
    spoken = language()
    question = spoken.question(words)
    if question.wanted is Wanted.FILE:
        return f"{_FILES}\n"
    return "".join(f"{line}\n" for line in (*spoken.offered(question, _found(question)), _NO_FILES))


def _found(question: Question) -> list[str]:
    if question.wanted is Wanted.CONTEXT:
        return contexts(question.said.wish)
    try:
        return asyncio.run(_asked(question))
    except (ClusterRefused, ClusterUnavailable, TimeoutError, ValueError):
        return []


async def _asked(question: Question) -> list[str]:
    if question.wanted not in (Wanted.ASSISTANT, Wanted.GRAPH, Wanted.NAMESPACE, Wanted.NUMBER):
        return []
    async with asyncio.timeout(PATIENCE):
        found = await access(question.said.wish)
        guest = Guest(found.server())
        try:
            return await _names(guest, question, question.said.namespace or found.namespace)
        finally:
            await guest.close()


async def _names(guest: Guest, question: Question, namespace: str) -> list[str]:
    match question.wanted:
        case Wanted.NAMESPACE:
            return await guest.namespaces()
        case Wanted.NUMBER:
            named = question.said.named
            versions = await guest.versions((namespace, named[0])) if named else []
            return [str(each.resource.number) for each in reversed(versions)]
    return await guest.names(Graph if question.wanted is Wanted.GRAPH else Assistant, namespace)
