"""Where what takes minutes to make is kept between runs: outside the repository, made by one at a time."""

import fcntl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from .progress import Progress


def cache_of(name: str, environment: Mapping[str, str]) -> Path:
    home = environment.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "assistant-operator" / name


@contextmanager
def alone(cache: Path, progress: Progress) -> Iterator[None]:
    """Nobody else makes anything in that folder meanwhile."""
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress.say("somebody else is making it: waiting for them")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
