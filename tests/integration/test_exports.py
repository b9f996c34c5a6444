"""`kubectl assistants export` and `import`: a history moves to another namespace or cluster, and comes back whole."""

import json
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness.controlplane import Answer, ControlPlane, DropAfter, DropBefore, Fault, FaultProxy, Hang, Request
from harness.controlplane.waiting import eventually
from harness.support import OperatorProcess, Workspace
from harness.support.rights import person_with
from harness.support.walk import comes_to, marks, ready
from integration.test_kept_versions import assert_chained, owners
from integration.test_kubectl_plugin import Kubectl

ROOT = Path(__file__).parents[2]
BOT = "assistant.assistant-operator.dev/bot"
KEEP = {"metadata": {"labels": {"assistant-operator.dev/keep": ""}}}
PLURALS = ("assistants", "assistantversions")
Json = dict[str, Any]


@pytest.fixture
def target(installed: ControlPlane, namespace: str) -> Iterator[Workspace]:
    """Another namespace of the same cluster, with the same graph."""
    name = f"{namespace}-target"
    installed.admin.create("/api/v1/namespaces", {"metadata": {"name": name}})
    workspace = Workspace(installed, name)
    workspace.graph(defaultAssistant={"policy": "None"})
    yield workspace
    installed.admin.request("DELETE", f"/api/v1/namespaces/{name}")


def typed(workspace: Workspace, *words: str, code: int = 0) -> Any:
    """What `kubectl assistants …` does in that namespace, as admin of the cluster."""
    return Kubectl(workspace.plane.admin_kubeconfig, workspace.namespace)(*words, code=code)


def with_history(workspace: Workspace, count: int = 3, **spec: Any) -> list[Json]:
    """A bot of that many versions, the last in force."""
    if not workspace.get("graphs", "support"):
        workspace.graph(defaultAssistant={"policy": "None"})
    workspace.assistant(context={"n": 1, "prompt": "one\ntwo\n"}, **spec)
    for number in range(2, count + 1):
        workspace.edit(context={"n": number})
        workspace.until_active(number)
    return settled(workspace)


def settled(workspace: Workspace, name: str = "bot") -> list[Json]:
    """Its versions, once they are adopted and all is ready."""
    workspace.until_ready(name)
    comes_to(lambda: {len(of) for of in owners(workspace, name).values()}, {1})
    return workspace.versions(name)


def specs(versions: list[Json]) -> list[Json]:
    return [each["spec"] for each in versions]


def exported(workspace: Workspace, tmp_path: Path, *words: str) -> Path:
    """The file of an export."""
    path = tmp_path / "export.yaml"
    typed(workspace, "export", *(words or ("bot",)), "--output-file", str(path))
    return path


def until_gone(workspace: Workspace) -> None:
    workspace.delete("assistants", "bot")
    eventually(lambda: not workspace.all("assistants") and not workspace.all("assistantversions"))


def written(workspace: Workspace) -> list[str]:
    return [each["metadata"]["name"] for plural in PLURALS for each in workspace.all(plural)]


# Moving


def test_a_history_moves_to_another_namespace_and_goes_on(
    operator: OperatorProcess, workspace: Workspace, target: Workspace, tmp_path: Path
) -> None:
    with_history(workspace, 2)
    workspace.edit(context={"n": 1})
    workspace.until_active(3)
    before = workspace.versions()
    assert before[2]["spec"]["change"]["sameAs"] == 1
    file = exported(workspace, tmp_path)
    done = typed(target, "import", "-f", str(file))
    assert (done.stdout, done.stderr) == (f"{BOT} imported, versions 1-3 created\n", "")
    assert specs(settled(target)) == specs(before)
    uid = (target.get("assistants", "bot") or {})["metadata"]["uid"]
    assert owners(target) == {1: [uid], 2: [uid], 3: [uid]}
    again = typed(target, "import", "-f", str(file))
    assert (again.stdout, again.stderr) == (f"{BOT} unchanged\n", "")
    assert typed(target, "export", "bot").stdout == file.read_text()
    target.edit(context={"n": 4})
    target.until_active(4)
    assert_chained(target.versions())
    assert typed(target, "import", "-f", str(file)).stdout == f"{BOT} unchanged\n"


