"""Compares all copies of one Graph with what was published, by one listing. What differs is repaired."""

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
    """Finds copies that were changed or deleted, and copies whose Assistant does not exist any more."""

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
        """Compare every assistant that the server has for the graph. Raises ServerTrouble if it does not list them all.

        Nothing is repaired or deleted before the listing is complete: what is missing in a part of it may exist.
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
            await self._compare_missing(assistant, endpoint)
        for there in others:
            await self._delete_orphan(graph, endpoint, there)

    async def _expected(self, graph: Graph, endpoint: Endpoint) -> dict[str, Assistant]:
        """Return the Assistants whose status reports a copy on this server, by the UUIDs of the copies."""
        found: dict[str, Assistant] = {}
        for key in self._store.validated_by(graph.key):
            assistant = self._store.captured(key)
            if assistant is None or not _is_published(assistant):
                continue
            of = await self._copies.graph_of(assistant)
            place = self._copies.place(of, assistant)
            # A copy under another address or identity is not drift: the publication controller publishes it here.
            is_here = place and place.copy.server == endpoint.url and place.copy.is_equal(assistant.status.copies[0])
            if of and place and is_here and of.key == graph.key:
                found[place.copy.assistant_id] = assistant
        return found

    async def _compare_missing(self, assistant: Assistant, endpoint: Endpoint) -> None:
        """The copy is not among those of its graph: it was deleted, or belongs to another graph now."""
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

    async def _delete_orphan(self, graph: Graph, endpoint: Endpoint, there: RemoteAssistant) -> None:
        """Delete a copy whose Assistant does not exist: it may have been deleted while the server was down."""
        owner = there.mark(desired_copy.OWNER) or ""
        prefix = desired_copy.owner_of(self._prober.cluster_name, (graph.metadata.namespace, ""))
        key = (graph.metadata.namespace, owner.removeprefix(prefix))
        # A slash in the rest means another cluster, whose name begins with the name of this one.
        if not owner.startswith(prefix) or "/" in key[1] or key in self._store.assistants:
            return
        # An assistant that a user created from a copy has the operator's marks as well, but another ID.
        is_ours = there.assistant_id in (desired_copy.own_id(owner), desired_copy.default_id(there.graph_id))
        if not is_ours or there.mark(desired_copy.POLICY) == "Retain":
            return
        if await self._cluster.assistant(key) is None:
            log.info("found copy of a deleted Assistant namespace=%s name=%s server=%s", *key, endpoint.url)
            copy = Copy(server=endpoint.url, assistant_id=there.assistant_id, owner=owner)
            await self._copies.delete_orphan(endpoint, copy, key)


def _is_published(assistant: Assistant) -> bool:
    published = condition(assistant.status.conditions, "Published")
    is_published = published is not None and published.status == "True" and bool(assistant.status.copies)
    return is_published and not assistant.metadata.is_being_deleted
