"""Which version was in force at a time, and what is said where that is not known."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from assistant_operator.api.assistant import Activation
from assistant_operator.kubectl.errors import MISUSED, CliError
from assistant_operator.kubectl.in_force import InForce, in_force, parse_time, shown
from harness.worlds import NOW, a_status, an_assistant
from unit.kubectl.kept import kept

HOUR = timedelta(hours=1)
CREATED = NOW - 9 * HOUR


def activations(*numbers: int) -> tuple[Activation, ...]:
    """Newest first, one an hour, the newest an hour ago."""
    return tuple(Activation(number=number, since=NOW - place * HOUR) for place, number in enumerate(numbers, 1))


def assistant(*numbers: int, created: datetime | None = CREATED) -> Any:
    meta = {"creation_timestamp": created}
    return an_assistant(status=a_status(activations=activations(*numbers)), meta=meta)


def document(*numbers: int, **different: Any) -> dict[str, Any]:
    return {"status": {"activations": [{"number": number, **different} for number in numbers]}}


@pytest.mark.parametrize(
    ("at", "number", "since", "following"),
    [
        pytest.param(NOW, 3, NOW - HOUR, None, id="now"),
        pytest.param(NOW - HOUR, 3, NOW - HOUR, None, id="the moment it came into force"),
        pytest.param(NOW - 1.5 * HOUR, 2, NOW - 2 * HOUR, 3, id="between two"),
        pytest.param(NOW - 3 * HOUR, 1, NOW - 3 * HOUR, 2, id="the first moment"),
    ],
)
def test_the_version_in_force(at: datetime, number: int, since: datetime, following: int | None) -> None:
    until = NOW - HOUR if following == 3 else NOW - 2 * HOUR if following else None
    found = in_force(assistant(3, 2, 1), document(3, 2, 1), kept(), at)
    assert found == InForce(number, since, until, following)


def test_who_activated_it_and_why_is_read_where_the_operator_records_it() -> None:
    told = document(3, user="jane", cause="legal asked")
    found = in_force(assistant(3), told, kept(), NOW)
    assert found.sentence("bot", NOW) == (
        "bot-v3 was in force at 2026-03-01T12:00:00Z: since 2026-03-01T11:00:00Z by jane (legal asked), and still is"
    )


def test_the_end_of_a_period_is_said() -> None:
    period = InForce(2, NOW - 2 * HOUR, NOW - HOUR, 3)
    assert period.sentence("bot", NOW - 1.5 * HOUR) == (
        "bot-v2 was in force at 2026-03-01T10:30:00Z: since 2026-03-01T10:00:00Z,"
        " until 2026-03-01T11:00:00Z, when bot-v3 came into force"
    )


MANY = tuple(range(30, 10, -1))


@pytest.mark.parametrize(
    ("numbers", "created", "at", "message"),
    [
        pytest.param(
            (3, 2),
            NOW - 3 * HOUR,
            NOW - 4 * HOUR,
            "error: assistant 'bot' did not exist at 2026-03-01T08:00:00Z: it was created at 2026-03-01T09:00:00Z",
            id="before it was created",
        ),
        pytest.param(
            (3, 2),
            CREATED,
            NOW - 4 * HOUR,
            "error: no version of 'bot' was in force at 2026-03-01T08:00:00Z: the first activation is that of bot-v2"
            " at 2026-03-01T10:00:00Z",
            id="before the first activation",
        ),
        pytest.param(
            (),
            CREATED,
            NOW - 2 * HOUR,
            "error: the status of 'bot' records no activation, so none at 2026-03-01T10:00:00Z. The newest version at"
            " that time was bot-v2, of 2026-03-01T10:00:00Z",
            id="never activated, or an operator that does not record it",
        ),
        pytest.param(
            MANY,
            NOW - 90 * HOUR,
            NOW - 24 * HOUR,
            "error: which version of 'bot' was in force at 2026-02-28T12:00:00Z is no longer recorded: the status"
            " has the last 20 activations, and they begin at 2026-02-28T16:00:00Z",
            id="before the record begins",
        ),
    ],
)
def test_what_is_not_known_is_said(numbers: Any, created: datetime, at: datetime, message: str) -> None:
    with pytest.raises(CliError) as error:
        in_force(assistant(*numbers, created=created), document(*numbers), kept(), at)
    assert (str(error.value), error.value.exit_code) == (message, 1)


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2026-02-20T12:00Z", datetime(2026, 2, 20, 12, tzinfo=UTC)),
        ("2026-02-20T12:00:30Z", datetime(2026, 2, 20, 12, 0, 30, tzinfo=UTC)),
        ("2026-02-20 12:00+02:00", datetime(2026, 2, 20, 10, tzinfo=UTC)),
        ("2026-02-20T12:00:00.5Z", datetime(2026, 2, 20, 12, 0, 0, 500_000, tzinfo=UTC)),
    ],
)
def test_times(text: str, time: datetime) -> None:
    assert parse_time(text, NOW) == time


@pytest.mark.parametrize(("text", "hour"), [("2026-02-20", 0), ("2026-02-20T12:00", 12)])
def test_a_time_without_a_zone_is_local(text: str, hour: int) -> None:
    assert parse_time(text, NOW) == datetime(2026, 2, 20, hour).astimezone()


@pytest.mark.parametrize(
    "text", ["", "yesterday", "12:00", "2026-13-01", "0001-01-01T00:00+14:00", "2026-03-01T12:01Z"]
)
def test_what_is_no_time_in_the_past_is_a_misuse(text: str) -> None:
    with pytest.raises(CliError) as error:
        parse_time(text, NOW)
    assert error.value.exit_code == MISUSED


def test_times_are_shown_in_utc() -> None:
    assert shown(datetime(2026, 2, 20, 12, tzinfo=timezone(2 * HOUR))) == "2026-02-20T10:00:00Z"
    assert shown(None) == "<unknown>"
