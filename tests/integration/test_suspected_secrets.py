"""The condition SecretSuspected, and how a leaked credential leaves the history; its value is written nowhere else."""

from typing import Any

import pytest

from harness.controlplane.waiting import eventually
from harness.support import OperatorProcess, Workspace
from harness.support.credentials import CREDENTIALS
from harness.support.walk import events
from harness.support.workspace import Json
from integration.test_kubectl_plugin import Kubectl

TOKEN = CREDENTIALS["a GitHub token"]
ADVICE = "every version keeps its content, so revoke the credential"


def suspicion(workspace: Workspace, name: str = "bot", plural: str = "assistants") -> str:
    """The message of the condition, as of the present generation; empty without it."""
    return str(workspace.condition(name, "SecretSuspected", plural).get("message", ""))


def until_suspected(workspace: Workspace, place: str, name: str = "bot", plural: str = "assistants") -> None:
    message = f"{place} contains what looks like a GitHub token: {ADVICE}"
    eventually(lambda: suspicion(workspace, name, plural) == message)


def deep(levels: int) -> Any:
    content: Any = TOKEN
    for _ in range(levels):
        content = [content]
    return content


@pytest.fixture
def bot(operator: OperatorProcess, workspace: Workspace) -> Workspace:
    """A namespace with an Assistant that has one version."""
    workspace.graph(defaultAssistant={"policy": "None"})
    workspace.assistant(context={"prompt": "one"})
    workspace.until_active(1)
    return workspace


@pytest.mark.parametrize(
    ("spec", "place"),
    [
        pytest.param({"context": {"key": TOKEN}}, "/context/key", id="a value"),
        pytest.param({"context": {"key": f"{'x ' * 300_000}{TOKEN}"}}, "/context/key", id="in a text of 600 KB"),
        pytest.param({"context": {"key": deep(40)}}, f"/context/key{'/0' * 40}", id="deeper than the policy searches"),
        pytest.param({"metadata": {"a": [*range(600), TOKEN]}}, "/metadata/a/600", id="in a long list"),
        pytest.param({"description": TOKEN, "suspend": True}, "/description", id="in a suspended Assistant"),
    ],
)
def test_the_operator_reports_what_an_edit_adds_and_that_it_is_gone(bot: Workspace, spec: Json, place: str) -> None:
    bot.edit(**spec)
    until_suspected(bot, place)
    assert bot.condition()["status"] == "True"
    bot.until_versions(2)
    bot.edit(context={"key": None}, metadata=None, description=None, suspend=None)
    eventually(lambda: bot.condition().get("reason") == "Active")
    assert suspicion(bot) == ""


def test_it_is_one_event_and_blocks_nothing(bot: Workspace) -> None:
    bot.edit(context={"key": TOKEN})
    bot.until_active(2)
    until_suspected(bot, "/context/key")
    bot.edit(context={"prompt": "two"})
    bot.until_active(3)
    until_suspected(bot, "/context/key")
    note = f"/context/key contains what looks like a GitHub token: {ADVICE}"
    eventually(lambda: ("Warning", "SecretSuspected", note) in events(bot))
    assert [each for each in events(bot) if each[1] == "SecretSuspected"] == [("Warning", "SecretSuspected", note)]


def test_a_graph_and_its_default_assistant_both_report_it(operator: OperatorProcess, workspace: Workspace) -> None:
    workspace.graph(defaults={"metadata": {"key": TOKEN}})
    until_suspected(workspace, "/defaults/metadata/key", "support", "graphs")
    until_suspected(workspace, "/metadata/key", "support")
    workspace.edit("support", "graphs", defaults=None)
    eventually(lambda: suspicion(workspace, "support", "graphs") == suspicion(workspace, "support") == "")
    workspace.until_ready("support", "graphs")


def test_a_restart_writes_nothing_more(bot: Workspace, operator: OperatorProcess) -> None:
    bot.edit(context={"key": TOKEN})
    bot.until_active(2)
    until_suspected(bot, "/context/key")
    before = bot.get("assistants", "bot")
    operator.terminate()
    operator.start()
    bot.assistant("later")
    bot.until_active(1, "later")
    assert bot.get("assistants", "bot") == before


