"""The canonical form of JSON content (RFC 8785), by which content is compared and digested."""

import hashlib
import json
from typing import Any

import rfc8785

_SAFE = 2**53 - 1


def canonical(content: Any) -> bytes:
    """`content` (JSON as Python reads it) in the one spelling that RFC 8785 gives it.

    An integer that a double cannot hold is written as its exact digits, where RFC 8785 refuses or rounds:
    no content is ever refused, and no two contents are ever confused.
    """
    match content:
        case dict():
            members = sorted(content.items(), key=lambda member: member[0].encode("utf-16-be", "surrogatepass"))
            # Lists, not generators: these take C stack at each level, which ends before the API server's levels do.
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
    # The standard library escapes as RFC 8785 asks, in C. A lone surrogate has no UTF-8, and must not fail a digest.
    return json.dumps(text, ensure_ascii=False).encode("utf-8", "surrogatepass")


def _integer(number: int) -> bytes:
    exact = b"%d" % number
    if -_SAFE <= number <= _SAFE:
        return exact
    try:
        spelled = rfc8785.dumps(float(number))
    except OverflowError:
        return exact
    # A double's shortest spelling may denote another integer (2^60 is spelled ...7000 and is ...6976).
    return spelled if b"e" in spelled and _denotes(spelled) == number else exact


def _denotes(spelled: bytes) -> int:
    mantissa, _, exponent = spelled.decode().partition("e+")
    whole, _, fraction = mantissa.partition(".")
    zeros = int(exponent) - len(fraction)
    return int(whole + fraction + "0" * zeros)
