"""A version that was deleted by hand comes back as it was: from memory, from the Assistant, or from history."""

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
"""Tries to make a version whose name is taken while there is no such version."""


def unreadable(key: Key) -> ClusterUnavailable:
    """What to raise where a name is taken and nothing is there, time after time: another try may succeed later."""
    unavailable = ClusterUnavailable(
        f"the name {key[0]}/{key[1]} is taken time after time, though no such version is there"
    )
    unavailable.is_answer = True
    return unavailable


class VersionRestorer:
    """Brings versions back under their own number and content."""

    def __init__(self, cluster: Cluster, store: Store) -> None:
        self._cluster = cluster
        self._store = store

    async def restore(
        self, assistant: Assistant, number: int, remembered: AssistantVersion | None
    ) -> AssistantVersion | ContentLost | None:
        """The version, there again; Lost if its content is not known.

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
            if there.record().owner not in (assistant.metadata.uid, None):
                return ContentLost()  # another's history has that name
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
        """The newest state of the deleted version that the API server still holds, if it was that owner's."""
        key, owner = (assistant.key[0], version_name(assistant.key[1], number)), assistant.metadata.uid
        if deleted := self._store.versions.deletion_of(assistant.key, number):
            state = await self._cluster.versions.read_at(key, deleted - 1)
            if isinstance(state, AssistantVersion):
                return _of(owner, state)
        held = [state for state in await self._cluster.versions.states(key) if _of(owner, state)]
        return held[-1] if held else await self._when_it_was_reported(assistant, number)

    async def _when_it_was_reported(self, assistant: Assistant, number: int) -> AssistantVersion | None:
        """The same from the exact history, which outlasts a restart of the API server.

        The version was there when the status told of it first. That moment is found by bisection, since the latest
        version of a status never falls.
        """

        async def is_before(revision: int) -> bool:
            state = await self._cluster.assistant_at(assistant.key, revision)
            if not isinstance(state, Assistant) or state.metadata.uid != assistant.metadata.uid:
                return True
            return (state.status.latest_version or 0) < number

        before = await newest_before(await self._cluster.position(), is_before)
        key = (assistant.key[0], version_name(assistant.key[1], number))
        for revision in (before + 1, before):  # it may have been deleted in between
            state = await self._cluster.versions.read_at(key, revision)
            if isinstance(state, AssistantVersion):
                return _of(assistant.metadata.uid, state)
        return None

    async def _from_spec(self, assistant: Assistant, number: int) -> AssistantVersion | None:
        """The latest version says what the Assistant says, if no edit came after it."""
        status = assistant.status
        if number != status.latest_version or status.observed_generation != assistant.metadata.generation:
            return None
        before = await self._cluster.versions.read(
            (assistant.metadata.namespace, version_name(assistant.metadata.name, number - 1))
        )
        return version(Edit(assistant, number, before, is_first=number == 1))


def _of(owner: str, state: AssistantVersion) -> AssistantVersion | None:
    """The state if that Assistant owned the version, or nobody did: it may have been orphaned before it was deleted."""
    return state if state.record().owner in (owner, None) else None
