"""What happens next to the copies of an Assistant on LangGraph Servers: hold, publish, withdraw, let go. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from ..resources.assistant import Assistant, Copy
from ..resources.meta import GROUP, condition
from ..resources.reason import Reason
from .remote import Place
from .status import Claim, Fate

FINALIZER = f"{GROUP}/withdraw"
ABANDON = f"{GROUP}/abandon-copies"
PATIENCE = timedelta(minutes=10)
"""How long a deletion waits for servers that do not answer."""
MOST_COPIES = 8


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the last try to publish ended."""

    number: int
    copy: Copy
    holds: bool
    reason: Reason
    message: str
    fate: Fate = Fate.DONE
    policy: str = "Delete"
    """The deletion policy that the copy was marked with."""

    def claim(self) -> Claim:
        return Claim("Published", self.holds, self.reason, self.message)


def may_have_copies(assistant: Assistant) -> bool:
    """Whether there is anything of it on a server, or it is held as if there were."""
    return bool(assistant.status.copies) or FINALIZER in assistant.metadata.finalizers


def remembered(assistant: Assistant) -> Outcome | None:
    """The success that the status tells of: after a restart nothing of it is done again."""
    status = assistant.status
    said = condition(status.conditions, "Published")
    if said is None or said.status != "True" or not status.copies or status.active_version is None:
        return None
    number, copy, policy = status.active_version, status.copies[0], assistant.spec.deletion_policy
    return Outcome(number, copy, holds=True, reason=Reason.PUBLISHED, message=said.message, policy=policy)


@dataclass(frozen=True, slots=True)
class World:
    """All that a decision about the copies of one Assistant may know."""

    assistant: Assistant
    now: datetime
    place: Place | None = None
    """Where the active version belongs; None if it belongs nowhere."""
    is_place_known: bool = True
    """False while there is no active version, or its Graph does not exist."""
    is_held: bool = False
    """Whether our finalizer is on."""
    outcome: Outcome | None = None
    withdrawn: frozenset[Copy] = frozenset()
    """Copies that are gone, though the status does not say so yet."""
    lost: frozenset[Copy] = frozenset()
    """Copies whose credentials are gone for good: they went with the namespace, before the Assistant."""

    @property
    def pending(self) -> tuple[Copy, ...]:
        """Copies that must be withdrawn: all of an Assistant that is being deleted, else those at former places."""
        if self.assistant.metadata.is_being_deleted:
            stays = None
        elif not self.is_place_known:
            return ()
        else:
            stays = self.place.copy.site if self.place else None
        copies = self.assistant.status.copies
        return tuple(each for each in copies if each.site != stays and each not in self.withdrawn)

    @property
    def is_published(self) -> bool:
        """Whether the version in force is where it belongs, as far as is known."""
        known, status = self.outcome, self.assistant.status
        wanted = (status.active_version, self.place and self.place.copy, self.assistant.spec.deletion_policy)
        return known is not None and known.holds and (known.number, known.copy, known.policy) == wanted


@dataclass(frozen=True, slots=True)
class Hold:
    """Put the finalizer on: from now on a deletion waits until the copy is withdrawn."""


@dataclass(frozen=True, slots=True)
class Publish:
    """Make the server's copy what a version says."""

    number: int
    place: Place


@dataclass(frozen=True, slots=True)
class Withdraw:
    """Take a copy off its server, as the deletion policy says."""

    copy: Copy


@dataclass(frozen=True, slots=True)
class LetGo:
    """Take the finalizer off; `abandoned`: copies that nobody could withdraw."""

    abandoned: tuple[Copy, ...] = ()


Step = Hold | Publish | Withdraw | LetGo


def steps(world: World) -> Iterator[Step]:
    """What is due now, in order: what cannot be done now is passed over. Empty when nothing is."""
    if world.assistant.metadata.is_being_deleted:
        yield from _farewell(world)
    elif not world.assistant.spec.suspend:
        yield from _publication(world)
        if world.place is None or world.is_published:  # what runs is not taken away before there is another
            yield from (Withdraw(copy) for copy in world.pending)
        if world.is_held and world.is_place_known and not (world.place or world.assistant.status.copies):
            yield LetGo()


def _farewell(world: World) -> Iterator[Step]:
    if not world.is_held:
        return
    if not is_abandoned(world.assistant):
        yield from (Withdraw(copy) for copy in world.pending if copy not in world.lost)
    if world.lost.issuperset(world.pending) or is_abandoned(world.assistant) or _has_waited(world):
        yield LetGo(abandoned=world.pending)


def is_abandoned(assistant: Assistant) -> bool:
    """Whether somebody said that a deletion is to wait for no server."""
    return ABANDON in assistant.metadata.annotations


def _has_waited(world: World) -> bool:
    since = world.assistant.metadata.deletion_timestamp
    return since is not None and world.now - since > PATIENCE


def _publication(world: World) -> Iterator[Step]:
    place, active = world.place, world.assistant.status.active_version
    # Written down before it is done: what nobody remembers, nobody withdraws.
    if place is None or active is None or place.copy not in world.assistant.status.copies:
        return
    if not world.is_held:
        yield Hold()
    if not world.is_published:
        yield Publish(active, place)
