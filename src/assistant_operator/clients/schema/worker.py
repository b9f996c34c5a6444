"""The process that judges content by JSON Schemas: one line of JSON in, one out. It may be killed at any time.

A process of its own, since a hostile schema can cost any time and memory: its limits are the kernel's.

A schema is validated and applied as JSON Schema 2020-12, also where its `$schema` names an older draft or is unknown.
Nothing is ever fetched. `format` is an annotation and fails no value, unless `$schema` names a meta-schema that
requires format-assertion: see `asserts_formats`.
"""

import json
import resource
import signal
import sys
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import jsonschema_rs

from .causes import causes

MOST_PROBLEMS = 3
_LONGEST = 1_000
_MEMORY = 2**30
_DIALECT = "https://json-schema.org/draft/2020-12/schema"
# The published meta-schemas whose own $vocabulary requires assertion; both drafts publish them as add-ons.
_ASSERTING = (
    "https://json-schema.org/draft/2020-12/meta/format-assertion",
    "https://json-schema.org/draft/2019-09/meta/format",
)
_ASSERTION = (
    "https://json-schema.org/draft/2020-12/vocab/format-assertion",
    "https://json-schema.org/draft/2019-09/vocab/format",
)
_REGEX = jsonschema_rs.RegexOptions(size_limit=2**20, dfa_size_limit=2**22)  # linear time, whatever the pattern


def asserts_formats(schema: dict[str, Any]) -> bool:
    """Whether the `$schema` of `schema` requires format-assertion.

    True if it names one of the two published meta-schemas that do, or a meta-schema that is embedded in `$defs` under
    that `$id` and has `"…/vocab/format-assertion": true` in its `$vocabulary`. False in every other case: the drafts 4,
    6 and 7 leave assertion to the implementation, 2019-09 and 2020-12 say annotation, and an unknown meta-schema is
    not fetched, so what it requires is not known.
    """
    if _named(schema) in _ASSERTING:
        return True
    vocabulary = _embedded(schema).get("$vocabulary")
    return isinstance(vocabulary, dict) and any(vocabulary.get(name) is True for name in _ASSERTION)


def _named(schema: dict[str, Any]) -> str:
    name = schema.get("$schema")
    return name.removesuffix("#") if isinstance(name, str) else ""


def _embedded(schema: dict[str, Any]) -> dict[str, Any]:
    """The meta-schema that `$schema` names, if it is embedded in `$defs`; else an empty one."""
    name, definitions = _named(schema), schema.get("$defs")
    for each in definitions.values() if name and isinstance(definitions, dict) else ():
        if isinstance(each, dict) and each.get("$id") == name:
            return each
    return {}


# The newest 256 schemas, if the memory of this process holds so many: if not it ends, and a new one begins with none.
@lru_cache(maxsize=256)
def _validator(schema: str) -> jsonschema_rs.Draft202012Validator:
    content = json.loads(schema)
    # Its own `$schema` would be fetched, from wherever it says.
    standard = {**content, "$schema": _DIALECT}
    jsonschema_rs.meta.validate(standard)
    return jsonschema_rs.Draft202012Validator(
        # Those meta-schemas declare no vocabulary but format: taken by their word, no other keyword would apply.
        standard if _named(content) in _ASSERTING else content,
        offline=True,
        mask="the value",
        pattern_options=_REGEX,
        validate_formats=asserts_formats(content),
    )


def _pointer(steps: Sequence[str | int]) -> str:
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in steps)


def _problems(schema: str, content: Any, place: str) -> list[str]:
    found: list[str] = []
    for error in _validator(schema).iter_errors(content):
        for cause in causes(error):
            if len(found) == MOST_PROBLEMS:
                return [*found, "and more"]
            found.append(_line(f"{place}{_pointer(cause.path)}: {cause}"))
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
