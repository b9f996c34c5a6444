"""The worker process: reads lines of JSON, each with contents to validate, and answers each with a line.

It may be killed at any time.

A hostile schema can use any amount of CPU time and memory. In a separate process the kernel enforces the limits.

A schema is validated and applied as JSON Schema 2020-12, also if its `$schema` names an older draft or is unknown.
Remote references are never fetched. `format` is an annotation and rejects no value, unless `$schema` names a
meta-schema that requires format-assertion: see `asserts_formats`.
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
_REGEX = jsonschema_rs.RegexOptions(size_limit=2**20, dfa_size_limit=2**22)  # linear time for every pattern


def asserts_formats(schema: dict[str, Any]) -> bool:
    """Return whether the `$schema` of `schema` requires format-assertion.

    True if it names one of the two published meta-schemas that do, or a meta-schema that is embedded in `$defs` under
    that `$id` and has `"…/vocab/format-assertion": true` in its `$vocabulary`. False in every other case: the drafts 4,
    6 and 7 leave assertion to the implementation, 2019-09 and 2020-12 define annotation, and an unknown meta-schema is
    not fetched, so its requirements are unknown.
    """
    if _meta_schema(schema) in _ASSERTING:
        return True
    vocabulary = _embedded(schema).get("$vocabulary")
    return isinstance(vocabulary, dict) and any(vocabulary.get(name) is True for name in _ASSERTION)


def _meta_schema(schema: dict[str, Any]) -> str:
    name = schema.get("$schema")
    return name.removesuffix("#") if isinstance(name, str) else ""


def _embedded(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the meta-schema that `$schema` names if it is embedded in `$defs`, otherwise an empty one."""
    name, definitions = _meta_schema(schema), schema.get("$defs")
    for definition in definitions.values() if name and isinstance(definitions, dict) else ():
        if isinstance(definition, dict) and definition.get("$id") == name:
            return definition
    return {}


# If 256 schemas exceed the memory limit, the process ends and a new one starts with an empty cache.
@lru_cache(maxsize=256)
def _validator(schema: str) -> jsonschema_rs.Draft202012Validator:
    content = json.loads(schema)
    # Without this the library would fetch the schema's own `$schema`.
    standard = {**content, "$schema": _DIALECT}
    jsonschema_rs.meta.validate(standard)
    return jsonschema_rs.Draft202012Validator(
        # The two published meta-schemas declare only the format vocabulary: no other keyword would be applied.
        standard if _meta_schema(content) in _ASSERTING else content,
        offline=True,
        mask="the value",
        pattern_options=_REGEX,
        validate_formats=asserts_formats(content),
    )


def _pointer(steps: Sequence[str | int]) -> str:
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in steps)


def _problems(schema: str, content: Any, root: str) -> list[str]:
    found: list[str] = []
    for error in _validator(schema).iter_errors(content):
        for cause in causes(error):
            if len(found) == MOST_PROBLEMS:
                return [*found, "and more"]
            found.append(_line(f"{root}{_pointer(cause.path)}: {cause}"))
    return found


def _line(text: str) -> str:
    short = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in short)


def answers(question: dict[str, Any]) -> list[dict[str, Any]]:
    """Map `{"schemas": [[pointer, schema text], …], "contents": [[content for each schema], …]}` to the results.

    The result of each of the contents is `{"problems": […]}` or `{"unusable": reason}`.
    """
    return [_result(question["schemas"], content) for content in question["contents"]]


def _result(schemas: list[tuple[str, str]], contents: list[Any]) -> dict[str, Any]:
    problems: list[str] = []
    for (root, schema), content in zip(schemas, contents, strict=True):
        try:
            problems += _problems(schema, content, root)
        except jsonschema_rs.ValidationError as error:
            where = _pointer(error.instance_path)
            return {"unusable": _line(f"the schema for {root} is wrong at '{where}': {error.message}")}
        except (ValueError, jsonschema_rs.ReferencingError, RecursionError) as error:
            return {"unusable": _line(f"the schema for {root} cannot be used: {error}".split("\n")[0])}
    return {"problems": problems}


def main(seconds: float) -> None:
    """Answer until standard input ends. After `seconds` of CPU time for one line the kernel kills the process."""
    sys.setrecursionlimit(20_000)
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    for line in sys.stdin.buffer:
        signal.setitimer(signal.ITIMER_PROF, seconds)
        found = answers(json.loads(line))
        signal.setitimer(signal.ITIMER_PROF, 0)
        sys.stdout.buffer.write(json.dumps(found).encode() + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main(float(sys.argv[1]))
