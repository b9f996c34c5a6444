"""Is this edit a change, which number does it get, what changed and who changed it. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from ..resources.assistant import Assistant, AssistantSpec, Snapshot
from ..resources.assistant_version import (
    AssistantRef,
    AssistantVersion,
    AssistantVersionSpec,
    Change,
    VersionRecord,
    chained,
    version_labels,
    version_name,
)
from ..resources.canonical import canonical
from ..resources.meta import FreeForm, ManagedFields, ObjectMeta

CAUSES = ("assistant-operator.dev/change-cause", "kubernetes.io/change-cause")
MOST_PATHS, LONGEST_PATH, LONGEST_CAUSE, LONGEST_MANAGER = 64, 256, 1024, 128

Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Edit:
    """One edit to be recorded, and what is known of the history before it."""

    assistant: Assistant
    number: int
    previous: AssistantVersion | None
    """The version before it in this assistant's history; None for the first, or when nobody knows it any more."""
    is_first: bool = False
    same_as: int | None = None
    cause_before: str | None = None


def is_change(previous: AssistantVersion | None, assistant: Assistant) -> bool:
    """Whether the snapshot differs from the newest version's. Content decides, never a stored digest."""
    return previous is None or previous.spec.snapshot.canonical != assistant.spec.snapshot.canonical


def newest_of(uid: str, kept: Iterable[VersionRecord]) -> VersionRecord | None:
    """The newest version that is this assistant's own, or has no owner and so may become its own."""
    own = [record for record in kept if record.owner in (uid, None)]
    return max(own, key=lambda record: record.number, default=None)


def version(edit: Edit) -> AssistantVersion:
    """The version that records this edit."""
    meta, snapshot = edit.assistant.metadata, edit.assistant.spec.snapshot
    digest = snapshot.digest
    return AssistantVersion(
        metadata=ObjectMeta(
            name=version_name(meta.name, edit.number),
            namespace=meta.namespace,
            labels=version_labels(meta.name),
            owner_references=(edit.assistant.owner_reference(),),
        ),
        spec=AssistantVersionSpec(
            assistant_ref=AssistantRef(name=meta.name, uid=meta.uid),
            number=edit.number,
            generation=meta.generation,
            digest=digest,
            snapshot=snapshot,
            chain=chained(edit.previous.spec.chain if edit.previous else "", edit.number, digest),
            change=_change(edit, snapshot),
        ),
    )


def with_control_of(recorded: Assistant, newest: Assistant) -> Assistant:
    """The recorded state with what a newer one says beside the content, whose edits the API server refuses to record.

    So a pin, a suspension and a deletion are acted upon. The generation stays that of the recorded content.
    """
    control = AssistantSpec.model_fields.keys() - Snapshot.model_fields.keys()
    spec = recorded.spec.model_copy(update={name: getattr(newest.spec, name) for name in control})
    annotations = {name: value for name, value in newest.metadata.annotations.items() if name not in CAUSES}
    annotations |= {name: value for name, value in recorded.metadata.annotations.items() if name in CAUSES}
    of_content = {"generation": recorded.metadata.generation, "annotations": annotations}
    meta = newest.metadata.model_copy(update=of_content)
    return newest.model_copy(update={"metadata": meta, "spec": spec})


def cause_of(assistant: Assistant) -> str | None:
    """What the person wrote as the reason of the newest change."""
    annotations = assistant.metadata.annotations
    return next((annotations[name][:LONGEST_CAUSE] for name in CAUSES if annotations.get(name)), None)


def _change(edit: Edit, snapshot: Snapshot) -> Change:
    before = edit.previous.spec.snapshot.manifest() if edit.previous else None
    paths = [] if before is None else sorted(differences(before, snapshot.manifest()))
    cause = cause_of(edit.assistant)
    told: dict[str, Any] = {
        "same_as": edit.same_as,
        "cause": None if cause == edit.cause_before else cause,
        "manager": manager_of(edit.assistant.metadata.managed_fields, paths)[:LONGEST_MANAGER],
    }
    return Change(
        kind=_kind(edit),
        paths=tuple(pointer(path)[:LONGEST_PATH] for path in paths[:MOST_PATHS]),
        **{name: value for name, value in told.items() if value},
    )


def _kind(edit: Edit) -> Literal["Created", "Edited", "Reverted"]:
    if edit.same_as:
        return "Reverted"
    return "Created" if edit.is_first else "Edited"


def differences(before: Any, after: Any, at: Path = ()) -> Iterator[Path]:
    """Where two JSON contents differ: down to the deepest objects, a list as a whole."""
    if isinstance(before, dict) and isinstance(after, dict):
        for name in before.keys() | after.keys():
            if name not in before or name not in after:
                yield (*at, name)
            else:
                yield from differences(before[name], after[name], (*at, name))
    elif canonical(before) != canonical(after):
        yield at


def pointer(path: Path) -> str:
    """`path` as a JSON Pointer (RFC 6901)."""
    return "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in path)


def manager_of(managed: Iterable[ManagedFields], paths: list[Path]) -> str:
    """The field manager that owns the changed paths; of several, the newest; of what was removed, the newest writer."""
    writers = [entry for entry in managed if not entry.subresource and "f:spec" in entry.fields_v1]
    owners = [entry for entry in writers if not paths or any(_owns(entry.fields_v1["f:spec"], path) for path in paths)]
    newest = max(owners or writers, key=lambda entry: entry.time.timestamp() if entry.time else 0.0, default=None)
    return newest.manager if newest else ""


def _owns(fields: FreeForm, path: Path) -> bool:
    """Whether a FieldsV1 tree owns `path` or something below it, or the whole of what it lies in."""
    for step in path:
        if f"f:{step}" not in fields:
            return False
        fields = fields[f"f:{step}"]
        if not fields:
            return True
    return True
