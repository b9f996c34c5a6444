"""What is known of the copies of one object beside what its status says."""

import asyncio
from collections.abc import Hashable
from dataclasses import dataclass, field, replace

from assistant_operator.api.assistant import Copy
from assistant_operator.api.assistant_alias import Published
from assistant_operator.clients.backoff import Backoff
from assistant_operator.policy.deletion import WithdrawalFailure
from assistant_operator.policy.desired_copy import DesiredAssistant
from assistant_operator.policy.publication import PublishResult, same_words

_BACKOFF = Backoff(1.0, 300.0)


@dataclass(slots=True, eq=False, weakref_slot=True)
class PublicationState:
    """It is lost with the process: what it says is found out again."""

    outcome: PublishResult | None = None
    """The result of the last try to publish."""
    withdrawn: frozenset[Copy] = frozenset()
    """Copies that were deleted, though the status does not say so yet."""
    lost: frozenset[Copy] = frozenset()
    """Copies whose credentials went with the namespace, so that they can never be withdrawn."""
    drift: tuple[str, ...] | None = None
    """The fields in which the copy was found to differ, until it is repaired; empty if it was gone."""
    is_unsure: bool = False
    """Whether the copy must be read again, whatever the last result says."""
    graph: tuple[int, str] = (0, "")
    """The number of the version in force, and the name of its Graph, if the version had to be read for it."""
    not_kept: tuple[DesiredAssistant | None, frozenset[str]] = (None, frozenset())
    """What the server was sent last, and the fields of it that the server does not keep."""
    metadata_keys: tuple[int, frozenset[str]] = (0, frozenset())
    """The number of the version that was published last, and the keys that it has in the server's metadata."""
    hindrances: dict[Copy | None, WithdrawalFailure] = field(default_factory=dict)
    """Why a copy is not withdrawn; of None: why the finalizer is not removed."""
    failures: dict[Hashable, int] = field(default_factory=dict)
    """By step: how often it failed in a row, with a pause in between."""
    retries: dict[Hashable, float] = field(default_factory=dict)
    """By step: when it is to be tried again."""

    def pause(self, step: Hashable, longest: float, retry_after: float = 0.0) -> float:
        """The step failed once more: seconds until it is tried again.

        A try before its time, because something else changed, makes the pause no longer.
        """
        now = asyncio.get_running_loop().time()
        if now >= self.retries.get(step, 0.0):
            self.failures[step] = self.failures.get(step, 0) + 1
            self.retries[step] = now + min(_BACKOFF.delay(self.failures[step]), longest)
        return max(min(self.retries[step] - now, longest), retry_after)

    def succeeded(self, step: Hashable) -> None:
        """The step is done: the next failure is a first one."""
        self.failures.pop(step, None)
        self.retries.pop(step, None)

    def hinder(self, copy: Copy | None, hindrance: WithdrawalFailure) -> bool:
        """Keep why a copy is not withdrawn. Returns whether that differs from before."""
        before = self.hindrances.get(copy)
        if before and before.reason is hindrance.reason:
            hindrance = replace(hindrance, words=same_words(before.words, hindrance.words))
        self.hindrances[copy] = hindrance
        return hindrance != before

    def hindrance(self, published: Published) -> WithdrawalFailure | None:
        """The first of them, in the order of the status."""
        found = (self.hindrances.get(copy) for copy in (*published.status.copies, None))
        return next((each for each in found if each), None)

    def reported(self, published: Published) -> PublishResult | None:
        """What the status reports of the copies; None if nothing is known since this process started."""
        hindrance, known = self.hindrance(published), self.outcome
        if published.metadata.is_being_deleted:
            return _of_deletion(published, hindrance) if hindrance else None
        if known and hindrance and not known.trouble:
            return replace(known, trouble=hindrance.of_former_copy())
        return known


def _of_deletion(published: Published, hindrance: WithdrawalFailure) -> PublishResult:
    copies = published.status.copies
    copy = copies[0] if copies else Copy(server="", assistant_id="")
    number = published.in_force or 0
    return PublishResult(False, hindrance.reason, hindrance.of_deletion(), number=number, copy=copy)
