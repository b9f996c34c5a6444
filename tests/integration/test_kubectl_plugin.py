"""`kubectl assistants` as people run it: by the real kubectl, against a real API server, beside the real operator."""

import asyncio
import json
import os
import pty
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import yaml

from assistant_operator.kubectl.client import Conflict, KubectlClient
from assistant_operator.kubectl.kubeconfig import ConnectionFlags, access
from assistant_operator.kubectl.patch import guarded
from harness.controlplane.waiting import eventually
from harness.support import OperatorProcess, Workspace
from harness.support.rights import person_with
from harness.support.walk import comes_to, marks
from harness.support.workspace import API_VERSION

PROGRAMS = Path(sys.executable).parent
BOT = "assistant.assistant-operator.dev/bot"
RBAC = "/apis/rbac.authorization.k8s.io/v1"
Done = subprocess.CompletedProcess[str]


class Kubectl:
    """kubectl with the plugin on its PATH, in one namespace, as whom the kubeconfig says."""

    def __init__(self, kubeconfig: Path, namespace: str) -> None:
        self._namespace = namespace
        path = f"{PROGRAMS}:{os.environ['PATH']}"
        self.environment = os.environ | {"KUBECONFIG": str(kubeconfig), "PATH": path, "KUBERC": "off"}

    def words(self, *words: str) -> list[str]:
        return [str(PROGRAMS / "kubectl"), "assistants", *words, "-n", self._namespace]

    def __call__(self, *words: str, code: int = 0, env: dict[str, str] | None = None, input: str = "") -> Done:
        """`kubectl assistants …`, which must end with that code, and never with a traceback."""
        told = self.environment | (env or {})
        command = self.words(*words)
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=told, timeout=60, input=input)
        assert done.returncode == code, f"{words} ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr
        return done

    def plain(self, *words: str) -> str:
        """What kubectl itself says to these words."""
        command = [str(PROGRAMS / "kubectl"), *words]
        return subprocess.run(command, capture_output=True, text=True, check=True, env=self.environment).stdout


@pytest.fixture
def kubectl(operator: OperatorProcess, workspace: Workspace) -> Kubectl:
    """As admin, where the graph allows no temperature above 2, and the bot has three versions, the last in force."""
    numbers = {"temperature": {"type": "number", "maximum": 2}}
    workspace.graph(contextSchema={"type": "object", "properties": numbers}, defaultAssistant={"policy": "None"})
    workspace.assistant(context={"prompt": "one\nline\n"})
    workspace.until_active(1)
    cause = {"kubernetes.io/change-cause": "legal asked for it"}
    workspace.patch("assistants", "bot", {"metadata": {"annotations": cause}, "spec": {"context": {"prompt": "two"}}})
    workspace.edit(context={"temperature": 1.5})
    workspace.until_active(3)
    comes_to(lambda: marks(workspace), {1: "Va", 2: "Va", 3: "VA"})
    return Kubectl(workspace.plane.admin_kubeconfig, workspace.namespace)


def cells(text: str) -> list[list[str]]:
    return [re.split(r" {3,}", line.strip()) for line in text.splitlines()]


def test_kubectl_finds_it_and_passes_on_what_it_says(kubectl: Kubectl) -> None:
    assert f"{PROGRAMS}/kubectl-assistants" in kubectl.plain("plugin", "list").splitlines()
    assert kubectl.plain("assistants", "--help").startswith("Usage: kubectl assistants [OPTIONS] COMMAND")
    release = version("assistant-operator")
    assert kubectl.plain("assistants", "version") == f"kubectl-assistants {release}, API {API_VERSION}\n"
    kubectl("nonsense", code=2)


# Reading


