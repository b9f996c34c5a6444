"""How far the history of one Assistant is written."""

import asyncio
from collections import deque
from dataclasses import dataclass, field
from itertools import islice

from assistant_operator.api.assistant import Assistant
from assistant_operator.api.assistant_version import AssistantVersion
from assistant_operator.api.meta import condition
from assistant_operator.api.reason import Reason

_FIRST_AND_LAST = 2


@dataclass(slots=True)
class Pending:
    """A state of an Assistant that is not recorded yet. `since` is when it was seen, by the loop's clock."""

    state: Assistant
    since: float

    @property
    def generation(self) -> int:
        return self.state.metadata.generation

    @property
    def size(self) -> int:
        """Bytes, roughly."""
        return len(self.state.spec.snapshot.canonical)


@dataclass(slots=True)
class CaptureState:
    """Lost with the process: the cluster holds all that it says."""

    pending: deque[Pending] = field(default_factory=deque)
    """States that were seen and are not recorded yet, oldest first."""
    is_worked_on: bool = False
    """Whether a task records what is pending, or is about to."""
    opening: Assistant | None = None
    """The state whose status says how far the history is written, until the ledger was opened from it."""
    is_behind: bool = False
    """Edits were refused, and not all that was seen meanwhile is recorded yet."""
    is_gone: bool = False
    """The Assistant was deleted."""
    news: asyncio.Event = field(default_factory=asyncio.Event)
    """Ends a pause between two tries."""
    recovered: tuple[int, int, list[Assistant]] = (0, 0, [])
    """The states found between two generations, kept for the next try."""
    is_open: bool = False
    observed: int = 0
    latest: int = 0
    taken: int = 0
    """The highest number found to be a dead predecessor's."""
    missed: int = 0
    is_too_large: bool = False
    refusal: str | None = None
    failing_since: float | None = None
    """Since when the API server answers with errors that may pass, by the loop's clock."""
    head: AssistantVersion | None = None
    """The newest version whole, once it was needed."""
    recorded_at: float = 0.0

    @property
    def edit_since(self) -> float | None:
        """When the oldest edit was seen that is not recorded yet; None if all are."""
        return next((each.since for each in self.pending if each.generation > self.observed), None)

    @property
    def newest(self) -> Assistant | None:
        """The newest state that is not recorded yet."""
        return self.pending[-1].state if self.pending else None

    def is_to_record(self, assistant: Assistant) -> bool:
        """Whether this state is still to be recorded. Of an Assistant that is gone what is refused is given up."""
        is_given_up = self.is_gone and self.refusal is not None
        return assistant.metadata.generation > self.observed and not is_given_up

    def add(self, pending: Pending) -> None:
        """Of the states of one generation the first is kept, which tells who edited, and the newest."""
        last = [each.generation for each in islice(reversed(self.pending), _FIRST_AND_LAST)]
        if last == [pending.generation] * _FIRST_AND_LAST:
            self.pending[-1] = pending
        else:
            self.pending.append(pending)

    def trim(self, most: int, size: int) -> int:
        """Drop old states until at most so many with at most so many bytes are left, but never the first and the last.

        The bytes of those that are left. What is dropped is looked for in the API server's history later.
        """
        sizes = deque(each.size for each in self.pending)
        left = sum(sizes)
        while len(sizes) > _FIRST_AND_LAST and (len(sizes) > most or left > size):
            left -= sizes[1]
            del sizes[1], self.pending[1]
        return left

    def is_ahead_of(self, assistant: Assistant) -> bool:
        """Whether more is recorded than this status says, so that opening from it would record edits twice."""
        return self.is_open and assistant.status.observed_generation < self.observed

    def open(self, assistant: Assistant) -> None:
        """Start from what the status says: that much is recorded, and perhaps more."""
        status = assistant.status
        ready = condition(status.conditions, "Ready")
        # What lies beyond the present generation was said of another object: a backup brought it here.
        is_of_this = status.observed_generation <= assistant.metadata.generation
        self.observed = max(status.observed_generation, 0) if is_of_this else 0
        self.latest = status.latest_version or 0
        self.missed = status.missed_generations
        self.is_too_large = ready is not None and ready.reason == Reason.SNAPSHOT_TOO_LARGE
        self.head = None
        self.opening = None
        self.is_open = True
