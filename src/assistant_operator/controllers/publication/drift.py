"""Compares all copies of one Graph with what was published, by one listing. What differs is repaired."""

import logging
from collections.abc import Callable

from assistant_operator.api.assistant import Copy
from assistant_operator.api.assistant_alias import ALIAS_PREFIX, Published, alias_of
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
    """Finds copies that were changed or deleted, and copies whose object does not exist any more."""

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
        changed: list[tuple[Published, tuple[str, ...]]] = []
        others: list[RemoteAssistant] = []
        async for there in self._prober.servers.assistants_of(endpoint, graph.graph_id):
            if published := missing.pop(there.assistant_id, None):
                if fields := await self._copies.differences(published, there):
                    changed.append((published, fields))
            elif there.mark(desired_copy.OWNER):
                others.append(there)
        for published, fields in changed:
            self._repair(published, fields)
        for published in missing.values():
            await self._compare_missing(published, endpoint)
        for there in others:
            await self._delete_orphan(graph, endpoint, there)

    async def _expected(self, graph: Graph, endpoint: Endpoint) -> dict[str, Published]:
        """Return the objects whose status reports a copy on this server, by the UUIDs of the copies."""
        found: dict[str, Published] = {}
        for published in self._store.published_by(graph.key):
            if not _is_published(published):
                continue
            of = await self._copies.graph_of(published)
            place = self._copies.place(of, published)
            # A copy under another address or identity is not drift: the publication controller publishes it here.
            is_here = place and place.copy.server == endpoint.url and place.copy.is_equal(published.status.copies[0])
            if of and place and is_here and of.key == graph.key:
                found[place.copy.assistant_id] = published
        return found

    async def _compare_missing(self, published: Published, endpoint: Endpoint) -> None:
        """The copy is not among those of its graph: it was deleted, or belongs to another graph now."""
        there = await self._prober.servers.assistant(endpoint, published.status.copies[0].assistant_id)
        fields = await self._copies.differences(published, there) if there else ()
        if fields or there is None:
            self._repair(published, fields)

    def _repair(self, published: Published, fields: tuple[str, ...]) -> None:
        newest = self._store.published(published.copy_key)
        if newest and newest.status == published.status and not newest.is_suspended:
            state = self._store.published_record_of(newest).publication
            state.outcome, state.drift = None, fields
            self._enqueue_publication(newest.copy_key)

    async def _delete_orphan(self, graph: Graph, endpoint: Endpoint, there: RemoteAssistant) -> None:
        """Delete a copy whose object does not exist: it may have been deleted while the server was down."""
        owner = there.mark(desired_copy.OWNER) or ""
        prefix = desired_copy.owner_of(self._prober.cluster_name, (graph.metadata.namespace, ""))
        key = (graph.metadata.namespace, owner.removeprefix(prefix))
        # A slash in the rest means another cluster, whose name begins with the name of this one.
        if not owner.startswith(prefix) or "/" in key[1].removeprefix(ALIAS_PREFIX) or self._store.knows(key):
            return
        # An assistant that a user created from a copy has the operator's marks as well, but another ID.
        is_ours = there.assistant_id in (desired_copy.own_id(owner), desired_copy.default_id(there.graph_id))
        if not is_ours or there.mark(desired_copy.POLICY) == "Retain":
            return
        if not await self._exists(key):
            log.info("found copy of a deleted object namespace=%s name=%s server=%s", *key, endpoint.url)
            copy = Copy(server=endpoint.url, assistant_id=there.assistant_id, owner=owner)
            await self._copies.delete_orphan(endpoint, copy, key)

    async def _exists(self, copy_key: Key) -> bool:
        """Return whether the object that is published under that copy key exists in the cluster."""
        if alias := alias_of(copy_key):
            return await self._cluster.alias(alias) is not None
        return await self._cluster.assistant(copy_key) is not None


def _is_published(published: Published) -> bool:
    found = condition(published.status.conditions, "Published")
    is_published = found is not None and found.status == "True" and bool(published.status.copies)
    return is_published and not published.metadata.is_being_deleted
