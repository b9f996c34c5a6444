"""Whether a snapshot fits the schemas of its Graph: what the door to JSON Schema answers."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Valid:
    """The snapshot fits, or nothing is asked of it."""


@dataclass(frozen=True, slots=True)
class Invalid:
    """The snapshot does not fit: what is wrong and where, one line, without any value of it."""

    problems: str


@dataclass(frozen=True, slots=True)
class SchemaError:
    """The schemas cannot be used: nobody can say whether anything fits."""

    why: str
    retry_after: float | None = field(default=None, compare=False)
    """Seconds after which the same question may get another answer; None if only another schema helps."""
    is_transient: bool = field(default=False, compare=False)
    """Whether the schema is not to blame, so that nobody has to change it."""


Fit = Valid | Invalid | SchemaError
