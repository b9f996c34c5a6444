"""A version's spec stays what it was made as: whatever cluster-admin writes, however, the API server refuses it."""

import json
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.controlplane import ControlPlane
from harness.support import Workspace
from harness.support.client import MERGE
from harness.support.histories import a_workspace
from harness.support.workspace import API_VERSION
from harness.worlds import a_version

PUT = "application/json"
JSON_PATCH = "application/json-patch+json"
APPLY = "application/apply-patch+yaml"
STRATEGIC = "application/strategic-merge-patch+json"
OWNER = f"{APPLY}?fieldManager=importer"
OTHER = f"{APPLY}?fieldManager=other"
LAW = "a version is immutable: edit the Assistant to make a new one"
"""Before it, Kubernetes says that a value is invalid, older ones that an object is."""
REQUIRED = "Required value"
CONTEXT = {
    "prompt": "Grüße, {{ name }}",
    "one": 1,
    "big": 2**53 + 1,
    "half": 0.5,
    "yes": True,
    "nothing": None,
    "empty": {},
    "a.b": {"deep": [{"x": None, "y": [1, 2]}, "é"]},
}
Json = dict[str, Any]
Body = Callable[[Json], Any]


class Stored:
    """One version in the cluster, and what it must still be after each write."""

    def __init__(self, workspace: Workspace, **context: Any) -> None:
        self.workspace = workspace
        owner = f"bot-{secrets.token_hex(4)}"
        spec = a_version(context=context, config={"tags": ["a", "b"], "recursion_limit": 5}, metadata={"team": "a"})
        told = spec.spec.manifest() | {"assistantRef": {"name": owner, "uid": "u"}}
        told |= {"change": {"kind": "Created", "sameAs": 1, "paths": ["/a", "/b"], "manager": "kubectl"}}
        self.name = f"{owner}-v1"
        self.path = workspace.path("assistantversions", self.name)
        made = {"apiVersion": API_VERSION, "kind": "AssistantVersion", "metadata": {"name": self.name}, "spec": told}
        status, self.before = self.write(OWNER, lambda _: made)
        assert status == 201, self.before

    def write(self, how: str, body: Body) -> tuple[int, Any]:
        """`how`: content type and query; `body`: of what the API server holds now."""
        kind, _, query = how.partition("?")
        method = "PUT" if kind == PUT else "PATCH"
        path = f"{self.path}?{query}" if query else self.path
        return self.workspace.client.ask(method, path, body(self.held()), kind)

    def held(self) -> Json:
        """As the API server says it; server-side apply takes no managedFields back."""
        status, held = self.workspace.client.ask("GET", self.path)
        if status == 200:
            del held["metadata"]["managedFields"]
        return dict(held)

    def assert_untouched(self) -> Json:
        """To the byte: JSON in the server's own order, 1 is not 1.0. A spec that changed would count a generation."""
        held = self.held()
        assert json.dumps(held["spec"]) == json.dumps(self.before["spec"])
        assert held["metadata"]["uid"] == self.before["metadata"]["uid"]
        assert held["metadata"]["generation"] == 1
        return held


@pytest.fixture(scope="module")
def place(installed: ControlPlane) -> Iterator[Workspace]:
    with a_workspace(installed) as workspace:
        yield workspace


@pytest.fixture
def version(place: Workspace) -> Stored:
    return Stored(place, **CONTEXT)


def merge(**spec: Any) -> Body:
    return lambda _: {"spec": spec}


def within(**context: Any) -> Body:
    return merge(snapshot={"context": context})


def steps(*operations: tuple[str, str, Any]) -> Body:
    """JSON patch: op, path below the spec, and value or where from."""
    root = "/spec"

    def step(op: str, path: str, value: Any) -> Json:
        return {"op": op, "path": root + path} | (
            {} if op == "remove" else {"from": root + value} if op in {"move", "copy"} else {"value": value}
        )

    return lambda _: [step(*each) for each in operations]


def whole(change: Callable[[Json], Any]) -> Body:
    """The whole object with its spec changed in place, or with another if `change` returns one."""

    def body(held: Json) -> Json:
        spec = json.loads(json.dumps(held["spec"]))
        returned = change(spec)
        return {**held, "spec": spec if returned is None else returned}

    return body


