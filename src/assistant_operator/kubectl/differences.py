"""What `kubectl assistants diff` compares, and how it is told. Pure."""

import difflib
import json
from collections.abc import Sequence
from dataclasses import dataclass

from ..resources.assistant import Assistant, Snapshot
from ..resources.assistant_version import AssistantVersion
from .text import as_yaml
from .trouble import MISUSED, Trouble
from .undo import no_such


@dataclass(frozen=True, slots=True)
class Side:
    """One of two contents; None: there is nothing on this side."""

    label: str
    snapshot: Snapshot | None

    @property
    def text(self) -> str:
        """Equal wherever the contents are: 1 and 1.0, and the order of keys, make no difference."""
        if self.snapshot is None:
            return ""
        return as_yaml(json.loads(self.snapshot.canonical.decode("utf-8", "surrogatepass")))


def parsed(revisions: str) -> tuple[int, ...]:
    """The numbers of `--revision A[,B]`; none when it is absent."""
    numbers = [each.strip() for each in revisions.split(",")] if revisions else []
    if len(numbers) > 2 or any(not each.isdecimal() or int(each) < 1 for each in numbers):  # noqa: PLR2004 (A and B)
        raise Trouble(f"error: --revision takes a version's number, or two as in 3,5, not {revisions!r}", MISUSED)
    return tuple(int(each) for each in numbers)


def sides(assistant: Assistant, versions: Sequence[AssistantVersion], wished: tuple[int, ...]) -> tuple[Side, Side]:
    """The version in force and the spec, or those that were wished for."""
    spec = Side(f"{assistant.metadata.name} (spec)", assistant.spec.snapshot)
    active = assistant.status.active_version
    if not wished and not active:
        return Side("nothing in force", None), spec
    picked = [_side(assistant, versions, number) for number in wished or (active or 0,)]
    return picked[0], picked[1] if len(picked) > 1 else spec


def _side(assistant: Assistant, versions: Sequence[AssistantVersion], number: int) -> Side:
    found = next((each for each in versions if each.number == number), None)
    if found is None:
        raise no_such(assistant.metadata.name, versions, number)
    in_force = " (in force)" if number == assistant.status.active_version else ""
    return Side(f"{found.metadata.name}{in_force}", found.spec.snapshot)


def unified(before: Side, after: Side) -> list[str]:
    """The lines of a unified diff, with their ends; none where the contents are equal."""
    left, right = before.text.splitlines(keepends=True), after.text.splitlines(keepends=True)
    return list(difflib.unified_diff(left, right, before.label, after.label))
