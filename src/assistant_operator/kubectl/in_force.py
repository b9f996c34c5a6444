"""Which version was in force at a time, from the status of the Assistant. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from assistant_operator.api.assistant import Activation, Assistant
from assistant_operator.api.assistant_version import AssistantVersion, version_name
from assistant_operator.api.meta import FreeForm
from assistant_operator.policy.assistant_status import MOST_ACTIVATIONS

from .errors import MISUSED, CliError


@dataclass(frozen=True, slots=True)
class InForce:
    """A period in which a version was in force. `until` and `following`: None if it still is."""

    number: int
    since: datetime
    until: datetime | None = None
    following: int | None = None
    user: str = ""
    cause: str = ""

    def sentence(self, name: str, at: datetime) -> str:
        """The period in words."""
        came = f"since {shown(self.since)}" + (f" by {self.user}" if self.user else "")
        why = f" ({self.cause})" if self.cause else ""
        went = f"until {shown(self.until)}, when {version_name(name, self.following or 0)} came into force"
        end = went if self.until else "and still is"
        return f"{version_name(name, self.number)} was in force at {shown(at)}: {came}{why}, {end}"


def shown(time: datetime | None) -> str:
    """The time as Kubernetes writes it."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if time else "<unknown>"


def parse_time(text: str, now: datetime) -> datetime:
    """A time such as 2026-11-20T12:00Z, without a zone in local time. Raises CliError, also for one in the future."""
    try:
        time = datetime.fromisoformat(text)
        time = time if time.tzinfo else time.astimezone()
        shown(time)
    except (ValueError, OverflowError, OSError):
        raise CliError(f"error: --at is a time such as 2026-11-20T12:00Z, not {text!r}", MISUSED) from None
    if time > now:
        raise CliError(f"error: {shown(time)} is in the future", MISUSED)
    return time


def in_force(assistant: Assistant, document: FreeForm, versions: Sequence[AssistantVersion], at: datetime) -> InForce:
    """The version in force at that time. Raises CliError if there was none, or if the status does not record it.

    `document`: the Assistant as the API server sent it; its activations may have fields that the model lacks.
    """
    activations = assistant.status.activations
    place = next((place for place, each in enumerate(activations) if each.since <= at), None)
    if place is None:
        raise CliError(f"error: {_unknown(assistant, activations, at)}{_newest_then(versions, at)}")
    following = activations[place - 1] if place else None
    stored = document["status"]["activations"][place]
    return InForce(
        number=activations[place].number,
        since=activations[place].since,
        until=following.since if following else None,
        following=following.number if following else None,
        user=stored.get("user") or "",
        cause=stored.get("cause") or "",
    )


def _unknown(assistant: Assistant, activations: Sequence[Activation], at: datetime) -> str:
    """Why no activation at that time is recorded."""
    name, created = assistant.metadata.name, assistant.metadata.creation_timestamp
    if created and at < created:
        return f"assistant {name!r} did not exist at {shown(at)}: it was created at {shown(created)}"
    if not activations:
        return f"the status of {name!r} records no activation, so none at {shown(at)}"
    first = activations[-1]
    if len(activations) < MOST_ACTIVATIONS:
        came = f"the first activation is that of {version_name(name, first.number)} at {shown(first.since)}"
        return f"no version of {name!r} was in force at {shown(at)}: {came}"
    return (
        f"which version of {name!r} was in force at {shown(at)} is no longer recorded: the status has the last"
        f" {len(activations)} activations, and they begin at {shown(first.since)}"
    )


def _newest_then(versions: Sequence[AssistantVersion], at: datetime) -> str:
    times = [(version, version.created_at) for version in versions]
    older = [version for version, time in times if time and time <= at]
    if not older:
        return ""
    newest = max(older, key=lambda version: version.number)
    created = shown(newest.created_at)
    return f". The newest version at that time was {newest.metadata.name}, of {created}"
