"""Makes the order of sets the same in each run: it would be that of addresses."""

import asyncio
import itertools
from collections.abc import Callable, Coroutine, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, TypeVar

from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import _TransportPlaceholder

from .replacing import replaced

T = TypeVar("T")


@contextmanager
def ordered() -> Iterator[None]:
    """Give asyncio's and aiohttp's sets an order that is the same in each run."""
    changes: list[tuple[Any, str, Any]] = [
        # Where Python can start tasks eagerly, aiohttp makes them without the loop.
        (asyncio, "Task", VirtualTask),
        (asyncio, "all_tasks", all_tasks),
        (asyncio, "as_completed", as_completed),
        (ResponseHandler, "__hash__", _numbering()),
        # All of one connector have the same, and its set keeps those in the order in which they came.
        (_TransportPlaceholder, "__hash__", lambda placeholder: hash(placeholder.closed)),
    ]
    with ExitStack() as stack:
        for place, name, value in changes:
            stack.enter_context(replaced(place, name, value))
        yield


_MOST_CLEANUPS = 100


class VirtualTask(asyncio.Task[T]):
    """A task whose hash is its number, so that sets of tasks have the same order in each run."""

    def __init__(self, coro: Coroutine[Any, Any, T], *, loop: Any, **options: Any) -> None:
        self._number: int = loop.adopt(self)
        # The default names of asyncio are numbered through all simulations.
        options["name"] = options.get("name") or f"Task-{self._number}"
        super().__init__(coro, loop=loop, **options)

    def __hash__(self) -> int:
        return self._number

    def abandon(self) -> None:
        """Discard the coroutine. Its clean-up code runs, so its loop must be dead by now."""
        self._log_destroy_pending = False
        coroutine = self.get_coro()
        for _ in range(_MOST_CLEANUPS):
            try:
                if coroutine is not None:
                    coroutine.close()
            except BaseException:  # noqa: BLE001 (clean-up code waits for something, or fails: once more)
                continue
            return


class VirtualFuture(asyncio.Future[T]):
    """A future whose hash is a number, for the same reason."""

    _number = 0

    def __hash__(self) -> int:
        if not self._number:
            loop: Any = self.get_loop()
            self._number = loop.serial()
        return self._number


def all_tasks(loop: Any = None) -> set[asyncio.Task[Any]]:
    """Stands in for asyncio.all_tasks, whose order depends on all tasks that there ever were."""
    of: Any = loop or asyncio.get_running_loop()
    return set(of.unfinished())


def as_completed(fs: Iterable[Any], *, timeout: float | None = None) -> Iterator[Any]:
    """Stands in for asyncio.as_completed, whose order is that of a set of coroutines: of their addresses."""
    return _as_completed([asyncio.ensure_future(each) for each in sorted(fs, key=_name)], timeout=timeout)


_as_completed = asyncio.as_completed


def _name(work: Any) -> str:
    """What tells apart coroutines that are made alike: their arguments, as far as those are texts."""
    frame = getattr(work, "cr_frame", None)
    texts = {name: value for name, value in frame.f_locals.items() if isinstance(value, str)} if frame else {}
    return f"{getattr(work, '__qualname__', '')} {sorted(texts.items())}"


def _numbering() -> Callable[[Any], int]:
    """A `__hash__` that numbers the objects of a class in the order in which they are first asked for it."""
    numbers = itertools.count()

    def number(of: Any) -> int:
        known: int | None = of.__dict__.get("_number_in_simulation")
        if known is None:
            known = of.__dict__["_number_in_simulation"] = next(numbers)
        return known

    return number
