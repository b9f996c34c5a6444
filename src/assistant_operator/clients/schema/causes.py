"""Why content fails an `anyOf` or `oneOf`: the errors inside the alternative that matches best. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from jsonschema_rs import ValidationError, ValidationErrorKind

MOST_ERRORS = 2_000
"""How many errors inside alternatives are compared for one error; a schema can produce any number."""
_MOST_MESSAGES = 3
_OTHER_TYPE = {"type", "falseSchema"}
_OTHER_KIND = {"const", "enum"}

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Cause:
    """One failed keyword: its path in the content and its message, without any value of the content."""

    path: Path
    messages: tuple[str, ...]
    """More than one if several alternatives match equally well."""
    keyword: str
    around: str = ""
    """The outermost `anyOf` or `oneOf` around it. Empty if there is none, or if that one has a single alternative."""

    def __str__(self) -> str:
        if len(self.messages) == 1:
            place = f" (in the alternative of '{self.around}' that fits best)" if self.around else ""
            return self.messages[0] + place
        shown = ", and ".join(self.messages[:_MOST_MESSAGES])
        beyond = len(self.messages) - _MOST_MESSAGES
        more = f", and {beyond} more" if beyond > 0 else ""
        return f"no alternative of '{self.around}' fits: {shown}{more}"


Alternative = list[Cause]


def causes(error: ValidationError) -> list[Cause]:
    """Return the error as a cause; for a failed `anyOf` or `oneOf`, the causes in the alternative that matches best.

    Alternatives are compared by these criteria, in this order: the content has the alternative's type; its `const` and
    `enum` match (they distinguish the members of a tagged union); the deepest failure; the fewest failures. If several
    alternatives are equal and fail at the same path, one cause has the messages of all of them. If they fail at
    different paths, the first one in the schema's order is used.
    """
    return _Search().causes(error)


class _Search:
    """Collects causes from nested errors. The limit applies to all of them together."""

    def __init__(self) -> None:
        self._left = MOST_ERRORS

    def causes(self, error: ValidationError) -> list[Cause]:
        kind, path = error.kind, tuple(error.instance_path)
        plain = [Cause(path, (error.message,), kind.name)]
        self._left -= 1
        if not isinstance(kind, ValidationErrorKind.AnyOf | ValidationErrorKind.OneOfNotValid):
            return plain
        alternatives = list(self._alternatives(kind.context))
        return _best_match(path, kind.name, alternatives) if self._left > 0 and all(alternatives) else plain

    def _alternatives(self, context: list[list[ValidationError]]) -> Iterator[Alternative]:
        for errors in context:
            found: Alternative = []
            for error in errors:
                if self._left > 0:
                    found += self.causes(error)
            yield found


def _best_match(path: Path, keyword: str, alternatives: list[Alternative]) -> list[Cause]:
    top = max(_match_quality(alternative, len(path)) for alternative in alternatives)
    best = [alternative for alternative in alternatives if _match_quality(alternative, len(path)) == top]
    first = best[0][0]
    around = keyword if len(alternatives) > 1 else ""
    if len(best) > 1 and {cause.path for alternative in best for cause in alternative} == {first.path}:
        messages = dict.fromkeys(message for alternative in best for cause in alternative for message in cause.messages)
        return [Cause(first.path, tuple(messages), first.keyword, around)]
    return [replace(cause, around=around or cause.around) for cause in best[0]]


def _match_quality(alternative: Alternative, depth: int) -> tuple[int, int, int]:
    """Return how well the content matches, for comparison. `depth`: of the `anyOf` or `oneOf` in the content."""
    own = {cause.keyword for cause in alternative if len(cause.path) == depth}
    tags = {cause.keyword for cause in alternative if len(cause.path) <= depth + 1}
    likeness = 0 if own & _OTHER_TYPE else 1 if tags & _OTHER_KIND else 2
    return likeness, max(len(cause.path) for cause in alternative), -len(alternative)
