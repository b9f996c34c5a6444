"""Each write of the operator refused for a while, for one object: all else goes on, it is told once, and it heals."""

import re
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field

import pytest

from harness.controlplane import ControlPlane
from harness.controlplane.waiting import HEALING, eventually
from harness.support import OperatorProcess, Workspace
from harness.support.histories import a_workspace, writes_since
from harness.support.walk import OPERATOR, events, marks

POLICIES = "/apis/admissionregistration.k8s.io/v1"
WORDS = "history is kept for seven years"
WINDOW = 20.0
"""Seconds in which the writes are counted."""
MOST_CALLS = 10
FORBIDDEN, INVALID = "403", "422"


@dataclass(frozen=True)
class Row:
    """One write, and what is to be seen while it is refused."""

    name: str
    verb: str
    resource: str
    about: str
    """What the names of the objects look like that it is refused for."""
    trigger: Callable[[Workspace], object]
    others: Callable[[Workspace], bool]
    healed: Callable[[Workspace], bool]
    event: tuple[str, str]
    """Object and reason of the one event."""
    told: tuple[str, str, str] | None = None
    """Plural, object and condition whose message has the API server's words."""
    limit: int = 100

    @property
    def operation(self) -> str:
        return {"create": "CREATE", "patch": "UPDATE", "delete": "DELETE"}[self.verb]


def status(workspace: Workspace, name: str = "bot", plural: str = "assistants") -> dict[str, object]:
    return workspace.status(name, plural)


def numbers(workspace: Workspace) -> list[int]:
    return [each["spec"]["number"] for each in workspace.versions()]


def is_recorded(workspace: Workspace, name: str = "bot", plural: str = "assistants") -> bool:
    found = workspace.get(plural, name)
    return found is not None and found["status"].get("observedGeneration") == found["metadata"]["generation"]


def meta(workspace: Workspace, plural: str, name: str) -> dict[str, object]:
    found = workspace.get(plural, name)
    return dict(found["metadata"]) if found else {}


def edit_and_pin(workspace: Workspace) -> None:
    workspace.edit(context={"n": 3})
    workspace.edit(versioning={"activeVersion": 1})


def rename_default(workspace: Workspace) -> None:
    workspace.edit("support", "graphs", defaultAssistant={"name": "second"})


def delete_latest_and_pin(workspace: Workspace) -> None:
    workspace.delete("assistantversions", "bot-v2")
    workspace.edit(versioning={"activeVersion": 1})


def disown(workspace: Workspace) -> None:
    workspace.patch("assistantversions", "bot-v1", {"metadata": {"ownerReferences": None}})
    workspace.edit(context={"n": 3})


def unlabel(workspace: Workspace) -> None:
    workspace.patch("assistantversions", "bot-v1", {"metadata": {"labels": {"assistant-operator.dev/assistant": None}}})
    workspace.edit(context={"n": 3})


def edit(workspace: Workspace) -> None:
    workspace.edit(context={"n": 3})


def edit_graph(workspace: Workspace) -> None:
    workspace.edit("support", "graphs", defaults={"context": {"prompt": "new"}})


def pin(workspace: Workspace) -> None:
    workspace.edit(versioning={"activeVersion": 1})


def prompt(workspace: Workspace) -> object:
    found = workspace.get("assistants", "support")
    return found["spec"]["context"]["prompt"] if found else None


def is_third_in_force(workspace: Workspace) -> bool:
    return is_recorded(workspace) and status(workspace).get("activeVersion") == 3


def is_first_in_force(workspace: Workspace) -> bool:
    return status(workspace).get("activeVersion") == 1 and marks(workspace).get(1) == "VA"


def default_label(workspace: Workspace) -> bool:
    labels = meta(workspace, "assistants", "support").get("labels")
    return isinstance(labels, dict) and "assistant-operator.dev/default" in labels