def test_times_of_versions_move_and_what_is_status_begins_anew(
    operator: OperatorProcess, workspace: Workspace, target: Workspace, tmp_path: Path
) -> None:
    before = with_history(workspace)
    operator.terminate()
    workspace.edit(context={"n": 4})
    workspace.edit(context={"n": 5})
    file = exported(workspace, tmp_path, "bot", "-o", "json")
    note = typed(workspace, "export", "bot").stderr
    assert note == "Note: the newest edit of bot is not recorded as a version\n"
    operator.start()
    workspace.until_versions(5)
    done = typed(target, "import", "-f", str(file))
    assert done.stderr.endswith("is not the content of its newest version: the operator makes a version of it\n")
    target.until_active(4)
    assert target.versions()[3]["spec"]["snapshot"] == workspace.versions()[4]["spec"]["snapshot"]
    assert_chained(target.versions())
    times = [each["metadata"]["annotations"]["assistant-operator.dev/created-at"] for each in target.versions()[:3]]
    assert times == [each["metadata"]["creationTimestamp"] for each in before]
    status = target.status()
    assert [each["number"] for each in status["activations"]] == [4]
    assert status.get("missedGenerations", 0) == 0


def test_a_pruned_history_with_kept_versions_a_pin_and_a_large_prompt(
    operator: OperatorProcess, workspace: Workspace, target: Workspace, tmp_path: Path
) -> None:
    with_history(workspace, 3)
    workspace.patch("assistantversions", "bot-v2", KEEP)
    workspace.edit(context={"n": 4, "prompt": "A line of a long prompt.\n" * 36_000})
    workspace.until_active(4)
    workspace.edit(context={"n": 5}, versioning={"historyLimit": 2})
    workspace.until_active(5)
    workspace.edit(versioning={"activeVersion": 4})
    workspace.until_active(4)
    comes_to(lambda: [each["spec"]["number"] for each in workspace.versions()], [2, 4, 5])
    before = settled(workspace)
    file = exported(workspace, tmp_path)
    assert "\n        prompt: |\n          A line of a long prompt.\n" in file.read_text()
    done = typed(target, "import", "-f", str(file))
    assert done.stdout == f"{BOT} imported, versions 2,4-5 created\n"
    target.until_active(4)
    assert specs(settled(target)) == specs(before)
    comes_to(lambda: marks(target), {2: "Va", 4: "VA", 5: "Va"})
    assert typed(target, "export", "bot").stdout == file.read_text()
    target.edit(versioning={"activeVersion": None})
    target.until_active(5)
    target.edit(context={"n": 6})
    target.until_active(6)
    comes_to(lambda: [each["spec"]["number"] for each in target.versions()], [2, 5, 6])
    assert typed(target, "import", "-f", str(file)).stdout == f"{BOT} unchanged\n", "what is pruned stays so"


def test_all_assistants_of_a_namespace_with_manual_activation_and_a_long_name(
    operator: OperatorProcess, workspace: Workspace, target: Workspace, tmp_path: Path
) -> None:
    long = "a" * 200
    with_history(workspace, 2)
    workspace.assistant(long, versioning={"activation": "Manual", "activeVersion": 1})
    workspace.until_active(1, long)
    file = exported(workspace, tmp_path, "--all")
    assert (
        typed(workspace, "export", "bot", long).stdout == file.read_text() == typed(workspace, "export", "--all").stdout
    )
    done = typed(target, "import", "-f", str(file))
    assert done.stdout.splitlines() == [
        f"assistant.assistant-operator.dev/{long} imported, version 1 created",
        f"{BOT} imported, versions 1-2 created",
    ]
    target.until_active(1, long)
    target.until_active(2)
    assert typed(target, "export", "--all").stdout == file.read_text()


