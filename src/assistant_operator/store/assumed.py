"""What this process wrote to an object and no watch event has shown yet. client-go calls that a mutation cache."""

from dataclasses import dataclass
from typing import Generic, TypeVar

from assistant_operator.api.assistant import Assistant, AssistantStatus
from assistant_operator.api.assistant_alias import AssistantAlias, AssistantAliasStatus
from assistant_operator.api.graph import Graph, GraphStatus
from assistant_operator.api.meta import ObjectMeta
from assistant_operator.policy.stored import Unstored

R = TypeVar("R", Assistant, Graph, AssistantAlias)
S = TypeVar("S", AssistantStatus, GraphStatus, AssistantAliasStatus)


@dataclass(slots=True)
class AssumedWrites(Generic[S]):
    """The writes to one object. A state of it from before a write is read as if the write were in it."""

    _status: tuple[S, int] | None = None
    _finalizer: tuple[str, bool, int] | None = None
    unstored: Unstored[S] | None = None
    """The last status that was written, if the API server stored it in another way than it was sent."""

    def assume_status(self, status: S, at: int) -> None:
        """`status` was written; the object had resource version `at` then."""
        self._status = status, at

    def assume_finalizer(self, finalizer: str, *, is_present: bool, at: int) -> None:
        """`finalizer` was added or removed; the object had resource version `at` then."""
        self._finalizer = finalizer, is_present, at

    def discard_status(self) -> None:
        """Another writer has written the status since."""
        self._status = None

    def overlaid(self, resource: R) -> R:
        """Return that state with the writes that were made after it.

        A write that it shows is no longer assumed: it is compared with what was sent.
        """
        seen = resource.metadata.position
        return self._with_status(self._with_finalizer(resource, seen), seen)

    def _with_finalizer(self, resource: R, seen: int) -> R:
        if self._finalizer is None:
            return resource
        finalizer, is_present, at = self._finalizer
        if seen >= at:
            self._finalizer = None
            return resource
        return resource.model_copy(update={"metadata": _with(resource.metadata, finalizer, is_present=is_present)})

    def _with_status(self, resource: R, seen: int) -> R:
        if self._status is None:
            if self.unstored and self.unstored.sent == resource.status:
                self.unstored = None
            return resource
        sent, at = self._status
        if seen < at:
            return resource.model_copy(update={"status": sent})
        self._status = None
        if seen == at:  # the state is that of the write, or from before it if the write changed nothing
            stored: S = resource.status  # type: ignore[assignment]  # R and S go together
            self.unstored = None if stored == sent else Unstored(sent, stored)
        return resource


def _with(meta: ObjectMeta, finalizer: str, *, is_present: bool) -> ObjectMeta:
    if is_present == (finalizer in meta.finalizers):
        return meta
    others = tuple(each for each in meta.finalizers if each != finalizer)
    return meta.model_copy(update={"finalizers": (*others, finalizer) if is_present else others})
