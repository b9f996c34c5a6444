"""Creates deleted versions again: from memory, from the Assistant, or from the API server's history."""

from assistant_operator.api.assistant import Assistant
from assistant_operator.api.assistant_version import AssistantVersion, version_labels, version_name
from assistant_operator.api.meta import Key, ObjectMeta
from assistant_operator.clients.kubernetes.cluster import Cluster
from assistant_operator.clients.kubernetes.transport import ClusterUnavailable
from assistant_operator.clients.kubernetes.versions import AlreadyExists, Created, Rejected
from assistant_operator.policy.versioning import ContentLost, Edit, version
from assistant_operator.store.store import Store

from .recovery import newest_before

MOST_TRIES = 5
"""Tries to create a version whose name is taken while no such version can be read."""


def unreadable(key: Key) -> ClusterUnavailable:
    """Return the error of a name that is taken while no such version can be read: another try may succeed later."""
    unavailable = ClusterUnavailable(
        f"the name {key[0]}/{key[1]} is taken time after time, though no such version is there"
    )
    unavailable.is_answer = True
    return unavailable


class VersionRestorer:
    """Creates deleted versions again, with their number and content."""

    def __init__(self, cluster: Cluster, store: Store) -> None:
        self._cluster = cluster
        self._store = store

    async def restore(
        self, assistant: Assistant, number: int, remembered: AssistantVersion | None
    ) -> AssistantVersion | ContentLost | None:
        """Return the version, created again if it was deleted; ContentLost if its content is not known.

        None if it cannot be stored now, or if another Assistant of that name was seen meanwhile.
        """
        key = (assistant.metadata.namespace, version_name(assistant.metadata.name, number))
        there: AssistantVersion | ContentLost | None = await self._cluster.versions.read(key)
        if there is None:
            was = remembered or await self._as_it_was(assistant, number)
            if self._store.is_replaced(assistant):
                return None
            there = await self._made_again(assistant, number, was)
        if isinstance(there, AssistantVersion):
            self._store.versions.put(there.record())
            if not there.record().belongs_to(assistant.metadata.uid):
                return ContentLost()  # a version of another history has that name
        return there

    async def _made_again(
        self, assistant: Assistant, number: int, was: AssistantVersion | None
    ) -> AssistantVersion | ContentLost | None:
        if was is None:
            was = await self._from_spec(assistant, number)
        if was is None:
            return ContentLost()
        meta = ObjectMeta(
            name=version_name(assistant.metadata.name, number),
            namespace=assistant.metadata.namespace,
            labels=version_labels(assistant.metadata.name),
            owner_references=(assistant.owner_reference(),),
        )
        for _ in range(MOST_TRIES):
            creation = await self._cluster.versions.create(AssistantVersion(metadata=meta, spec=was.spec))
            match creation:
                case Created(version):
                    return version
                case Rejected():
                    return None
                case AlreadyExists():
                    if there := await self._cluster.versions.read((meta.namespace, meta.name)):
                        return there
        raise unreadable((meta.namespace, meta.name))

    async def _as_it_was(self, assistant: Assistant, number: int) -> AssistantVersion | None:
        """Return the newest state of the deleted version that the API server holds, if it had that owner."""
        key, owner = (assistant.key[0], version_name(assistant.key[1], number)), assistant.metadata.uid
        if deleted := self._store.versions.deletion_of(assistant.key, number):
            state = await self._cluster.versions.read_at(key, deleted - 1)
            if isinstance(state, AssistantVersion):
                return _of(owner, state)
        held = [state for state in await self._cluster.versions.states(key) if _of(owner, state)]
        return held[-1] if held else await self._when_it_was_reported(assistant, number)

    async def _when_it_was_reported(self, assistant: Assistant, number: int) -> AssistantVersion | None:
        """Return the same from the exact history, which outlasts a restart of the API server.

        The version existed when the status reported it first. Bisection finds that moment, because the latest version
        of a status never decreases.
        """

        async def is_before(revision: int) -> bool:
            state = await self._cluster.assistant_at(assistant.key, revision)
            if not isinstance(state, Assistant) or state.metadata.uid != assistant.metadata.uid:
                return revision < assistant.metadata.position  # else it was deleted since
            return (state.status.latest_version or 0) < number

        before = await newest_before(await self._cluster.position(), is_before)
        key = (assistant.key[0], version_name(assistant.key[1], number))
        for revision in (before + 1, before):  # it may have been deleted in between
            state = await self._cluster.versions.read_at(key, revision)
            if isinstance(state, AssistantVersion):
                return _of(assistant.metadata.uid, state)
        return None

    async def _from_spec(self, assistant: Assistant, number: int) -> AssistantVersion | None:
        """Return the version from the spec: the latest version has its content if no edit followed."""
        status = assistant.status
        if number != status.latest_version or status.observed_generation != assistant.metadata.generation:
            return None
        key = (assistant.metadata.namespace, version_name(assistant.metadata.name, number - 1))
        before = _of(assistant.metadata.uid, await self._cluster.versions.read(key))
        # The numbers before the first version are those of a deleted predecessor, if it left any.
        is_first = number == 1 or (before is None and assistant.metadata.generation == 1)
        return version(Edit(assistant, number, before, is_first=is_first))


def _of(owner: str, state: AssistantVersion | None) -> AssistantVersion | None:
    """Return the state if that Assistant owned the version, or if it had no owner: it may have been orphaned first."""
    return state if state and state.record().belongs_to(owner) else None
