"""The process that judges content by JSON Schemas: one line of JSON in, one out. It may be killed at any time.

A process of its own, since a hostile schema can cost any time and memory: its limits are the kernel's.
"""

import json
import resource
import signal
import sys
from functools import lru_cache
from typing import Any

import jsonschema_rs

MOST_PROBLEMS = 3
_LONGEST = 1_000
_MEMORY = 2**30
_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_REGEX = jsonschema_rs.RegexOptions(size_limit=2**20, dfa_size_limit=2**22)  # linear time, whatever the pattern


@lru_cache(maxsize=256)
def _validator(schema: str) -> jsonschema_rs.Draft202012Validator:
    content = json.loads(schema)
    # Its own `$schema` would be fetched, from wherever it says.
    jsonschema_rs.meta.validate({**content, "$schema": _DIALECT})
    return jsonschema_rs.Draft202012Validator(
        content, offline=True, mask="the value", pattern_options=_REGEX, validate_formats=True
    )


def _pointer(steps: list[str | int]) -> str:
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in steps)


def _problems(schema: str, content: Any, place: str) -> list[str]:
    found: list[str] = []
    for error in _validator(schema).iter_errors(content):
        if len(found) == MOST_PROBLEMS:
            return [*found, "and more"]
        found.append(_line(f"{place}{_pointer(error.instance_path)}: {error.message}"))
    return found


def _line(text: str) -> str:
    short = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in short)


def answer(question: dict[str, Any]) -> dict[str, Any]:
    """`{"parts": [[place, schema text, content], …]}` → `{"problems": […]}`, or `{"unusable": why}`."""
    problems: list[str] = []
    for place, schema, content in question["parts"]:
        try:
            problems += _problems(schema, content, place)
        except jsonschema_rs.ValidationError as error:
            where = _pointer(error.instance_path)
            return {"unusable": _line(f"the schema for {place} is wrong at '{where}': {error.message}")}
        except (ValueError, jsonschema_rs.ReferencingError, RecursionError) as error:
            return {"unusable": _line(f"the schema for {place} cannot be used: {error}".split("\n")[0])}
    return {"problems": problems}


def main(seconds: float) -> None:
    """Answer until standard input ends; `seconds` of processor time for one question, then the kernel ends us."""
    sys.setrecursionlimit(20_000)
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    for line in sys.stdin.buffer:
        signal.setitimer(signal.ITIMER_PROF, seconds)
        told = answer(json.loads(line))
        signal.setitimer(signal.ITIMER_PROF, 0)
        sys.stdout.buffer.write(json.dumps(told).encode() + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main(float(sys.argv[1]))
