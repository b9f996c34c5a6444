"""Is this edit a change, which number does it get, what changed and who changed it. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from assistant_operator.api.assistant import Assistant, AssistantSpec, Snapshot
from assistant_operator.api.assistant_version import (
    AssistantRef,
    AssistantVersion,
    AssistantVersionSpec,
    Change,
    VersionRecord,
    chained,
    version_labels,
    version_name,
)
from assistant_operator.api.canonical import canonical
from assistant_operator.api.meta import FreeForm, ManagedFields, ObjectMeta

CAUSES = ("assistant-operator.dev/change-cause", "kubernetes.io/change-cause")
MOST_PATHS, LONGEST_PATH, LONGEST_CAUSE, LONGEST_MANAGER = 64, 256, 1024, 128

Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ContentLost:
    """Why a version cannot be restored: its content is not known any more, or another history has its name."""


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


def overtaken(uid: str, latest: int, states: Iterable[Assistant], versions: Iterable[AssistantVersion]) -> set[int]:
    """The generations of those states that changed the content and got no version, where a later edit has one.

    They can get none any more: a version of an earlier edit must not have a greater number. So they are missed.
    `states`: oldest first. `versions`: of the Assistant with that UID, by number, from `latest` on; one that it adopted
    comes before all its edits.
    A number that is lacking among them was the version of one such state, and somebody deleted it.
    """
    lost: set[int] = set()
    before, since = None, 0
    for version in versions:
        until = version.spec.generation if version.spec.assistant_ref.uid == uid else 0
        # A status may tell of a version before it tells of the edits up to it: those are not judged.
        if version.spec.number > latest:
            between = [each for each in states if since < each.metadata.generation < until and is_change(before, each)]
            deleted = version.spec.number - (before.spec.number if before else latest) - 1
            lost.update(each.metadata.generation for each in between[deleted:])
        before, since = version, until
    return lost


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
    """The field manager that owns the changed paths; of several, the one that owns the deepest path, then the newest.

    Times have whole seconds, so managers may be equally new. Then the one that owns the most of the paths counts, and
    at last the API server's order. Nobody owns what was removed: if no changed path has an owner, it is the newest
    writer of the spec, and empty if several wrote in that same second.
    """
    writers = [entry for entry in managed if not entry.subresource and "f:spec" in entry.fields_v1]
    owners = [(_ownership(entry, paths), entry) for entry in writers]
    if any(owned for owned, _ in owners):
        return max(owners, key=lambda owner: owner[0])[1].manager
    newest = max((_second(entry) for entry in writers), default=0.0)
    names = {entry.manager for entry in writers if _second(entry) == newest}
    return names.pop() if len(names) == 1 else ""


def _second(entry: ManagedFields) -> float:
    return entry.time.timestamp() if entry.time else 0.0


def _ownership(entry: ManagedFields, paths: list[Path]) -> tuple[int, float, int] | tuple[()]:
    """How deep the deepest of `paths` is that it owns, when it wrote, and how many it owns; empty if none."""
    depths = [depth for path in paths if (depth := _owned_depth(entry.fields_v1["f:spec"], path))]
    return (max(depths), _second(entry), len(depths)) if depths else ()


def _owned_depth(fields: FreeForm, path: Path) -> int:
    """How many steps of `path`, and of what is below it, a FieldsV1 tree owns; 0 if `path` itself is not in the tree.

    A tree that ends above it (`f:context: {}`) owns that field, and nothing in it: no object of a snapshot is atomic.
    A list is, and so it is in the tree itself where something in it changed.
    """
    for step in path:
        if f"f:{step}" not in fields:
            return 0
        fields = fields[f"f:{step}"]
    depth, level = len(path), [fields]
    while level := [below for each in level for name, below in each.items() if name != "."]:
        depth += 1
    return depth
