"""The state of each watch, for /readyz, the metrics and the log."""

import logging
import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

from assistant_operator.clients.kubernetes.transport import ClusterRefused, ClusterUnavailable
from assistant_operator.clients.kubernetes.watch_session import Place

log = logging.getLogger(__name__)

TOLERANCE = 60.0
"""Seconds that a watch may fail before the process is not ready. A restart of the API server takes less."""
_HINTS = {
    401: " (is the token still good?)",
    403: " (are the roles of deploy/ applied?)",
    404: " (are the CustomResourceDefinitions of crds/ applied?)",
}


@dataclass(slots=True)
class _Watch:
    is_listed: bool = False
    is_not_served: bool = False
    """Whether the API server does not serve the kind, and the process works without it."""
    failing_since: float | None = None
    error: str = ""
    cause: object = None
    """HTTP status or exception type of the last failure: only another cause is logged again."""
    missing: tuple[str, ...] = ()


class WatchHealth:
    """Records listings and failures of each watch separately. It is the WatchObserver of the watch session."""

    def __init__(
        self, places: Iterable[Place], clock: Callable[[], float] = time.monotonic, *, optional: Collection[str] = ()
    ) -> None:
        """`places`: all that is watched. `clock`: returns seconds.

        `optional`: kinds that are not missed while the API server does not serve them: they were added by an upgrade of
        the operator, and CustomResourceDefinitions are often upgraded later.
        """
        self._clock = clock
        self._optional = optional
        self._watches = {place: _Watch() for place in places}
        self.on_recovery: Callable[[Place], None] = lambda _: None
        """Called with a place after each of its listings, and when its watch works again after a failure."""

    def listed(self, place: Place) -> None:
        """All objects of the place were listed."""
        watch = self._watches[place]
        if watch.is_not_served:  # that the kind was missing is no failure of its watch
            watch.failing_since, watch.error, watch.cause = None, "", None
        watch.is_listed, watch.is_not_served = True, False
        self.on_recovery(place)

    def works(self, place: Place) -> None:
        """The API server accepted the watch."""
        watch = self._watches[place]
        if watch.failing_since is None:
            return
        log.info("resumed watch of %s failed_for=%.0fs", _describe(place), self._clock() - watch.failing_since)
        watch.failing_since, watch.error, watch.cause = None, "", None
        self.on_recovery(place)

    def fails(self, place: Place, error: ClusterUnavailable | ClusterRefused) -> None:
        """A list or watch request failed; the caller retries it."""
        watch = self._watches[place]
        hint = _HINTS.get(error.status.code, "") if isinstance(error, ClusterRefused) else ""
        watch.error = f"{error}{hint}"
        watch.is_not_served = (
            place[0] in self._optional and isinstance(error, ClusterRefused) and error.status.is_not_served
        )
        cause = error.status.code if isinstance(error, ClusterRefused) else type(error)
        if watch.cause != cause:
            log.warning("failed watch of %s: %s", _describe(place), watch.error)
        watch.cause = cause
        if watch.failing_since is None:
            watch.failing_since = self._clock()

    def set_missing_columns(self, place: Place, columns: tuple[str, ...]) -> None:
        """Record which needed columns the CustomResourceDefinition lacks."""
        watch = self._watches[place]
        if columns and columns != watch.missing:
            log.warning("%s", _describe_missing(place, columns))
        watch.missing = columns

    def is_ready(self) -> bool:
        """Return whether everything was listed once, and no watch has been failing for more than TOLERANCE."""
        watches = [watch for watch in self._watches.values() if not watch.is_not_served]
        return all(watch.is_listed and not self._fails_long(watch) for watch in watches)

    def problems(self) -> list[str]:
        """Return one line for each place that is not listed or not watched, and for each outdated definition."""
        lines = []
        for place, watch in self._watches.items():
            if watch.failing_since is not None:
                lines.append(f"{_describe(place)}: {watch.error}")
            elif not watch.is_listed:
                lines.append(f"{_describe(place)}: not listed yet")
        outdated = [(place, watch.missing) for place, watch in self._watches.items() if watch.missing]
        return [*lines, *dict.fromkeys(_describe_missing(place, missing) for place, missing in outdated)]

    def is_failing(self, place: Place) -> bool:
        """Return whether the place cannot be listed or watched now."""
        return self._watches[place].failing_since is not None

    def missing_columns(self) -> int:
        """Return how many needed columns the installed CustomResourceDefinitions lack."""
        return max((len(watch.missing) for watch in self._watches.values()), default=0)

    def _fails_long(self, watch: _Watch) -> bool:
        return watch.failing_since is not None and self._clock() - watch.failing_since > TOLERANCE


def _describe(place: Place) -> str:
    kind, namespace = place
    return f"{_plural(kind)} in " + (f"namespace '{namespace}'" if namespace else "all namespaces")


def _plural(kind: str) -> str:
    name = kind.lower()
    return f"{name}es" if name.endswith("s") else f"{name}s"


def _describe_missing(place: Place, columns: tuple[str, ...]) -> str:
    return (
        f"the CustomResourceDefinition of {place[0].lower()}s is older than this operator, it lacks the columns "
        f"{', '.join(columns)}: apply the current ones (kubectl apply --server-side -k crds, or the chart's)"
    )
