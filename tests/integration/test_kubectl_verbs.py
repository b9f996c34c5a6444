"""`set`, `pin`, `unpin`, `show`, `blame` and the filters of `history`, as people run them on a real control plane."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from assistant_operator.kubectl.client import Conflict, KubectlClient
from assistant_operator.kubectl.gitops import to_commit
from assistant_operator.kubectl.kubeconfig import ConnectionFlags, access
from assistant_operator.kubectl.patch import CAUSE, annotate_cause, guarded
from harness.controlplane.waiting import eventually
from harness.support import OperatorProcess, Workspace
from harness.support.rights import person_with
from harness.support.walk import comes_to, marks
from harness.support.workspace import API_VERSION
from integration.test_kubectl_plugin import BOT, Kubectl, cells, completed, on_a_terminal

Json = dict[str, Any]
PROMPT = "You are kind.\n\nPromise nothing.\n"
SPEC: Json = {
    "graphRef": {"name": "support"},
    "context": {"prompt": PROMPT, "model": "large", "messages": [{"role": "system", "content": "a\nb"}]},
}


def manifest(name: str = "bot", **spec: Any) -> Json:
    return {"apiVersion": API_VERSION, "kind": "Assistant", "metadata": {"name": name}, "spec": {**SPEC, **spec}}


def applied(workspace: Workspace, content: str | Json, *words: str) -> str:
    """What `kubectl apply` prints."""
    text = content if isinstance(content, str) else json.dumps(content)
    return workspace.plane.kubectl("apply", "-n", workspace.namespace, "-f", "-", *words, input=text).stdout


@pytest.fixture
def kubectl(operator: OperatorProcess, workspace: Workspace) -> Kubectl:
    """As admin, where the bot was made by `kubectl apply`."""
    numbers = {"temperature": {"type": "number", "maximum": 2}}
    workspace.graph(contextSchema={"type": "object", "properties": numbers}, defaultAssistant={"policy": "None"})
    applied(workspace, manifest())
    workspace.until_active(1)
    return Kubectl(workspace.plane.admin_kubeconfig, workspace.namespace)


def spec(workspace: Workspace, name: str = "bot") -> Json:
    found: Json = (workspace.get("assistants", name) or {})["spec"]
    return found


def newest(workspace: Workspace, count: int) -> Json:
    """The spec of the last of so many versions."""
    found: Json = workspace.until_versions(count)[-1]["spec"]
    return found


# set


def test_set_a_value_of_each_kind(kubectl: Kubectl, workspace: Workspace, tmp_path: Path) -> None:
    text = "Lines\r\nof {{ braces }}, 💻 and \u2028 \ttabs  \n\n"
    (tmp_path / "prompt").write_bytes(text.encode())
    (tmp_path / "tools").write_text('["search", {"n": 9007199254740993, "none": null}]')
    values = [
        *("context.greeting=Hello = all", "context.temperature=0.5", "context.flag=true", 'context.build="12"'),
        *("context.code=0815", r"context.a\.b=1", "/context/c~1d={}", "context.empty=", "metadata.team=shop"),
        *(f"context.text=@{tmp_path}/prompt", f"context.tools:=@{tmp_path}/tools", "context.input=@-"),
    ]
    done = kubectl("set", "bot", *values, "--cause", "all kinds", input="from\nstdin")
    paths = (
        r"context.greeting, context.temperature, context.flag, context.build, context.code, context.a\.b, context.c/d,"
        " context.empty, metadata.team, context.text, context.tools, context.input"
    )
    assert done.stdout == f"{BOT} {paths} updated\n"
    version = newest(workspace, 2)
    assert version["snapshot"]["context"] == {
        **SPEC["context"],
        "greeting": "Hello = all",
        "temperature": 0.5,
        "flag": True,
        "build": "12",
        "code": "0815",
        "a.b": 1,
        "c/d": {},
        "empty": "",
        "text": text,
        "tools": ["search", {"n": 2**53 + 1, "none": None}],
        "input": "from\nstdin",
    }
    assert version["snapshot"]["metadata"] == {"team": "shop"}
    assert version["change"]["manager"] == "kubectl-assistants"
    assert version["change"]["cause"] == "all kinds"


def test_set_keeps_what_was_set_before(kubectl: Kubectl, workspace: Workspace) -> None:
    kubectl("set", "bot", "context.a=1", "context.list:=[1,2]", "config.tags:=[]", "--cause", "first")
    kubectl("set", "bot", "context.b=2", "--cause", "second")
    kubectl("set", "bot", "context.a=3")
    version = newest(workspace, 4)
    assert version["snapshot"]["context"] == {**SPEC["context"], "a": 3, "b": 2, "list": [1, 2]}
    assert version["snapshot"]["config"] == {"tags": []}
    assert [each["spec"]["change"].get("cause") for each in workspace.versions()] == [None, "first", "second", None]
    again = kubectl("set", "bot", "context.a=3")
    assert again.stdout == f"{BOT} context.a updated (no change)\n"
    kubectl("set", "bot", "context.a=3", "--error-unchanged", code=3)
    assert len(workspace.versions()) == 4


def test_a_field_of_another_manager_is_a_conflict_that_names_it(kubectl: Kubectl, workspace: Workspace) -> None:
    before = workspace.get("assistants", "bot")
    refused = kubectl("set", "bot", "context.prompt=mine", "context.new=1", code=1)
    assert refused.stdout == ""
    assert refused.stderr == (
        "error: assistant 'bot' has fields that another field manager owns: nothing is written\n"
        "  context.prompt is owned by kubectl-client-side-apply\n"
        "Change them where that manager gets them from, or take them over with --force-conflicts. That manager may set"
        " them back when it applies again.\n"
    )
    kubectl("set", "bot", "context.prompt=mine", "--dry-run=server", code=1)
    assert workspace.get("assistants", "bot") == before
    kubectl("set", "bot", "context.prompt=mine", "--force-conflicts")
    assert newest(workspace, 2)["change"]["manager"] == "kubectl-assistants"
    kubectl("set", "bot", "context.prompt=mine too")
    assert newest(workspace, 3)["snapshot"]["context"]["prompt"] == "mine too"


def test_what_the_plugin_itself_wrote_is_no_conflict(kubectl: Kubectl, workspace: Workspace) -> None:
    kubectl("set", "bot", "context.prompt=two", "--force-conflicts", "--cause", "why")
    newest(workspace, 2)
    kubectl("undo", "bot", "--restore", "--to-revision", "1", "--cause", "back")
    assert newest(workspace, 3)["change"]["cause"] == "back"
    kubectl("set", "bot", "context.prompt=four", "--cause", "on")
    version = newest(workspace, 4)
    assert (version["snapshot"]["context"]["prompt"], version["change"]["cause"]) == ("four", "on")


def test_a_cause_of_another_manager_is_replaced(kubectl: Kubectl, workspace: Workspace) -> None:
    workspace.plane.kubectl("annotate", "-n", workspace.namespace, "assistant/bot", f"{CAUSE}=theirs")
    kubectl("set", "bot", "context.new=1", "--cause", "ours")
    assert newest(workspace, 2)["change"]["cause"] == "ours"


def test_users_who_set_at_once_lose_nothing(kubectl: Kubectl, workspace: Workspace) -> None:
    words = [kubectl.words("set", "bot", f"context.field{number}={number}") for number in range(5)]
    running = [subprocess.Popen(each, stdout=-1, stderr=-1, text=True, env=kubectl.environment) for each in words]
    ended = [(each.communicate(timeout=60), each.returncode) for each in running]
    assert [code for _, code in ended] == [0] * 5, ended
    wanted = {f"field{number}": number for number in range(5)}
    assert spec(workspace)["context"] == {**SPEC["context"], **wanted}
    newest(workspace, 6)


INVALID = 'Error from server (Invalid): Assistant.assistant-operator.dev "bot" is invalid: '


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["config.tags=1"], "error: spec.config.tags: expected list\n"),
        (["graphRef=other"], "error: spec.graphRef: expected map\n"),
        (["context.messages.0.role=user"], "error: context.messages is a list, which is set as a whole: "),
        (["context.model.size=1"], "error: context.model is no object: context.model.size cannot be set in it\n"),
        (["config.configurable.a=1"], INVALID),
        (["versioning.historyLimit=0"], INVALID),
        (["config.nonsense=1"], "error: spec.config.nonsense: field not declared in schema\n"),
    ],
)
def test_what_the_kind_does_not_have_is_refused(
    kubectl: Kubectl, workspace: Workspace, words: list[str], message: str
) -> None:
    before = workspace.get("assistants", "bot")
    refused = kubectl("set", "bot", *words, code=1)
    assert refused.stderr.startswith(message)
    assert workspace.get("assistants", "bot") == before


def test_a_large_prompt(kubectl: Kubectl, workspace: Workspace) -> None:
    lines = [f"line {number} of a prompt that is rather long" for number in range(20_000)]
    kubectl("set", "bot", "context.prompt=@-", "--force-conflicts", input="\n".join(lines))
    newest(workspace, 2)
    lines[10_000:10_001] = ["another line", "and one more"]
    kubectl("set", "bot", "context.prompt=@-", input="\n".join(lines))
    newest(workspace, 3)
    entries = json.loads(kubectl("blame", "bot", "context.prompt", "-o", "json").stdout)["entries"]
    assert [each["value"] for each in entries if each["first"] == 3] == ["another line", "and one more"]
    assert {each["first"] for each in entries} == {2, 3}
    assert cells(kubectl("verify", "bot").stdout)[1] == ["bot", "1-3", "Verified"]
    too_large = kubectl("set", "bot", "context.prompt=@-", input="x" * 2_000_000, code=1)
    assert re.fullmatch(r"Error from server.*: .*too large.*\n", too_large.stderr)


def test_set_says_when_the_version_waits(kubectl: Kubectl, workspace: Workspace) -> None:
    kubectl("pin", "bot")
    done = kubectl("set", "bot", "context.new={1,", "--cause", "x")
    assert done.stderr.splitlines() == [
        "Note: the value of context.new begins like JSON and is not JSON: it is set as text",
        "Note: version 1 is pinned: the new version waits until 'kubectl assistants unpin bot'",
    ]
    again = kubectl("set", "bot", "versioning.historyLimit=7", "--cause", "x")
    assert again.stderr == "Note: the cause is that of the edit before: a cause is recorded only when it changes\n"


# pin and unpin


def test_pin_and_unpin(kubectl: Kubectl, workspace: Workspace) -> None:
    kubectl("set", "bot", "context.new=1")
    workspace.until_active(2)
    comes_to(lambda: marks(workspace), {1: "Va", 2: "VA"})
    pinned = kubectl("pin", "bot", "1", "--cause", "too loud")
    assert pinned.stdout == f"{BOT} pinned to bot-v1\n"
    assert pinned.stderr == "Note: edits made from now on wait until 'kubectl assistants unpin bot'\n"
    workspace.until_active(1)
    assert (workspace.get("assistants", "bot") or {})["metadata"]["annotations"][CAUSE] == "too loud"
    assert kubectl("pin", "bot").stdout == f"{BOT} pinned to bot-v1 (no change)\n"
    kubectl("pin", "bot", "v1", "--error-unchanged", code=3)
    assert kubectl("pin", "bot", "v2", "-o", "name").stdout == f"{BOT}\n"
    workspace.until_active(2)
    assert kubectl("unpin", "bot", "--dry-run=server").stdout == f"{BOT} unpinned (server dry run)\n"
    assert kubectl("unpin", "bot").stdout == f"{BOT} unpinned\n"
    assert kubectl("unpin", "bot").stdout == f"{BOT} unpinned (no change)\n"
    assert "activeVersion" not in spec(workspace)["versioning"]
    assert kubectl("pin", "bot", "9", code=1).stderr == "error: assistant 'bot' has no version 9: it has 1, 2\n"
    assert len(workspace.versions()) == 2


def test_pin_needs_a_valid_version(kubectl: Kubectl, workspace: Workspace) -> None:
    kubectl("set", "bot", "context.temperature=9")
    workspace.until_not_ready("SchemaRefused")
    comes_to(lambda: marks(workspace)[2], "va")
    refused = kubectl("pin", "bot", "2", code=1)
    assert refused.stderr.startswith("error: bot-v2 would not come into force: graph 'support' refuses it: ")
    applied(workspace, manifest("waiting", versioning={"activation": "Manual"}))
    workspace.until_not_ready("AwaitingActivation", "waiting")
    refused = kubectl("pin", "waiting", code=1)
    assert refused.stderr == "error: no version of 'waiting' is active: say which one to pin, as in 'pin waiting 1'\n"
    kubectl("pin", "waiting", "1")
    workspace.until_active(1, "waiting")
    note = kubectl("unpin", "waiting").stderr
    assert note == "Note: activation is Manual: what is in force stays\n"


async def test_a_cause_does_not_replace_annotations_that_were_added_meanwhile(
    kubectl: Kubectl, workspace: Workspace
) -> None:
    workspace.assistant("plain")
    found = await access(ConnectionFlags(str(workspace.plane.admin_kubeconfig)))
    client, key = KubectlClient(found.server()), (workspace.namespace, "plain")
    try:
        seen = await client.assistant(key)
        assert seen
        patch = guarded(annotate_cause(seen.document, "why"), seen.resource, same_spec=False)
        dry = await client.patch(key, patch, dry_run=True)
        assert dry.resource.metadata.annotations == {CAUSE: "why"}
        workspace.patch("assistants", "plain", {"metadata": {"annotations": {"theirs": "x"}}})
        with pytest.raises(Conflict):
            await client.patch(key, patch)
    finally:
        await client.close()
    assert (workspace.get("assistants", "plain") or {})["metadata"]["annotations"] == {"theirs": "x"}


WRITES = [["set", "bot", "context.prompt=x"], ["pin", "bot"], ["unpin", "bot"], ["undo", "bot"], ["suspend", "bot"]]


@pytest.mark.parametrize("words", WRITES, ids=" ".join)
def test_what_git_keeps_is_printed_and_not_written(kubectl: Kubectl, workspace: Workspace, words: list[str]) -> None:
    kubectl("set", "bot", "context.new=1")
    workspace.until_active(2)
    comes_to(lambda: marks(workspace), {1: "Va", 2: "VA"})
    if words[0] == "unpin":
        kubectl("pin", "bot")
    labels = {"kustomize.toolkit.fluxcd.io/name": "shop", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}
    before = workspace.patch("assistants", "bot", {"metadata": {"labels": labels}})
    refused = kubectl(*words, "--cause", "why", code=1)
    assert "is kept in Git by Flux (Kustomization flux-system/shop)" in refused.stderr
    assert spec(workspace) == before["spec"]
    printed = yaml.safe_load(refused.stdout)
    assert printed["metadata"]["annotations"][CAUSE] == "why"
    wanted = json.loads(kubectl(*words, "--dry-run=client", "--cause", "why", "-o", "json").stdout)
    workspace.plane.kubectl("replace", "-n", workspace.namespace, "-f", "-", input=refused.stdout)
    assert to_commit(workspace.get("assistants", "bot") or {})["spec"] == to_commit(wanted)["spec"]
    if words[0] != "undo":  # the version before the first one does not exist
        kubectl(*words, "--force-live", "--error-unchanged", code=3)


@pytest.mark.parametrize("words", WRITES, ids=" ".join)
def test_a_dry_run_shows_the_result_and_writes_nothing(
    kubectl: Kubectl, workspace: Workspace, words: list[str]
) -> None:
    kubectl("set", "bot", "context.prompt=own", "--force-conflicts")
    workspace.until_active(2)
    comes_to(lambda: marks(workspace), {1: "Va", 2: "VA"})
    before = workspace.get("assistants", "bot")
    shown = []
    for where in ("client", "server"):
        done = kubectl(*words, f"--dry-run={where}", "--cause", "why", "-o", "yaml")
        shown.append(yaml.safe_load(done.stdout))
        named = kubectl(*words, f"--dry-run={where}").stdout
        assert named.endswith(" (dry run)\n" if where == "client" else " (server dry run)\n")
    assert to_commit(shown[0])["spec"] == to_commit(shown[1])["spec"]
    if words[0] != "unpin":  # there is no pin to remove, and no cause without a change
        assert shown[0]["metadata"]["annotations"][CAUSE] == shown[1]["metadata"]["annotations"][CAUSE] == "why"
    assert workspace.get("assistants", "bot") == before


def test_a_live_edit_of_what_git_keeps_is_possible(kubectl: Kubectl, workspace: Workspace) -> None:
    labels = {"kustomize.toolkit.fluxcd.io/name": "shop", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}
    workspace.patch("assistants", "bot", {"metadata": {"labels": labels}})
    kubectl("set", "bot", "context.new=1", "--force-live")
    assert newest(workspace, 2)["snapshot"]["context"]["new"] == 1
    kubectl("pin", "bot", "1", "--force-live")
    workspace.until_active(1)


# show


RICH: Json = {"prompt": PROMPT, "number": "0815", "large": 2**53 + 1, "empty": [{}, None, ""], "on": "off", "map": {}}
WITH_NULL: Json = {**RICH, "null": {"x": None}}


@pytest.mark.parametrize(
    ("context", "words"),
    [
        pytest.param(RICH, [], id="client-side"),
        pytest.param(RICH, ["--server-side", "--force-conflicts"], id="server-side"),
        pytest.param(WITH_NULL, ["--server-side", "--force-conflicts"], id="with null values"),
    ],
)
def test_what_is_shown_can_be_applied_and_makes_no_version(
    kubectl: Kubectl, workspace: Workspace, context: Json, words: list[str]
) -> None:
    body = [{"op": "replace", "path": "/spec/context", "value": context}]
    workspace.patch("assistants", "bot", body, "application/json-patch+json")
    workspace.until_active(2)
    before = spec(workspace)
    for shown in (("show", "bot"), ("show", "bot", "2"), ("show", "bot", "v2", "-o", "json")):
        done = kubectl(*shown)
        assert ("add --server-side" in done.stderr) == (context is WITH_NULL)
        applied(workspace, done.stdout, *words)
    assert spec(workspace) == before
    workspace.until_ready()
    assert len(workspace.versions()) == 2
    printed = kubectl("show", "bot").stdout
    assert printed.startswith(f"apiVersion: {API_VERSION}\nkind: Assistant\nmetadata:\n  name: bot\n")
    assert "|\n      You are kind.\n\n      Promise nothing.\n" in printed
    assert "managedFields" not in printed


def test_an_old_version_comes_back_by_its_manifest(kubectl: Kubectl, workspace: Workspace) -> None:
    kubectl("set", "bot", "context.new=1", "versioning.historyLimit=50", "--cause", "why")
    newest(workspace, 2)
    text = kubectl("show", "bot", "1").stdout
    assert yaml.safe_load(text)["spec"] == {**SPEC, "versioning": {"historyLimit": 50}}
    workspace.plane.kubectl("replace", "-n", workspace.namespace, "-f", "-", input=text)
    version = newest(workspace, 3)
    assert (version["change"]["kind"], version["change"]["sameAs"]) == ("Reverted", 1)
    assert version["snapshot"] == SPEC
    workspace.delete("assistants", "bot", propagationPolicy="Orphan")
    eventually(lambda: workspace.get("assistants", "bot") is None)
    assert kubectl("show", "bot", code=1).stderr.endswith('"bot" not found\n')
    applied(workspace, kubectl("show", "bot", "2").stdout)
    assert newest(workspace, 4)["snapshot"]["context"] == {**SPEC["context"], "new": 1}
    missing = kubectl("show", "bot", "9", code=1).stderr
    assert missing == "error: assistant 'bot' has no version 9: it has 1, 2, 3, 4\n"


# blame


def introduced(kubectl: Kubectl, *words: str) -> dict[str, str]:
    """The version of each path and line."""
    lines = kubectl("blame", "bot", *words).stdout.splitlines()
    head = lines[0]
    at = {name: head.index(name) for name in ("VERSION", "BY", "PATH", "LINE", "CONTENT")}
    return {
        f"{line[at['PATH'] : at['LINE']].strip()}:{line[at['LINE'] : at['CONTENT']].strip()}": line[: at["BY"]].strip()
        for line in lines[1:]
    }


def test_blame(kubectl: Kubectl, workspace: Workspace) -> None:
    kubectl("set", "bot", "context.prompt=@-", "--force-conflicts", input=f"{PROMPT}Be short.\n")
    newest(workspace, 2)
    messages = [{"role": "system", "content": "a\nc"}, {"role": "user", "content": "x"}]
    workspace.edit(context={"messages": messages, "model": "small"})
    newest(workspace, 3)
    assert introduced(kubectl) == {
        "/context/messages/0/content:1": "1",
        "/context/messages/0/content:2": "3",
        "/context/messages/0/role:": "1",
        "/context/messages/1/content:": "3",
        "/context/messages/1/role:": "3",
        "/context/model:": "3",
        "/context/prompt:1": "1",
        "/context/prompt:2": "1",
        "/context/prompt:3": "1",
        "/context/prompt:4": "2",
        "/graphRef/name:": "1",
    }
    assert introduced(kubectl, "context.model", "--revision", "2") == {"/context/model:": "1"}
    line = cells(kubectl("blame", "bot", "/context/prompt").stdout)[4]
    assert (line[0], line[1], line[3], line[5]) == ("2", "kubectl-assistants", "/context/prompt", "Be short.")
    (entry,) = json.loads(kubectl("blame", "bot", "context.model", "-o", "json").stdout)["entries"]
    assert (entry["path"], entry["value"], entry["first"], entry["last"]) == ("/context/model", "small", 3, 3)
    missing = kubectl("blame", "bot", "context.nothing", code=1)
    assert missing.stderr == "error: version 3 of 'bot' has no field /context/nothing\n"
    kubectl("blame", "nope", code=1)
    kubectl("blame", "bot", "--revision", "9", code=1)


def test_blame_of_a_pruned_history(kubectl: Kubectl, workspace: Workspace) -> None:
    kubectl("set", "bot", "context.prompt=@-", "--force-conflicts", input=f"{PROMPT}Be short.\n")
    newest(workspace, 2)
    kubectl("set", "bot", "context.prompt=@-", "context.new=1", input=f"{PROMPT}Be brief.\n")
    newest(workspace, 3)
    kubectl("set", "bot", "context.prompt=@-", input=f"{PROMPT}Be brief.\nAnd kind.\n")
    newest(workspace, 4)
    workspace.edit(versioning={"historyLimit": 2})
    comes_to(lambda: [each["spec"]["number"] for each in workspace.versions()], [3, 4])
    found = introduced(kubectl)
    assert found["/context/model:"] == "<3"
    assert found["/context/new:"] == "3"
    assert [found[f"/context/prompt:{line}"] for line in range(1, 6)] == ["<=3"] * 4 + ["4"]
    note = kubectl("blame", "bot").stderr
    assert note.startswith("Note: no longer kept: version 1-2. So <7 is older than version 7, ")


def test_blame_fits_a_narrow_terminal_and_a_pipe_that_is_closed(kubectl: Kubectl, workspace: Workspace) -> None:
    kubectl("set", "bot", "context.prompt=@-", "--force-conflicts", input="A long line. " * 20 + "\n" + "x\n" * 50_000)
    newest(workspace, 2)
    seen = on_a_terminal(kubectl, "blame", "bot", "/context", COLUMNS="50").splitlines()
    assert {len(line) for line in seen} <= set(range(51))
    assert any(line.endswith("…") for line in seen)
    words = " ".join(kubectl.words("blame", "bot"))
    done = subprocess.run(
        ["bash", "-c", f"{words} | head -1"], capture_output=True, text=True, check=True, env=kubectl.environment
    )
    assert done.stdout.startswith("VERSION")
    assert done.stderr == ""


# history


def test_history_is_filtered_by_author_and_field(kubectl: Kubectl, workspace: Workspace) -> None:
    kubectl("set", "bot", "context.new=1")
    newest(workspace, 2)
    workspace.edit(context={"model": "small"})
    newest(workspace, 3)

    def numbers(*words: str) -> list[str]:
        return [line[0] for line in cells(kubectl("history", "bot", *words).stdout)[1:]]

    assert numbers("--user", "kubectl-assistants") == ["2"]
    assert numbers("--user", "kubectl-*") == ["1", "2"]
    assert numbers("--path", "context.model") == ["1", "3"]
    assert numbers("--path", "/context") == ["1", "2", "3"]
    assert numbers("--path", "context.new", "--user", "kubectl-assistants") == ["2"]
    nothing = kubectl("history", "bot", "--path", "context.nothing")
    assert (nothing.stdout, nothing.stderr) == ("", "No version of 'bot' matches.\n")
    assert json.loads(kubectl("history", "bot", "--user", "no one", "-o", "json").stdout)["items"] == []


def test_the_newest_are_read_alone_and_all_if_some_are_missing(kubectl: Kubectl, workspace: Workspace) -> None:
    for prompt in "bcd":
        workspace.edit(context={"prompt": prompt})
    newest(workspace, 4)

    def numbers(*words: str) -> list[str]:
        return [line[0] for line in cells(kubectl("history", "bot", *words).stdout)[1:]]

    assert numbers("--limit", "2") == ["3", "4"]
    requests = kubectl("history", "bot", "--limit=2", "-v6").stderr
    assert "/assistantversions/bot-v4" in requests
    assert "assistantversions?" not in requests, "no version is listed"
    assert numbers("--limit", "9") == ["1", "2", "3", "4"]
    assert numbers("--limit", "1", "--path", "context.prompt") == ["4"]
    assert kubectl("history", "bot", "--revision", "2").stdout.startswith("Name:     bot-v2\n")
    workspace.delete("assistantversions", "bot-v3")
    assert numbers("--limit", "2") in (["2", "4"], ["3", "4"]), "the operator may have restored it"
    refused = kubectl("history", "bot", "--limit", "-1", code=2)
    assert "--limit" in refused.stderr


def test_what_was_in_force(kubectl: Kubectl, workspace: Workspace) -> None:
    kubectl("set", "bot", "context.new=1")
    workspace.until_active(2)
    second, first = workspace.status()["activations"]
    created = (workspace.get("assistants", "bot") or {})["metadata"]["creationTimestamp"]
    now = kubectl("history", "bot", "--at", second["since"]).stdout.splitlines()
    assert now[0] == f"bot-v2 was in force at {second['since']}: since {second['since']}, and still is"
    assert cells("\n".join(now[1:]))[1][:3] == ["2", "Edited", "True"]
    if first["since"] < second["since"]:
        then = kubectl("history", "bot", "--at", first["since"]).stdout.splitlines()[0]
        assert then == (
            f"bot-v1 was in force at {first['since']}: since {first['since']}, until {second['since']}, when bot-v2"
            " came into force"
        )
        assert json.loads(kubectl("history", "bot", "--at", first["since"], "-o", "json").stdout)["spec"]["number"] == 1
    before = kubectl("history", "bot", "--at", "2020-01-01T00:00Z", code=1)
    assert before.stderr == (
        f"error: assistant 'bot' did not exist at 2020-01-01T00:00:00Z: it was created at {created}\n"
    )
    kubectl("history", "bot", "--at", "2120-01-01T00:00Z", code=2)


# Names, rights, no cluster, completion


def test_a_name_of_200_characters(kubectl: Kubectl, workspace: Workspace) -> None:
    name = "n" * 200
    applied(workspace, manifest(name))
    workspace.until_active(1, name)
    kubectl("set", name, "context.new=1")
    workspace.until_active(2, name)
    assert cells(kubectl("verify", name).stdout)[1] == [name, "1-2", "Verified"]
    assert f"{name} pinned to {name}-v2\n" in kubectl("pin", name).stdout
    assert len(kubectl("blame", name, "context.new").stdout.splitlines()) == 2
    assert yaml.safe_load(kubectl("show", name, "1").stdout)["metadata"]["name"] == name
    for words in (["show"], ["blame"], ["verify"], ["pin"], ["unpin"], ["set"]):
        values = ["context.a=1"] if words == ["set"] else []
        missing = kubectl(*words, "m" * 300, *values, code=2 if words == ["verify"] else 1)
        assert missing.stderr.startswith("Error from server (NotFound): ")


VIEWS = ["show bot", "show bot 1", "blame bot", "verify bot", "verify", "history bot --path context"]
EDITS = ["set bot context.new=1 --cause why", "pin bot", "unpin bot"]


def test_view_suffices_to_read_and_edit_to_write(kubectl: Kubectl, workspace: Workspace) -> None:
    view, edit = (Kubectl(person_with(workspace, role), workspace.namespace) for role in ("view", "edit"))
    comes_to(lambda: marks(workspace), {1: "VA"})
    for line in VIEWS:
        view(*line.split())
    for line in EDITS[:2]:
        refused = view(*line.split(), code=1)
        assert refused.stderr.startswith('Error from server (Forbidden): assistants.assistant-operator.dev "bot" is ')
        view(*line.split(), "--dry-run=client")
        edit(*line.split())
    edit("unpin", "bot")
    assert view("verify", "-A", code=2).stderr.startswith("Error from server (Forbidden): ")


def test_no_cluster_is_a_message(kubectl: Kubectl, tmp_path: Path) -> None:
    config = yaml.safe_load(Path(kubectl.environment["KUBECONFIG"]).read_text())
    for each in config["clusters"]:
        each["cluster"]["server"] = "https://127.0.0.1:9"
    (tmp_path / "config").write_text(yaml.safe_dump(config))
    for line in (*VIEWS, *EDITS):
        done = kubectl(
            *line.split(), code=2 if line.startswith("verify") else 1, env={"KUBECONFIG": f"{tmp_path}/config"}
        )
        assert done.stderr.startswith("Unable to connect to the server: ")


def test_kubectl_completes_fields_and_numbers(kubectl: Kubectl, workspace: Workspace) -> None:
    here = ("-n", workspace.namespace)
    assert completed(kubectl, "set", "bot", *here, "context.m") == ["context.messages=", "context.model=", ":6"]
    assert completed(kubectl, "blame", "bot", *here, "/context/p") == ["/context/prompt", ":4"]
    assert completed(kubectl, "pin", "bot", *here, "") == ["1", ":4"]
    assert completed(kubectl, "show", *here, "b") == ["bot", ":4"]
