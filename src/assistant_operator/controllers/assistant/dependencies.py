"""What the assistant controller needs of the other controllers. None of them is imported."""

from collections.abc import Iterable
from typing import Protocol

from assistant_operator.api.assistant import Assistant, Copy
from assistant_operator.api.assistant_version import AssistantVersion
from assistant_operator.api.meta import Key
from assistant_operator.policy.assistant_input import Captured
from assistant_operator.policy.desired_copy import Target
from assistant_operator.policy.publication import PublishResult
from assistant_operator.policy.versioning import ContentLost


class Head(Protocol):
    """The newest version of each Assistant."""

    def head(self, assistant: Assistant) -> AssistantVersion | None:
        """None if it is not in memory."""


class Capture(Head, Protocol):
    """How far the edits of each Assistant are captured."""

    def recorded(self, assistant: Assistant) -> Captured | None:
        """None while that is not known yet."""

    def seconds_since_edit(self, assistant: Assistant) -> float: ...

    def is_recording_many(self) -> bool:
        """Whether a burst of edits is being recorded."""

    async def observe(self, assistant: Assistant, *, anew: bool) -> None:
        """Capture this state, which was read now. `anew`: another operator may have written its status."""

    async def restore(self, assistant: Assistant, number: int) -> AssistantVersion | ContentLost | None:
        """Create a deleted version again. None if it cannot be stored now."""


class Publication(Protocol):
    """What is known of the copies of each Assistant."""

    def targets(self, assistant: Key, graphs: Iterable[str]) -> dict[str, Target]: ...

    def publish_result(self, assistant: Assistant) -> PublishResult | None: ...

    def withdrawn(self, assistant: Assistant) -> frozenset[Copy]: ...


class Triggers(Protocol):
    """See manager/triggers.py."""

    def enqueue_publication(self, assistant: Key) -> None: ...

    def enqueue_awaiting_graphs(self, assistant: Key) -> None: ...