def test_the_value_is_in_the_spec_and_its_versions_alone(bot: Workspace, operator: OperatorProcess) -> None:
    """The operator of this file logs at debug."""
    canary = CREDENTIALS["an Anthropic API key"]
    bot.edit(context={"key": canary, "deep": [{"a": f"say {canary}"}], canary: canary})
    bot.graph("leaky", defaults={"context": {"key": canary}})
    bot.until_active(2)
    eventually(lambda: "contains what looks like an Anthropic API key" in suspicion(bot))
    eventually(lambda: suspicion(bot, "leaky", "graphs") != "")
    bot.until_active(1, "leaky")
    eventually(lambda: any(each[1] == "SecretSuspected" for each in events(bot, "leaky")))
    assert suspicion(bot).startswith(
        "/context contains what looks like an Anthropic API key; /context/deep/0/a contains"
    )
    statuses = [bot.status(), bot.status("leaky"), bot.status("leaky", "graphs")]
    told = [each for name in ("bot", "leaky", "bot-v2", "leaky-v1") for each in events(bot, name)]
    assert told
    assert canary in str(bot.get("assistantversions", "bot-v2"))
    for place in (statuses, told, operator.get("/metrics"), operator.log.read_text()):
        assert canary not in str(place)


def test_kubectl_assistants_status_warns(bot: Workspace) -> None:
    bot.edit(context={"key": TOKEN})
    until_suspected(bot, "/context/key")
    done = Kubectl(bot.plane.admin_kubeconfig, bot.namespace)("status", "bot")
    assert done.stdout == "assistant.assistant-operator.dev/bot is ready: bot-v2 is active\n"
    said = f"Warning: SecretSuspected: /context/key contains what looks like a GitHub token: {ADVICE}"
    assert said in done.stderr.splitlines()


# How a credential leaves the history: docs/security.md


def keepers(workspace: Workspace) -> list[str]:
    """The names of the versions that hold the token."""
    return [each["metadata"]["name"] for each in workspace.versions() if TOKEN in str(each)]


def test_a_credential_leaves_the_history_by_an_edit_and_deletions(bot: Workspace, operator: OperatorProcess) -> None:
    bot.edit(context={"key": TOKEN})
    bot.until_active(2)
    bot.edit(context={"prompt": "two"})
    bot.until_active(3)
    bot.edit(context={"key": None})
    bot.until_active(4)
    assert keepers(bot) == ["bot-v2", "bot-v3"]
    for name in keepers(bot):
        bot.delete("assistantversions", name)
    bot.edit(context={"prompt": "three"})
    bot.until_active(5)
    operator.terminate()
    operator.start()
    bot.edit(context={"prompt": "four"})
    bot.until_active(6)
    kept = bot.versions()
    assert [each["spec"]["number"] for each in kept] == [1, 4, 5, 6]
    assert keepers(bot) == []
    assert TOKEN not in str(bot.get("assistants", "bot"))


def test_the_latest_and_the_active_version_come_back_so_the_edit_comes_first(bot: Workspace) -> None:
    bot.edit(context={"key": TOKEN}, versioning={"activeVersion": 2})
    bot.until_active(2)
    first = bot.get("assistantversions", "bot-v2") or {}

    def is_back() -> bool:
        found = bot.get("assistantversions", "bot-v2") or first
        return bool(found["metadata"]["uid"] != first["metadata"]["uid"])

    bot.delete("assistantversions", "bot-v2")
    eventually(is_back)
    bot.edit(context={"key": None})
    bot.until_versions(3)
    assert suspicion(bot) == ""  # it is about the spec; the pinned version still has the credential
    first = bot.get("assistantversions", "bot-v2") or {}
    bot.delete("assistantversions", "bot-v2")
    eventually(is_back)
    bot.edit(versioning={"activeVersion": None})
    bot.until_active(3)
    bot.delete("assistantversions", "bot-v2")
    bot.edit(context={"prompt": "two"})
    bot.until_active(4)
    assert [each["spec"]["number"] for each in bot.versions()] == [1, 3, 4]