def test_from_cluster_to_cluster(
    operator: OperatorProcess, workspace: Workspace, tmp_path_factory: pytest.TempPathFactory, tmp_path: Path
) -> None:
    before = with_history(workspace)
    file = exported(workspace, tmp_path)
    with ControlPlane(tmp_path_factory.mktemp("other")) as plane:
        for folder in ("crds", "deploy"):
            plane.kubectl("apply", "--server-side", "-k", str(ROOT / folder))
        eventually(lambda: plane.kubectl("get", "langgraph", check=False).returncode == 0)
        kubeconfig = plane.kubeconfig_for("assistant-operator", "assistant-operator")
        other = Workspace(plane, "default")
        with OperatorProcess(kubeconfig, tmp_path / "other.log"):
            done = typed(other, "import", "-f", str(file))
            assert done.stderr == "Note: graph 'support' does not exist: bot is not ready until it does\n"
            other.graph(defaultAssistant={"policy": "None"})
            assert specs(settled(other)) == specs(before)
            assert typed(other, "export", "bot").stdout == file.read_text()


# Back from a backup


@pytest.mark.parametrize("is_running", [True, False], ids=["while the operator runs", "while it does not"])
def test_a_deleted_assistant_comes_back_with_its_history(
    operator: OperatorProcess, workspace: Workspace, tmp_path: Path, *, is_running: bool
) -> None:
    before = with_history(workspace)
    file = exported(workspace, tmp_path)
    until_gone(workspace)
    if not is_running:
        operator.terminate()
    typed(workspace, "import", "-f", str(file))
    if not is_running:
        operator.start()
    assert specs(settled(workspace)) == specs(before)
    comes_to(lambda: marks(workspace), {1: "Va", 2: "Va", 3: "VA"})


def test_kubectl_itself_restores_the_file(operator: OperatorProcess, workspace: Workspace, tmp_path: Path) -> None:
    before = with_history(workspace)
    file = exported(workspace, tmp_path)
    until_gone(workspace)
    workspace.plane.kubectl("create", "-n", workspace.namespace, "-f", str(file))
    assert specs(settled(workspace)) == specs(before)
    assert typed(workspace, "export", "bot").stdout == file.read_text()


def test_old_versions_that_were_deleted_come_back(
    operator: OperatorProcess, workspace: Workspace, tmp_path: Path
) -> None:
    before = with_history(workspace)
    file = exported(workspace, tmp_path)
    workspace.delete("assistantversions", "bot-v1")
    workspace.until_versions(2)
    assert typed(workspace, "import", "-f", str(file)).stdout == f"{BOT} version 1 created\n"
    comes_to(lambda: workspace.status()["versions"], 3)
    assert specs(settled(workspace)) == specs(before)


def test_an_import_while_the_watch_of_versions_is_broken(
    installed: ControlPlane, workspace: Workspace, tmp_path: Path
) -> None:
    """The operator creates no version 1, although it has not been shown the versions 3 and 4."""
    with FaultProxy(installed) as proxy:
        kubeconfig = installed.kubeconfig_for("assistant-operator", "assistant-operator", server=proxy.url)
        with OperatorProcess(kubeconfig, tmp_path / "operator.log"):
            before = with_history(workspace, 4, versioning={"historyLimit": 2})[-2:]
            comes_to(lambda: [each["spec"]["number"] for each in workspace.versions()], [3, 4])
            file = exported(workspace, tmp_path)
            until_gone(workspace)
            proxy.fault = lambda request: Hang() if request.is_watch and PLURALS[1] in request.path else None
            hung = len(proxy.requests)
            proxy.cut_watches()
            eventually(lambda: any(each.is_watch and PLURALS[1] in each.path for each in proxy.requests[hung:]))
            typed(workspace, "import", "-f", str(file))
            comes_to(lambda: workspace.status().get("latestVersion"), 4)
            proxy.fault = None
            proxy.cut_watches()
            assert specs(settled(workspace)) == specs(before)


# Default assistants


