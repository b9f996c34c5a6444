"""Which version was in force when, as bars on one scale. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from assistant_operator.kubectl.text import age

from .rows import ActivationRow

_TICKS = 6
_STEPS = (
    *(timedelta(seconds=seconds) for seconds in (1, 5, 15, 30)),
    *(timedelta(minutes=minutes) for minutes in (1, 5, 15, 30)),
    *(timedelta(hours=hours) for hours in (1, 3, 6, 12)),
    *(timedelta(days=days) for days in (1, 2, 7, 14, 30, 90, 365, 3650)),
)
_THINNEST = 0.4
"""Percent of the width that a bar has at least: a shorter time would not be visible."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One time in which a version was in force. `start` and `width`: percent of the whole time."""

    start: float
    width: float
    title: str
    is_now: bool


@dataclass(frozen=True, slots=True)
class Lane:
    """The bars of one version."""

    number: int
    bars: tuple[Bar, ...]
    total: str
    """How long it was in force, in all."""


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark on the axis of time. `at`: percent of the whole time."""

    at: float
    label: str
    is_late: bool
    """Whether it is so far right that its label stands to its left."""


@dataclass(frozen=True, slots=True)
class Chart:
    """The lanes, highest number first."""

    lanes: tuple[Lane, ...]
    ticks: tuple[Tick, ...]
    start: datetime


def chart(activations: Sequence[ActivationRow], now: datetime) -> Chart | None:
    """`activations`: newest first, as in the status. None without any."""
    if not activations:
        return None
    # Times have whole seconds: of two activations within one, the status has the newer one first.
    oldest_first = activations[::-1]
    ordered = sorted(oldest_first, key=lambda each: each.since)
    start = ordered[0].since
    whole = max(now - start, timedelta(seconds=1))
    ends = [*(each.since for each in ordered[1:]), max(now, start)]
    lanes: dict[int, list[Bar]] = {}
    totals: dict[int, timedelta] = {}
    for activation, end in zip(ordered, ends, strict=True):
        lanes.setdefault(activation.number, []).append(
            _bar(activation, end, start, whole, is_now=activation is ordered[-1])
        )
        totals[activation.number] = totals.get(activation.number, timedelta()) + (end - activation.since)
    return Chart(
        tuple(Lane(number, tuple(lanes[number]), _span(totals[number])) for number in sorted(lanes, reverse=True)),
        tuple(_ticks(start, whole)),
        start,
    )


def _bar(activation: ActivationRow, end: datetime, start: datetime, whole: timedelta, *, is_now: bool) -> Bar:
    at = 100 * ((activation.since - start) / whole)
    width = max(_THINNEST, 100 * ((end - activation.since) / whole))
    until = "now" if is_now else f"{end:%Y-%m-%d %H:%M:%S}"
    why = " · ".join(filter(None, (activation.user, activation.cause)))
    title = f"v{activation.number}: {activation.since:%Y-%m-%d %H:%M:%S} to {until} ({_span(end - activation.since)})"
    return Bar(round(min(at, 100 - width), 3), round(width, 3), f"{title}{' · ' if why else ''}{why}", is_now)


def _span(length: timedelta) -> str:
    zero = datetime(2000, 1, 1, tzinfo=UTC)
    return age(zero, zero + length)


def _ticks(start: datetime, whole: timedelta) -> Iterator[Tick]:
    step = next((step for step in _STEPS if whole / step <= _TICKS), _STEPS[-1])
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    tick = epoch + -(-(start - epoch) // step) * step
    label = "%Y-%m-%d" if step >= timedelta(days=1) else "%H:%M" if step >= timedelta(minutes=1) else "%H:%M:%S"
    while tick <= start + whole:
        at = round(100 * ((tick - start) / whole), 3)
        yield Tick(at, f"{tick:{label}}", is_late=at > 85)  # noqa: PLR2004 (percent)
        tick += step