def test_get(kubectl: Kubectl, workspace: Workspace) -> None:
    head, line = cells(kubectl("get").stdout)
    assert head == ["NAME", "GRAPH", "LATEST", "ACTIVE", "PINNED", "READY", "AGE", "WHY"]
    assert line[:6] == ["bot", "support", "3", "3", "<none>", "True"]
    workspace.edit(context={"temperature": 9})
    workspace.until_not_ready("SchemaRefused")
    line = cells(kubectl("get", "bot", "-o", "wide").stdout)[1]
    assert line[:6] == ["bot", "support", "4", "3", "<none>", "False"]
    refusal = "SchemaRefused: bot-v4 is not activated: graph 'support' refuses it: /context/temperature: "
    assert line[-1].startswith(refusal)


def test_get_as_objects(kubectl: Kubectl, workspace: Workspace) -> None:
    stored = workspace.get("assistants", "bot") or {}
    del stored["metadata"]["managedFields"]
    assert json.loads(kubectl("get", "bot", "-o", "json").stdout) == stored
    assert yaml.safe_load(kubectl("get", "assistant/bot", "-o=yaml").stdout) == stored
    assert yaml.safe_load(kubectl("get", "-o", "yaml").stdout)["items"] == [stored]
    assert kubectl("get", "-o", "name").stdout == f"{BOT}\n"


def test_get_chooses(kubectl: Kubectl, workspace: Workspace) -> None:
    workspace.assistant("other")
    workspace.patch("assistants", "other", {"metadata": {"labels": {"team": "x"}}})
    assert kubectl("get", "-l", "team=x", "-o", "name").stdout == f"{BOT.replace('bot', 'other')}\n"
    nothing = kubectl("get", "-l", "team=y")
    assert (nothing.stdout, nothing.stderr) == ("", f"No resources found in {workspace.namespace} namespace.\n")
    everywhere = cells(kubectl("get", "-A").stdout)
    assert everywhere[0][:2] == ["NAMESPACE", "NAME"]
    assert [workspace.namespace, "bot", "support"] in [line[:3] for line in everywhere]
    missing = kubectl("get", "nope", "bot", "-o", "name", code=1)
    assert missing.stdout == f"{BOT}\n"
    assert missing.stderr == 'Error from server (NotFound): assistants.assistant-operator.dev "nope" not found\n'


def test_history(kubectl: Kubectl, workspace: Workspace) -> None:
    lines = cells(kubectl("history", "bot").stdout)
    assert lines[0] == ["NUMBER", "CHANGE", "ACTIVE", "VALID", "BY", "AGE", "CAUSE", "PATHS"]
    told = [[*line[:4], *line[6:]] for line in lines[1:]]
    assert told == [
        ["1", "Created", "False", "True", "<none>", "<none>"],
        ["2", "Edited", "False", "True", "legal asked for it", "/context/prompt"],
        ["3", "Edited", "True", "True", "<none>", "/context/temperature"],
    ]
    stored = workspace.versions()
    for each in stored:
        del each["metadata"]["managedFields"]
    assert json.loads(kubectl("history", "bot", "-o", "json").stdout)["items"] == stored
    assert yaml.safe_load(kubectl("history", "bot", "--revision", "2", "-o", "yaml").stdout) == stored[1]
    page = kubectl("history", "bot", "--revision", "2").stdout
    assert page.startswith("Name:     bot-v2\nNumber:   2\nChange:   Edited, by ")
    assert page.endswith("Snapshot:\n  context:\n    prompt: two\n  graphRef:\n    name: support\n")
    assert kubectl("history", "nope", code=1).stderr.endswith('"nope" not found\n')
    told_missing = kubectl("history", "bot", "--revision", "9", code=1).stderr
    assert told_missing == "error: assistant 'bot' has no version 9: it has 1, 2, 3\n"


def test_history_outlives_its_assistant(kubectl: Kubectl, workspace: Workspace) -> None:
    workspace.delete("assistants", "bot", propagationPolicy="Orphan")
    eventually(lambda: workspace.get("assistants", "bot") is None)
    assert [line[:3] for line in cells(kubectl("history", "bot").stdout)[1:]] == [
        ["1", "Created", "False"],
        ["2", "Edited", "False"],
        ["3", "Edited", "True"],
    ]


