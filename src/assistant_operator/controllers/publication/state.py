"""What the publisher remembers of one Assistant between two looks, beside what the status says."""

import asyncio
from collections.abc import Hashable
from dataclasses import dataclass, field, replace

from assistant_operator.api.assistant import Assistant, Copy
from assistant_operator.policy.deletion import WithdrawalFailure
from assistant_operator.policy.publication import PublishResult, same_words

_FIRST_RETRY = 1.0


@dataclass(slots=True)
class PublicationState:
    """The copies of one Assistant since this process started."""

    outcome: PublishResult | None = None
    """How the last try to publish ended."""
    withdrawn: frozenset[Copy] = frozenset()
    """Copies that are gone, though the status does not say so yet."""
    lost: frozenset[Copy] = frozenset()
    """Copies whose credentials went with the namespace, so that they can never be withdrawn."""
    repairing: tuple[str, ...] | None = None
    """What was found to be different, until it is put right."""
    is_unsure: bool = False
    """Whether the copy must be looked at again, whatever the last outcome says."""
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
            self.retries[step] = now + min(_FIRST_RETRY * 2.0 ** min(self.failures[step] - 1, 10), longest)
        return max(min(self.retries[step] - now, longest), retry_after)

    def succeeded(self, step: Hashable) -> None:
        """The step is done: the next failure is a first one."""
        self.failures.pop(step, None)
        self.retries.pop(step, None)

    def hinder(self, copy: Copy | None, hindrance: WithdrawalFailure) -> bool:
        """Note why a copy is not withdrawn. Whether that is news."""
        before = self.hindrances.get(copy)
        if before and (before.reason, before.progress) == (hindrance.reason, hindrance.progress):
            hindrance = replace(hindrance, words=same_words(before.words, hindrance.words))
        self.hindrances[copy] = hindrance
        return hindrance != before

    def hindrance(self, assistant: Assistant) -> WithdrawalFailure | None:
        """The first of them, in the order of the status."""
        found = (self.hindrances.get(copy) for copy in (*assistant.status.copies, None))
        return next((each for each in found if each), None)

    def told(self, assistant: Assistant) -> PublishResult | None:
        """What the status is to say of the copies; None if nothing is known since this process started."""
        hindrance, known = self.hindrance(assistant), self.outcome
        if assistant.metadata.is_being_deleted:
            return _of_deletion(assistant, hindrance) if hindrance else None
        if known and hindrance and not known.trouble:
            return replace(known, trouble=hindrance.of_former_copy())
        return known


def _of_deletion(assistant: Assistant, hindrance: WithdrawalFailure) -> PublishResult:
    copies = assistant.status.copies
    copy = copies[0] if copies else Copy(server="", assistant_id="")
    number = assistant.status.active_version or 0
    return PublishResult(number, copy, False, hindrance.reason, hindrance.of_deletion(), hindrance.progress)
