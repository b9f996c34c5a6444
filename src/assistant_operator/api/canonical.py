"""Canonical JSON (RFC 8785), for comparing content and for digests."""

import hashlib
import json
from typing import Any

import rfc8785

_SAFE = 2**53 - 1
_ENCODER = json.JSONEncoder(ensure_ascii=False)


def canonical(content: Any) -> bytes:
    """`content`, as `json.loads` returns it, in canonical form. Raises TypeError for anything else.

    An integer that a double cannot hold is written as its exact digits. RFC 8785 refuses or rounds it; so every
    content has a canonical form, and different contents have different ones.
    """
    match content:
        case dict():
            members = sorted(content.items(), key=lambda member: member[0].encode("utf-16-be", "surrogatepass"))
            # Lists, not generators: a generator uses C stack at each level, and the API server accepts more levels than
            # that stack has room for.
            return b"{%s}" % b",".join([_text(key) + b":" + canonical(value) for key, value in members])
        case list() | tuple():
            return b"[%s]" % b",".join([canonical(item) for item in content])
        case str():
            return _text(content)
        case bool() | None:
            return rfc8785.dumps(content)
        case int():
            return _integer(content)
        case float():
            return rfc8785.dumps(content)
    raise TypeError(f"{type(content).__name__} is not JSON")


def digest(content: bytes) -> str:
    """`sha256:` and the hexadecimal digest of `content`."""
    return "sha256:" + hashlib.sha256(content).hexdigest()


def _text(text: str) -> bytes:
    # The standard library escapes as RFC 8785 requires, in C. "surrogatepass": a lone surrogate must not raise here.
    return _ENCODER.encode(text).encode("utf-8", "surrogatepass")


def _integer(number: int) -> bytes:
    exact = b"%d" % number
    if -_SAFE <= number <= _SAFE:
        return exact
    try:
        shortest = rfc8785.dumps(float(number))
    except OverflowError:
        return exact
    # The shortest decimal of a double may be another integer: that of 2^60 ends in 7000, and 2^60 ends in 6976.
    return shortest if b"e" in shortest and _value(shortest) == number else exact


def _value(decimal: bytes) -> int:
    mantissa, _, exponent = decimal.decode().partition("e+")
    whole, _, fraction = mantissa.partition(".")
    zeros = int(exponent) - len(fraction)
    return int(whole + fraction + "0" * zeros)
