"""How far the history of one Assistant is written."""

import asyncio
from dataclasses import dataclass, field

from ..resources.assistant import Assistant
from ..resources.assistant_version import AssistantVersion
from ..resources.meta import condition
from ..resources.reason import Reason


@dataclass(slots=True)
class Ledger:
    """Lost with the process: the cluster holds all that it says."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    is_open: bool = False
    observed: int = 0
    latest: int = 0
    taken: int = 0
    """The highest number found to be a dead predecessor's."""
    missed: int = 0
    is_too_large: bool = False
    refusal: str | None = None
    head: AssistantVersion | None = None
    """The newest version whole, once it was needed."""
    recorded_at: float = 0.0
    began_at: float | None = None
    """Since when an edit is being recorded."""

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
        self.is_open = True