def test_the_history_of_a_default_assistant_waits_for_its_graph(
    operator: OperatorProcess, workspace: Workspace, target: Workspace, tmp_path: Path
) -> None:
    workspace.graph("shop", defaults={"context": {"n": 1, "m": 1}})
    workspace.until_ready("shop", "graphs")
    workspace.edit("shop", "graphs", defaults={"context": {"n": 2}})
    workspace.until_active(2, "shop")
    file = exported(workspace, tmp_path, "shop")
    done = typed(target, "import", "-f", str(file))
    assert done.stdout == "assistant.assistant-operator.dev/shop versions 1-2 created\n"
    note = "Note: shop is a default assistant: its graph 'shop' creates it, and it adopts the versions\n"
    assert done.stderr == note
    assert target.all("assistants") == []
    assert typed(target, "import", "-f", str(file)).stdout == "assistant.assistant-operator.dev/shop unchanged\n"
    target.graph("shop", defaults={"context": {"n": 2, "m": 1}})
    target.until_active(2, "shop")
    assert specs(settled(target, "shop")) == specs(workspace.versions("shop"))
    assert typed(target, "export", "shop").stdout == file.read_text()
    workspace.edit("shop", context={"m": 5})
    workspace.until_active(3, "shop")
    note = "Note: shop is a default assistant: import does not restore its own fields: spec.context.m\n"
    assert typed(workspace, "export", "shop").stderr == note


def test_a_default_assistant_that_has_its_own_history_already_is_refused(
    operator: OperatorProcess, workspace: Workspace, target: Workspace, tmp_path: Path
) -> None:
    workspace.graph("shop", defaults={"context": {"n": 1}})
    workspace.until_ready("shop", "graphs")
    file = exported(workspace, tmp_path, "shop")
    target.graph("shop", defaults={"context": {"n": 1}})
    target.until_ready("shop", "graphs")
    refused = typed(target, "import", "-f", str(file), code=1)
    assert refused.stderr.startswith("error: 'shop' exists with another history: its version 1 is another one; nothing")
    assert len(target.versions("shop")) == 1


# What is refused


def damaged(text: str) -> dict[str, bytes]:
    """Broken files, by what is wrong with them."""
    objects = yaml.safe_load(text)
    without = {**objects, "items": objects["items"][:1] + objects["items"][2:]}
    twice = {**objects, "items": [*objects["items"], objects["items"][-1]]}
    one, two = objects["items"][0]["spec"], objects["items"][1]["spec"]
    swapped = json.loads(json.dumps(objects))
    for number, spec in enumerate((two, one)):
        swapped["items"][number]["spec"] |= {"snapshot": spec["snapshot"], "digest": spec["digest"]}
    lines = text.splitlines(keepends=True)
    cuts = {f"cut at line {at}": "".join(lines[:at]).encode() for at in range(1, len(lines) - 2, 7)}
    return {
        "empty": b"",
        "binary": bytes(range(256)),
        "no YAML": b"items: [",
        "no manifest": b"hello: world",
        "an edited digest": re.sub("digest: sha256:.{4}", "digest: sha256:0bad", text, count=1).encode(),
        "an edited content": text.replace("'n': 2", "'n': 7", 1).encode(),
        "a missing version": json.dumps(without).encode(),
        "versions that are swapped": json.dumps(swapped).encode(),
        "an assistant twice": json.dumps(twice).encode(),
        **cuts,
    }


def test_a_broken_file_is_refused_and_nothing_is_written(
    operator: OperatorProcess, workspace: Workspace, target: Workspace, tmp_path: Path
) -> None:
    with_history(workspace)
    text = exported(workspace, tmp_path).read_text()
    for what, content in damaged(text).items():
        file = tmp_path / "broken.yaml"
        file.write_bytes(content)
        refused = typed(target, "import", "-f", str(file), code=1)
        assert refused.stdout == "", what
        assert refused.stderr.startswith(f"error: {file} is not imported: "), what
        assert refused.stderr.endswith("; nothing is written\n"), what
    assert written(target) == []
    assert typed(target, "import", "-f", str(tmp_path / "nope"), code=1).stderr.endswith('nope" does not exist\n')
    assert "cannot be read: Is a directory" in typed(target, "import", "-f", str(tmp_path), code=1).stderr


