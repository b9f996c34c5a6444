"""The AssistantVersion of an edit: whether one is needed, its content, what changed and which manager made it. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from assistant_operator.api.assistant import Assistant, AssistantSpec, Snapshot
from assistant_operator.api.assistant_alias import Published
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
from assistant_operator.api.meta import GROUP, FreeForm, ManagedFields, ObjectMeta

CAUSES = ("assistant-operator.dev/change-cause", "kubernetes.io/change-cause")
CHANGED_BY = f"{GROUP}/changed-by"
"""The annotation into which the policy record-user writes the user of the last change of the spec."""
MOST_PATHS, LONGEST_PATH, LONGEST_CAUSE, LONGEST_MANAGER, LONGEST_USER = 64, 256, 1024, 128, 1024

Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ContentLost:
    """A version cannot be restored: its content is not available, or another Assistant's version has its name."""


@dataclass(frozen=True, slots=True)
class Edit:
    """One edit to record, with the facts about the history before it."""

    assistant: Assistant
    number: int
    previous: AssistantVersion | None
    """The previous version; None for the first, or if the previous one is no longer available."""
    is_first: bool = False
    same_as: int | None = None
    cause_before: str | None = None
    user: str | None = None
    """The user who made it; None if that is not known."""


@dataclass(slots=True)
class Gap:
    """The edits between the last observed state and one that a watch showed."""

    observed: int
    """The generation of the last observed state; 0 for none."""
    until: int
    """The generation of the state after the gap."""
    latest: int
    """The number of the newest version when the gap was found; 0 for none."""
    states: list[Assistant] | None = None
    """The states in it that the API server holds, oldest first, kept for the next try; None if they are not kept."""

    @property
    def size(self) -> int:
        """How many generations are in it."""
        return self.until - self.observed - 1


def is_change(previous: AssistantVersion | Assistant | None, assistant: Assistant) -> bool:
    """Whether the snapshot differs from that of the newest version, or of the state before.

    Content is compared, not the stored digest.
    """
    return previous is None or previous.spec.snapshot.canonical != assistant.spec.snapshot.canonical


def missed(
    uid: str, gap: Gap, states: Iterable[Assistant], versions: Iterable[AssistantVersion], overtaken: set[int]
) -> list[int]:
    """The generations of a gap in which an edit was lost, after the versions of its states were created.

    `states`: of the gap, oldest first. `versions`: those of the Assistant with that UID in order of number, from the
    newest before the gap on. `overtaken`: generations of states that got no version, because a later edit had one.
    A version of an earlier edit must not have a greater number than that of a later one.
    """
    lost = overtaken & _unrecorded(uid, gap, states, versions)
    recorded = {version.spec.generation for version in versions if version.spec.assistant_ref.uid == uid}
    seen = recorded | {state.metadata.generation for state in states} - lost
    return [generation for generation in range(gap.observed + 1, gap.until) if generation not in seen]


def _unrecorded(uid: str, gap: Gap, states: Iterable[Assistant], versions: Iterable[AssistantVersion]) -> set[int]:
    """The generations of states that changed the content and have no version, while a later edit has one.

    An adopted version counts as older than all edits. A gap in the numbers is a version that was deleted: one state
    less is without one.
    """
    lost: set[int] = set()
    before, since = None, 0
    for version in versions:
        until = version.spec.generation if version.spec.assistant_ref.uid == uid else 0
        between = [state for state in states if since < state.metadata.generation < until]
        # Several states may have the content of one version: the control fields changed meanwhile.
        pairs = zip((before, *between), between, strict=False)
        changes = [state for previous, state in pairs if is_change(previous, state)]
        deleted = version.spec.number - 1 - (before.spec.number if before else _number_before(version, gap))
        lost.update(state.metadata.generation for state in changes[deleted:])
        before, since = version, until
    return lost


def _number_before(version: AssistantVersion, gap: Gap) -> int:
    """The number of the version before this one, which is the oldest that is left."""
    if version.spec.change.kind == "Created":
        return version.spec.number - 1  # there was none; the numbers before it are those of a deleted predecessor
    # The status may report this version already: then it does not show which one was before it.
    return gap.latest if gap.latest < version.spec.number else 0


