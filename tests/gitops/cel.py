"""Flux's health by expressions: the example's CEL, evaluated by Google's own runtime as Flux evaluates it."""

from functools import cache
from typing import Any, Literal

from cel_expr_python import cel  # type: ignore[import-untyped]  # no py.typed says that its types count

from .examples import documents

Json = dict[str, Any]
Health = Literal["InProgress", "Failed", "Current"]
FILE = "flux/health-check-exprs.yaml"
# The order is Flux's.
OUTCOMES: tuple[tuple[str, Health], ...] = (
    ("inProgress", "InProgress"),
    ("failed", "Failed"),
    ("current", "Current"),
)


class EvaluationFailed(Exception):
    """An expression has no answer; Flux waits until its timeout then."""


@cache
def checks() -> dict[str, Json]:
    """The expressions of each kind."""
    (told,) = documents(FILE)
    return {each["kind"]: each for each in told["healthCheckExprs"]}


def cel_health_of(found: Json) -> Health:
    """The first expression that is true decides. Flux itself compares the generations before; here they must."""
    for field, health in OUTCOMES:
        expression = checks()[found["kind"]].get(field)
        if expression is not None and is_true(expression, found):
            return health
    return "InProgress"


def is_true(expression: str, found: Json) -> bool:
    """The object's own top-level fields are the variables; as in Flux, nothing is checked before."""
    environment = cel.NewEnv(variables=dict.fromkeys(found, cel.Type.DYN))
    answer = environment.compile(expression, disable_check=True).eval(data=found)
    if answer.type() != cel.Type.BOOL:
        raise EvaluationFailed(f"{expression}: {answer}")
    return bool(answer.value())