def applied(change: Callable[[Json], Any]) -> Body:
    """The same for server-side apply, which must not name a resource version."""

    def body(held: Json) -> Json:
        named = {"name": held["metadata"]["name"]}
        return {**whole(change)(held), "metadata": named}

    return body


def only(**context: Any) -> Body:
    """Server-side apply of some content and nothing else."""
    return lambda held: {
        "apiVersion": API_VERSION,
        "kind": "AssistantVersion",
        "metadata": {"name": held["metadata"]["name"]},
        "spec": {"snapshot": {"context": context}},
    }


def swap(content: Json) -> None:
    """One key for another: as many as before."""
    content["Prompt"] = content.pop("prompt")


def without_spec(held: Json) -> Json:
    return {key: value for key, value in held.items() if key != "spec"}


OBJECT = "must be of type object"
INTEGER = "must be of type integer"
REFUSED: list[tuple[str, str, Body, str]] = [
    ("the name of its assistant", MERGE, merge(assistantRef={"name": "another"}), LAW),
    ("the uid of its assistant", MERGE, merge(assistantRef={"uid": "another"}), LAW),
    ("another number", MERGE, merge(number=2), LAW),
    ("another generation", MERGE, merge(generation=9), LAW),
    ("another digest", MERGE, merge(digest="sha256:" + "0" * 64), LAW),
    ("another chain", MERGE, merge(chain="sha256:" + "0" * 64), LAW),
    ("another kind of change", MERGE, merge(change={"kind": "Edited"}), LAW),
    ("another author", MERGE, merge(change={"manager": "somebody"}), LAW),
    ("a cause that was not given", MERGE, merge(change={"cause": "because"}), LAW),
    ("no sameAs any more", MERGE, merge(change={"sameAs": None}), LAW),
    ("fewer paths", MERGE, merge(change={"paths": ["/a"]}), LAW),
    ("the paths in another order", MERGE, merge(change={"paths": ["/b", "/a"]}), LAW),
    ("another graph", MERGE, merge(snapshot={"graphRef": {"name": "another"}}), LAW),
    ("a display name where there was none", MERGE, merge(snapshot={"displayName": "Bot"}), LAW),
    ("an empty description where there was none", MERGE, merge(snapshot={"description": ""}), LAW),
    ("the tags in another order", MERGE, merge(snapshot={"config": {"tags": ["b", "a"]}}), LAW),
    ("another limit of recursion", MERGE, merge(snapshot={"config": {"recursionLimit": 6}}), LAW),
    ("an empty configurable where there was none", MERGE, merge(snapshot={"config": {"configurable": {}}}), LAW),
    ("no config any more", MERGE, merge(snapshot={"config": None}), LAW),
    ("metadata under another key", MERGE, merge(snapshot={"metadata": {"team": None, "Team": "a"}}), LAW),
    ("no metadata any more", MERGE, merge(snapshot={"metadata": None}), LAW),
    ("one blank more in a prompt", MERGE, within(prompt=f"{CONTEXT['prompt']} "), LAW),
    ("the same letters composed otherwise", MERGE, within(prompt="Gru\u0308ße, {{ name }}"), LAW),
    ("a key more", MERGE, within(more="more"), LAW),
    ("a key less", MERGE, within(prompt=None), LAW),
    ("a null less", MERGE, within(nothing=None), LAW),
    ("an empty object for a null", MERGE, within(nothing={}), LAW),
    ("an empty list for an empty object", MERGE, within(empty=[]), LAW),
    ("1 for true", MERGE, within(yes=1), LAW),
    ("true for 1", MERGE, within(one=True), LAW),
    ('"1" for 1', MERGE, within(one="1"), LAW),
    ("a fraction for a whole number", MERGE, within(one=1.5), LAW),
    ("a neighbour that a double cannot tell apart", MERGE, within(big=2**53), LAW),
    ("the double that stands for a large number", MERGE, within(big=float(2**53)), LAW),
    ("a nested list with another item", MERGE, within(**{"a.b": {"deep": [{"x": None, "y": [1, 3]}, "é"]}}), LAW),
    ("a nested list without its null", MERGE, within(**{"a.b": {"deep": [{"y": [1, 2]}, "é"]}}), LAW),
    ("no context any more", MERGE, merge(snapshot={"context": None}), LAW),
    ("a list for the context", MERGE, merge(snapshot={"context": []}), OBJECT),
    ("text for the number", MERGE, merge(number="1"), INTEGER),
    ("no snapshot any more", MERGE, merge(snapshot=None), REQUIRED),
    ("a null for the spec", MERGE, lambda _: {"spec": None}, REQUIRED),
    ("an added key", JSON_PATCH, steps(("add", "/snapshot/context/more", {})), LAW),
    ("an added null", JSON_PATCH, steps(("add", "/snapshot/context/more", None)), LAW),
    ("an added item", JSON_PATCH, steps(("add", "/snapshot/context/a.b/deep/-", None)), LAW),
    ("a replaced null", JSON_PATCH, steps(("replace", "/snapshot/context/nothing", 0)), LAW),
    ("a removed null", JSON_PATCH, steps(("remove", "/snapshot/context/a.b/deep/0/x", None)), LAW),
    ("a removed path", JSON_PATCH, steps(("remove", "/change/paths/0", None)), LAW),
    (
        "a key moved to another",
        JSON_PATCH,
        steps(("move", "/snapshot/context/Prompt", "/snapshot/context/prompt")),
        LAW,
    ),
    ("content moved to metadata", JSON_PATCH, steps(("move", "/snapshot/metadata", "/snapshot/context")), LAW),
    ("content copied", JSON_PATCH, steps(("copy", "/snapshot/context/more", "/snapshot/context/one")), LAW),
    ("the digest copied to the chain", JSON_PATCH, steps(("copy", "/chain", "/digest")), LAW),
    ("the spec replaced by nothing", JSON_PATCH, steps(("replace", "", {})), REQUIRED),
    ("the spec removed", JSON_PATCH, steps(("remove", "", None)), REQUIRED),
    (
        "a change that is undone but for one key",
        JSON_PATCH,
        steps(("remove", "/snapshot/context", None), ("add", "/snapshot/context", {**CONTEXT, "half": 0.25})),
        LAW,
    ),
    ("the object as it is but for a key", PUT, whole(lambda spec: swap(spec["snapshot"]["context"])), LAW),
    ("the object as it is but for a field", PUT, whole(lambda spec: spec["snapshot"].pop("context") and None), LAW),
    ("the object without its spec", PUT, without_spec, REQUIRED),
    ("the object with an empty spec", PUT, whole(lambda _: {}), REQUIRED),
    ("the object with a text for a spec", PUT, whole(lambda _: "gone"), OBJECT),
    ("its owner's apply of another value", OWNER, applied(lambda spec: spec["snapshot"]["context"].update(one=2)), LAW),
    ("its owner's apply without a value", OWNER, applied(lambda spec: swap(spec["snapshot"]["context"])), LAW),
    ("its owner's apply of nothing", OWNER, lambda held: without_spec(applied(lambda _: {})(held)), REQUIRED),
    ("a stranger's forced apply", f"{OTHER}&force=true", only(one=2), LAW),
    ("a stranger's forced apply of a null", f"{OTHER}&force=true", only(one=None), LAW),
    ("a stranger's apply of a key more", OTHER, only(more=1), LAW),
]


