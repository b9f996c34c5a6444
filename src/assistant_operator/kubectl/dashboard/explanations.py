"""What a condition means and what to do, from the catalogue of reasons."""

import ast
import inspect
import re
from functools import cache
from itertools import pairwise

from assistant_operator.api import reason as catalogue


@cache
def _explanations() -> dict[str, tuple[str, str]]:
    """By reason: meaning and action. The catalogue documents its members by docstrings, as docs/conditions.md shows."""
    (body,) = [node.body for node in ast.parse(inspect.getsource(catalogue)).body if isinstance(node, ast.ClassDef)]
    found = {}
    for member, following in pairwise(body):
        match member, following:
            case (
                ast.Assign(targets=[ast.Name(id=name)], value=ast.Tuple()),
                ast.Expr(value=ast.Constant(value=str(text))),
            ):
                meaning, _, action = " ".join(text.split()).partition(" Action: ")
                found[catalogue.Reason[name].value] = (_plain(meaning), _plain(action))
    return found


def meaning(reason: str) -> str:
    """Empty for a reason that this release does not know."""
    return _explanations().get(reason, ("", ""))[0]


def action(reason: str) -> str:
    """What a person should do; empty for nothing."""
    return _explanations().get(reason, ("", ""))[1]


def _plain(text: str) -> str:
    """Without the marks of Markdown."""
    return re.sub(r"\[([^]]+)]\([^)]+\)", r"\1", text).replace("`", "")