BOT = ("assistants", "bot", "Ready")
GRAPH = ("graphs", "support", "Ready")
VERSION = "bot-v[0-9]+"
ROWS = [
    Row(
        "create a version",
        "create",
        "assistantversions",
        VERSION,
        edit_and_pin,
        is_first_in_force,
        lambda w: numbers(w) == [1, 2, 3] and is_recorded(w) and marks(w) == {1: "VA", 2: "Va", 3: "Va"},
        ("bot", "VersionRefused"),
        BOT,
    ),
    Row(
        "restore a version",
        "create",
        "assistantversions",
        VERSION,
        delete_latest_and_pin,
        is_first_in_force,
        lambda w: marks(w) == {1: "VA", 2: "Va"} and w.condition().get("status") == "True",
        ("bot", "VersionRefused"),
        BOT,
    ),
    Row(
        "adopt a version",
        "patch",
        "assistantversions",
        VERSION,
        disown,
        lambda w: is_third_in_force(w) and marks(w) == {1: "Va", 2: "Va", 3: "VA"},
        lambda w: bool(meta(w, "assistantversions", "bot-v1").get("ownerReferences")),
        ("bot", "AdoptionRefused"),
        BOT,
    ),
    Row(
        "label a version",
        "patch",
        "assistantversions",
        VERSION,
        unlabel,
        lambda w: is_third_in_force(w) and marks(w) == {1: "Va", 2: "Va", 3: "VA"},
        lambda w: "assistant-operator.dev/assistant" in str(meta(w, "assistantversions", "bot-v1").get("labels")),
        ("bot", "MarkRefused"),
        BOT,
    ),
    Row(
        "mark a version",
        "patch",
        "assistantversions/status",
        VERSION,
        edit,
        lambda w: is_third_in_force(w) and numbers(w) == [2, 3],
        lambda w: marks(w) == {2: "Va", 3: "VA"},
        ("bot", "MarkRefused"),
        BOT,
        limit=2,
    ),
    Row(
        "prune a version",
        "delete",
        "assistantversions",
        VERSION,
        edit,
        lambda w: is_third_in_force(w) and marks(w) == {1: "Va", 2: "Va", 3: "VA"} and status(w)["versions"] == 3,
        lambda w: numbers(w) == [3] and status(w)["versions"] == 1,
        ("bot", "PruneRefused"),
        BOT,
        limit=1,
    ),
    Row(
        "write the status of an Assistant",
        "patch",
        "assistants/status",
        "bot",
        edit,
        # The status still says that v2 is in force, so that it is kept beside v3.
        lambda w: marks(w) == {2: "Va", 3: "VA"},
        lambda w: is_third_in_force(w) and numbers(w) == [3],
        ("bot", "StatusRefused"),
        limit=1,
    ),
    Row(
        "write the status of a Graph",
        "patch",
        "graphs/status",
        "support",
        edit_graph,
        lambda w: prompt(w) == "new",
        lambda w: is_recorded(w, "support", "graphs"),
        ("support", "StatusRefused"),
    ),
    Row(
        "apply the default Assistant",
        "patch",
        "assistants",
        "support",
        edit_graph,
        lambda w: is_recorded(w, "support", "graphs") and prompt(w) == "old",
        lambda w: prompt(w) == "new" and w.condition("support", plural="graphs").get("status") == "True",
        ("support", "DefaultAssistantRefused"),
        ("graphs", "support", "DefaultAssistantReady"),
    ),
    Row(
        "release a former default Assistant",
        "patch",
        "assistants",
        "support",
        rename_default,
        lambda w: (
            is_recorded(w, "support", "graphs") and status(w, "support", "graphs")["defaultAssistant"] == "second"
        ),
        lambda w: not default_label(w) and WORDS not in w.condition("support", plural="graphs").get("message", ""),
        ("support", "DefaultAssistantRefused"),
        GRAPH,
    ),
    Row(
        "post an event",
        "create",
        "events",
        ".*",
        pin,
        is_first_in_force,
        lambda w: pin_again(w) and ("Normal", "Activated") in [each[:2] for each in events(w)],
        ("bot", ""),
    ),
]


def pin_again(workspace: Workspace) -> bool:
    """Something to tell of, now that it may be told."""
    found = workspace.get("assistants", "bot")
    number = 3 - int(found["spec"]["versioning"]["activeVersion"]) if found else 1
    workspace.edit(versioning={"activeVersion": number})
    time.sleep(1)
    return True


@dataclass
class Trial:
    """A row in a namespace of its own, and what was seen there."""

    row: Row
    way: str
    workspace: Workspace
    message: str = ""
    events: list[tuple[str, str, str]] = field(default_factory=list)
    calls: int = 0
    is_other_untouched: bool = False
    did_others: bool = False
    trouble: str = ""

    def prepare(self) -> None:
        """Two versions of an Assistant and a Graph with a default one, all settled; another Assistant beside them."""
        there = self.workspace
        there.edit("support", "graphs", defaults={"context": {"prompt": "old"}}, defaultAssistant={"policy": "Create"})
        for name in ("bot", "other"):
            there.assistant(name, context={"n": 1}, versioning={"historyLimit": 100})
            there.until_versions(1, name)
            there.edit(name, context={"n": 2})
        eventually(lambda: marks(there) == {1: "Va", 2: "VA"} and prompt(there) == "old")
        eventually(lambda: there.condition("support", plural="graphs").get("status") == "True")

    def meet(self) -> None:
        """Bring about the write that is refused, and beside it what is not."""
        there = self.workspace
        there.edit(versioning={"historyLimit": self.row.limit})
        self.row.trigger(there)
        there.edit("other", context={"n": 3})

    def look(self) -> None:
        """What is seen while it is refused."""
        there = self.workspace
        self.did_others = comes(lambda: self.row.others(there))
        self.is_other_untouched = comes(lambda: there.status("other").get("activeVersion") == 3)
        comes(lambda: not self.row.told or WORDS in self.said())

    def said(self) -> str:
        """The message in which the words are to be; that of an edit that is not recorded is of the one before."""
        plural, name, kind = self.row.told or ("", "", "")
        stated = self.workspace.status(name, plural).get("conditions", ()) if plural else ()
        return next((each["message"] for each in stated if each["type"] == kind), "")

    def note(self) -> None:
        """What came of it, at the end of the time in which it is refused."""
        self.message = self.said()
        name, reason = self.row.event
        self.events = [each for each in events(self.workspace, name) if each[:2] == ("Warning", reason)]

    def heal(self) -> None:
        eventually(lambda: self.row.healed(self.workspace), HEALING)


