"""The copies of Assistants on LangGraph Servers: compare, create, update and delete one."""

from collections.abc import Iterable

from cachetools import FIFOCache

from assistant_operator.api.assistant import Assistant, Copy, Snapshot
from assistant_operator.api.assistant_version import AssistantVersion, version_name
from assistant_operator.api.graph import Graph
from assistant_operator.api.meta import Key
from assistant_operator.api.reason import Reason
from assistant_operator.api.remote import RemoteAssistant
from assistant_operator.clients.kubernetes.cluster import Cluster
from assistant_operator.clients.langgraph.transport import Endpoint, ServerUnavailable
from assistant_operator.policy import desired_copy
from assistant_operator.policy.desired_copy import DesiredAssistant, Target, target_of
from assistant_operator.policy.publication import PublishResult
from assistant_operator.store.records import AssistantRecord
from assistant_operator.store.store import Store

from .probes import ServerProber

_MOST_UNKEPT = 8
_MOST_RETAINED = 10_000


class NotYet(Exception):
    """Something that must happen first has not happened. It enqueues the key, or the next try finds it."""


class Copies:
    """Reads a copy and writes only what differs. An assistant of another owner is never changed."""

    def __init__(self, cluster: Cluster, store: Store, prober: ServerProber) -> None:
        self._cluster = cluster
        self._store = store
        self._prober = prober
        self._retained: FIFOCache[tuple[str, str], None] = FIFOCache(_MOST_RETAINED)
        """Copies of deleted Assistants that stay, and whose server did not answer when they were to be marked so."""

    def retain(self, copies: Iterable[Copy]) -> None:
        """These copies stay, although they may not be marked so: a deletion with Retain does not wait for servers."""
        self._retained.update(dict.fromkeys(copy.site for copy in copies))

    async def delete_orphan(self, endpoint: Endpoint, copy: Copy, assistant: Key) -> None:
        """Delete the copy of an Assistant that does not exist, or mark it as one that stays."""
        await self.delete_copy(endpoint, copy, assistant, "Retain" if copy.site in self._retained else "Delete")
        self._retained.pop(copy.site, None)

    def place(self, graph: Graph | None, assistant: Assistant) -> Target | None:
        """Return where an Assistant of that Graph is published; None if nowhere."""
        return target_of(graph, assistant.key, self._prober.cluster_name) if graph else None

    def owner(self, assistant: Assistant) -> str:
        """Return the owner that a copy of it names."""
        return desired_copy.owner_of(self._prober.cluster_name, assistant.key)

    async def graph_of(self, assistant: Assistant) -> Graph | None:
        """Return the Graph of the active version; None if there is no such version or no such Graph."""
        number, record = assistant.status.active_version, self._record(assistant)
        if number is None:
            return None
        if record.capture.is_in_spec(assistant, number):
            name = assistant.spec.graph_ref.name
        elif record.publication.graph[0] == number:
            name = record.publication.graph[1]
        else:
            version = await self.version(assistant, number)
            if version is None:
                return None
            name = version.spec.snapshot.graph_ref.name
            record.publication.graph = (number, name)
        return self._store.graph((assistant.metadata.namespace, name))

    def _record(self, assistant: Assistant) -> AssistantRecord:
        return self._store.record_of(assistant)

    async def version(self, assistant: Assistant, number: int) -> AssistantVersion | None:
        """Return one of its versions with its content; None if it does not exist."""
        head = self._record(assistant).capture.head
        if head and head.number == number:
            return head
        return await self._cluster.versions.read(
            (assistant.metadata.namespace, version_name(assistant.metadata.name, number))
        )

    async def put(self, assistant: Assistant, version: AssistantVersion, place: Target) -> PublishResult:
        """Read the copy, and write only what differs. Raises NotYet if the Assistant was deleted meanwhile."""
        servers, copy, owner = self._prober.servers, place.copy, self.owner(assistant)
        state = self._record(assistant).publication
        owners = desired_copy.owners(assistant, copy, owner)
        endpoint = await self._prober.credentials.endpoint(assistant.metadata.namespace, copy)
        wanted = desired_copy.desired(place, assistant, version.number, version.spec.snapshot, owner)
        there = await servers.assistant(endpoint, copy.assistant_id)
        self._require_present(assistant)
        if there is None:
            there = await servers.create(endpoint, desired_copy.creation(wanted, copy.assistant_id))
        if (other := there.mark(desired_copy.OWNER)) not in {None, *owners}:
            message = f"assistant {copy.assistant_id} on {copy.server} belongs to '{other}'"
            return PublishResult(False, Reason.OWNED_BY_ANOTHER, message, number=version.number, copy=copy)
        former = await self._former_keys(assistant, version, there)
        self._require_present(assistant)
        if self._differences(assistant, wanted, there, former):
            there = await servers.update(endpoint, copy.assistant_id, desired_copy.update(wanted, there, former))
            if there.graph_id != wanted.graph_id:
                message = f"{copy.server} keeps assistant {copy.assistant_id} as one of graph '{there.graph_id}'"
                return PublishResult(False, Reason.PUBLICATION_REFUSED, message, number=version.number, copy=copy)
            state.not_kept = wanted, frozenset(desired_copy.drift(wanted, there, former))
        state.metadata_keys = version.number, desired_copy.metadata_keys(version.spec.snapshot)
        unkept = sorted(self._unkept_of(assistant, wanted))
        without = f", which does not keep {', '.join(unkept[:_MOST_UNKEPT])}" if unkept else ""
        message = f"{version.metadata.name} is published to {copy.server}{without}"
        is_recorded = version.status.server_version == there.version
        number = None if is_recorded else there.version
        return PublishResult(True, Reason.PUBLISHED, message, number=version.number, copy=copy, server_version=number)

    def _require_present(self, assistant: Assistant) -> None:
        """Raise NotYet if the Assistant was deleted while the server answered: its copy would never be withdrawn."""
        if not self._store.has(assistant):
            raise NotYet

    def _differences(
        self, assistant: Assistant, wanted: DesiredAssistant, there: RemoteAssistant, former: frozenset[str]
    ) -> tuple[str, ...]:
        """Return the fields in which the copy differs, without those that its server does not keep."""
        unkept = self._unkept_of(assistant, wanted)
        return tuple(each for each in desired_copy.drift(wanted, there, former) if each not in unkept)

    def _unkept_of(self, assistant: Assistant, wanted: DesiredAssistant) -> frozenset[str]:
        """Return the fields that the server did not keep when it was sent the same content."""
        sent, unkept = self._record(assistant).publication.not_kept
        return unkept if sent == wanted else frozenset()

    async def differences(self, assistant: Assistant, there: RemoteAssistant) -> tuple[str, ...]:
        """Return the fields in which a copy differs from what was published."""
        number = assistant.status.active_version
        place = self.place(await self.graph_of(assistant), assistant)
        snapshot = await self._snapshot(assistant, number) if number else None
        if number is None or place is None or snapshot is None:
            return ()
        wanted = desired_copy.desired(place, assistant, number, snapshot, self.owner(assistant))
        return self._differences(assistant, wanted, there, frozenset())

    async def _snapshot(self, assistant: Assistant, number: int) -> Snapshot | None:
        """Return the content of a version. It is read only if the spec has another content."""
        if self._record(assistant).capture.is_in_spec(assistant, number):
            return assistant.spec.snapshot
        version = await self.version(assistant, number)
        return version.spec.snapshot if version else None

    async def _former_keys(
        self, assistant: Assistant, version: AssistantVersion, there: RemoteAssistant
    ) -> frozenset[str]:
        """Return the metadata keys of the version that was published before which this version does not have."""
        number = (there.metadata or {}).get(desired_copy.NUMBER)
        if not isinstance(number, int) or number in (version.number, 0):
            return frozenset()
        last, keys = self._record(assistant).publication.metadata_keys
        if last != number:
            before = await self.version(assistant, number)
            keys = desired_copy.metadata_keys(before.spec.snapshot) if before else frozenset()
        return keys - desired_copy.metadata_keys(version.spec.snapshot)

    async def is_nothing_to_withdraw(self, assistant: Assistant, place: Target, former: Endpoint) -> bool:
        """Return whether nothing is to be deleted at a former address of the copy at `place`, which has the same ID.

        That is so if the address leads to the same server, or has no such assistant. Raises ServerTrouble if that
        cannot be determined. Another server does not have the version that this one got last.
        """
        here = await self._prober.credentials.endpoint(assistant.metadata.namespace, place.copy)
        is_same = await self._is_same(here, former, place.copy.assistant_id)
        if is_same:
            # One server, or two with the same data: only one server shows there a version that is created here.
            mark = {"metadata": {desired_copy.OWNER: place.copy.owner}}
            await self._prober.servers.update(here, place.copy.assistant_id, mark)
            is_same = await self._is_same(here, former, place.copy.assistant_id)
        return is_same

    async def _is_same(self, here: Endpoint, former: Endpoint, assistant_id: str) -> bool:
        """Return whether both have the same newest version. Raises ServerUnavailable while it changes here."""
        newest = self._prober.servers.newest_version
        before, other = await newest(here, assistant_id), await newest(former, assistant_id)
        if other is None:
            return True
        if before is None or await newest(here, assistant_id) != before:
            raise ServerUnavailable(f"cannot determine yet whether {former.url} and {here.url} are one server")
        return other == before

    async def delete_copy(
        self, endpoint: Endpoint, copy: Copy, assistant: Key, policy: str, keys: frozenset[str] = frozenset()
    ) -> None:
        """Delete a copy of that Assistant. One of another owner stays; the server's own default assistant is emptied.

        `keys`: the metadata keys of the copy.
        """
        servers, current = self._prober.servers, desired_copy.owner_of(self._prober.cluster_name, assistant)
        there = await servers.assistant(endpoint, copy.assistant_id)
        if there is None:
            # An assistant whose graph is not deployed cannot be read, and is there again once the graph is.
            if policy == "Delete" and copy.assistant_id == desired_copy.own_id(copy.owner or current):
                await servers.delete(endpoint, copy.assistant_id)
            else:
                await servers.require_assistants(endpoint)
            return
        if not desired_copy.is_ours(there, assistant, copy, current):
            return
        if policy == "Retain":
            if there.mark(desired_copy.POLICY) != policy:
                await servers.update(endpoint, copy.assistant_id, {"metadata": {desired_copy.POLICY: policy}})
        elif copy.assistant_id == desired_copy.own_id(there.mark(desired_copy.OWNER) or ""):
            await servers.delete(endpoint, copy.assistant_id)
        else:
            await servers.update(endpoint, copy.assistant_id, desired_copy.reset_payload(there, keys))
