"""Takes the steps of one object: a step that is refused or fails does not block the others."""

import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from assistant_operator.api.assistant_alias import Published
from assistant_operator.api.graph import Graph
from assistant_operator.api.reason import Reason
from assistant_operator.clients.kubernetes.transport import NO_EFFECT, ClusterRefused, ClusterUnavailable
from assistant_operator.runtime.metrics import Metrics
from assistant_operator.runtime.refusals import Refusals, StepId

from .events import EventPublisher

log = logging.getLogger(__name__)

OUTRUN_PAUSE = 1.0
"""Seconds until a status is written again that was outrun. Once the later state is known, it is written at once."""
_MOST_REPEATS = 2
"""A late watch event may undo what is known of a write once."""


@dataclass(slots=True)
class Attempt:
    """What happened in one reconcile."""

    failed: dict[StepId, Exception] = field(default_factory=dict)
    """Steps that failed for a transient cause: they wait for the next reconcile."""
    taken: Counter[object] = field(default_factory=Counter)
    """How often each write was made: one that is due again and again on the same state has no effect."""

    is_outrun: bool = False
    """Whether a later state was found when the status was written."""

    def raise_failure(self) -> None:
        """Raise the first error, after the other steps were taken."""
        if self.failed:
            raise next(iter(self.failed.values()))


class StepTaker:
    """Takes steps for one controller, and reports those that the API server refuses."""

    def __init__(
        self,
        controller: str,
        reasons: Mapping[str, tuple[Reason, str]],
        event_publisher: EventPublisher,
        metrics: Metrics,
    ) -> None:
        """`reasons`: by kind of step, reason and action of the event of a refusal. Of other kinds there is no event."""
        self._controller = controller
        self._reasons = reasons
        self._event_publisher = event_publisher
        self._metrics = metrics

    async def take(
        self,
        about: Published | Graph,
        refusals: Refusals,
        step_id: StepId,
        act: Callable[[], Awaitable[str | None]],
        attempt: Attempt,
        *,
        write: object | None = None,
        is_held: bool = True,
    ) -> None:
        """Take one step. If the API server refuses it, hold it and keep the message.

        `act`: returns None if the step had an effect, else a message.
        `write`: what is written, if the same write again in one reconcile means that it has no effect.
        `is_held`: if not, a refusal counts as a transient failure.
        """
        if write is not None:
            attempt.taken[write] += 1
        try:
            message = NO_EFFECT if attempt.taken[write] > _MOST_REPEATS else await act()
        except ClusterRefused as refused:
            if not is_held:
                attempt.failed[step_id] = refused
                return
            message = str(refused)
        except ClusterUnavailable as unavailable:
            if not unavailable.is_answer:
                raise
            attempt.failed[step_id] = unavailable
            return
        if message:
            self._refuse(about, refusals, step_id, message)
        else:
            refusals.succeeded(step_id)

    def _refuse(self, about: Published | Graph, refusals: Refusals, step_id: StepId, message: str) -> None:
        kind, which = step_id
        log.warning(
            "refused step kind=%s namespace=%s name=%s step=%s about=%s: %s",
            about.kind_name,
            *about.key,
            kind,
            which,
            message,
        )
        self._metrics.refused(self._controller, kind)
        is_first = refusals.refused(step_id, message)
        if is_first and kind in self._reasons:
            self._event_publisher.refused(about, *self._reasons[kind], message)
