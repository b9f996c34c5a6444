"""A status that the API server does not store as it is sent: it is reported once, and sent again with pauses."""

import logging
from dataclasses import replace

from assistant_operator.api.assistant_alias import Published
from assistant_operator.api.graph import Graph
from assistant_operator.api.reason import Reason
from assistant_operator.policy.stored import S, Unstored
from assistant_operator.runtime.metrics import Metrics
from assistant_operator.runtime.refusals import Refusals, StepId
from assistant_operator.store.assumed import AssumedWrites

from .events import EventPublisher

log = logging.getLogger(__name__)

STORE: StepId = ("Store", 0)
"""The step that is held while the API server does not store all of a status: to send the same status again."""


def report_unstored(
    resource: Published | Graph,
    writes: AssumedWrites[S],
    refusals: Refusals,
    event_publisher: EventPublisher,
    metrics: Metrics,
) -> Unstored[S] | None:
    """Return the status that was not stored as it was sent, and whether it is to be sent again now."""
    found = writes.unstored
    if found is None:
        return None
    if not refusals.is_held(STORE):
        message = found.message(resource.plural)
        log.warning("wrote status kind=%s namespace=%s name=%s: %s", resource.kind_name, *resource.key, message)
        metrics.unstored(resource.kind_name, found.fields)
        refusals.refused(STORE, message)
        event_publisher.refused(resource, Reason.FIELDS_NOT_STORED, "UpdateStatus", message)
    return replace(found, is_tried_again=refusals.is_due(STORE))