CHANGED = """\
--- bot-v1
+++ bot-v3 (in force)
@@ -1,6 +1,5 @@
 context:
-  prompt: |
-    one
-    line
+  prompt: two
+  temperature: 1.5
 graphRef:
   name: support
"""


def test_diff(kubectl: Kubectl, workspace: Workspace) -> None:
    assert kubectl("diff", "bot").stdout == ""
    assert kubectl("diff", "bot", "--revision", "3").stdout == ""
    assert kubectl("diff", "bot", "--revision", "1,3", code=1).stdout == CHANGED
    workspace.edit(context={"temperature": 9})
    workspace.until_not_ready("SchemaRefused")
    assert kubectl("diff", "bot", code=1).stdout.endswith(
        "-  temperature: 1.5\n+  temperature: 9\n graphRef:\n   name: support\n"
    )
    kubectl("diff", "nope", code=2)
    kubectl("diff", "bot", "--revision", "9", code=2)


def test_diff_by_another_program(kubectl: Kubectl) -> None:
    program = {"KUBECTL_EXTERNAL_DIFF": "diff --normal"}
    told = kubectl("diff", "bot", "--revision", "1,2", code=1, env=program).stdout
    assert told.endswith("<   prompt: |\n<     one\n<     line\n---\n>   prompt: two\n")
    assert kubectl("diff", "bot", env=program).stdout == ""
    kubectl("diff", "bot", "--revision", "1,2", code=2, env={"KUBECTL_EXTERNAL_DIFF": "no-such-program"})


def on_a_terminal(kubectl: Kubectl, *words: str, **environment: str) -> str:
    ours, theirs = pty.openpty()
    env = {name: value for name, value in kubectl.environment.items() if name not in {"NO_COLOR", "FORCE_COLOR"}}
    command = kubectl.words(*words)
    with subprocess.Popen(command, stdout=theirs, stderr=theirs, env=env | {"TERM": "xterm"} | environment):
        os.close(theirs)
        seen = b""
        while chunk := _chunk(ours):
            seen += chunk
    os.close(ours)
    return seen.decode()


