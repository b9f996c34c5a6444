"""Whatever the schema lets through, written while no operator runs, neither ends the operator nor stops others."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from assistant_operator.api.assistant import Snapshot
from harness.controlplane.waiting import eventually
from harness.support import OperatorProcess, Workspace
from harness.support.walk import comes_to, complaints
from harness.support.workspace import API_VERSION, Json

T = TypeVar("T")
LARGEST = 2**63 - 1
ASSISTANTS, GRAPHS, VERSIONS = 80, 30, 120

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
keys = st.one_of(
    st.sampled_from(
        ["", "a", "a.b", "a/b", "~1", "f:a", ".", "$ref", "__proto__", "metadata", "spec", "{{ x }}", "ж" * 300]
    ),
    text,
)
numbers = st.one_of(
    st.integers(-5, 5),
    st.sampled_from([2**53 + 1, -(2**53) - 1, LARGEST, -LARGEST - 1, 2**63, 2**64, 10**30, -0.0, 1e308, 5e-324, 1e21]),
    st.floats(allow_nan=False, allow_infinity=False),
)
leaves = st.one_of(
    st.none(), st.booleans(), numbers, text, st.sampled_from(["yes", "~", "1e3", "\u0000", "a\nb: c", "<é>"])
)
content = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4), max_leaves=20
)


def nested(inner: Any, levels: int) -> Any:
    for level in range(levels):
        inner = [inner] if level % 2 else {"a": inner}
    return inner


deep = st.builds(nested, leaves, st.integers(20, 400))
free_form = st.dictionaries(keys, content | deep, max_size=4)


def some_of(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Json]:
    """An object with any of these fields."""
    return st.fixed_dictionaries({}, optional=fields)


int64 = st.one_of(st.integers(0, 4), st.sampled_from([2**31, 2**53 + 1, LARGEST - 1, LARGEST]))
ordinals = st.one_of(st.integers(1, 4), st.sampled_from([2**31, 2**53 + 1, 2**62]))
counts = st.integers(0, 2**31 - 1)
configured = st.one_of(
    some_of(context=free_form),
    some_of(config=some_of(tags=st.lists(text, max_size=3), recursionLimit=st.integers(1, 9), configurable=free_form)),
)
snapshots = st.builds(
    lambda graph, one, other: {"graphRef": {"name": graph}, **one, **other},
    st.sampled_from(["plain", "missing", *(f"graph{number}" for number in range(GRAPHS))]),
    configured,
    some_of(displayName=text, description=text, metadata=free_form),
)
control = some_of(
    suspend=st.booleans(),
    deletionPolicy=st.sampled_from(["Delete", "Retain"]),
    versioning=some_of(
        activation=st.sampled_from(["Automatic", "Manual"]),
        historyLimit=st.sampled_from([1, 2, 10_000]),
        activeVersion=ordinals,
    ),
)
times = st.sampled_from(
    ["2026-01-01T00:00:00Z", "0000-01-01T00:00:00Z", "9999-12-31T23:59:59.999999999Z", "2026-01-01t00:00:00+99:99"]
)
conditions = st.lists(
    st.fixed_dictionaries(
        {
            "type": st.sampled_from(["Ready", "GraphFound", "Valid", "Stalled", "example.com/Odd", "x" * 316]),
            "status": st.sampled_from(["True", "False", "Unknown"]),
            "reason": st.sampled_from(["Suspended", "SnapshotTooLarge", "Nonsense", "a:b"]),
            "message": text,
            "lastTransitionTime": times,
        },
        optional={"observedGeneration": int64},
    ),
    max_size=4,
    unique_by=lambda each: str(each["type"]),
)
digests = st.sampled_from(["sha256:" + "0" * 64, "sha256:" + "f" * 64])
assistant_statuses = some_of(
    observedGeneration=st.one_of(int64, st.sampled_from([-LARGEST - 1, -1])),
    latestVersion=ordinals,
    activeVersion=ordinals,
    versions=counts,
    missedGenerations=ordinals,
    digest=digests,
    conditions=conditions,
    assistantId=text,
    activations=st.lists(st.fixed_dictionaries({"number": st.integers(1, LARGEST), "since": times}), max_size=20),
)
graph_statuses = some_of(
    observedGeneration=int64,
    assistants=counts,
    graphId=text,
    defaultAssistant=text,
    serverVersion=text,
    conditions=conditions,
    schemas=some_of(source=st.sampled_from(["Spec", "Server", "None"]), context=free_form, config=free_form),
)
keywords = st.sampled_from(
    ["type", "properties", "items", "pattern", "allOf", "$ref", "$defs", "$id", "$schema", "enum"]
)
schemas = st.one_of(
    free_form, st.dictionaries(keywords, content | st.sampled_from(["string", "#", "(", "a/b"]), max_size=3)
)
graphs = some_of(contextSchema=schemas, configSchema=schemas, defaults=configured, description=text)
annotations = st.dictionaries(
    st.sampled_from(["kubernetes.io/change-cause", "assistant-operator.dev/change-cause", "a"]),
    st.one_of(text, st.just("ж" * 3000)),
)
labels = st.dictionaries(st.sampled_from(["assistant-operator.dev/default", "a"]), st.sampled_from(["true", ""]))
managers = st.sampled_from(["kubectl", "ж" * 60, "a b/c", "x" * 128])
versions = st.fixed_dictionaries(
    {
        "of": st.integers(0, ASSISTANTS - 1),
        "number": ordinals,
        "owner": st.sampled_from(["nobody", "a dead object", "its assistant", "a graph", "a graph, not controlling"]),
        "uid": text,
        "generation": int64,
        "snapshot": snapshots,
        "is_intact": st.booleans(),
        "change": st.builds(
            lambda kind, told: {"kind": kind, **told},
            st.sampled_from(["Created", "Edited", "Reverted"]),
            some_of(sameAs=ordinals, paths=st.lists(text), cause=text, manager=text),
        ),
        "keep": st.booleans(),
    }
)


def drawn(strategy: st.SearchStrategy[T], count: int) -> list[T]:
    """That many of it, as different as hypothesis makes them: so a whole batch is one start of the operator."""
    found: list[T] = []

    @settings(max_examples=count, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(strategy)
    def collect(one: T) -> None:
        found.append(one)

    collect()
    return found


class Fuzzed:
    """What was written and let through, by name; the falsifying content for whoever reads a failure."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.written: dict[str, Any] = {}
        self.refused: list[Any] = []

    def send(self, method: str, path: str, body: Any, content_type: str = "application/json") -> Json | None:
        status, told = self.workspace.client.ask(method, path, body, content_type)
        assert status < 500, (status, told, body)
        if status >= 300:
            self.refused.append((told.get("message"), body))
            return None
        made: Json = told
        return made

    def write(self, kind: str, name: str, spec: Json, meta: Json, manager: str = "tests") -> Json | None:
        plural = f"{kind.lower()}s"
        body = {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": name, **meta}, "spec": spec}
        made = self.send("POST", f"{self.workspace.path(plural)}?fieldManager={quote(manager)}", body)
        if made:
            self.written[name] = {"spec": spec, "metadata": meta}
        return made

    def status(self, plural: str, name: str, status: Json) -> None:
        path = self.workspace.path(plural, name) + "/status"
        if self.send("PATCH", path, {"status": status}, "application/merge-patch+json"):
            self.written[name]["status"] = status


def canonical(of: Json) -> bytes:
    """The canonical content of a spec's versioned part, as the API server gave it back."""
    return Snapshot.model_validate(of).canonical


def write_version(fuzzed: Fuzzed, owners: dict[str, str], version: Json) -> None:
    name, owner = f"fuzzed{version['of']}", version["owner"]
    digest = Snapshot.model_validate(version["snapshot"]).digest if version["is_intact"] else "sha256:" + "0" * 64
    spec = {field: version[field] for field in ("number", "generation", "snapshot", "change")}
    spec |= {"assistantRef": {"name": name, "uid": version["uid"]}, "digest": digest, "chain": digest}
    kind, uid = {
        "nobody": ("", ""),
        "a dead object": ("Assistant", "00000000-0000-0000-0000-000000000000"),
        "its assistant": ("Assistant", owners.get(name, "")),
    }.get(owner, ("Graph", owners["plain"]))
    reference = {"apiVersion": API_VERSION, "kind": kind, "name": "any" if kind == "Assistant" else "plain", "uid": uid}
    references = [{**reference, "controller": owner != "a graph, not controlling"}] if uid else []
    kept = {"assistant-operator.dev/keep": ""} if version["keep"] else {}
    meta = {"ownerReferences": references, "labels": kept}
    fuzzed.write("AssistantVersion", f"{name}-v{version['number']}", spec, meta)


def write_all(fuzzed: Fuzzed) -> list[str]:
    """The names of the assistants that the API server let through."""
    workspace = fuzzed.workspace
    owners = {"plain": workspace.graph("plain", contextSchema={"type": "object"})["metadata"]["uid"]}
    for number, (graph, status) in enumerate(drawn(st.tuples(graphs, graph_statuses), GRAPHS)):
        if fuzzed.write("Graph", f"graph{number}", graph, {}):
            fuzzed.status("graphs", f"graph{number}", status)
    # At once: where examples are derandomized, drawing twice gives the same twice.
    both = drawn(versions, 2 * VERSIONS)
    before, after = both[:VERSIONS], both[VERSIONS:]
    for version in before:
        write_version(fuzzed, owners, version)
    objects = st.tuples(snapshots, control, labels, annotations, managers, st.none() | assistant_statuses)
    for number, (snapshot, controls, own, notes, manager, status) in enumerate(drawn(objects, ASSISTANTS)):
        name = f"fuzzed{number}"
        made = fuzzed.write("Assistant", name, {**snapshot, **controls}, {"labels": own, "annotations": notes}, manager)
        if made:
            owners[name] = made["metadata"]["uid"]
            if status is not None:
                fuzzed.status("assistants", name, status)
    for version in after:
        write_version(fuzzed, owners, version)
    return [name for name in owners if name != "plain"]


def edit_is_a_version(workspace: Workspace, name: str) -> bool:
    """Whether the newest of the operator's versions says what the spec says, and the status that it was seen."""
    found = workspace.get("assistants", name)
    assert found
    if found["status"]["observedGeneration"] != found["metadata"]["generation"]:
        return False
    newest = workspace.get("assistantversions", f"{name}-v{found['status']['latestVersion']}")
    return newest is not None and canonical(newest["spec"]["snapshot"]) == canonical(found["spec"])


def assert_an_edit_is_a_version(fuzzed: Fuzzed, name: str) -> None:
    workspace = fuzzed.workspace
    try:
        eventually(lambda: edit_is_a_version(workspace, name))
    except AssertionError:
        beside = {each: told for each, told in fuzzed.written.items() if each.startswith(f"{name}-v")}
        falsifying = json.dumps({name: fuzzed.written[name], **beside})
        raise AssertionError(f"{falsifying}\ncame to {workspace.get('assistants', name)}") from None


def assert_judged(fuzzed: Fuzzed, name: str) -> None:
    workspace = fuzzed.workspace
    try:
        eventually(lambda: workspace.condition(name, plural="graphs"))
    except AssertionError:
        falsifying = json.dumps({name: fuzzed.written[name]})
        raise AssertionError(f"{falsifying}\ncame to {workspace.get('graphs', name)}") from None


def healthy_goes_on(workspace: Workspace, count: int) -> None:
    workspace.edit("healthy", context={"count": count})
    assert workspace.until_ready("healthy")["activeVersion"] == count


def test_nothing_that_was_written_while_no_operator_ran_stops_it(
    operator_kubeconfig: Path, workspace: Workspace, tmp_path: Path
) -> None:
    fuzzed = Fuzzed(workspace)
    workspace.assistant("healthy", "plain", context={"count": 1})
    names = write_all(fuzzed)
    assert len(names) >= ASSISTANTS * 3 // 4, fuzzed.refused
    assert sum("-v" in name for name in fuzzed.written) >= VERSIONS // 2, fuzzed.refused
    with OperatorProcess(operator_kubeconfig, tmp_path / "operator.log", "--log-level=debug") as operator:
        healthy_goes_on(workspace, 2)
        for name in names:
            workspace.edit(name, displayName="edited")
        healthy_goes_on(workspace, 3)
        for name in names:
            assert_an_edit_is_a_version(fuzzed, name)
        for name in (each for each in fuzzed.written if each.startswith("graph")):
            assert_judged(fuzzed, name)
        healthy_goes_on(workspace, 4)
        assert operator.is_running
        assert complaints(operator) == []


@pytest.fixture
def deep_json() -> Iterator[None]:
    """JSON as deep as the API server takes it can be written and read here."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(20_000)
    yield
    sys.setrecursionlimit(before)


def test_the_deepest_and_the_largest_content_is_recorded_and_stops_nobody(
    operator_kubeconfig: Path, workspace: Workspace, tmp_path: Path, deep_json: None
) -> None:
    workspace.graph("plain", contextSchema={"type": "object"})
    workspace.assistant("healthy", "plain", context={"count": 1})
    lists: Any = 1
    for _ in range(9_000):
        lists = [lists]
    extremes = {"lists": lists, "objects": nested(1, 2_000), "text": "x" * 1_400_000}
    extremes["keys"] = {f"key{number}": number for number in range(20_000)}
    for name, extreme in extremes.items():
        workspace.assistant(name, "plain", context={"extreme": extreme})
    with OperatorProcess(operator_kubeconfig, tmp_path / "operator.log") as operator:
        healthy_goes_on(workspace, 2)
        for name in extremes:
            workspace.until_ready(name)
            assert edit_is_a_version(workspace, name)
        healthy_goes_on(workspace, 3)
        assert complaints(operator) == []


def test_an_assistant_that_has_run_out_of_numbers_is_told_so_and_others_go_on(
    operator_kubeconfig: Path, workspace: Workspace, tmp_path: Path
) -> None:
    workspace.graph("plain")
    workspace.assistant("healthy", "plain", context={"count": 1})
    workspace.assistant("last", "plain")
    digest = "sha256:" + "0" * 64
    spec = {"assistantRef": {"name": "last", "uid": "any"}, "number": LARGEST, "generation": 1, "digest": digest}
    spec |= {"snapshot": {"graphRef": {"name": "plain"}}, "chain": digest, "change": {"kind": "Created"}}
    Fuzzed(workspace).write("AssistantVersion", f"last-v{LARGEST}", spec, {})
    with OperatorProcess(operator_kubeconfig, tmp_path / "operator.log") as operator:
        healthy_goes_on(workspace, 2)
        workspace.edit("last", displayName="one more")
        comes_to(lambda: ready_at_all(workspace, "last"), ("False", "VersionRefused"))
        healthy_goes_on(workspace, 3)
        assert "Traceback" not in operator.log.read_text()


def ready_at_all(workspace: Workspace, name: str) -> tuple[str, str] | None:
    """What Ready says, of whatever generation."""
    stated = workspace.status(name).get("conditions", ())
    return next(((each["status"], each["reason"]) for each in stated if each["type"] == "Ready"), None)
