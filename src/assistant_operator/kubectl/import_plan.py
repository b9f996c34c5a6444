"""What an import creates: the versions and the Assistant that a namespace lacks, if it has no other history. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from assistant_operator.api.assistant import Assistant
from assistant_operator.api.assistant_version import KEEP, AssistantVersion, version_labels
from assistant_operator.api.canonical import canonical
from assistant_operator.api.meta import FreeForm
from assistant_operator.policy.chain import first_mismatch, ranges

from .client import Found
from .errors import CliError
from .export_file import History, assistant_manifest, version_manifest


@dataclass(frozen=True, slots=True)
class Stored:
    """What the namespace has under the name of an Assistant."""

    assistant: Assistant | None = None
    versions: tuple[AssistantVersion, ...] = ()


@dataclass(frozen=True, slots=True)
class ImportPlan:
    """The objects to create, in this order: the versions, newest first, then the Assistant.

    An Assistant that another client creates after the newest version adopts it: its next version has the next number.
    """

    name: str
    numbers: tuple[int, ...] = ()
    """Of the versions to create, newest first."""
    versions: tuple[FreeForm, ...] = ()
    assistant: FreeForm | None = None

    @property
    def is_empty(self) -> bool:
        return not self.versions and self.assistant is None

    def result(self) -> str:
        """What is printed after the import."""
        if self.is_empty:
            return "unchanged"
        plural = "" if len(self.numbers) == 1 else "s"
        versions = f"version{plural} {ranges(self.numbers)} created" if self.numbers else "no version created"
        return f"imported, {versions}" if self.assistant else versions


def plan_import(history: History, stored: Stored) -> ImportPlan:
    """What is to be created. Raises CliError if the namespace has another history of that name."""
    name = history.assistant.resource.metadata.name
    _check_alive(name, stored)
    if reason := _other_history(history, stored):
        action = "nothing is written: delete that history first, or give another namespace"
        raise CliError(f"error: {name!r} exists with another history: {reason}; {action}")
    there = {version.number for version in stored.versions}
    missing = [each for each in reversed(history.versions) if each.resource.number not in there]
    if stored.assistant:
        missing = _not_pruned(missing, stored.assistant, there)
    is_created = stored.assistant is None and not history.is_default
    return ImportPlan(
        name,
        tuple(each.resource.number for each in missing),
        tuple(_labelled(each, name) for each in missing),
        assistant_manifest(history) if is_created else None,
    )


def _labelled(version: Found[AssistantVersion], assistant: str) -> FreeForm:
    manifest = version_manifest(version)
    labels = manifest["metadata"].get("labels", {}) | version_labels(assistant)
    return {**manifest, "metadata": {**manifest["metadata"], "labels": labels}}


def _check_alive(name: str, stored: Stored) -> None:
    """Versions of an Assistant that is deleted go with it."""
    if stored.assistant and stored.assistant.metadata.is_being_deleted:
        raise CliError(f"error: assistant {name!r} is being deleted: try again when it is gone")
    uid = stored.assistant.metadata.uid if stored.assistant else None
    for version in stored.versions:
        owner = version.metadata.controller
        if version.metadata.is_being_deleted or (owner and owner.uid != uid):
            raise CliError(
                f"error: {version.metadata.name} of a deleted assistant still exists: try again when it is gone"
            )


def _other_history(history: History, stored: Stored) -> str | None:
    """Why what the namespace has is not this history, or an older or longer one; None if it is."""
    of_file = {version.resource.number: version.resource for version in history.versions}
    there = {version.number: version for version in stored.versions}
    for number in sorted(of_file.keys() & there.keys()):
        if not _is_equal(of_file[number], there[number]):
            return f"its version {number} is another one"
    newest = max(of_file, default=0)
    if stored.assistant is None and max(there, default=0) > newest:
        return f"it has version {max(there)}, and the newest of the file is {newest}"
    if stored.assistant and of_file and of_file.keys().isdisjoint(there):
        return f"it has versions {ranges(there) or 'none'}, and the file {ranges(of_file)}"
    if stored.assistant and (latest := _newest(stored.assistant, there)) < newest:
        return f"its newest version is {latest}, and that of the file {newest}"
    together = {**of_file, **there}
    mismatch = first_mismatch([together[number] for number in sorted(together)])
    return f"version {mismatch.number}: {mismatch.reason}" if mismatch else None


def _newest(assistant: Assistant, numbers: Iterable[int]) -> int:
    return max(assistant.status.latest_version or 0, *numbers, 0)


def _is_equal(version: AssistantVersion, other: AssistantVersion) -> bool:
    return canonical(version.spec.manifest()) == canonical(other.spec.manifest())


def _not_pruned(
    missing: Sequence[Found[AssistantVersion]], assistant: Assistant, there: set[int]
) -> list[Found[AssistantVersion]]:
    """Those that the operator would not delete at once."""
    numbers = sorted({each.resource.number for each in missing} | there)
    kept = {*numbers[-assistant.spec.versioning.history_limit :], assistant.pin, assistant.status.active_version}
    return [each for each in missing if each.resource.number in kept or KEEP in each.resource.metadata.labels]


def import_notes(history: History, *, has_graph: bool) -> list[str]:
    """What the user must know or do after the import of a history."""
    assistant = history.assistant.resource
    name, graph = assistant.metadata.name, assistant.spec.graph_ref.name
    if history.is_default:
        return [f"{name} is a default assistant: its graph {graph!r} creates it, and it adopts the versions"]
    notes = []
    if not has_graph:
        notes.append(f"graph {graph!r} does not exist: {name} is not ready until it does")
    if not history.is_recorded:
        notes.append(f"the spec of {name} is not the content of its newest version: the operator makes a version of it")
    if assistant.pin and assistant.pin not in history.numbers:
        notes.append(f"{name} is pinned to version {assistant.pin}, which is not in the file")
    if assistant.spec.versioning.activation == "Manual" and not assistant.pin:
        notes.append(f"activation of {name} is Manual: no version is active until you pin one")
    if assistant.spec.suspend:
        notes.append(f"{name} is suspended: no version is active until 'kubectl assistants resume {name}'")
    return notes
