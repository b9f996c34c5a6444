"""The loop of a reconcile: gather an input, decide which step is due, take it, and repeat until none is."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

Input = TypeVar("Input")
Step = TypeVar("Step")


@dataclass(frozen=True, slots=True)
class Requeue:
    """No step is due now."""

    after: float | None
    """Seconds until the object is reconciled again; None for not before something about it changes."""


@dataclass(frozen=True, slots=True)
class StepLoop(Generic[Input, Step]):
    """One reconcile of one object."""

    gather: Callable[[], Awaitable[Input | None]]
    """Returns None if the object is gone."""
    decide: Callable[[Input], Step | Requeue | None]
    """Returns the first step that is due; None if the input is out of date and must be gathered again."""
    act: Callable[[Input, Step], Awaitable[None]]
    """Takes one step. An exception ends the loop."""
    most: int
    """Rounds until other objects have their turn."""
    otherwise: float
    """Seconds until the object is reconciled again after so many rounds."""

    async def run(self) -> float | None:
        """Seconds until the object is reconciled again; None for not before something about it changes."""
        for _ in range(self.most):
            present = await self.gather()
            if present is None:
                return None
            match self.decide(present):
                case None:
                    continue
                case Requeue(after):
                    return after
                case step:
                    await self.act(present, step)
        return self.otherwise
