"""Why content fails an `anyOf` or `oneOf`: the causes inside the alternative that got furthest. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from jsonschema_rs import ValidationError, ValidationErrorKind

MOST_ERRORS = 2_000
"""How many errors inside alternatives are compared for one failed keyword; a schema can produce any number."""
_MOST_MESSAGES = 3
_OTHER_TYPE = {"type", "falseSchema"}
_OTHER_KIND = {"const", "enum"}

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Cause:
    """One failed keyword: where in the content, and its message, without any value of the content."""

    path: Path
    messages: tuple[str, ...]
    """More than one where several alternatives fail there equally."""
    keyword: str
    around: str = ""
    """The outermost anyOf or oneOf that it is in; empty if it is in none, or in one of a single alternative."""

    def __str__(self) -> str:
        if len(self.messages) == 1:
            where = f" (in the alternative of '{self.around}' that fits best)" if self.around else ""
            return self.messages[0] + where
        told = ", and ".join(self.messages[:_MOST_MESSAGES])
        beyond = len(self.messages) - _MOST_MESSAGES
        more = f", and {beyond} more" if beyond > 0 else ""
        return f"no alternative of '{self.around}' fits: {told}{more}"


Alternative = list[Cause]


def causes(error: ValidationError) -> list[Cause]:
    """The error itself; of a failed `anyOf` or `oneOf` what failed in the alternative that got furthest.

    Got furthest: the content has the alternative's type, then its `const` and `enum` fit (which tell the members of a
    tagged union apart), then the deepest failure, then the fewest. If several alternatives get equally far, one cause
    has the messages of all, or else the first of them counts. The order is the schema's.
    """
    return _Search().causes(error)


class _Search:
    """One walk through the errors inside one error."""

    def __init__(self) -> None:
        self._left = MOST_ERRORS

    def causes(self, error: ValidationError) -> list[Cause]:
        kind, path = error.kind, tuple(error.instance_path)
        plain = [Cause(path, (error.message,), kind.name)]
        self._left -= 1
        if not isinstance(kind, ValidationErrorKind.AnyOf | ValidationErrorKind.OneOfNotValid):
            return plain
        alternatives = list(self._alternatives(kind.context))
        return _furthest(path, kind.name, alternatives) if self._left > 0 and all(alternatives) else plain

    def _alternatives(self, context: list[list[ValidationError]]) -> Iterator[Alternative]:
        for errors in context:
            found: Alternative = []
            for each in errors:
                if self._left > 0:
                    found += self.causes(each)
            yield found


def _furthest(path: Path, keyword: str, alternatives: list[Alternative]) -> list[Cause]:
    most = max(_reach(each, len(path)) for each in alternatives)
    best = [each for each in alternatives if _reach(each, len(path)) == most]
    first = best[0][0]
    around = keyword if len(alternatives) > 1 else ""
    if len(best) > 1 and {cause.path for each in best for cause in each} == {first.path}:
        messages = dict.fromkeys(message for each in best for cause in each for message in cause.messages)
        return [Cause(first.path, tuple(messages), first.keyword, around)]
    return [replace(cause, around=around or cause.around) for cause in best[0]]


def _reach(alternative: Alternative, at: int) -> tuple[int, int, int]:
    """How far the content gets in an alternative, for comparison; `at`: depth of the anyOf or oneOf in the content."""
    own = {cause.keyword for cause in alternative if len(cause.path) == at}
    tags = {cause.keyword for cause in alternative if len(cause.path) <= at + 1}
    likeness = 0 if own & _OTHER_TYPE else 1 if tags & _OTHER_KIND else 2
    return likeness, max(len(cause.path) for cause in alternative), -len(alternative)