def newest_of(uid: str, kept: Iterable[VersionRecord]) -> VersionRecord | None:
    """The newest version that the Assistant with that UID owns, or may adopt because it has no owner."""
    candidates = [record for record in kept if record.belongs_to(uid)]
    return max(candidates, key=lambda record: record.number, default=None)


def version(edit: Edit) -> AssistantVersion:
    """The AssistantVersion that records this edit."""
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
            chain=chained(_chain_before(edit), edit.number, digest),
            change=_change(edit, snapshot),
        ),
    )


def _chain_before(edit: Edit) -> str:
    """The chain that this version continues; empty if it begins anew.

    It does if the number before is not that of the previous version: another Assistant's version has that name.
    """
    before = edit.previous
    return before.spec.chain if before and before.number == edit.number - 1 else ""


def with_control_of(recorded: Assistant, newest: Assistant) -> Assistant:
    """The recorded state with the control fields and the metadata of a newer one that the API server refuses to record.

    So a pin, a suspension and a deletion take effect. The generation remains that of the recorded content.
    """
    control = AssistantSpec.model_fields.keys() - Snapshot.model_fields.keys()
    spec = recorded.spec.model_copy(update={name: getattr(newest.spec, name) for name in control})
    annotations = {name: value for name, value in newest.metadata.annotations.items() if name not in CAUSES}
    annotations |= {name: value for name, value in recorded.metadata.annotations.items() if name in CAUSES}
    of_content = {"generation": recorded.metadata.generation, "annotations": annotations}
    meta = newest.metadata.model_copy(update=of_content)
    return newest.model_copy(update={"metadata": meta, "spec": spec})


def cause_of(edited: Published) -> str | None:
    """The value of the change-cause annotation."""
    annotations = edited.metadata.annotations
    return next((annotations[name][:LONGEST_CAUSE] for name in CAUSES if annotations.get(name)), None)


def changed_by(edited: Published) -> str | None:
    """The user of the last change of the spec, as the annotation has it: anyone can write that without the policy."""
    return edited.metadata.annotations.get(CHANGED_BY, "")[:LONGEST_USER] or None


def _change(edit: Edit, snapshot: Snapshot) -> Change:
    before = edit.previous.spec.snapshot.manifest() if edit.previous else None
    paths = [] if before is None else sorted(differences(before, snapshot.manifest()))
    cause = cause_of(edit.assistant)
    return Change.of(
        kind=_kind(edit),
        paths=tuple(pointer(path)[:LONGEST_PATH] for path in paths[:MOST_PATHS]),
        same_as=edit.same_as,
        cause=None if cause == edit.cause_before else cause,
        manager=manager_of(edit.assistant.metadata.managed_fields, paths)[:LONGEST_MANAGER] or None,
        user=edit.user,
    )


def _kind(edit: Edit) -> Literal["Created", "Edited", "Reverted"]:
    if edit.same_as:
        return "Reverted"
    return "Created" if edit.is_first else "Edited"


def differences(before: Any, after: Any, at: Path = ()) -> Iterator[Path]:
    """The paths at which two JSON contents differ. A list is compared as a whole."""
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

    Times have whole seconds, so managers may be equally new. Then the one that owns the most of the paths is chosen,
    then the first in the API server's order. Removed fields have no owner: if no changed path has one, the result is
    the newest writer of the spec, or empty if several wrote in that second.
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
    """The sort key of a manager: depth of its deepest path, time, number of its paths; empty if it owns none."""
    depths = [depth for path in paths if (depth := _owned_depth(entry.fields_v1["f:spec"], path))]
    return (max(depths), _second(entry), len(depths)) if depths else ()


def _owned_depth(fields: FreeForm, path: Path) -> int:
    """The depth of the deepest field at or below `path` in a FieldsV1 tree; 0 if `path` is not in the tree.

    `f:context: {}` owns the field `context` and nothing in it, because no object of a snapshot is atomic. Lists are
    atomic: the path of a changed list is in the tree.
    """
    for step in path:
        if f"f:{step}" not in fields:
            return 0
        fields = fields[f"f:{step}"]
    depth, level = len(path), [fields]
    while level := [below for each in level for name, below in each.items() if name != "."]:
        depth += 1
    return depth
