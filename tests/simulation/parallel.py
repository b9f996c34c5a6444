"""Many simulations at once: as many processes as there are processors, each of which runs one after another."""

import gc
import logging
import multiprocessing
import os
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Protocol, TypeVar

T = TypeVar("T")
R = TypeVar("R")
_CHUNK = 4
"""Cases that a process takes at once."""


class Each(Protocol):
    """A `map` whose results come in the order of the cases. What a case returns depends on the case alone."""

    def __call__(self, work: Callable[[T], R], cases: Iterable[T]) -> Iterator[R]: ...


@contextmanager
def processes(count: int = os.cpu_count() or 1) -> Iterator[Each]:
    """Work on all processors.

    The processes are forked: what was imported, or planted, in this one is so in them.
    """
    context = multiprocessing.get_context("fork")
    with context.Pool(count, quiet) as pool:

        def each(work: Callable[[T], R], cases: Iterable[T]) -> Iterator[R]:
            return pool.imap(work, cases, _CHUNK)

        yield each


def quiet() -> None:
    """Prepare a process that does nothing but simulate. For one that pytest runs in, use a process of its own."""
    warnings.simplefilter("ignore", ResourceWarning)  # of what a crashed replica left open
    logging.disable()  # what aiohttp's server says of connections that were cut: the trace has it
    sys.unraisablehook = lambda _: None  # of what a failed simulation left, when the process ends
    gc.collect()
    gc.freeze()
    gc.disable()  # a simulation collects what many of them left
