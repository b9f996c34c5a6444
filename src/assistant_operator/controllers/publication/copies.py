"""The copies on LangGraph Servers: compare, create, update and delete one."""

from collections.abc import Iterable
from typing import TypeGuard

from cachetools import FIFOCache

from assistant_operator.api.assistant import Assistant, Copy, Snapshot
from assistant_operator.api.assistant_alias import AssistantAlias, Published
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
from assistant_operator.store.publication_state import PublicationState
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

    async def delete_orphan(self, endpoint: Endpoint, copy: Copy, copy_key: Key) -> None:
        """Delete the copy of an object that does not exist, or mark it as one that stays."""
        await self.delete_copy(endpoint, copy, copy_key, "Retain" if copy.site in self._retained else "Delete")
        self._retained.pop(copy.site, None)

    def place(self, graph: Graph | None, published: Published) -> Target | None:
        """Return where an object of that Graph is published; None if nowhere."""
        return target_of(graph, published.copy_key, self._prober.cluster_name) if graph else None

    def owner(self, published: Published) -> str:
        """Return the owner that a copy of it names."""
        return desired_copy.owner_of(self._prober.cluster_name, published.copy_key)

    async def graph_of(self, published: Published) -> Graph | None:
        """Return the Graph of the version in force; None if there is no such version or no such Graph."""
        number, state = published.in_force, self._state(published)
        if number is None:
            return None
        if isinstance(published, AssistantAlias) and not self._has_version(published, number):
            return None  # its Assistant is gone, and the version with it: the copy stays as it is
        if self._is_in_spec(published, number):
            name = published.spec.graph_ref.name
        elif state.graph[0] == number:
            name = state.graph[1]
        else:
            version = await self.version(published, number)
            if version is None:
                return None
            name = version.spec.snapshot.graph_ref.name
            state.graph = (number, name)
        return self._store.graph((published.metadata.namespace, name))

    def _has_version(self, alias: AssistantAlias, number: int) -> bool:
        return self._store.versions.has(alias.assistant_key, number, alias.status.digest)

    def _state(self, published: Published) -> PublicationState:
        return self._store.published_record_of(published).publication

    def _is_in_spec(self, published: Published, number: int) -> TypeGuard[Assistant]:
        """Whether the spec has the content of that version, so that the version need not be read."""
        return isinstance(published, Assistant) and self._store.record_of(published).capture.is_in_spec(
            published, number
        )

    async def version(self, published: Published, number: int) -> AssistantVersion | None:
        """Return one of its versions with its content; None if it does not exist."""
        namespace, name = published.assistant_key
        record = self._store.assistants.get((namespace, name))
        head = record.capture.head if record else None
        is_head = head is not None and head.number == number
        found = head if is_head else await self._cluster.versions.read((namespace, version_name(name, number)))
        if found and isinstance(published, AssistantAlias) and published.status.digest not in {None, found.spec.digest}:
            return None  # another Assistant of that name has other content under the number
        return found

    async def put(self, published: Published, version: AssistantVersion, place: Target) -> PublishResult:
        """Read the copy, and write only what differs. Raises NotYet if the object was deleted meanwhile."""
        servers, copy, owner = self._prober.servers, place.copy, self.owner(published)
        state = self._state(published)
        owners = desired_copy.owners(published, copy, owner)
        endpoint = await self._prober.credentials.endpoint(published.metadata.namespace, copy)
        wanted = desired_copy.desired(place, published, version.number, version.spec.snapshot, owner)
        there = await servers.assistant(endpoint, copy.assistant_id)
        self._require_present(published)
        if there is None:
            there = await servers.create(endpoint, desired_copy.creation(wanted, copy.assistant_id))
        if (other := there.mark(desired_copy.OWNER)) not in {None, *owners}:
            message = f"assistant {copy.assistant_id} on {copy.server} belongs to '{other}'"
            return PublishResult(False, Reason.OWNED_BY_ANOTHER, message, number=version.number, copy=copy)
        former = await self._former_keys(published, version, there)
        self._require_present(published)
        if self._differences(published, wanted, there, former):
            there = await servers.update(endpoint, copy.assistant_id, desired_copy.update(wanted, there, former))
            if there.graph_id != wanted.graph_id:
                message = f"{copy.server} keeps assistant {copy.assistant_id} as one of graph '{there.graph_id}'"
                return PublishResult(False, Reason.PUBLICATION_REFUSED, message, number=version.number, copy=copy)
            state.not_kept = wanted, frozenset(desired_copy.drift(wanted, there, former))
        state.metadata_keys = version.number, desired_copy.metadata_keys(version.spec.snapshot)
        unkept = sorted(self._unkept_of(published, wanted))
        without = f", which does not keep {', '.join(unkept[:_MOST_UNKEPT])}" if unkept else ""
        message = f"{version.metadata.name} is published to {copy.server}{without}"
        # The status of a version has the number of the copy of its Assistant, not those of aliases.
        is_recorded = version.status.server_version == there.version or not isinstance(published, Assistant)
        number = None if is_recorded else there.version
        return PublishResult(True, Reason.PUBLISHED, message, number=version.number, copy=copy, server_version=number)

    def _require_present(self, published: Published) -> None:
        """Raise NotYet if the object was deleted while the server answered: its copy would never be withdrawn."""
        if not self._store.has(published):
            raise NotYet

    def _differences(
        self, published: Published, wanted: DesiredAssistant, there: RemoteAssistant, former: frozenset[str]
    ) -> tuple[str, ...]:
        """Return the fields in which the copy differs, without those that its server does not keep."""
        unkept = self._unkept_of(published, wanted)
        return tuple(each for each in desired_copy.drift(wanted, there, former) if each not in unkept)

    def _unkept_of(self, published: Published, wanted: DesiredAssistant) -> frozenset[str]:
        """Return the fields that the server did not keep when it was sent the same content."""
        sent, unkept = self._state(published).not_kept
        return unkept if sent == wanted else frozenset()

    async def differences(self, published: Published, there: RemoteAssistant) -> tuple[str, ...]:
        """Return the fields in which a copy differs from what was published."""
        number = published.in_force
        place = self.place(await self.graph_of(published), published)
        snapshot = await self._snapshot(published, number) if number else None
        if number is None or place is None or snapshot is None:
            return ()
        wanted = desired_copy.desired(place, published, number, snapshot, self.owner(published))
        return self._differences(published, wanted, there, frozenset())

    async def _snapshot(self, published: Published, number: int) -> Snapshot | None:
        """Return the content of a version. It is read only if the spec has another content."""
        if self._is_in_spec(published, number):
            return published.spec.snapshot
        version = await self.version(published, number)
        return version.spec.snapshot if version else None

    async def _former_keys(
        self, published: Published, version: AssistantVersion, there: RemoteAssistant
    ) -> frozenset[str]:
        """Return the metadata keys of the version that was published before which this version does not have."""
        number = (there.metadata or {}).get(desired_copy.NUMBER)
        if not isinstance(number, int) or number in (version.number, 0):
            return frozenset()
        last, keys = self._state(published).metadata_keys
        if last != number:
            before = await self.version(published, number)
            keys = desired_copy.metadata_keys(before.spec.snapshot) if before else frozenset()
        return keys - desired_copy.metadata_keys(version.spec.snapshot)

    async def is_nothing_to_withdraw(self, published: Published, place: Target, former: Endpoint) -> bool:
        """Return whether nothing is to be deleted at a former address of the copy at `place`, which has the same ID.

        That is so if the address leads to the same server, or has no such assistant. Raises ServerTrouble if that
        cannot be determined. Another server does not have the version that this one got last.
        """
        here = await self._prober.credentials.endpoint(published.metadata.namespace, place.copy)
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
        self, endpoint: Endpoint, copy: Copy, copy_key: Key, policy: str, keys: frozenset[str] = frozenset()
    ) -> None:
        """Delete a copy of what has that copy key.

        One of another owner stays. The server's own default assistant is emptied.
        `keys`: the metadata keys of the copy.
        """
        servers, current = self._prober.servers, desired_copy.owner_of(self._prober.cluster_name, copy_key)
        there = await servers.assistant(endpoint, copy.assistant_id)
        if there is None:
            # An assistant whose graph is not deployed cannot be read, and is there again once the graph is.
            if policy == "Delete" and copy.assistant_id == desired_copy.own_id(copy.owner or current):
                await servers.delete(endpoint, copy.assistant_id)
            else:
                await servers.require_assistants(endpoint)
            return
        if not desired_copy.is_ours(there, copy_key, copy, current):
            return
        if policy == "Retain":
            if there.mark(desired_copy.POLICY) != policy:
                await servers.update(endpoint, copy.assistant_id, {"metadata": {desired_copy.POLICY: policy}})
        elif copy.assistant_id == desired_copy.own_id(there.mark(desired_copy.OWNER) or ""):
            await servers.delete(endpoint, copy.assistant_id)
        else:
            await servers.update(endpoint, copy.assistant_id, desired_copy.reset_payload(there, keys))
