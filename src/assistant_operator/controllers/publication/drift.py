"""All copies of one Graph compared with what they were left as, by one listing; what differs is repaired."""

import logging
from collections.abc import Callable

from assistant_operator.api.assistant import Assistant, Copy
from assistant_operator.api.graph import Graph
from assistant_operator.api.meta import Key, condition
from assistant_operator.api.remote import RemoteAssistant
from assistant_operator.clients.kubernetes.cluster import Cluster
from assistant_operator.clients.langgraph.transport import Endpoint
from assistant_operator.policy import desired_copy
from assistant_operator.store.store import Store

from .copies import Copies
from .probes import ServerProber

log = logging.getLogger(__name__)


class DriftDetector:
    """Finds copies that were changed, that are gone, and that nobody owns any more."""

    def __init__(
        self,
        cluster: Cluster,
        store: Store,
        copies: Copies,
        prober: ServerProber,
        *,
        enqueue_publication: Callable[[Key], None],
    ) -> None:
        self._cluster = cluster
        self._store = store
        self._copies = copies
        self._prober = prober
        self._enqueue_publication = enqueue_publication

    async def run(self, graph: Graph, endpoint: Endpoint) -> None:
        """Look at every assistant that the server has for the graph. Raises ServerTrouble if it does not list them all.

        Nothing is repaired or deleted before the listing is complete: what is not listed may be there.
        """
        missing = await self._expected(graph, endpoint)
        changed: list[tuple[Assistant, tuple[str, ...]]] = []
        others: list[RemoteAssistant] = []
        async for there in self._prober.servers.assistants_of(endpoint, graph.graph_id):
            if assistant := missing.pop(there.assistant_id, None):
                if fields := await self._copies.differences(assistant, there):
                    changed.append((assistant, fields))
            elif there.mark(desired_copy.OWNER):
                others.append(there)
        for assistant, fields in changed:
            self._repair(assistant, fields)
        for assistant in missing.values():
            await self._look_for(assistant, endpoint)
        for there in others:
            await self._take_off_orphan(graph, endpoint, there)

    async def _expected(self, graph: Graph, endpoint: Endpoint) -> dict[str, Assistant]:
        """The Assistants whose status says that they are there, by the UUIDs of their copies."""
        found: dict[str, Assistant] = {}
        for key in self._store.validated_by(graph.key):
            assistant = self._store.captured(key)
            if assistant is None or not _is_published(assistant):
                continue
            of = await self._copies.graph_of(assistant)
            place = self._copies.place(of, assistant)
            # What was published under another address or identity is not drift: the publisher brings it here.
            is_here = place and place.copy.server == endpoint.url and place.copy.is_equal(assistant.status.copies[0])
            if of and place and is_here and of.key == graph.key:
                found[place.copy.assistant_id] = assistant
        return found

    async def _look_for(self, assistant: Assistant, endpoint: Endpoint) -> None:
        """It is not among those of its graph: gone, or made one of another graph."""
        there = await self._prober.servers.assistant(endpoint, assistant.status.copies[0].assistant_id)
        fields = await self._copies.differences(assistant, there) if there else ()
        if fields or there is None:
            self._repair(assistant, fields)

    def _repair(self, assistant: Assistant, fields: tuple[str, ...]) -> None:
        newest = self._store.captured(assistant.key)
        if newest and newest.status == assistant.status and not newest.spec.suspend:
            state = self._store.record_of(newest).publication
            state.outcome, state.drift = None, fields
            self._enqueue_publication(newest.key)

    async def _take_off_orphan(self, graph: Graph, endpoint: Endpoint, there: RemoteAssistant) -> None:
        """A copy whose Assistant is gone, as when it was deleted while its server was down."""
        owner = there.mark(desired_copy.OWNER) or ""
        prefix = desired_copy.owner_of(self._prober.cluster_name, (graph.metadata.namespace, ""))
        key = (graph.metadata.namespace, owner.removeprefix(prefix))
        # A slash in what is left is another cluster, whose name begins like ours.
        if not owner.startswith(prefix) or "/" in key[1] or key in self._store.assistants:
            return
        # What somebody made of a copy has our marks, too, but an id of its own.
        is_ours = there.assistant_id in (desired_copy.own_id(owner), desired_copy.default_id(there.graph_id))
        if not is_ours or there.mark(desired_copy.POLICY) == "Retain":
            return
        if await self._cluster.assistant(key) is None:
            log.info("found copy of a deleted Assistant namespace=%s name=%s server=%s", *key, endpoint.url)
            copy = Copy(server=endpoint.url, assistant_id=there.assistant_id, owner=owner)
            await self._copies.take_off_orphan(endpoint, copy, key)


def _is_published(assistant: Assistant) -> bool:
    said = condition(assistant.status.conditions, "Published")
    is_told = said is not None and said.status == "True" and bool(assistant.status.copies)
    return is_told and not assistant.metadata.is_being_deleted
