"""Shared by the HTTP clients: bounded bodies, JSON, Retry-After, and errors as text."""

import json
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp

LONGEST_RETRY_AFTER = 300.0
"""Upper bound of Retry-After, in seconds."""


class TooLarge(Exception):
    """The response body is larger than the limit."""


async def read_body(answer: aiohttp.ClientResponse, most: int) -> bytes:
    """Return the body. Raises TooLarge and closes the connection as soon as there are more than `most` bytes."""
    body = bytearray()
    try:
        async for part in answer.content.iter_any():
            body += part
            if len(body) > most:
                break
        else:
            return bytes(body)
    except BaseException:  # also if the task is cancelled
        answer.close()
        raise
    answer.close()
    raise TooLarge


def parse_json(text: bytes) -> Any:
    """Return the parsed JSON. Raises ValueError for anything else, and for JSON nested too deeply for Python."""
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def retry_after_seconds(retry_after: str | None) -> float | None:
    """Return the seconds that a header Retry-After asks for, as a number or as a date; at most LONGEST_RETRY_AFTER.

    None if the header is absent or invalid, or if the date has passed.
    """
    text = (retry_after or "").strip()
    if text.isascii() and text.isdigit():
        return min(float(text), LONGEST_RETRY_AFTER)
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return None
    left = (date.replace(tzinfo=date.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
    return min(left, LONGEST_RETRY_AFTER) if left > 0 else None


def describe(error: BaseException) -> str:
    """Return an error as one line. Not its repr: in aiohttp it contains the request headers, and so the token."""
    return f"{type(error).__name__}({' '.join(str(error).split())})"
