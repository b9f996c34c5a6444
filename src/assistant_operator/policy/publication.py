"""The steps for the copies of an object on LangGraph Servers: add finalizer, publish, withdraw, remove it. Pure."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from assistant_operator.api.assistant import Copy, copies_without
from assistant_operator.api.assistant_alias import Published
from assistant_operator.api.meta import GROUP, condition
from assistant_operator.api.reason import Reason

from .conditions import Finding
from .desired_copy import Target

FINALIZER = f"{GROUP}/withdraw"
ABANDON = f"{GROUP}/abandon-copies"
PATIENCE = timedelta(minutes=10)
"""How long a deletion waits for servers that do not answer."""
MOST_COPIES = 8
"""Maximum of `status.copies`. No copy is dropped for a newer one: an unrecorded copy would never be deleted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishResult(Finding):
    """The result of an attempt to publish."""

    number: int
    copy: Copy
    policy: str = "Delete"
    """The deletion policy in the metadata of the copy."""
    server_version: int | None = None
    """The server's own version number, until it is recorded in the status of the AssistantVersion."""
    trouble: str = ""
    """An error after the publication, such as a refused status of the AssistantVersion."""

    def with_trouble(self) -> Finding:
        """The finding for Published, with `trouble` in its message."""
        message = f"{self.message}; {self.trouble}" if self.trouble else self.message
        return replace(self, message=message)


def has_room(recorded: Iterable[Copy], copy: Copy) -> bool:
    """Whether the status has room for `copy` in addition to other recorded copies."""
    return sum(not each.is_same(copy) for each in recorded) < MOST_COPIES


def recorded_copies(present: tuple[Copy, ...], target: Target | None) -> tuple[Copy, ...]:
    """The copies of a status: the one that is to be published, which is first, and the others that may exist.

    `target`: None if nothing is to be published.
    """
    if target is None or not has_room(present, target.copy):
        return present
    return (target.copy, *(copy for copy in present if not copy.is_same(target.copy)))


def may_have_copies(published: Published) -> bool:
    """Whether the object has recorded copies, or the finalizer."""
    return bool(published.status.copies) or FINALIZER in published.metadata.finalizers


def remembered(published: Published) -> PublishResult | None:
    """The successful publication that the status records, if any. So a restart does not publish again."""
    status = published.status
    found = condition(status.conditions, "Published")
    if found is None or (found.status, found.reason) != ("True", Reason.PUBLISHED):
        return None
    if not status.copies or published.in_force is None:
        return None
    number, copy, policy = published.in_force, status.copies[0], published.spec.deletion_policy
    return PublishResult(True, Reason.PUBLISHED, found.message, number=number, copy=copy, policy=policy)


def publication_finding(
    published: Published,
    number: int,
    name: str,
    target: Target,
    known: PublishResult | None,
    recorded: Iterable[Copy],
) -> Finding:
    """Whether that version is published to the target. `name`: of the version. `known`: the result of the last attempt.

    `recorded`: the copies that may exist.
    """
    known = known or remembered(published)
    if known and known.number == number and known.copy.is_equal(target.copy):
        return known.with_trouble()
    message = f"{name} is being published to {target.copy.server}"
    if not has_room(recorded, target.copy):
        message += f", once one of its {MOST_COPIES} copies on former servers is withdrawn"
    return Finding(False, Reason.PUBLISHING, message)


@dataclass(frozen=True, slots=True)
class PublicationInput:
    """All facts that a decision about the copies of one object may use."""

    published: Published
    now: datetime
    target: Target | None = None
    """Where the version in force is published to; None if its Graph declares no server."""
    is_target_known: bool = True
    """False while there is no version in force, or its Graph does not exist."""
    is_held: bool = False
    """Whether the object has the operator's finalizer."""
    publish_result: PublishResult | None = None
    """The result of the last attempt to publish."""
    withdrawn: frozenset[Copy] = frozenset()
    """Copies that are deleted on their servers, but still recorded in the status."""
    lost: frozenset[Copy] = frozenset()
    """Copies that cannot be withdrawn: the Secrets of a terminating namespace were deleted before the object."""

    @property
    def pending(self) -> tuple[Copy, ...]:
        """Copies to withdraw: all if the object is being deleted, else those that are not at the target."""
        is_deleted = self.published.metadata.is_being_deleted
        if not (is_deleted or self.is_target_known):
            return ()
        current = self.target.copy if self.target and not is_deleted else None
        return tuple(copy for copy in self.present if not (current and copy.is_same(current)))

    @property
    def present(self) -> tuple[Copy, ...]:
        """Recorded copies that may exist on a server."""
        return copies_without(self.published.status.copies, self.withdrawn)

    @property
    def is_retained(self) -> bool:
        """Whether its copies stay when it is deleted, so that it needs no finalizer."""
        return self.published.spec.deletion_policy == "Retain"

    @property
    def is_published(self) -> bool:
        """Whether the version in force is published to the target with the present deletion policy."""
        known, target = self.publish_result, self.target
        if known is None or target is None or not known.holds or not known.copy.is_equal(target.copy):
            return False
        desired = (self.published.in_force, self.published.spec.deletion_policy)
        return (known.number, known.policy) == desired


