"""An event loop in which nobody waits: when nothing is ready, its clock jumps to what comes next."""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class _Jump(selectors.DefaultSelector):
    """Waits only for what has no time."""

    passed = 1_000.0  # no monotonic clock is near its beginning

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self.passed += timeout or 0.0
        return super().select(None if timeout is None else 0)


class TimelessLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._jump = _Jump()
        super().__init__(self._jump)

    def time(self) -> float:
        return self._jump.passed

    def skip(self, seconds: float) -> None:
        """Let that much time pass in which nothing runs, as if the process were stopped."""
        self._jump.passed += seconds


def timeless(work: Coroutine[Any, Any, T]) -> T:
    """What comes of `work`, at once, however long it takes by the loop's clock."""
    with asyncio.Runner(loop_factory=TimelessLoop) as runner:
        return runner.run(work)
