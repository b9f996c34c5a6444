"""What happens next to the copies of an Assistant on LangGraph Servers: hold, publish, withdraw, let go. Pure."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from assistant_operator.api.assistant import Assistant, Copy
from assistant_operator.api.meta import GROUP, condition
from assistant_operator.api.reason import Reason

from .conditions import ConditionDraft, Progress
from .desired_copy import Target

FINALIZER = f"{GROUP}/withdraw"
ABANDON = f"{GROUP}/abandon-copies"
PATIENCE = timedelta(minutes=10)
"""How long a deletion waits for servers that do not answer."""
MOST_COPIES = 8
"""Of copies that a status records. None is dropped for a newer one: an unrecorded copy would never be deleted."""


@dataclass(frozen=True, slots=True)
class PublishResult:
    """How the last try to publish ended."""

    number: int
    copy: Copy
    holds: bool
    reason: Reason
    message: str
    progress: Progress = Progress.DONE
    policy: str = "Delete"
    """The deletion policy that the copy was marked with."""
    server_version: int | None = None
    """The server's own number of the content, while the version does not record it."""
    trouble: str = ""
    """What failed beside the publication itself."""

    def draft(self) -> ConditionDraft:
        message = f"{self.message}; {self.trouble}" if self.trouble else self.message
        return ConditionDraft("Published", self.holds, self.reason, message)


def has_room(recorded: Iterable[Copy], copy: Copy) -> bool:
    """Whether `copy` can be recorded beside the copies that are recorded and are not the same."""
    return sum(not each.is_same(copy) for each in recorded) < MOST_COPIES


def may_have_copies(assistant: Assistant) -> bool:
    """Whether there is anything of it on a server, or it is held as if there were."""
    return bool(assistant.status.copies) or FINALIZER in assistant.metadata.finalizers


def remembered(assistant: Assistant) -> PublishResult | None:
    """The success that the status tells of: after a restart nothing of it is done again."""
    status = assistant.status
    said = condition(status.conditions, "Published")
    if said is None or (said.status, said.reason) != ("True", Reason.PUBLISHED):
        return None
    if not status.copies or status.active_version is None:
        return None
    number, copy, policy = status.active_version, status.copies[0], assistant.spec.deletion_policy
    return PublishResult(number, copy, holds=True, reason=Reason.PUBLISHED, message=said.message, policy=policy)


@dataclass(frozen=True, slots=True)
class PublicationInput:
    """All that a decision about the copies of one Assistant may know."""

    assistant: Assistant
    now: datetime
    place: Target | None = None
    """Where the active version belongs; None if it belongs nowhere."""
    is_place_known: bool = True
    """False while there is no active version, or its Graph does not exist."""
    is_held: bool = False
    """Whether our finalizer is on."""
    outcome: PublishResult | None = None
    withdrawn: frozenset[Copy] = frozenset()
    """Copies that are gone, though the status does not say so yet."""
    lost: frozenset[Copy] = frozenset()
    """Copies whose credentials are gone for good: they went with the namespace, before the Assistant."""

    @property
    def pending(self) -> tuple[Copy, ...]:
        """Copies that must be withdrawn: all of an Assistant that is being deleted, else those at former places."""
        is_deleted = self.assistant.metadata.is_being_deleted
        if not (is_deleted or self.is_place_known):
            return ()
        stays = self.place.copy if self.place and not is_deleted else None
        return tuple(each for each in self.present if not (stays and each.is_same(stays)))

    @property
    def present(self) -> tuple[Copy, ...]:
        """Copies that are on a server, or may be."""
        return self.assistant.status.copies_without(self.withdrawn)

    @property
    def is_retained(self) -> bool:
        """Whether its copies stay when it is deleted, so that nothing has to hold the deletion."""
        return self.assistant.spec.deletion_policy == "Retain"

    @property
    def is_published(self) -> bool:
        """Whether the version in force is where it belongs, as far as is known."""
        known, place = self.outcome, self.place
        if known is None or place is None or not known.holds or not known.copy.is_equal(place.copy):
            return False
        wanted = (self.assistant.status.active_version, self.assistant.spec.deletion_policy)
        return (known.number, known.policy) == wanted


