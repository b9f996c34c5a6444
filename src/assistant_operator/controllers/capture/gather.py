"""Reads what the next version depends on: the version before it, an equal version, the change-cause before."""

from assistant_operator.api.assistant import Assistant
from assistant_operator.api.assistant_version import AssistantVersion, VersionRecord, version_name
from assistant_operator.clients.kubernetes.cluster import Cluster
from assistant_operator.controllers.users import AuthenticatedUsers
from assistant_operator.policy import versioning
from assistant_operator.store.capture_state import CaptureState
from assistant_operator.store.records import AssistantRecord
from assistant_operator.store.store import Store

from .restoration import VersionRestorer

_FARTHEST_CAUSE = 20


class VersionGatherer:
    """Reads the versions of an Assistant from the store and, where their content matters, from the API server."""

    def __init__(self, cluster: Cluster, store: Store, restorer: VersionRestorer, users: AuthenticatedUsers) -> None:
        self._cluster = cluster
        self._store = store
        self._restorer = restorer
        self._users = users

    async def after(self, capture: CaptureState, assistant: Assistant) -> list[AssistantVersion]:
        """Return the versions of edits that are not observed yet, and the one before them, in order of number.

        The status may report some of them already: it is also written while edits are being captured.
        """
        uid, found = assistant.metadata.uid, list[AssistantVersion]()
        for record in reversed(self._store.versions.of(assistant.key)):
            if not record.belongs_to(uid):
                continue  # of a deleted predecessor
            version = await self._cluster.versions.read(record.address)
            if version is None:
                continue
            found.insert(0, version)
            if version.spec.assistant_ref.uid != uid or version.spec.generation <= capture.observed:
                break
        return found

    async def head(self, capture: CaptureState, assistant: Assistant) -> AssistantVersion | None:
        """Return the newest version of this history; None if there is none, or if its content is lost."""
        if capture.head and capture.head.number == self._store.versions.newest_number(assistant.key):
            return capture.head
        newest = versioning.newest_of(assistant.metadata.uid, self._store.versions.of(assistant.key))
        if not capture.latest:
            newest = await self._imported(assistant, newest) or newest or await self._left_behind(assistant)
        number = max(capture.latest, newest.number if newest else 0)
        if number and (capture.head is None or capture.head.number < number):
            back = await self._restorer.restore(assistant, number, None)
            capture.head = back if isinstance(back, AssistantVersion) else None
            capture.latest = number
        return capture.head

    async def _imported(self, assistant: Assistant, newest: VersionRecord | None) -> VersionRecord | None:
        """Return the newest version that was imported with the Assistant, if the watch has not shown it yet."""
        number = assistant.newest_exported
        if number <= (newest.number if newest else 0):
            return None
        version = await self._cluster.versions.read((assistant.key[0], version_name(assistant.key[1], number)))
        if version is None or not version.record().belongs_to(assistant.metadata.uid):
            return None
        self._store.versions.put(version.record())
        return version.record()

    async def _left_behind(self, assistant: Assistant) -> VersionRecord | None:
        """Return the newest version of that name, if it has no owner and the watch has not shown that yet."""
        newest = None
        for record in reversed(self._store.versions.of(assistant.key)):
            version = await self._cluster.versions.read(record.address)
            if version is None:
                continue  # a version deleted by hand says nothing about the older ones
            if not version.record().belongs_to(assistant.metadata.uid):
                break  # garbage collection deletes all versions of a deleted predecessor
            self._store.versions.put(version.record())
            newest = newest or version.record()
        return newest

    async def edit(
        self, record: AssistantRecord, assistant: Assistant, head: AssistantVersion | None
    ) -> versioning.Edit:
        """Return everything that the version of this state depends on."""
        capture = record.capture
        cause_before = await self._cause_before(record, assistant, head)
        same_as = await self._same_as(assistant, head)  # last, for a version may be deleted meanwhile
        return versioning.Edit(
            assistant,
            number=max(capture.latest or self._store.versions.newest_number(assistant.key), capture.taken) + 1,
            previous=head,
            is_first=capture.latest == 0,
            same_as=same_as,
            cause_before=cause_before,
            user=self._users.of(assistant),
        )

    async def _same_as(self, assistant: Assistant, head: AssistantVersion | None) -> int | None:
        """Return the number of the newest older version with equal content. Equal digests are compared by content."""
        wanted = assistant.spec.snapshot
        for record in self._store.versions.with_digest(assistant.key, wanted.digest):
            if not record.belongs_to(assistant.metadata.uid) or (head and record.number >= head.number):
                continue  # of another history, or not older
            version = await self._cluster.versions.read(record.address)
            is_kept = self._store.versions.has(assistant.key, record.number, wanted.digest)  # an answer may come late
            if is_kept and version and version.spec.snapshot.canonical == wanted.canonical:
                return record.number
        return None

    async def _cause_before(
        self, record: AssistantRecord, assistant: Assistant, head: AssistantVersion | None
    ) -> str | None:
        """Return the change-cause annotation as it was before this edit."""
        before = record.captured
        # A first edit whose version is refused is there as well, although it is not captured yet.
        if before and before.metadata.generation < assistant.metadata.generation:
            return versioning.cause_of(before)
        if versioning.cause_of(assistant) is None:
            return None
        for _ in range(_FARTHEST_CAUSE):
            if head is None or head.spec.change.cause:
                break
            key = (head.metadata.namespace, version_name(assistant.metadata.name, head.number - 1))
            head = await self._cluster.versions.read(key)
            if head and not head.record().belongs_to(assistant.metadata.uid):
                return None  # of a deleted predecessor
        return head.spec.change.cause if head else None
