"""How far the edits of one Assistant are captured. See the state diagram in controllers/capture/__init__.py."""

import asyncio
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice

from assistant_operator.api.assistant import Assistant
from assistant_operator.api.assistant_version import AssistantVersion
from assistant_operator.api.meta import condition
from assistant_operator.api.reason import Reason
from assistant_operator.policy.assistant_input import Captured, Selection
from assistant_operator.policy.versioning import Gap

TOO_LARGE = "it is larger than the API server can store"
_FIRST_AND_LAST = 2


@dataclass(slots=True)
class Pending:
    """A state of an Assistant whose edit is not captured yet."""

    state: Assistant
    since: float
    """When it was seen, by the loop's clock."""

    @property
    def generation(self) -> int:
        return self.state.metadata.generation

    @property
    def size(self) -> int:
        """Bytes, roughly."""
        return len(self.state.spec.snapshot.canonical)


@dataclass(slots=True)
class CaptureState:
    """It is lost with the process: the cluster holds all that it says."""

    pending: list[Pending] = field(default_factory=list)
    """States that were seen and are not captured yet, oldest first."""
    is_running: bool = False
    """Whether a task captures what is pending, or is about to."""
    opening: Assistant | None = None
    """The state whose status says how far the edits are captured, until it was read from there."""
    is_behind: bool = False
    """Edits were refused, and not all that was seen meanwhile is captured yet."""
    pause_over: asyncio.Event | None = None
    """Ends the pause between two tries; None if there is none."""
    gap: Gap | None = None
    """Edits that are being recovered, kept for the next try."""
    is_open: bool = False
    """Whether it is known how far the edits are captured."""
    observed: int = 0
    """The generation up to which they are."""
    given_up: int = 0
    """The generation up to which edits are not tried again, because their namespace is being deleted."""
    latest: int = 0
    """The number of the newest version; 0 for none."""
    taken: int = 0
    """The highest number found to be that of a version of a deleted predecessor."""
    missed: int = 0
    """Generations of which no version could be made."""
    is_too_large: bool = False
    refusal: str | None = None
    failing_since: float | None = None
    """Since when the API server answers with errors that may pass, by the loop's clock."""
    head: AssistantVersion | None = None
    """The newest version with its content, once it was needed."""
    selection: Selection | None = None
    """The newest edit that this process has seen of those that select the active version."""
    captured_at: float = 0.0
    """When an edit was captured last, by the loop's clock."""
    refused_bytes: int = 0
    """Bytes that are pending while edits are refused."""

    @property
    def edit_since(self) -> float | None:
        """When the oldest edit was seen that is not captured yet; None if all are."""
        return next((each.since for each in self.pending if each.generation > self.observed), None)

    @property
    def newest(self) -> Assistant | None:
        """The newest state that is not captured yet."""
        return self.pending[-1].state if self.pending else None

    def result(self) -> Captured | None:
        """How far the edits are captured; None while that is not known."""
        if not self.is_open:
            return None
        too_large = TOO_LARGE if self.is_too_large else None
        return Captured(
            self.observed,
            self.latest,
            self.missed,
            too_large=too_large,
            refusal=self.refusal,
            head=self.head,
            selection=self.selection,
        )

    def lags_behind(self, generation: int) -> bool:
        """Whether edits up to that generation are neither captured nor being captured."""
        return not self.is_running and not (self.is_open and not self.is_due(generation))

    def gap_before(self, assistant: Assistant) -> Gap:
        """The edits between the last observed state and that one. It stays the same for each try."""
        since, until = self.observed, assistant.metadata.generation
        if self.gap is None or (self.gap.observed, self.gap.until) != (since, until):
            self.gap = Gap(since, until, self.latest)
        return self.gap

    def is_due(self, generation: int) -> bool:
        """Whether edits up to that generation are to be captured."""
        return generation > max(self.observed, self.given_up)

    def is_given_up(self, generation: int) -> bool:
        """Whether edits up to that generation are not captured, and are not to be."""
        return self.observed < generation <= self.given_up

    def is_in_spec(self, assistant: Assistant, number: int) -> bool:
        """Whether the spec of that state has the content of that version.

        A first state whose version is refused is acted on as well, although it is not captured.
        """
        is_captured = self.is_open and assistant.metadata.generation <= self.observed
        return is_captured and number == self.latest and not self.is_too_large

    def add(self, pending: Pending) -> None:
        """Of the states of one generation the first is kept, which shows who edited it, and the newest."""
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
        """Whether more is captured than this status says, so that opening from it would capture edits twice."""
        return self.is_open and assistant.status.observed_generation < self.observed

    async def pause(self, seconds: float) -> None:
        """Wait, until `end_pause` is called."""
        self.pause_over = asyncio.Event()
        try:
            with suppress(TimeoutError):
                await asyncio.wait_for(self.pause_over.wait(), seconds)
        finally:
            self.pause_over = None

    def end_pause(self) -> None:
        if self.pause_over:
            self.pause_over.set()

    def open(self, assistant: Assistant) -> None:
        """Start from what the status says: that much is captured, and perhaps more."""
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
