"""What `call_soon` and `call_at` of a simulated process return."""

import asyncio
from collections.abc import Callable
from contextvars import Context, copy_context
from typing import Any

Callback = Callable[..., object]


class VirtualHandle:
    """A callback that is ready, or will be at its time. asyncio needs no more of a Handle than this."""

    __slots__ = ("_args", "_callback", "_context", "_loop", "_when", "is_cancelled")

    def __init__(
        self,
        when: float,
        callback: Callback,
        args: tuple[Any, ...],
        loop: asyncio.AbstractEventLoop,
        context: Context | None,
    ) -> None:
        self._when = when
        self._callback = callback
        self._args = args
        self._loop = loop
        self._context = copy_context() if context is None else context
        self.is_cancelled = False

    def when(self) -> float:
        return self._when

    def cancel(self) -> None:
        self.is_cancelled = True

    def cancelled(self) -> bool:
        return self.is_cancelled

    def run(self) -> None:
        try:
            self._context.run(self._callback, *self._args)
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:  # noqa: BLE001 (as asyncio does)
            self._loop.call_exception_handler({"message": f"exception in {self._callback}", "exception": error})
