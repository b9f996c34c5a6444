"""Which versions of an Assistant were validated against the present schemas, and with which result."""

import asyncio
from dataclasses import dataclass, field

from assistant_operator.api.meta import Key
from assistant_operator.policy.assistant_input import ValidationResult


@dataclass(slots=True)
class ValidationState:
    """The results are kept only while the Assistant is being reconciled."""

    results: dict[int, ValidationResult] = field(default_factory=dict)
    """By version number. Replaced when it is invalidated: a validation that is running then writes into the former
    mapping, and its result is dropped."""
    is_revalidating: bool = False
    """Whether the conditions of the kept versions may be out of date."""
    awaits_listing: bool = False
    """Whether the controller "revalidation" is about to validate the kept versions: they are not read one by one."""
    awaiting_graphs: set[Key] = field(default_factory=set)
    """Graphs whose status waits until this Assistant is validated."""
    retry: asyncio.TimerHandle | None = None
    """Validates all versions again."""

    def is_pending(self) -> bool:
        """Whether versions are being validated, or conditions of versions are still to be written."""
        return bool(self.results) or self.is_revalidating

    def invalidate(self, *, include_kept_versions: bool) -> None:
        """Drop the results. `include_kept_versions`: the conditions of kept versions are out of date as well."""
        self.results = {}
        self.is_revalidating = self.is_revalidating or include_kept_versions
        self.awaits_listing = False

    def finish(self) -> None:
        """Every version is validated, and its conditions are written."""
        self.results = {}
        self.is_revalidating = False
