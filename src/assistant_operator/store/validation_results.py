"""Results of validating versions against the present schemas, and which validations are still to be done."""

from collections.abc import Iterable, Mapping

from assistant_operator.api.meta import Key
from assistant_operator.policy.assistant_input import ValidationResult


class ValidationResults:
    """By Assistant and version number. They are kept only while the Assistant is being reconciled."""

    def __init__(self) -> None:
        self._known: dict[Key, dict[int, ValidationResult]] = {}
        self._revalidated: set[Key] = set()
        self._pending: dict[Key, set[Key]] = {}
        """By Graph."""

    def of(self, assistant: Key) -> Mapping[int, ValidationResult]:
        return self._known.get(assistant, {})

    def open(self, assistant: Key) -> dict[int, ValidationResult]:
        """Return the mutable result map of this Assistant.

        If results are invalidated while a validation is running, that validation writes into a detached map, and its
        result is dropped.
        """
        return self._known.setdefault(assistant, {})

    def is_revalidated(self, assistant: Key) -> bool:
        """Whether the results of its kept versions may be out of date, too."""
        return assistant in self._revalidated

    def has_pending(self, graph: Key) -> bool:
        """Whether Assistants of that Graph are still to be validated against its present schemas."""
        return bool(self._pending.get(graph))

    def invalidate(self, assistants: Iterable[Key], *, include_kept_versions: bool) -> None:
        """Drop the results of these Assistants. `include_kept_versions`: the marks on kept versions are void, too."""
        for key in assistants:
            self._known.pop(key, None)
            if include_kept_versions:
                self._revalidated.add(key)

    def set_pending(self, graph: Key, assistants: Iterable[Key]) -> None:
        """These are to be validated against the present schemas of that Graph."""
        self._pending[graph] = set(assistants)

    def forget(self, assistant: Key) -> None:
        self._known.pop(assistant, None)
        self._revalidated.discard(assistant)

    def complete(self, assistant: Key) -> list[Key]:
        """The Assistant is validated or deleted. Returns the Graphs whose last pending validation that was."""
        done = []
        for graph, pending in self._pending.items():
            pending.discard(assistant)
            if not pending:
                done.append(graph)
        for graph in done:
            del self._pending[graph]
        return done