@pytest.mark.parametrize(("how", "body", "says"), [pytest.param(*row, id=sentence) for sentence, *row in REFUSED])
def test_a_write_to_the_spec_is_refused(version: Stored, how: str, body: Body, says: str) -> None:
    status, told = version.write(how, body)
    assert status == 422
    assert any(says in cause["message"] and cause["field"].startswith("spec") for cause in told["details"]["causes"])
    version.assert_untouched()


def test_a_stranger_who_does_not_force_is_told_whose_field_it_is(version: Stored) -> None:
    status, told = version.write(OTHER, only(one=2))
    assert (status, told["details"]["causes"][0]["field"]) == (409, ".spec.snapshot.context.one")
    version.assert_untouched()


def test_a_strategic_merge_patch_is_not_understood(version: Stored) -> None:
    assert version.write(STRATEGIC, within(one=2))[0] == 415
    version.assert_untouched()


@pytest.mark.parametrize("at", [0, 450_000, 900 * 1024 - 1])
def test_one_byte_of_900_kib_is_not_changed(place: Workspace, at: int) -> None:
    prompt = "a" * (900 * 1024)
    version = Stored(place, prompt=prompt)
    status, told = version.write(MERGE, within(prompt=f"{prompt[:at]}b{prompt[at + 1 :]}"))
    (cause,) = told["details"]["causes"]
    assert (status, cause["reason"], cause["field"]) == (422, "FieldValueInvalid", "spec")
    assert cause["message"].endswith(f": {LAW}")
    version.assert_untouched()