def test_another_history_is_refused_and_stays(
    operator: OperatorProcess, workspace: Workspace, target: Workspace, tmp_path: Path
) -> None:
    with_history(workspace)
    file = exported(workspace, tmp_path)
    before = specs(with_history(target, 1))
    refused = typed(target, "import", "-f", str(file), code=1)
    assert refused.stderr == (
        "error: 'bot' exists with another history: its version 1 is another one; nothing is written:"
        " delete that history first, or give another namespace\n"
    )
    assert specs(target.versions()) == before


def test_a_file_of_which_one_assistant_is_refused_writes_none(
    operator: OperatorProcess, workspace: Workspace, target: Workspace, tmp_path: Path
) -> None:
    with_history(workspace, 2)
    workspace.assistant("another")
    workspace.until_active(1, "another")
    file = exported(workspace, tmp_path, "--all")
    with_history(target, 1)
    typed(target, "import", "-f", str(file), code=1)
    assert written(target) == ["bot", "bot-v1"]


def test_a_dry_run_writes_nothing(
    operator: OperatorProcess, workspace: Workspace, target: Workspace, tmp_path: Path
) -> None:
    with_history(workspace)
    file = exported(workspace, tmp_path)
    for where, words in (("client", "dry run"), ("server", "server dry run")):
        done = typed(target, "import", "-f", str(file), f"--dry-run={where}")
        assert done.stdout == f"{BOT} imported, versions 1-3 created ({words})\n"
    assert written(target) == []


def test_what_kubectl_gets_is_imported_into_its_own_namespace_or_the_one_that_is_given(
    operator: OperatorProcess, workspace: Workspace, target: Workspace, tmp_path: Path
) -> None:
    before = with_history(workspace)
    got = workspace.plane.kubectl("get", ",".join(PLURALS), "-n", workspace.namespace, "-o", "yaml").stdout
    file = tmp_path / "got.yaml"
    file.write_text(got)
    refused = Kubectl(workspace.plane.admin_kubeconfig, target.namespace)
    refused.words = lambda *words: Kubectl.words(refused, *words)[:-2]  # type: ignore[method-assign]
    told = refused("import", "-f", str(file), code=1).stderr
    assert (
        told == f"error: the file is of namespace {workspace.namespace}, and the context of default: give the flag -n\n"
    )
    typed(target, "import", "-f", str(file))
    assert specs(settled(target)) == specs(before)


# Rights


def test_view_exports_and_only_admin_imports(
    operator: OperatorProcess, workspace: Workspace, target: Workspace, tmp_path: Path
) -> None:
    before = with_history(workspace)
    file = exported(workspace, tmp_path)
    kubectl = {role: Kubectl(person_with(target, role), target.namespace) for role in ("view", "edit", "admin")}
    for role in ("view", "edit"):
        refused = kubectl[role]("import", "-f", str(file), code=1)
        assert refused.stdout == ""
        assert refused.stderr.startswith("Error from server (Forbidden): assistantversions.assistant-operator.dev is ")
        kubectl[role]("import", "-f", str(file), "--dry-run=client")
    assert written(target) == []
    kubectl["admin"]("import", "-f", str(file))
    assert specs(settled(target)) == specs(before)
    assert kubectl["view"]("export", "bot").stdout == file.read_text()


# Interruptions


class Interruption:
    """Breaks the n-th creation."""

    def __init__(self, number: int, fault: Fault) -> None:
        self._number, self._fault, self.count = number, fault, 0

    def __call__(self, request: Request) -> Fault | None:
        if request.method != "POST" or "dryRun" in request.query:
            return None
        self.count += 1
        return self._fault if self.count == self._number else None


INTERRUPTIONS: dict[str, Fault] = {
    "before the API server": DropBefore(),
    "behind the API server": DropAfter(),
    "by the API server": Answer(403, "Forbidden", "exceeded quota"),
}


