"""Work that competes for the API server, by priority: captures, then reconciles, then those of versions.

An edit that is not captured can be lost, so nothing else may keep it waiting. LangGraph Servers have limits of their
own.
"""

from contextlib import AbstractAsyncContextManager

from assistant_operator.api.assistant import Assistant
from assistant_operator.api.meta import Key
from assistant_operator.runtime.fairness import PrioritySemaphore

_CAPTURE, _RECONCILE, _VERSIONS = range(3)
_CAPTURES = 32
"""With more captures at a time, an API server that is short of processors sends the next watch events seconds late."""
_TOLERATED = 4, 4
"""Captures beside which reconciles begin; and captures and reconciles beside which those of versions begin."""
_LULL = 0.15
"""Seconds with no more than these until a burst is over: the edits of one burst do not arrive evenly."""
_PATIENCE = 2.0
"""Seconds that other work waits for a burst of edits."""
_WEIGHT = 8_192
"""Bytes of content from which on a capture counts as two."""


class Turns:
    """Namespaces have their turns within one priority."""

    def __init__(self) -> None:
        self._semaphore = PrioritySemaphore(_CAPTURES, _TOLERATED, lull=_LULL, patience=_PATIENCE)

    def to_capture(self, assistant: Assistant) -> AbstractAsyncContextManager[None]:
        weight = 1 + len(assistant.spec.snapshot.canonical) // _WEIGHT
        return self._semaphore.turn(_CAPTURE, assistant.metadata.namespace, weight)

    def to_reconcile(self, key: Key) -> AbstractAsyncContextManager[None]:
        return self._semaphore.turn(_RECONCILE, key[0])

    def to_reconcile_versions(self, key: Key) -> AbstractAsyncContextManager[None]:
        return self._semaphore.turn(_VERSIONS, key[0])
