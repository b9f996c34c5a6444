"""A version that was deleted by hand comes back as it was: from memory, from the Assistant, or from history."""

from dataclasses import dataclass

from ..decisions.history import Edit, version
from ..gateways.cluster import Cluster
from ..gateways.versions import CannotStore, Created, NameTaken
from ..resources.assistant import Assistant
from ..resources.assistant_version import AssistantVersion, version_labels, version_name
from ..resources.meta import Key, ObjectMeta
from .cache import Cache


@dataclass(frozen=True, slots=True)
class Lost:
    """Nobody knows the version's content any more, or its name is taken."""


class Restoration:
    """Brings versions back under their own number and content."""

    def __init__(self, cluster: Cluster, cache: Cache) -> None:
        self._cluster = cluster
        self._cache = cache

    async def restore(
        self, assistant: Assistant, number: int, remembered: AssistantVersion | None
    ) -> AssistantVersion | Lost | None:
        """The version, there again; None if it cannot be stored now; Lost if its content is not known."""
        key = (assistant.metadata.namespace, version_name(assistant.metadata.name, number))
        there: AssistantVersion | Lost | None = await self._cluster.versions.read(key)
        if there is None:
            was = remembered or await self._as_it_was(key, assistant.metadata.uid)
            there = await self._made_again(assistant, number, was)
        if isinstance(there, AssistantVersion):
            self._cache.put_version(there.record())
            if there.record().owner not in (assistant.metadata.uid, None):
                return Lost()  # another's history has that name
        return there

    async def _made_again(
        self, assistant: Assistant, number: int, was: AssistantVersion | None
    ) -> AssistantVersion | Lost | None:
        if was is None:
            was = await self._from_spec(assistant, number)
        if was is None:
            return Lost()
        meta = ObjectMeta(
            name=version_name(assistant.metadata.name, number),
            namespace=assistant.metadata.namespace,
            labels=version_labels(assistant.metadata.name),
            owner_references=(assistant.owner_reference(),),
        )
        while True:
            creation = await self._cluster.versions.create(AssistantVersion(metadata=meta, spec=was.spec))
            match creation:
                case Created(version):
                    return version
                case CannotStore():
                    return None
                case NameTaken():
                    if there := await self._cluster.versions.read((meta.namespace, meta.name)):
                        return there

    async def _as_it_was(self, key: Key, owner: str) -> AssistantVersion | None:
        """The newest state of the deleted version that the API server still holds, if it was that owner's."""
        newest = await self._cluster.position()
        step = 1
        while step < newest:
            state = await self._cluster.versions.read_at(key, newest - step)
            if state == "Expired":
                return None
            if state is not None:
                controller = state.metadata.controller
                return state if controller and controller.uid == owner else None
            step *= 2
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
