"""The file of `export` and `import`: manifests of the versions, oldest first, then of their Assistant. Pure."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import ValidationError

from assistant_operator.api.assistant import EXPORTED_VERSIONS, Assistant
from assistant_operator.api.assistant_version import CREATED_AT, AssistantVersion, version_labels, version_name
from assistant_operator.api.canonical import canonical
from assistant_operator.api.meta import API_VERSION, NAME_PATTERN, FreeForm, Resource
from assistant_operator.policy.chain import first_mismatch, gaps, ranges
from assistant_operator.policy.default_assistant import DEFAULT

from .client import Found
from .gitops import TOOL_ANNOTATIONS, to_commit

R = TypeVar("R", bound=Resource)


class BrokenExport(ValueError):
    """The file is not an export, or it was changed. The message names the first object that does not match."""


@dataclass(frozen=True, slots=True)
class History:
    """An Assistant and its versions, as manifests and as models."""

    assistant: Found[Assistant]
    versions: tuple[Found[AssistantVersion], ...]
    """Oldest first."""

    @property
    def numbers(self) -> list[int]:
        return [version.resource.number for version in self.versions]

    @property
    def namespaces(self) -> set[str]:
        """The namespaces that the manifests name: those of an export name none."""
        metadata = [self.assistant.resource.metadata, *(version.resource.metadata for version in self.versions)]
        return {each.namespace for each in metadata} - {""}

    @property
    def is_recorded(self) -> bool:
        """Whether the newest version has the content of the spec. An edit that was made while reading is not."""
        newest = self.versions[-1].resource.spec.snapshot if self.versions else None
        return newest is not None and newest.canonical == self.assistant.resource.spec.snapshot.canonical

    @property
    def is_default(self) -> bool:
        """Whether the operator made the Assistant for a Graph."""
        return DEFAULT in self.assistant.resource.metadata.labels

    def manifests(self) -> list[FreeForm]:
        """The objects of the file, without what belongs to the cluster that they come from."""
        return [*map(version_manifest, self.versions), assistant_manifest(self)]


def assistant_manifest(history: History) -> FreeForm:
    """The Assistant, to be created in any namespace.

    Its annotation has the numbers of its versions: with it `import` finds out that one is missing, and the operator
    that there are versions which its watch has not shown yet.
    """
    document = history.assistant.document
    manifest = to_commit({**document, "metadata": {"namespace": "", **document["metadata"]}})
    annotations = manifest["metadata"].get("annotations", {}) | {EXPORTED_VERSIONS: ranges(history.numbers)}
    kept = {**manifest["metadata"], "namespace": "", "annotations": annotations}
    return {**manifest, "metadata": _filled(kept)}


def version_manifest(version: Found[AssistantVersion]) -> FreeForm:
    """The version, to be created in any namespace. The operator adds its labels when the Assistant adopts it."""
    meta, resource = version.resource.metadata, version.resource
    computed = version_labels(resource.spec.assistant_ref.name)
    annotations = {name: value for name, value in meta.annotations.items() if name not in TOOL_ANNOTATIONS}
    if CREATED_AT not in annotations and "creationTimestamp" in version.document["metadata"]:
        annotations[CREATED_AT] = version.document["metadata"]["creationTimestamp"]
    kept = {
        "name": meta.name,
        "labels": {name: value for name, value in meta.labels.items() if name not in computed},
        "annotations": annotations,
    }
    spec = version.document["spec"]
    return {
        "apiVersion": API_VERSION,
        "kind": AssistantVersion.kind_name,
        "metadata": _filled(kept),
        "spec": spec,
    }


def _filled(fields: FreeForm) -> FreeForm:
    return {name: value for name, value in fields.items() if value}


def histories(objects: Iterable[Any]) -> list[History]:
    """The histories in the objects of a file, verified. Raises BrokenExport."""
    assistants: dict[str, Found[Assistant]] = {}
    versions: dict[str, list[Found[AssistantVersion]]] = {}
    for position, document in enumerate(objects, 1):
        match _kind(document, position):
            case Assistant.kind_name:
                assistant = _parsed(Assistant, document, position)
                if assistants.setdefault(assistant.resource.metadata.name, assistant) is not assistant:
                    raise BrokenExport(f"assistant {assistant.resource.metadata.name!r} exists twice")
            case _:
                version = _parsed(AssistantVersion, document, position)
                versions.setdefault(version.resource.spec.assistant_ref.name, []).append(version)
    if not assistants and not versions:
        raise BrokenExport("it has no objects")
    if alone := sorted(versions.keys() - assistants.keys()):
        raise BrokenExport(f"it has versions of assistant {alone[0]!r}, and not the assistant")
    found = [_history(assistant, versions.get(name, [])) for name, assistant in sorted(assistants.items())]
    if len(namespaces := sorted(set().union(*(each.namespaces for each in found)))) > 1:
        raise BrokenExport(
            f"it has objects of the namespaces {namespaces[0]} and {namespaces[1]}: import one at a time"
        )
    return found


def _kind(document: Any, position: int) -> str:
    kinds = {Assistant.kind_name, AssistantVersion.kind_name}
    if not isinstance(document, dict):
        raise BrokenExport(f"object {position} is no object")
    kind, api_version = document.get("kind"), document.get("apiVersion")
    if api_version != API_VERSION or kind not in kinds:
        wanted = f"an Assistant or an AssistantVersion of {API_VERSION}"
        raise BrokenExport(f"object {position} ({kind} of {api_version}) is not {wanted}")
    return str(kind)


def _parsed(kind: type[R], document: FreeForm, position: int) -> Found[R]:
    where = f"object {position} ({kind.kind_name})"
    try:
        resource = kind.model_validate(document)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        raise BrokenExport(f"{where}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    if not re.fullmatch(NAME_PATTERN, resource.metadata.name):  # it becomes part of a path
        raise BrokenExport(f"{where}: {resource.metadata.name!r} is not a valid name")
    return Found(resource, document)


def _history(assistant: Found[Assistant], versions: Sequence[Found[AssistantVersion]]) -> History:
    name = assistant.resource.metadata.name
    history = History(assistant, tuple(sorted(versions, key=lambda version: version.resource.number)))
    for version in history.versions:
        _verify_names(version)
    if mismatch := first_mismatch([version.resource for version in history.versions]):
        raise BrokenExport(f"{version_name(name, mismatch.number)}: {mismatch.reason}")
    _verify_numbers(history)
    return history


def _verify_names(version: Found[AssistantVersion]) -> None:
    resource, spec = version.resource, version.resource.spec
    if resource.number < 1 or resource.metadata.name != version_name(spec.assistant_ref.name, resource.number):
        raise BrokenExport(f"{resource.metadata.name} is not the name of version {resource.number}")
    if canonical(version.document["spec"]["snapshot"]) != spec.snapshot.canonical:
        raise BrokenExport(
            f"{resource.metadata.name}: its snapshot has a field, or a null, that this release does not know"
        )


def _verify_numbers(history: History) -> None:
    """Find versions that the file lacks, by the annotation of an export; without it no gap is accepted."""
    name, numbers = history.assistant.resource.metadata.name, history.numbers
    exported = history.assistant.resource.metadata.annotations.get(EXPORTED_VERSIONS)
    if exported is None and (missing := gaps(numbers)):
        raise BrokenExport(f"{version_name(name, missing[0])} is missing, and the file is not from `export`")
    if exported is not None and exported != ranges(numbers):
        present = ranges(numbers) or "none"
        raise BrokenExport(f"the versions of {name!r} are {present}, and those that were exported {exported or 'none'}")