@dataclass(frozen=True, slots=True)
class AddFinalizer:
    """Add the finalizer, so that a deletion waits until the copies are withdrawn."""


@dataclass(frozen=True, slots=True)
class Publish:
    """Create or update the copy on the server with the content of a version."""

    number: int
    target: Target


@dataclass(frozen=True, slots=True)
class RecordServerVersion:
    """Write the server's own number into the status of the version that is published."""

    number: int
    server_version: int


@dataclass(frozen=True, slots=True)
class Withdraw:
    """Delete the copy on its server, or reset the server's own default assistant; with Retain, only mark it."""

    copy: Copy


@dataclass(frozen=True, slots=True)
class RemoveFinalizer:
    """Remove the finalizer. `abandoned`: copies that could not be withdrawn."""

    abandoned: tuple[Copy, ...] = ()


Step = AddFinalizer | Publish | RecordServerVersion | Withdraw | RemoveFinalizer


def steps(input: PublicationInput) -> Iterator[Step]:
    """The steps that are due, in order; none if there is nothing to do. A step that must wait does not block others."""
    if input.published.metadata.is_being_deleted:
        yield from _finalize(input)
    elif not input.published.is_suspended:
        yield from _publication(input)
        if input.target is None or input.is_published:  # a former copy stays until the new one is published
            yield from (Withdraw(copy) for copy in input.pending)
        elif not has_room(input.present, input.target.copy):  # the oldest first, until the new copy can be recorded
            yield from (Withdraw(copy) for copy in reversed(input.pending))
        if _is_finalizer_unneeded(input):
            yield RemoveFinalizer()


def _finalize(input: PublicationInput) -> Iterator[Step]:
    if not input.is_held:
        return
    # The metadata of a retained copy has the policy since it was published. If it may not have it, one attempt is made.
    if not is_withdrawal_abandoned(input.published) and not (input.is_retained and input.is_published):
        yield from (Withdraw(copy) for copy in input.pending if copy not in input.lost)
    if input.is_retained:
        yield RemoveFinalizer()
    elif input.lost.issuperset(input.pending) or is_withdrawal_abandoned(input.published) or _has_waited(input):
        yield RemoveFinalizer(abandoned=input.pending)


def _is_finalizer_unneeded(input: PublicationInput) -> bool:
    """Whether the finalizer is set, and a deletion would withdraw no copy."""
    if not input.is_held or not input.is_target_known or input.pending:
        return False
    if input.target is None:
        return not input.published.status.copies
    return input.is_retained and input.is_published


def is_withdrawal_abandoned(published: Published) -> bool:
    """Whether the annotation allows the deletion without withdrawing the copies."""
    return ABANDON in published.metadata.annotations


def _has_waited(input: PublicationInput) -> bool:
    since = input.published.metadata.deletion_timestamp
    return since is not None and input.now - since > PATIENCE


def _publication(input: PublicationInput) -> Iterator[Step]:
    target, in_force = input.target, input.published.in_force
    is_held = input.is_held or input.is_retained
    # The copy is recorded in the status before it is published: a copy that is not recorded would never be withdrawn.
    is_recorded = target is not None and any(copy.is_equal(target.copy) for copy in input.published.status.copies)
    # A copy that was withdrawn from a server may belong there again.
    if (input.present or is_recorded) and not is_held:
        yield AddFinalizer()
    if target is None or in_force is None or not is_recorded:
        return
    if is_held and not input.is_published:
        yield Publish(in_force, target)
    if input.is_published and input.publish_result and input.publish_result.server_version:
        yield RecordServerVersion(in_force, input.publish_result.server_version)


_VARYING = re.compile(r"[0-9a-f]{8,}(-[0-9a-f]{4,})*|\d+")


def same_words(before: str, now: str) -> str:
    """The message of a repeated error: `before` if `now` differs only in numbers and ids, such as the id of a request.

    A message that changed on each retry would cause a status write on each retry.
    """
    return before if _VARYING.sub("#", before) == _VARYING.sub("#", now) else now
