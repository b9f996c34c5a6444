"""Times as the API server writes them."""

from datetime import datetime


def seconds(time: datetime) -> str:
    """metav1.Time."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


def age(since: str, now: datetime) -> str:
    """How long ago that was, as the columns of a Table show it."""
    passed = int((now - datetime.fromisoformat(since)).total_seconds())
    if passed < -1:
        return "<invalid>"
    minutes, hours, days = passed // 60, passed // 3600, passed // 86400
    steps = (
        (passed < 120, f"{max(passed, 0)}s"),
        (minutes < 10, _parts(minutes, "m", passed % 60, "s")),
        (minutes < 180, f"{minutes}m"),
        (hours < 8, _parts(hours, "h", minutes % 60, "m")),
        (hours < 48, f"{hours}h"),
        (days < 8, _parts(days, "d", hours % 24, "h")),
        (days < 730, f"{days}d"),
        (days < 2920, _parts(days // 365, "y", days % 365, "d")),
    )
    return next((shown for fits, shown in steps if fits), f"{days // 365}y")


def _parts(greater: int, unit: str, less: int, lesser_unit: str) -> str:
    return f"{greater}{unit}{less}{lesser_unit}" if less else f"{greater}{unit}"