def comes(look: Callable[[], bool], within: float = 15.0) -> bool:
    try:
        eventually(look, within)
    except AssertionError:
        return False
    return True


def a_policy(trial: Trial) -> list[tuple[str, dict[str, object]]]:
    """A ValidatingAdmissionPolicy that refuses that one write, and a ConfigMap by which one sees that it bites."""
    row, named = trial.row, {"metadata": {"name": trial.workspace.namespace}}
    name = "(request.operation == 'DELETE' ? oldObject : object).metadata.?name.orValue('')"
    is_meant = f"request.userInfo.username == '{OPERATOR}' && {name}.matches('^{row.about}$')"
    is_probe = "request.resource.resource == 'configmaps' && object.metadata.name == 'probe'"
    group = "events.k8s.io" if row.resource == "events" else "assistant-operator.dev"
    rules = [
        {"apiGroups": [group], "apiVersions": ["*"], "operations": [row.operation], "resources": [row.resource]},
        {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["configmaps"]},
    ]
    reason = {FORBIDDEN: "Forbidden", INVALID: "Invalid"}[trial.way]
    validation = {"expression": f"!({is_probe}) && !({is_meant})", "message": WORDS, "reason": reason}
    spec = {"matchConstraints": {"resourceRules": rules}, "validations": [validation]}
    where = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": trial.workspace.namespace}}}
    bound = {"policyName": trial.workspace.namespace, "validationActions": ["Deny"], "matchResources": where}
    return [
        ("validatingadmissionpolicies", {**named, "spec": spec}),
        ("validatingadmissionpolicybindings", {**named, "spec": bound}),
    ]


def impose(plane: ControlPlane, trials: Iterable[Trial]) -> None:
    for trial in trials:
        for kind, body in a_policy(trial):
            plane.admin.create(f"{POLICIES}/{kind}", body)
    probe = {"metadata": {"name": "probe"}}
    for trial in trials:
        path = f"/api/v1/namespaces/{trial.workspace.namespace}/configmaps?dryRun=All"
        eventually(lambda path=path: WORDS in str(plane.admin.request("POST", path, probe).body))  # type: ignore[misc]


def lift(plane: ControlPlane, trials: Iterable[Trial]) -> None:
    for trial in trials:
        for kind in ("validatingadmissionpolicybindings", "validatingadmissionpolicies"):
            plane.admin.request("DELETE", f"{POLICIES}/{kind}/{trial.workspace.namespace}")


def each_of(trials: list[Trial], work: Callable[[Trial], None]) -> None:
    """For all trials at once; what fails is noted in the trial."""

    def done(trial: Trial) -> None:
        try:
            work(trial)
        except AssertionError as error:
            trial.trouble = trial.trouble or f"{work.__name__}: {error}"

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(done, trials))


@pytest.fixture(scope="module")
def trials(installed: ControlPlane, running: OperatorProcess) -> Iterator[dict[tuple[str, str], Trial]]:
    """All rows at the same time: before, while and after their write is refused."""
    with ExitStack() as stack:
        rows = [(row, way) for row in ROWS for way in (FORBIDDEN, INVALID)]
        found = [Trial(row, way, stack.enter_context(a_workspace(installed))) for row, way in rows]
        each_of(found, Trial.prepare)
        impose(installed, found)
        _, since = installed.audit_since()
        started = time.monotonic()
        each_of(found, Trial.meet)
        each_of(found, Trial.look)
        time.sleep(max(0.0, started + WINDOW - time.monotonic()))
        each_of(found, Trial.note)
        for each in found:
            each.calls = calls(each, since)
        lift(installed, found)
        each_of(found, Trial.heal)
        assert "Traceback" not in running.log.read_text()
        yield {(each.row.name, each.way): each for each in found}


def calls(trial: Trial, since: int) -> int:
    """How often the operator tried the write that is refused."""
    row, tried = trial.row, writes_since(trial.workspace.plane, since, trial.workspace.namespace)
    return sum(re.fullmatch(f"{row.verb} {row.resource} ({row.about})?", line) is not None for line in tried)


@pytest.mark.parametrize("way", [FORBIDDEN, INVALID])
@pytest.mark.parametrize("row", [pytest.param(row, id=row.name) for row in ROWS])
def test_a_refused_write_stops_nothing_else_is_told_once_and_heals(
    row: Row, way: str, trials: dict[tuple[str, str], Trial]
) -> None:
    trial = trials[row.name, way]
    assert trial.trouble == ""
    assert trial.did_others, "every other step for that object goes on"
    assert trial.is_other_untouched, "every other object goes on"
    if row.told:
        assert WORDS in trial.message
    if row.event[1]:
        assert len(trial.events) == 1
        assert WORDS in trial.events[0][2]
    assert 1 <= trial.calls <= MOST_CALLS
