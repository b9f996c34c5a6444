"""What is watched where, and whether that works: for /readyz, the metrics and the log."""

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from assistant_operator.clients.kubernetes.transport import ClusterRefused, ClusterUnavailable
from assistant_operator.clients.kubernetes.watch_session import Place

log = logging.getLogger(__name__)

TOLERANCE = 60.0
"""Seconds that a watch may fail until the process is not ready: a restart of the API server takes less."""
_HINTS = {
    401: " (is the token still good?)",
    403: " (are the roles of deploy/ applied?)",
    404: " (are the CustomResourceDefinitions of crds/ applied?)",
}


@dataclass(slots=True)
class _Watch:
    is_listed: bool = False
    failing_since: float | None = None
    why: str = ""
    cause: object = None
    """What makes two failures the same: the log has it once."""
    missing: tuple[str, ...] = ()


class WatchHealth:
    """One state for each kind and namespace. A part that fails says nothing about the others."""

    def __init__(self, places: Iterable[Place], clock: Callable[[], float] = time.monotonic) -> None:
        """`clock`: seconds."""
        self._clock = clock
        self._watches = {place: _Watch() for place in places}
        self.news: Callable[[Place], None] = lambda _: None
        """Told of each place that was listed, or that works again."""

    def listed(self, place: Place) -> None:
        """Everything there was listed."""
        self._watches[place].is_listed = True
        self.news(place)

    def works(self, place: Place) -> None:
        """The API server accepted the watch."""
        watch = self._watches[place]
        if watch.failing_since is None:
            return
        log.info("resumed watch of %s failed_for=%.0fs", _named(place), self._clock() - watch.failing_since)
        watch.failing_since, watch.why, watch.cause = None, "", None
        self.news(place)

    def fails(self, place: Place, error: ClusterUnavailable | ClusterRefused) -> None:
        """It could not be listed or watched; it is tried again."""
        watch = self._watches[place]
        hint = _HINTS.get(error.status.code, "") if isinstance(error, ClusterRefused) else ""
        watch.why = f"{error}{hint}"
        cause = error.status.code if isinstance(error, ClusterRefused) else type(error)
        if watch.cause != cause:
            log.warning("failed watch of %s: %s", _named(place), watch.why)
        watch.cause = cause
        if watch.failing_since is None:
            watch.failing_since = self._clock()

    def lacks(self, place: Place, columns: tuple[str, ...]) -> None:
        """The CustomResourceDefinition has not got these columns."""
        watch = self._watches[place]
        if columns and columns != watch.missing:
            log.warning("%s", _outdated(place, columns))
        watch.missing = columns

    def is_ready(self) -> bool:
        """Whether everything was listed once, and nothing has failed for long."""
        return all(watch.is_listed and not self._fails_long(watch) for watch in self._watches.values())

    def affected(self) -> list[str]:
        """What does not work, where and why; one line each."""
        return [*self._failing(), *self._lacking()]

    def is_failing(self, place: Place) -> bool:
        """Whether that cannot be listed or watched now."""
        return self._watches[place].failing_since is not None

    def missing_columns(self) -> int:
        """How many columns the installed CustomResourceDefinitions lack."""
        return max((len(watch.missing) for watch in self._watches.values()), default=0)

    def _fails_long(self, watch: _Watch) -> bool:
        return watch.failing_since is not None and self._clock() - watch.failing_since > TOLERANCE

    def _failing(self) -> Iterator[str]:
        for place, watch in self._watches.items():
            if watch.failing_since is not None:
                yield f"{_named(place)}: {watch.why}"
            elif not watch.is_listed:
                yield f"{_named(place)}: not listed yet"

    def _lacking(self) -> Iterator[str]:
        yield from dict.fromkeys(
            _outdated(place, watch.missing) for place, watch in self._watches.items() if watch.missing
        )


def _named(place: Place) -> str:
    kind, namespace = place
    return f"{kind.lower()}s in " + (f"namespace '{namespace}'" if namespace else "all namespaces")


def _outdated(place: Place, columns: tuple[str, ...]) -> str:
    return (
        f"the CustomResourceDefinition of {place[0].lower()}s is older than this operator, it lacks the columns "
        f"{', '.join(columns)}: apply the current ones (kubectl apply --server-side -k crds, or the chart's)"
    )
