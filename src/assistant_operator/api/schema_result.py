"""The result of validating a snapshot against the schemas of its Graph."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Valid:
    """The snapshot is valid, or there is no schema."""


@dataclass(frozen=True, slots=True)
class Invalid:
    """The snapshot is not valid."""

    problems: str
    """What is wrong and where, in one line, without values of the snapshot."""


@dataclass(frozen=True, slots=True)
class SchemaError:
    """The schemas cannot be used, so it is not known whether the snapshot is valid."""

    why: str
    retry_after: float | None = field(default=None, compare=False)
    """Seconds after which a retry may succeed; None if only another schema helps."""
    is_transient: bool = field(default=False, compare=False)
    """Whether the cause is not the schema, so that a retry may succeed without a change of it."""


Fit = Valid | Invalid | SchemaError