def _chunk(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:  # the other side is closed
        return b""


def test_diff_has_colours_on_a_terminal_only(kubectl: Kubectl) -> None:
    coloured = on_a_terminal(kubectl, "diff", "bot", "--revision", "1,2")
    assert "\x1b[32m+  prompt: \x1b[0m\x1b[7;32mtwo\x1b[0m" in coloured
    plain = on_a_terminal(kubectl, "diff", "bot", "--revision", "1,2", NO_COLOR="1")
    assert "+  prompt: two" in plain
    assert "\x1b" not in plain


def test_tree(kubectl: Kubectl, workspace: Workspace) -> None:
    workspace.assistant("other")
    workspace.until_ready("other")
    comes_to(lambda: marks(workspace, "other"), {1: "VA"})
    lines = cells(kubectl("tree", "support", "--limit", "2").stdout)
    age = lines[4][1]  # of a version that is valid and no more there is nothing else to say
    assert [(line[0], line[-1]) for line in lines] == [
        ("NAME", "STATUS"),
        ("graph/support", "the graph is deployed"),
        ("├─ assistant/bot", "bot-v3 is active"),
        ("│  ├─ bot-v3", "active"),
        ("│  ├─ bot-v2", age),
        ("│  └─ 1 more", "kubectl assistants history bot"),
        ("└─ assistant/other", "other-v1 is active"),
        ("└─ other-v1", "active"),
    ]
    assert kubectl("tree", "nope", code=1).stderr.endswith('graphs.assistant-operator.dev "nope" not found\n')


# Waiting


def test_status_tells_what_is_settled(kubectl: Kubectl, workspace: Workspace) -> None:
    assert kubectl("status", "bot").stdout == f"{BOT} is ready: bot-v3 is active\n"
    workspace.edit(context={"temperature": 9})
    refused = kubectl("status", "bot", code=1)
    assert refused.stdout == ""
    assert refused.stderr.splitlines()[-1].startswith("error: assistant 'bot' is not ready: SchemaRefused: bot-v4 ")
    kubectl("status", "nope", code=1)


def test_status_waits(kubectl: Kubectl, workspace: Workspace) -> None:
    workspace.assistant("early", graph="late")
    workspace.until_not_ready("GraphNotFound", "early")
    late = kubectl("status", "early", "--timeout", "1s", code=1)
    assert late.stderr.splitlines()[-1].startswith("error: timed out waiting for assistant 'early': GraphNotFound: ")
    kubectl("status", "early", "--watch=false", code=1)
    command = kubectl.words("status", "early", "--timeout", "30s")
    with subprocess.Popen(command, stdout=-1, stderr=-1, text=True, env=kubectl.environment) as waiting:
        assert waiting.stderr
        assert waiting.stdout
        assert waiting.stderr.readline().startswith("Waiting: GraphNotFound: ")
        workspace.graph("late", defaultAssistant={"policy": "None"})
        assert waiting.wait(30) == 0
        assert waiting.stdout.read() == f"{BOT.replace('bot', 'early')} is ready: early-v1 is active\n"


def test_status_ends_with_its_assistant(kubectl: Kubectl, workspace: Workspace) -> None:
    workspace.assistant("early", graph="late")
    workspace.until_not_ready("GraphNotFound", "early")
    command = kubectl.words("status", "early")
    with subprocess.Popen(command, stdout=-1, stderr=-1, text=True, env=kubectl.environment) as waiting:
        assert waiting.stderr
        waiting.stderr.readline()
        workspace.delete("assistants", "early")
        assert waiting.wait(30) == 1
        assert waiting.stderr.read().endswith("error: assistant 'early' is not ready: early was deleted\n")


# Going back


def test_undo_pins_and_walks_back_and_unpin_returns(kubectl: Kubectl, workspace: Workspace) -> None:
    assert kubectl("undo", "bot").stdout == f"{BOT} pinned to bot-v2\n"
    workspace.until_active(2)
    assert kubectl("undo", "bot").stdout == f"{BOT} pinned to bot-v1\n"
    workspace.until_active(1)
    assert cells(kubectl("history", "bot").stdout)[1][2:3] == ["True (pinned)"]
    nowhere = kubectl("undo", "bot", code=1)
    assert nowhere.stderr == "error: there is no valid version of 'bot' before 1: nothing to undo\n"
    assert kubectl("undo", "bot", "--to-revision", "1").stdout == f"{BOT} pinned to bot-v1 (no change)\n"
    kubectl("undo", "bot", "--to-revision", "1", "--error-unchanged", code=3)
    assert kubectl("undo", "bot", "--unpin").stdout == f"{BOT} unpinned\n"
    workspace.until_active(3)
    kubectl("undo", "bot", "--unpin", "--error-unchanged", code=3)
    assert len(workspace.versions()) == 3


def test_undo_of_a_bad_edit_pins_what_is_in_force(kubectl: Kubectl, workspace: Workspace) -> None:
    workspace.edit(context={"temperature": 9})
    workspace.until_not_ready("SchemaRefused")
    comes_to(lambda: marks(workspace)[4], "va")
    assert kubectl("undo", "bot").stdout == f"{BOT} pinned to bot-v3\n"
    workspace.until_active(3)
    refused = kubectl("undo", "bot", "--to-revision", "4", code=1)
    assert refused.stderr.startswith("error: bot-v4 would not come into force: graph 'support' refuses it: ")


RICH = {"prompt": None, "a.b/c~d": "{{ x }}", "large": 2**53 + 1, "nested": {"null": None, "list": [1, {}]}}


def test_a_restore_makes_a_version_with_exactly_the_old_content(kubectl: Kubectl, workspace: Workspace) -> None:
    body = [{"op": "replace", "path": "/spec/context", "value": RICH}]
    body += [{"op": "add", "path": "/spec/metadata", "value": {}}]
    workspace.patch("assistants", "bot", body, "application/json-patch+json")
    workspace.until_active(4)
    workspace.edit(metadata=None, displayName="New", context={"nested": None, "prompt": "five"})
    workspace.until_active(5)
    comes_to(lambda: marks(workspace)[4], "Va")
    kubectl("undo", "bot", "--to-revision", "2")
    done = kubectl("undo", "bot", "--restore", "--to-revision", "4")
    assert done.stdout == f"{BOT} restored from bot-v4\n"
    assert done.stderr == "Note: the pin to 2 is removed, so that the new version comes into force\n"
    workspace.until_active(6)
    newest = workspace.versions()[-1]["spec"]
    assert newest["snapshot"] == {"graphRef": {"name": "support"}, "context": RICH, "metadata": {}}
    assert (newest["change"]["kind"], newest["change"]["sameAs"]) == ("Reverted", 4)
    assert newest["change"]["manager"] == "kubectl-assistants"
    kubectl("undo", "bot", "--restore", "--to-revision", "4", "--error-unchanged", code=3)


def test_a_dry_run_changes_nothing(kubectl: Kubectl, workspace: Workspace) -> None:
    before = workspace.get("assistants", "bot") or {}
    assert kubectl("undo", "bot", "--dry-run=client").stdout == f"{BOT} pinned to bot-v2 (dry run)\n"
    assert kubectl("undo", "bot", "--dry-run=server").stdout == f"{BOT} pinned to bot-v2 (server dry run)\n"
    for where in ("client", "server"):
        shown = yaml.safe_load(kubectl("undo", "bot", "--restore", f"--dry-run={where}", "-o", "yaml").stdout)
        assert shown["spec"] == {**before["spec"], "context": {"prompt": "two"}}
        held = json.loads(kubectl("suspend", "bot", f"--dry-run={where}", "-o", "json").stdout)
        assert held["spec"]["suspend"] is True
    assert kubectl("resume", "bot", "--dry-run=server").stdout == f"{BOT} resumed (no change) (server dry run)\n"
    assert workspace.get("assistants", "bot") == before


def test_suspend_and_resume(kubectl: Kubectl, workspace: Workspace) -> None:
    assert kubectl("suspend", "bot").stdout == f"{BOT} suspended\n"
    undone = kubectl("undo", "bot")
    assert undone.stderr.splitlines() == [
        "Note: spec.suspend is true: nothing is activated until 'kubectl assistants resume bot'",
        "Note: edits made from now on wait until 'kubectl assistants unpin bot'",
    ]
    workspace.until_ready()
    assert kubectl("status", "bot", code=1).stdout == ""
    assert kubectl("resume", "bot", "-o", "name").stdout == f"{BOT}\n"
    workspace.until_active(2)
    kubectl("resume", "bot", "--error-unchanged", code=3)


@pytest.mark.parametrize("words", [("undo", "bot"), ("undo", "bot", "--restore"), ("suspend", "bot")], ids=" ".join)
def test_what_git_keeps_is_not_changed_behind_its_back(
    kubectl: Kubectl, workspace: Workspace, words: tuple[str, ...]
) -> None:
    labels = {"kustomize.toolkit.fluxcd.io/name": "shop", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}
    before = workspace.patch("assistants", "bot", {"metadata": {"labels": {**labels, "team": "x"}}})
    refused = kubectl(*words, code=1)
    assert "is kept in Git by Flux (Kustomization flux-system/shop)" in refused.stderr
    assert (workspace.get("assistants", "bot") or {})["spec"] == before["spec"]
    manifest = yaml.safe_load(refused.stdout)
    assert manifest["metadata"]["labels"] == {"team": "x"}
    assert "status" not in manifest
    # What is printed can be committed: it says what the command would have written.
    wanted = json.loads(kubectl(*words, "--dry-run=server", "-o", "json").stdout)["spec"]
    workspace.plane.kubectl("replace", "-f", "-", input=refused.stdout)
    assert (workspace.get("assistants", "bot") or {})["spec"] == wanted
    kubectl("undo", "bot", "--to-revision", "1", "--force-live")
    assert (workspace.get("assistants", "bot") or {})["spec"]["versioning"]["activeVersion"] == 1


# Without U+0085: kubectl's own server-side apply makes a blank of it, however it was read.
LIKE_SOMETHING_ELSE = {
    "prompt": "two\nlines\n",
    "store": "0815",
    "build": "12e5",
    "mode": "0o17",
    "confirm": "y",
    "refuse": "N",
    "ratio": "1e-7",
    "day": "2026-01-01",
    "toggle": "off",
    "08": {"y": ["1E3", "08", "1e5", "0x1F", "1_000", "12:30:45", "~", "", " x", "\u2028", "\ufeff", "\t"]},
    "numbers": [1.5, 1e23, 1e-7, 2**53 + 1, -1],
    "deep": json.loads('{"a":' * 500 + "1" + "}" * 500),
}


def test_what_is_printed_is_the_same_content_for_kubectl(kubectl: Kubectl, workspace: Workspace) -> None:
    def read(text: str) -> Any:
        words = ("create", "--dry-run=client", "--validate=false", "-o", "json", "-f", "-")
        return json.loads(workspace.plane.kubectl(*words, input=text).stdout)

    workspace.assistant("shop", context={**LIKE_SOMETHING_ELSE, "prompt": "one"})
    tracked = f"shop:assistant-operator.dev/Assistant:{workspace.namespace}/shop"
    workspace.patch("assistants", "shop", {"metadata": {"annotations": {"argocd.argoproj.io/tracking-id": tracked}}})
    workspace.edit("shop", context={"prompt": LIKE_SOMETHING_ELSE["prompt"]})
    workspace.until_active(2, "shop")
    comes_to(lambda: marks(workspace, "shop"), {1: "Va", 2: "VA"})
    printed = kubectl("undo", "shop", code=1).stdout
    here = ("-n", workspace.namespace, "-f", "-")
    applied = workspace.plane.kubectl("apply", "--dry-run=server", "-o", "json", *here, input=printed).stdout
    assert json.loads(applied)["spec"]["context"] == LIKE_SOMETHING_ELSE
    workspace.plane.kubectl("apply", "--server-side", "--force-conflicts", *here, input=printed)
    workspace.until_active(1, "shop")
    shown = kubectl("get", "shop", "-o", "yaml").stdout
    assert read(shown) == read(kubectl("get", "shop", "-o", "json").stdout)
    workspace.plane.kubectl("replace", *here, input=shown)
    for words in (("history", "shop", "--revision", "2"), ("suspend", "shop", "--dry-run=server")):
        assert read(kubectl(*words, "-o", "yaml").stdout) == read(kubectl(*words, "-o", "json").stdout)
    assert "\n+  prompt: |\n+    two\n+    lines\n" in kubectl("diff", "shop", "--revision", "1,2", code=1).stdout
    workspace.edit("shop", displayName="the next edit")
    versions = workspace.until_versions(3, "shop")
    assert versions[2]["spec"]["change"]["paths"] == ["/displayName"], "neither of them was an edit"


async def test_a_restore_does_not_overrun_an_edit(kubectl: Kubectl, workspace: Workspace) -> None:
    found = await access(ConnectionFlags(str(workspace.plane.admin_kubeconfig)))
    client, key = KubectlClient(found.server()), (workspace.namespace, "bot")
    try:
        seen = await client.assistant(key)
        assert seen
        await asyncio.to_thread(workspace.edit, displayName="meanwhile")
        edit = ({"op": "add", "path": "/spec/displayName", "value": "restored"},)
        with pytest.raises(Conflict):
            await client.patch(key, guarded(edit, seen.resource, same_spec=True))
        changed = await client.patch(key, guarded(edit, seen.resource, same_spec=False))
    finally:
        await client.close()
    assert changed.resource.spec.display_name == "restored"


# Completion, and rights


def completed(kubectl: Kubectl, *words: str) -> list[str]:
    return [line.partition("\t")[0] for line in kubectl.plain("__complete", "assistants", *words).splitlines()]


def test_kubectl_completes(kubectl: Kubectl, workspace: Workspace) -> None:
    here = ("-n", workspace.namespace)
    assert completed(kubectl, "un") == ["unpin", "undo", ":4"]
    assert completed(kubectl, *here, "undo", "") == ["bot", ":4"]
    assert completed(kubectl, "tree", *here, "s") == ["support", ":4"]
    assert completed(kubectl, "undo", "bot", *here, "--to-revision", "") == ["3", "2", "1", ":4"]
    assert completed(kubectl, "get", "-o", "") == ["wide", "json", "yaml", "name", ":4"]
    assert completed(kubectl, "get", "-n", workspace.namespace[:-1]) == [workspace.namespace, ":4"]
    assert completed(kubectl, "get", "--context", "") == ["controlplane", ":4"]


def test_completion_of_a_cluster_that_is_away_offers_nothing(kubectl: Kubectl) -> None:
    kubectl.environment["KUBECONFIG"] = "/nowhere"
    assert completed(kubectl, "undo", "") == [":4"]


def test_a_shell_completes_without_kubectl(kubectl: Kubectl, workspace: Workspace) -> None:
    typed = f'COMP_WORDS=(kubectl-assistants undo -n {workspace.namespace} ""); COMP_CWORD=4'
    typed += "; _kubectl_assistants_completion kubectl-assistants"
    program = f'source <(kubectl-assistants completion bash); {typed}; echo "${{COMPREPLY[@]}}"'
    done = subprocess.run(["bash", "-c", program], capture_output=True, text=True, check=True, env=kubectl.environment)
    assert done.stdout == "bot\n"


@pytest.fixture
def people(kubectl: Kubectl, workspace: Workspace) -> dict[str, Kubectl]:
    """A ServiceAccount that may view, and one that may edit, by the roles that every cluster has."""
    return {role: Kubectl(person_with(workspace, role), workspace.namespace) for role in ("view", "edit")}


def test_view_suffices_to_look(people: dict[str, Kubectl]) -> None:
    view = people["view"]
    for line in ("get", "history bot", "diff bot", "status bot", "tree support"):
        view(*line.split())
    view("undo", "bot", "--dry-run=client")
    assert completed(view, "undo", "") == ["bot", ":4"]
    for line in ("undo bot", "undo bot --dry-run=server", "suspend bot"):
        refused = view(*line.split(), code=1)
        assert refused.stdout == ""
        assert refused.stderr.startswith('Error from server (Forbidden): assistants.assistant-operator.dev "bot" is ')
    assert view("get", "-A", code=1).stderr.startswith("Error from server (Forbidden): ")


def test_edit_suffices_to_go_back_and_to_hold(people: dict[str, Kubectl], workspace: Workspace) -> None:
    edit = people["edit"]
    edit("undo", "bot")
    workspace.until_active(2)
    edit("undo", "bot", "--unpin")
    workspace.until_active(3)
    edit("undo", "bot", "--restore", "--to-revision", "1")
    workspace.until_active(4)
    edit("suspend", "bot")
    edit("resume", "bot")
    workspace.until_ready()


def test_as_another(kubectl: Kubectl, people: dict[str, Kubectl], workspace: Workspace) -> None:
    user = f"system:serviceaccount:{workspace.namespace}:view"
    kubectl("get", "--as", user)
    assert f'User "{user}" cannot patch resource' in kubectl("undo", "bot", f"--as={user}", code=1).stderr


def test_requests_are_shown_to_who_asks(kubectl: Kubectl, workspace: Workspace) -> None:
    told = kubectl("get", "-v=6").stderr
    path = f"/apis/assistant-operator.dev/v1alpha1/namespaces/{workspace.namespace}/assistants?limit=500"
    assert re.fullmatch(rf"GET {workspace.plane.url}{re.escape(path)} in \d+ ms\n", told)
