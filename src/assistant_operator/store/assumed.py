"""What this process wrote and no event has shown yet. client-go calls that a mutation cache."""

from typing import Generic, TypeVar

from assistant_operator.api.assistant import Assistant, AssistantStatus
from assistant_operator.api.graph import Graph, GraphStatus
from assistant_operator.api.meta import Key, position
from assistant_operator.policy.publication import FINALIZER
from assistant_operator.policy.stored import Unstored

R = TypeVar("R", Assistant, Graph)
S = TypeVar("S", AssistantStatus, GraphStatus)


class AssumedStatuses(Generic[R, S]):
    """Of each object the status that was written last, and whether the API server stored it as it was sent."""

    def __init__(self) -> None:
        self._written: dict[Key, tuple[str, int, S]] = {}
        self._unstored: dict[Key, tuple[str, Unstored[S]]] = {}

    def wrote(self, key: Key, uid: str, status: S, at: int) -> None:
        """`status` was written to that object, which then stood at resource version `at`."""
        self._written[key] = (uid, at, status)

    def outrun(self, key: Key) -> None:
        """Another writer wrote the status since."""
        self._written.pop(key, None)

    def drop(self, key: Key) -> None:
        """The object is gone."""
        self._written.pop(key, None)
        self._unstored.pop(key, None)

    def unstored(self, resource: R) -> Unstored[S] | None:
        """The last status that was written, if it was not stored as it was sent."""
        uid, found = self._unstored.get(resource.key, ("", None))
        return found if uid == resource.metadata.uid else None

    def stored(self, key: Key) -> None:
        """What was not stored does not matter any more."""
        self._unstored.pop(key, None)

    def overlaid(self, resource: R) -> R:
        """A state as it was seen, with the status that was written since."""
        uid, at, sent = self._written.get(resource.key, ("", 0, None))
        if sent is None:
            if (known := self.unstored(resource)) and known.sent == resource.status:
                del self._unstored[resource.key]
            return resource
        seen = position(resource.metadata.resource_version)
        if uid == resource.metadata.uid and seen < at:
            return resource.model_copy(update={"status": sent})
        del self._written[resource.key]
        if uid == resource.metadata.uid and seen == at:
            self._compare(resource, sent)
        return resource

    def _compare(self, resource: R, sent: S) -> None:
        """The state is as of that write, or as of before it where the write changed nothing."""
        stored: S = resource.status  # type: ignore[assignment]  # R and S go together
        if stored == sent:
            self._unstored.pop(resource.key, None)
        else:
            self._unstored[resource.key] = (resource.metadata.uid, Unstored(sent, stored))


class AssumedFinalizers:
    """Of each Assistant whether our finalizer was added or removed last."""

    def __init__(self) -> None:
        self._written: dict[Key, tuple[str, int, bool]] = {}

    def wrote(self, assistant: Assistant, at: int, *, on: bool) -> None:
        """The finalizer was added or removed. The object then stood at resource version `at`."""
        self._written[assistant.key] = (assistant.metadata.uid, at, on)

    def drop(self, key: Key) -> None:
        """The object is gone."""
        self._written.pop(key, None)

    def overlaid(self, assistant: Assistant) -> Assistant:
        """A state as it was seen, with the finalizer as it was written since."""
        meta = assistant.metadata
        uid, at, on = self._written.get(assistant.key, ("", 0, False))
        if uid != meta.uid or position(meta.resource_version) >= at or on == (FINALIZER in meta.finalizers):
            return assistant
        others = tuple(each for each in meta.finalizers if each != FINALIZER)
        finalizers = (*others, FINALIZER) if on else others
        return assistant.model_copy(update={"metadata": meta.model_copy(update={"finalizers": finalizers})})
