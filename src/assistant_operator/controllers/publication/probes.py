"""Probes the LangGraph Servers of Graphs: at first, at each resync, and while a server does not answer."""

import logging
from collections.abc import Callable

from assistant_operator.api.graph import Graph
from assistant_operator.api.meta import Key
from assistant_operator.api.reason import Reason
from assistant_operator.clients.backoff import Backoff
from assistant_operator.clients.kubernetes.server_credentials import Credentials
from assistant_operator.clients.langgraph.assistants import AssistantsDisabled, LangGraphServers, NoRelease
from assistant_operator.clients.langgraph.transport import Endpoint, ServerRefused, ServerTrouble
from assistant_operator.policy.desired_copy import default_id, target_of
from assistant_operator.policy.graph import ServerStatus
from assistant_operator.store.records import GraphRecord, ProbedServer

log = logging.getLogger(__name__)

_BACKOFF = Backoff(0.5, 30.0)
_REASONS = {Reason.PUBLICATION_REFUSED: Reason.SERVER_UNRECOGNIZED}
"""A LangGraph Server refuses none of the requests of a probe."""
_PREFIXES = {
    Reason.SERVER_UNREACHABLE: "the server cannot be reached: ",
    Reason.SERVER_UNRECOGNIZED: "this is not a LangGraph Server: ",
    Reason.SERVER_UNAUTHORIZED: "the server does not accept the key: ",
    Reason.ASSISTANTS_DISABLED: "the server cannot be published to: ",
}


class ServerProber:
    """Probes the servers of the Graphs that declare one."""

    def __init__(
        self,
        servers: LangGraphServers,
        credentials: Credentials,
        *,
        cluster_name: str,
        enqueue_after_probe: Callable[[Key], None],
    ) -> None:
        """`enqueue_after_probe`: called for a Graph whose probe has another result than the one before."""
        self.servers = servers
        self.credentials = credentials
        self.cluster_name = cluster_name
        self._enqueue_after_probe = enqueue_after_probe

    async def probe(self, record: GraphRecord) -> tuple[Endpoint | None, float]:
        """Probe its server, and keep the result in the record.

        Returns how to connect to the server if it serves the graph, and the seconds until the next probe.
        """
        graph, before = record.latest, record.probe_result()
        endpoint, probe = await self._probed(graph)
        record.probe = ProbedServer.of(graph), probe
        if probe != before:
            log.info("probed server kind=Graph namespace=%s name=%s: %s", *graph.key, probe.message)
            self._enqueue_after_probe(graph.key)
        period = float(graph.spec.server.resync_period_seconds) if graph.spec.server else _BACKOFF.longest
        if not probe.holds:
            return None, _pause(record)
        if probe.schemas is None and not graph.knows_schemas:
            # Its assistants wait for the schemas: a proxy that answers 404 for a moment must not cost a whole period.
            return endpoint, min(_pause(record), period)
        record.probe_failures = 0
        return endpoint, period

    async def _probed(self, graph: Graph) -> tuple[Endpoint | None, ServerStatus]:
        place = target_of(graph, graph.key, self.cluster_name)
        if place is None:
            return None, ServerStatus(False, Reason.PROBING, "no server is declared")
        try:
            endpoint = await self.credentials.endpoint(graph.metadata.namespace, place.copy)
            return endpoint, await self._served(endpoint, graph)
        except ServerTrouble as trouble:
            if isinstance(trouble, ServerRefused):
                self.credentials.forget(graph.metadata.namespace, place.copy)
            reason = _REASONS.get(trouble.reason, trouble.reason)
            return None, ServerStatus(False, reason, f"{_PREFIXES.get(reason, '')}{trouble}")

    async def _served(self, endpoint: Endpoint, graph: Graph) -> ServerStatus:
        release, unknown = await self._recognised(endpoint, graph.graph_id)
        if unknown:
            message = f"the server does not know the graph: {unknown}"
            return ServerStatus(False, Reason.GRAPH_UNKNOWN, message, release=release)
        serves, default = f"{endpoint.url} serves graph '{graph.graph_id}'", default_id(graph.graph_id)
        schemas = await self.servers.schemas(endpoint, default)
        if schemas is None:
            serves = f"{serves}, but reports no schemas of its default assistant {default}"
        return ServerStatus(True, Reason.SERVED, serves, release=release, schemas=schemas)

    async def _recognised(self, endpoint: Endpoint, graph_id: str) -> tuple[str, str | None]:
        """Return the release, empty if the server hides it, and the server's words about a graph that it does not know.

        The release identifies a LangGraph Server, else that it searches assistants, else its health endpoint.
        """
        try:
            release, hidden = await self.servers.release(endpoint), None
        except NoRelease as error:
            release, hidden = "", error
        try:
            return release, await self.servers.unknown_graph(endpoint, graph_id)
        except (AssistantsDisabled, ServerRefused):
            if hidden and not await self.servers.is_healthy(endpoint):
                raise hidden from None
            raise


def _pause(record: GraphRecord) -> float:
    """Return the seconds until a server is probed again whose answer lacks what is needed."""
    record.probe_failures += 1
    return _BACKOFF.delay(record.probe_failures)