@dataclass(frozen=True, slots=True)
class AddFinalizer:
    """Put the finalizer on: from now on a deletion waits until the copy is withdrawn."""


@dataclass(frozen=True, slots=True)
class Publish:
    """Make the server's copy what a version says."""

    number: int
    place: Target


@dataclass(frozen=True, slots=True)
class RecordServerVersion:
    """Write the server's own number into the status of the version that is published."""

    number: int
    server_version: int


@dataclass(frozen=True, slots=True)
class Withdraw:
    """Take a copy off its server, as the deletion policy says."""

    copy: Copy


@dataclass(frozen=True, slots=True)
class RemoveFinalizer:
    """Take the finalizer off; `abandoned`: copies that nobody could withdraw."""

    abandoned: tuple[Copy, ...] = ()


Step = AddFinalizer | Publish | RecordServerVersion | Withdraw | RemoveFinalizer


def steps(world: PublicationInput) -> Iterator[Step]:
    """What is due now, in order: what cannot be done now is passed over. Empty when nothing is."""
    if world.assistant.metadata.is_being_deleted:
        yield from _finalize(world)
    elif not world.assistant.spec.suspend:
        yield from _publication(world)
        if world.place is None or world.is_published:  # what runs is not taken away before there is another
            yield from (Withdraw(copy) for copy in world.pending)
        elif not has_room(world.present, world.place.copy):  # the oldest first, until the new place can be recorded
            yield from (Withdraw(copy) for copy in reversed(world.pending))
        if _is_held_for_nothing(world):
            yield RemoveFinalizer()


def _finalize(world: PublicationInput) -> Iterator[Step]:
    if not world.is_held:
        return
    # A copy that stays says so in its metadata since it was published. Only where it may not yet, it is tried once.
    if not is_withdrawal_abandoned(world.assistant) and not (world.is_retained and world.is_published):
        yield from (Withdraw(copy) for copy in world.pending if copy not in world.lost)
    if world.is_retained:
        yield RemoveFinalizer()
    elif world.lost.issuperset(world.pending) or is_withdrawal_abandoned(world.assistant) or _has_waited(world):
        yield RemoveFinalizer(abandoned=world.pending)


def _is_held_for_nothing(world: PublicationInput) -> bool:
    """Whether no copy would be left behind that should be withdrawn, were the Assistant deleted now."""
    if not world.is_held or not world.is_place_known or world.pending:
        return False
    if world.place is None:
        return not world.assistant.status.copies
    return world.is_retained and world.is_published


def is_withdrawal_abandoned(assistant: Assistant) -> bool:
    """Whether somebody said that a deletion is to wait for no server."""
    return ABANDON in assistant.metadata.annotations


def _has_waited(world: PublicationInput) -> bool:
    since = world.assistant.metadata.deletion_timestamp
    return since is not None and world.now - since > PATIENCE


def _publication(world: PublicationInput) -> Iterator[Step]:
    place, active = world.place, world.assistant.status.active_version
    is_held = world.is_held or world.is_retained
    # Written down before it is done: what nobody remembers, nobody withdraws.
    is_recorded = place is not None and any(each.is_equal(place.copy) for each in world.assistant.status.copies)
    # A copy that was withdrawn from a place may belong there again.
    if (world.present or is_recorded) and not is_held:
        yield AddFinalizer()
    if place is None or active is None or not is_recorded:
        return
    if is_held and not world.is_published:
        yield Publish(active, place)
    if world.is_published and world.outcome and world.outcome.server_version:
        yield RecordServerVersion(active, world.outcome.server_version)


_VARYING = re.compile(r"[0-9a-f]{8,}(-[0-9a-f]{4,})*|\d+")


def same_words(before: str, now: str) -> str:
    """What to say of a refusal: the former words where they differ in numbers only, such as the id of a request."""
    return before if _VARYING.sub("#", before) == _VARYING.sub("#", now) else now
