"""What a version records of its edit: content, changed paths, author, time and cause. Pure."""

from dataclasses import dataclass
from datetime import datetime

from assistant_operator.api.assistant_version import AssistantVersion
from assistant_operator.api.canonical import canonical
from assistant_operator.api.meta import FreeForm
from assistant_operator.policy.versioning import LONGEST_PATH, MOST_PATHS, Path, pointer

from .client import Found
from .fields import MISSING, Value, value_at


@dataclass(frozen=True, slots=True)
class RecordedEdit:
    """One edit, as its version records it. `user` and `manager`: empty if they are not known."""

    number: int
    snapshot: FreeForm
    kind: str = "Edited"
    paths: tuple[str, ...] = ()
    """JSON Pointers, possibly not all of them, and possibly cut."""
    user: str = ""
    manager: str = ""
    cause: str = ""
    time: datetime | None = None

    @classmethod
    def of(cls, version: Found[AssistantVersion]) -> "RecordedEdit":
        """From the object as the API server sent it, which may have fields that the model lacks."""
        spec = version.document["spec"]
        change = spec["change"]
        return cls(
            number=version.resource.number,
            snapshot=spec["snapshot"],
            kind=change.get("kind", ""),
            paths=tuple(change.get("paths") or ()),
            user=change.get("user") or "",
            manager=change.get("manager") or "",
            cause=change.get("cause") or "",
            time=version.resource.created_at,
        )

    @property
    def by(self) -> str:
        """The authenticated user, else the field manager; empty if neither is known."""
        return self.user or self.manager

    @property
    def is_first(self) -> bool:
        """Whether there was no content before it: a re-created Assistant may begin with a greater number than 1."""
        return self.number == 1 or self.kind == "Created"

    @property
    def has_all_paths(self) -> bool:
        """Whether no changed path is missing in `paths`.

        A version records at most 64, and none if the operator had lost the version before.
        """
        return 0 < len(self.paths) < MOST_PATHS

    def records(self, path: Path) -> bool:
        """Whether `paths` has this path, one above it or one below it."""
        asked = f"{pointer(path)}/"
        return any(_is_within(asked, recorded) or f"{recorded}/".startswith(asked) for recorded in self.paths)


def _is_within(asked: str, recorded: str) -> bool:
    # A recorded path of that length may be cut within a name.
    end = "" if len(recorded) == LONGEST_PATH else "/"
    return asked.startswith(f"{recorded}{end}")


def changes(edit: RecordedEdit, previous: RecordedEdit | None, path: Path) -> bool:
    """Whether the edit changed the value at this path. `previous`: the kept edit before it.

    If the version before it is no longer kept, its record of changed paths decides; if that may be incomplete, True.
    """
    after = value_at(edit.snapshot, path)
    if edit.is_first:
        return after is not MISSING
    if previous is not None and previous.number == edit.number - 1:
        return not is_same(value_at(previous.snapshot, path), after)
    return edit.records(path) or not edit.has_all_paths


def is_same(one: Value, other: Value) -> bool:
    """Whether both are equal content. 1 and 1.0 are."""
    if one is MISSING or other is MISSING:
        return one is other
    if isinstance(one, str) or isinstance(other, str):
        return type(one) is type(other) and bool(one == other)
    return canonical(one) == canonical(other)
