"""The actions: what each writes, what comes into force then, and whether it may be done. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from assistant_operator.api.assistant import Assistant
from assistant_operator.api.assistant_alias import AssistantAlias, Published
from assistant_operator.api.assistant_version import AssistantVersion
from assistant_operator.api.meta import ConditionStatus, FreeForm
from assistant_operator.kubectl import patch
from assistant_operator.kubectl.client import Found
from assistant_operator.kubectl.errors import CliError
from assistant_operator.kubectl.undo import target
from assistant_operator.policy.versioning import CAUSES, LONGEST_CAUSE

from .rows import VersionRow

PERMISSION = "patch on assistants.assistant-operator.dev"


class Action(StrEnum):
    """What a person can do. The value is its place in the URL."""

    PIN = "pin"
    UNPIN = "unpin"
    RESTORE = "restore"
    SUSPEND = "suspend"
    RESUME = "resume"

    @property
    def has_version(self) -> bool:
        return self in {Action.PIN, Action.RESTORE}

    def label(self, number: int) -> str:
        return f"{self.capitalize()} v{number}" if self.has_version else self.capitalize()

    def result(self, number: int) -> str:
        """What the page says afterwards."""
        texts = {
            Action.PIN: f"v{number} is pinned.",
            Action.UNPIN: "The pin is removed.",
            Action.RESTORE: f"The content of v{number} is written into the spec: a new version follows.",
            Action.SUSPEND: "The assistant is suspended.",
            Action.RESUME: "The assistant is resumed.",
        }
        return texts[self]


@dataclass(frozen=True, slots=True)
class Draft:
    """`patch`: what is written, without the cause; empty if there is nothing to change.

    `before` and `after`: numbers of the versions whose content is in force before and after; 0 for none.
    """

    action: Action
    number: int
    patch: patch.Patch
    before: int
    after: int
    notes: tuple[str, ...]


def draft(
    action: Action, found: Found[Assistant], rows: Sequence[VersionRow], chosen: Found[AssistantVersion] | None
) -> Draft:
    """`chosen`: the version to pin or to restore. Raises CliError if it cannot come into force."""
    assistant, spec = found.resource, found.document["spec"]
    if chosen:
        target(assistant, [chosen.resource], chosen.resource.number)
    number = chosen.resource.number if chosen else 0
    match action:
        case Action.PIN:
            written = patch.pin(spec, number)
        case Action.UNPIN:
            written = patch.unpin(spec)
        case Action.RESTORE:
            snapshot = chosen.document["spec"]["snapshot"] if chosen else {}
            written = patch.restore(spec, snapshot) + (() if _is_manual(assistant) else patch.unpin(spec))
        case Action.SUSPEND | Action.RESUME:
            written = patch.suspend(spec, on=action is Action.SUSPEND)
    active = assistant.status.active_version or 0
    after = _after(action, assistant, rows, number)
    notes = _notes(action, assistant)
    if after != active and any(row.number == after and row.valid != ConditionStatus.TRUE for row in rows):
        notes.append(f"v{after} is not validated yet: it comes into force if the schemas of the graph accept it.")
    return Draft(action, number, written, active, after, tuple(notes))


def _is_manual(assistant: Assistant) -> bool:
    return assistant.spec.versioning.activation == "Manual"


def _notes(action: Action, assistant: Assistant) -> list[str]:
    """Consequences that the difference does not show."""
    is_manual, notes = _is_manual(assistant), []
    if assistant.spec.suspend and action is not Action.RESUME:
        notes.append("The assistant is suspended: nothing comes into force until it is resumed.")
    match action:
        case Action.PIN if not is_manual:
            notes.append("New edits do not come into force until the pin is removed.")
        case Action.RESTORE if is_manual:
            notes.append("Activation is manual: the new version comes into force once it is pinned.")
        case Action.RESTORE if assistant.pin:
            notes.append(f"The pin to v{assistant.pin} is removed, so that the new version comes into force.")
        case Action.UNPIN if is_manual:
            notes.append("Activation is manual: what is in force stays.")
        case Action.SUSPEND:
            notes.append("Edits are recorded, but nothing is activated, published or pruned until it is resumed.")
    return notes


def _after(action: Action, assistant: Assistant, rows: Sequence[VersionRow], number: int) -> int:
    """Number of the version whose content comes into force."""
    active, is_manual = assistant.status.active_version or 0, _is_manual(assistant)
    if action is Action.SUSPEND or (assistant.spec.suspend and action is not Action.RESUME):
        return active
    match action:
        case Action.PIN:
            return number
        case Action.RESTORE:
            return active if is_manual else number
        case Action.RESUME if assistant.pin:
            return assistant.pin
    return active if is_manual else max((row.number for row in rows if not row.is_refused), default=active)


def seen(resource: Published) -> str:
    """The state that a form shows. A write is refused if it differs by then."""
    meta = resource.metadata
    return f"{meta.uid}/{meta.generation}/{resource.in_force or 0}"


def cause_of(text: str) -> str:
    """The cause in one line. Raises CliError without one."""
    cause = " ".join(text.split())
    if not cause:
        raise CliError("Enter a cause: it is shown in the history.")
    return cause[:LONGEST_CAUSE]


def with_cause(written: patch.Patch, found: Found[Assistant] | Found[AssistantAlias], cause: str) -> list[FreeForm]:
    """The patch with the cause as annotation, refused if the spec was changed or the object replaced meanwhile."""
    annotations = found.document["metadata"].get("annotations")
    path = "/metadata/annotations"
    guards: list[FreeForm] = []
    if annotations is None:
        # This would replace annotations that another client adds meanwhile.
        guards = [_test("/metadata/resourceVersion", found.resource.metadata.resource_version)]
        added = {"op": "add", "path": path, "value": {CAUSES[0]: cause}}
    else:
        added = {"op": "add", "path": f"{path}/{CAUSES[0].replace('/', '~1')}", "value": cause}
    return [*guards, *patch.guarded(written, found.resource, same_spec=True), added]


def _test(path: str, value: object) -> FreeForm:
    return {"op": "test", "path": path, "value": value}


@dataclass(frozen=True, slots=True)
class Offer:
    """An action of a page. `url`: empty if it is disabled. `note`: the id of the paragraph that says why."""

    title: str
    url: str
    why: str
    note: str = "denied"


def offers(assistant: Assistant, path: str, denied: str) -> tuple[Offer, ...]:
    """The actions that concern no version. `denied`: why nothing may be changed; empty if it may."""
    actions = [Action.RESUME if assistant.spec.suspend else Action.SUSPEND]
    if assistant.pin:
        actions.insert(0, Action.UNPIN)
    return tuple(Offer(each.label(0), "" if denied else f"{path}/{each}", denied) for each in actions)


def denial(namespace: str) -> str:
    return f"You may not change assistants in namespace {namespace}: the permission {PERMISSION} is missing."