@pytest.mark.parametrize("how", INTERRUPTIONS)
@pytest.mark.parametrize("is_running", [True, False], ids=["while the operator runs", "while it does not"])
def test_an_import_that_was_interrupted_is_completed_by_another(
    operator: OperatorProcess,
    workspace: Workspace,
    target: Workspace,
    tmp_path: Path,
    how: str,
    *,
    is_running: bool,
) -> None:
    before = with_history(workspace)
    text = exported(workspace, tmp_path).read_text()
    if not is_running:
        operator.terminate()
    names = [f"bot{number}" for number in range(1, 5)]
    with FaultProxy(target.plane) as proxy:
        broken = Kubectl(person_with(target, "admin", server=proxy.url), target.namespace)
        for number, name in enumerate(names, 1):
            file = tmp_path / f"{name}.yaml"
            file.write_text(re.sub(r"name: bot\b", f"name: {name}", text))
            interruption = Interruption(number, INTERRUPTIONS[how])
            proxy.fault = interruption
            refused = broken("import", "-f", str(file), code=1)
            assert refused.stdout == ""
            assert refused.stderr.startswith(f"The import of {name} did not finish: the same command completes it\n")
            assert interruption.count >= number
            typed(target, "import", "-f", str(file))
            assert typed(target, "import", "-f", str(file)).stdout.endswith(" unchanged\n")
    if not is_running:
        operator.start()
    for name in names:
        assert [each["spec"]["snapshot"] for each in settled(target, name)] == [
            each["spec"]["snapshot"] for each in before
        ]
        assert [each["spec"]["chain"] for each in target.versions(name)] == [each["spec"]["chain"] for each in before]
        assert ready(target, name) == ("True", "Active")


def test_an_assistant_that_another_client_creates_during_the_import_has_the_history(
    operator: OperatorProcess, workspace: Workspace, target: Workspace, tmp_path: Path
) -> None:
    """As a GitOps tool does: between the newest version and the others."""
    before = with_history(workspace)
    file = exported(workspace, tmp_path)
    with FaultProxy(target.plane) as proxy:

        def meanwhile(request: Request) -> Fault | None:
            is_creation = request.method == "POST" and "dryRun" not in request.query
            if is_creation and target.all(PLURALS[1]) and not target.all("assistants"):
                target.assistant(context={"n": 3, "prompt": "one\ntwo\n"})
                target.until_active(3)
            return None

        proxy.fault = meanwhile
        done = Kubectl(person_with(target, "admin", server=proxy.url), target.namespace)("import", "-f", str(file))
    assert done.stdout == f"{BOT} imported, versions 1-3 created\n"
    comes_to(lambda: target.status()["versions"], 3)
    assert specs(settled(target)) == specs(before)


def test_two_imports_at_the_same_time_are_one(
    operator: OperatorProcess, workspace: Workspace, target: Workspace, tmp_path: Path
) -> None:
    before = with_history(workspace)
    file = exported(workspace, tmp_path)
    kubectl = Kubectl(target.plane.admin_kubeconfig, target.namespace)
    command = kubectl.words("import", "-f", str(file))
    running = [subprocess.Popen(command, stdout=-1, stderr=-1, text=True, env=kubectl.environment) for _ in range(3)]
    for each in running:
        told, complaint = each.communicate(timeout=60)
        assert (each.returncode, complaint) == (0, "")
        assert told.startswith(BOT)
    assert specs(settled(target)) == specs(before)


def test_a_file_comes_through_a_pipe(
    operator: OperatorProcess, workspace: Workspace, target: Workspace, tmp_path: Path
) -> None:
    before = with_history(workspace)
    kubectl = Kubectl(target.plane.admin_kubeconfig, target.namespace)
    source = shlex.join([*kubectl.words("export", "bot")[:-1], workspace.namespace])
    line = f"set -o pipefail; {source} | {shlex.join(kubectl.words('import', '-f', '-'))}"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=False, env=kubectl.environment)
    assert (done.stdout, done.stderr) == (f"{BOT} imported, versions 1-3 created\n", "")
    assert specs(settled(target)) == specs(before)
