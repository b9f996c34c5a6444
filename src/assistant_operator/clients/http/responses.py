"""What the clients of HTTP servers share: an answer up to a bound, its JSON, when to ask again, and errors in words."""

import json
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp

LONGEST_PAUSE = 300.0
"""Seconds that a server may ask us to wait."""


class TooLarge(Exception):
    """The answer has more bytes than are read of one."""


async def whole(answer: aiohttp.ClientResponse, most: int) -> bytes:
    """The body, of `most` bytes at most. Raises TooLarge as soon as there is more. The connection is closed then."""
    parts, size = [], 0
    try:
        async for part in answer.content.iter_any():
            size += len(part)
            if size > most:
                break
            parts.append(part)
    except BaseException:
        answer.close()
        raise
    if size > most:
        answer.close()
        raise TooLarge
    return b"".join(parts)


def parsed(text: bytes) -> Any:
    """The JSON. Raises ValueError for anything else, also for JSON nested deeper than Python can read."""
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def pause(retry_after: str | None) -> float | None:
    """The seconds that a header Retry-After asks for, as a number or as a date, at most LONGEST_PAUSE.

    None if it asks for nothing that can be understood, or for a time that has passed.
    """
    text = (retry_after or "").strip()
    if text.isascii() and text.isdigit():
        return min(float(text), LONGEST_PAUSE)
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return None
    left = (date.replace(tzinfo=date.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
    return min(left, LONGEST_PAUSE) if left > 0 else None


def words(error: BaseException) -> str:
    """An error in one line. Never its repr: those of aiohttp show the headers of the request, so our token."""
    return f"{type(error).__name__}({' '.join(str(error).split())})"
