"""What the assistant controller needs of others. No other controller is imported."""

from typing import Protocol

from assistant_operator.api.assistant import Assistant
from assistant_operator.api.assistant_version import AssistantVersion
from assistant_operator.api.meta import Key
from assistant_operator.policy.versioning import ContentLost


class Capture(Protocol):
    """See controllers/capture."""

    async def observe(self, assistant: Assistant, *, anew: bool) -> None:
        """Capture this state, which was read now. `anew`: another operator may have written its status."""

    async def restore(self, assistant: Assistant, number: int) -> AssistantVersion | ContentLost | None:
        """Create a deleted version again. None if it cannot be stored now."""


class Triggers(Protocol):
    """See manager/triggers.py."""

    def enqueue_versions(self, assistant: Key) -> None: ...

    def enqueue_publication(self, assistant: Key) -> None: ...

    def enqueue_awaiting_graphs(self, assistant: Key) -> None: ...
