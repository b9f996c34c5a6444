"""What was found out of versions as of the present schemas, and who is being judged anew because those changed."""

from collections.abc import Iterable, Mapping

from assistant_operator.api.meta import Key
from assistant_operator.policy.assistant_input import ValidationResult


class ValidationResults:
    """Of each Assistant by number; kept only while its versions are being looked at."""

    def __init__(self) -> None:
        self._known: dict[Key, dict[int, ValidationResult]] = {}
        self._anew: set[Key] = set()
        self._awaited: dict[Key, set[Key]] = {}

    def of(self, assistant: Key) -> Mapping[int, ValidationResult]:
        return self._known.get(assistant, {})

    def open(self, assistant: Key) -> dict[int, ValidationResult]:
        """To put judgements into: whatever makes them void while one is made leaves this behind."""
        return self._known.setdefault(assistant, {})

    def is_revalidated(self, assistant: Key) -> bool:
        """Whether what is said of all its kept versions may not hold any more."""
        return assistant in self._anew

    def is_awaited(self, graph: Key) -> bool:
        """Whether assistants of that Graph are still to be judged by its present schemas."""
        return bool(self._awaited.get(graph))

    def void(self, assistants: Iterable[Key], *, wholly: bool) -> None:
        """Forget what is known; `wholly`: what is said of kept versions may not hold either."""
        for key in assistants:
            self._known.pop(key, None)
            if wholly:
                self._anew.add(key)

    def expect(self, graph: Key, assistants: Iterable[Key]) -> None:
        """Those are to be judged by the present schemas of that Graph."""
        self._awaited[graph] = set(assistants)

    def forget(self, assistant: Key) -> None:
        self._known.pop(assistant, None)
        self._anew.discard(assistant)

    def settled(self, assistant: Key) -> list[Key]:
        """It is judged, or gone: the Graphs that waited for nobody else."""
        done = []
        for graph, waiting in self._awaited.items():
            waiting.discard(assistant)
            if not waiting:
                done.append(graph)
        for graph in done:
            del self._awaited[graph]
        return done
