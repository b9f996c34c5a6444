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
    passed = max(passed, 0)
    minutes, hours, days = passed // 60, passed // 3600, passed // 86400
    if passed < 120:
        return f"{passed}s"
    if minutes < 10:
        return _parts(minutes, "m", passed % 60, "s")
    if minutes < 180:
        return f"{minutes}m"
    if hours < 8:
        return _parts(hours, "h", minutes % 60, "m")
    if hours < 48:
        return f"{hours}h"
    if days < 8:
        return _parts(days, "d", hours % 24, "h")
    if days < 730:
        return f"{days}d"
    return f"{days // 365}y" if days >= 2920 else _parts(days // 365, "y", days % 365, "d")


def _parts(greater: int, unit: str, less: int, lesser_unit: str) -> str:
    return f"{greater}{unit}{less}{lesser_unit}" if less else f"{greater}{unit}"