NO_CHANGE: list[tuple[str, str, Body]] = [
    ("the object as it is", PUT, lambda held: held),
    ("the same values", MERGE, within(one=1, big=2**53 + 1, half=0.5)),
    ("0.5 with more digits", MERGE, within(half=0.50000000000000001)),
    ("1.0 for 1, as YAML may say it", OWNER, applied(lambda spec: spec["snapshot"]["context"].update(one=1.0))),
    ("an empty patch", MERGE, lambda _: {}),
    ("an empty spec to merge", MERGE, merge()),
    ("null for what is not there", MERGE, merge(snapshot={"displayName": None})),
    ("a field that is unknown", MERGE, merge(unknown=1)),
    ("a test", JSON_PATCH, steps(("test", "/number", 1))),
    (
        "a key removed and put back",
        JSON_PATCH,
        steps(("remove", "/snapshot/context/one", None), ("add", "/snapshot/context/one", 1)),
    ),
    ("its owner's apply once more", OWNER, applied(lambda _: None)),
    ("a stranger's apply of what is there", OTHER, only(one=1)),
]


@pytest.mark.parametrize(("how", "body"), [pytest.param(*row, id=sentence) for sentence, *row in NO_CHANGE])
def test_equal_content_is_no_change(version: Stored, how: str, body: Body) -> None:
    status, told = version.write(how, body)
    assert status == 200, told
    version.assert_untouched()


def test_labels_annotations_and_owners_may_change(version: Stored) -> None:
    graph = version.workspace.get("graphs", "support") or {}
    owner = {"apiVersion": API_VERSION, "kind": "Graph", "name": "support", "uid": graph["metadata"]["uid"]}
    meta = {"labels": {"assistant-operator.dev/keep": ""}, "annotations": {"note": "a"}, "ownerReferences": [owner]}
    assert version.write(MERGE, lambda _: {"metadata": meta})[0] == 200
    held = version.assert_untouched()["metadata"]
    assert {key: held[key] for key in meta} == meta
    assert version.write(MERGE, lambda _: {"metadata": dict.fromkeys(meta)})[0] == 200
    assert not version.assert_untouched()["metadata"].keys() & meta.keys()


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_a_status_may_change_and_takes_no_spec_with_it(version: Stored, method: str) -> None:
    body = {"status": {"serverVersion": 4}, "spec": {**version.before["spec"], "number": 7, "digest": "none"}}
    whole = {**version.held(), **body} if method == "PUT" else body
    kind = PUT if method == "PUT" else MERGE
    status, told = version.workspace.client.ask(method, f"{version.path}/status", whole, kind)
    assert status == 200, told
    assert version.assert_untouched()["status"] == {"serverVersion": 4}


def test_a_write_to_the_object_takes_no_status_with_it(version: Stored) -> None:
    assert version.write(MERGE, lambda _: {"status": {"serverVersion": 4}})[0] == 200
    assert "status" not in version.assert_untouched()


def test_kubectl_edit_ends_without_a_change(version: Stored, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("KUBE_EDITOR", "sed -i s/Grüße/Hello/")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    edit = ["edit", "asstv", version.name, f"-n{version.workspace.namespace}"]
    done = version.workspace.plane.kubectl(*edit, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith(f'error: assistantversions.assistant-operator.dev "{version.name}" is invalid')
    assert any(LAW in shown.read_text() for shown in tmp_path.glob("kubectl-edit-*"))
    version.assert_untouched()


def test_replace_by_force_makes_another_object(version: Stored) -> None:
    forged = whole(lambda spec: spec["snapshot"]["context"].update(one=2))(version.held())
    forged["metadata"] = {"name": version.name, "namespace": version.workspace.namespace}
    replace = ["replace", "-f-"]
    told = version.workspace.plane.kubectl(*replace, input=json.dumps(forged), check=False)
    assert told.returncode == 1
    assert f": {LAW}" in told.stderr
    assert "spec: Invalid value" in told.stderr
    version.assert_untouched()
    version.workspace.plane.kubectl(*replace, "--force", input=json.dumps(forged))
    assert version.held()["metadata"]["uid"] != version.before["metadata"]["uid"]
    assert version.held()["spec"]["snapshot"]["context"]["one"] == 2
