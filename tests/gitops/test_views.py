"""What kubectl and dashboards show: columns that resolve, in every form, and the tree of who owns whom."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from harness.controlplane import ControlPlane
from harness.support import OperatorProcess, Workspace
from harness.support.histories import a_workspace
from harness.support.walk import comes_to, marks

Json = dict[str, Any]
SCHEMA = {"type": "object", "properties": {"prompt": {"type": "string"}}}
AGE = re.compile(r"\d+[smh](\d+s)?")
CAUSE = "assistant-operator.dev/change-cause"


@pytest.fixture(scope="module")
def workspace(installed: ControlPlane) -> Iterator[Workspace]:
    with a_workspace(installed) as workspace:
        yield workspace


@pytest.fixture(scope="module", autouse=True)
def shop(operator: OperatorProcess, workspace: Workspace) -> Workspace:
    """Graphs with a default assistant and a server that is away; assistants healthy, pinned and refused; aliases."""
    workspace.graph("answers", contextSchema=SCHEMA, defaults={"context": {"prompt": "hello"}})
    workspace.graph("away", server={"url": "http://127.0.0.1:9"}, defaultAssistant={"policy": "None"})
    workspace.until_active(1, "answers")
    workspace.edit("answers", "graphs", defaults={"context": {"prompt": "hello again"}})
    workspace.until_active(2, "answers")
    workspace.assistant("bot", "answers", context={"prompt": "one"})
    workspace.until_active(1, "bot")
    annotation = {"metadata": {"annotations": {CAUSE: "shorter"}}}
    workspace.patch("assistants", "bot", {**annotation, "spec": {"context": {"prompt": "two"}}})
    workspace.until_active(2, "bot")
    workspace.edit("bot", versioning={"activeVersion": 1})
    workspace.until_active(1, "bot")
    workspace.assistant("wrong", "answers", context={"prompt": 7})
    workspace.until_not_ready("SchemaRefused", "wrong")
    workspace.until_not_ready("ServerUnreachable", "away", "graphs")
    comes_to(lambda: marks(workspace, "bot"), {1: "VA", 2: "Va"})
    comes_to(lambda: marks(workspace, "answers"), {1: "Va", 2: "VA"})
    comes_to(lambda: marks(workspace, "wrong"), {1: "va"})
    comes_to(lambda: workspace.status("answers", "graphs").get("assistants"), 3)
    workspace.alias(version=1)
    workspace.until_ready("production", "assistantaliases")
    workspace.patch("assistantaliases", "production", {**annotation, "spec": {"version": 2}})
    workspace.until_ready("production", "assistantaliases")
    workspace.alias("ahead", version=9)
    workspace.until_not_ready("VersionNotFound", "ahead", "assistantaliases")
    return workspace


def get(workspace: Workspace, *args: str) -> str:
    return workspace.plane.kubectl("get", "-n", workspace.namespace, *args).stdout


def table(workspace: Workspace, *args: str) -> tuple[list[str], dict[str, list[str]]]:
    """Titles, and the cells of each row by its name; ages are checked and left out."""
    head, *lines = get(workspace, *args).splitlines()
    starts = [found.start() for found in re.finditer(r"(?:(?<=\s{3})|^)\S", head)]
    rows = [[line[a:b].strip() for a, b in zip(starts, [*starts[1:], None], strict=True)] for line in [head, *lines]]
    titles = rows[0]
    age = titles.index("AGE")
    assert all(AGE.fullmatch(row[age]) for row in rows[1:])
    return titles, {row[0]: row[1:age] + row[age + 1 :] for row in rows[1:]}


def test_graphs_show_what_they_are_and_how_they_are(workspace: Workspace) -> None:
    titles, rows = table(workspace, "graphs")
    assert titles == ["NAME", "GRAPH-ID", "DEPLOYED", "READY", "DEFAULT", "ASSISTANTS", "AGE"]
    assert rows["answers"] == ["answers", "True", "True", "answers", "3"]
    assert rows["away"] == ["away", "False", "False", "", "0"]


def test_graphs_show_server_reason_and_message_when_asked_for_more(workspace: Workspace) -> None:
    titles, rows = table(workspace, "lgraph", "-o", "wide")
    assert titles[-3:] == ["SERVER", "REASON", "MESSAGE"]
    assert rows["answers"][-3:] == ["", "Available", "the graph is deployed"]
    server, reason, message = rows["away"][-3:]
    assert (server, reason) == ("http://127.0.0.1:9", "ServerUnreachable")
    assert message.startswith("the server cannot be reached: http://127.0.0.1:9")


def test_assistants_show_which_version_is_in_force(workspace: Workspace) -> None:
    titles, rows = table(workspace, "assistants")
    assert titles == ["NAME", "GRAPH", "LATEST", "ACTIVE", "READY", "VERSIONS", "AGE"]
    assert rows == {
        "answers": ["answers", "2", "2", "True", "2"],
        "bot": ["answers", "2", "1", "True", "2"],
        "wrong": ["answers", "1", "", "False", "1"],
    }


def test_assistants_show_pin_reason_and_message_when_asked_for_more(workspace: Workspace) -> None:
    titles, rows = table(workspace, "asst", "-o", "wide")
    assert titles[-4:] == ["PINNED", "REASON", "MESSAGE", "ID"]
    assert rows["bot"][-4:] == ["1", "Active", "bot-v1 is active, as pinned", ""]
    pinned, reason, message, _ = rows["wrong"][-4:]
    assert (pinned, reason) == ("", "SchemaRefused")
    assert message.startswith("wrong-v1 is not activated: graph 'answers' refuses it: /context/prompt: ")


def test_versions_show_what_changed_by_whom_and_which_is_in_force(workspace: Workspace) -> None:
    titles, rows = table(workspace, "assistantversions")
    assert titles == ["NAME", "ASSISTANT", "NUMBER", "ACTIVE", "VALID", "CHANGE", "BY", "AGE"]
    assert rows == {
        "answers-v1": ["answers", "1", "False", "True", "Created", "assistant-operator"],
        "answers-v2": ["answers", "2", "True", "True", "Edited", "assistant-operator"],
        "bot-v1": ["bot", "1", "True", "True", "Created", "unknown"],
        "bot-v2": ["bot", "2", "False", "True", "Edited", "unknown"],
        "wrong-v1": ["wrong", "1", "False", "False", "Created", "unknown"],
    }


def test_versions_show_digest_and_cause_when_asked_for_more(workspace: Workspace) -> None:
    titles, rows = table(workspace, "asstv", "-o", "wide")
    assert titles[-2:] == ["DIGEST", "CAUSE"]
    digests = {each["metadata"]["name"]: each["spec"]["digest"] for each in workspace.all("assistantversions")}
    assert {name: row[-2] for name, row in rows.items()} == digests
    assert {name: row[-1] for name, row in rows.items() if row[-1]} == {"bot-v2": "shorter"}


def test_aliases_show_which_version_they_stand_for(workspace: Workspace) -> None:
    titles, rows = table(workspace, "assistantaliases")
    assert titles == ["NAME", "ASSISTANT", "VERSION", "READY", "AGE"]
    assert rows == {"production": ["bot", "2", "True"], "ahead": ["bot", "", "False"]}


def test_aliases_show_the_last_move_when_asked_for_more(workspace: Workspace) -> None:
    titles, rows = table(workspace, "asstalias", "-o", "wide")
    assert titles[-6:] == ["DIGEST", "MOVED", "BY", "REASON", "MESSAGE", "ID"]
    digest, moved, *rest = rows["production"][-6:]
    assert digest == workspace.versions()[1]["spec"]["digest"]
    assert AGE.fullmatch(moved)
    assert rest == ["unknown", "Active", "the alias stands for bot-v2", ""]
    message = "spec.version: bot-v9 does not exist; the alias stands for no version"
    assert rows["ahead"][-6:] == ["", "", "", "VersionNotFound", message, ""]


def test_versions_sort_by_number_and_not_as_text(workspace: Workspace) -> None:
    lines = get(
        workspace, "asstv", "--sort-by=.spec.number", "--field-selector=spec.assistantRef.name=bot", "-o", "name"
    )
    assert lines.splitlines() == [f"assistantversion.assistant-operator.dev/bot-v{number}" for number in (1, 2)]


def test_the_category_shows_the_four_kinds_and_all_shows_none(workspace: Workspace) -> None:
    names = get(workspace, "langgraph", "-o", "name").split()
    assert {each.split(".")[0] for each in names} == {"graph", "assistant", "assistantversion", "assistantalias"}
    assert len(names) == 13
    assert "assistant-operator" not in get(workspace, "all", "-o", "name")


@pytest.mark.parametrize("kind", ["graphs", "assistants", "assistantversions", "assistantaliases"])
def test_json_yaml_name_and_jsonpath_agree(workspace: Workspace, kind: str) -> None:
    items = json.loads(get(workspace, kind, "-o", "json"))["items"]
    names = [each["metadata"]["name"] for each in items]
    assert names == get(workspace, kind, "-o", "jsonpath={.items[*].metadata.name}").split()
    assert [f"{each['kind'].lower()}.assistant-operator.dev/{each['metadata']['name']}" for each in items] == get(
        workspace, kind, "-o", "name"
    ).split()
    assert len(re.findall(r"^  kind: ", get(workspace, kind, "-o", "yaml"), re.MULTILINE)) == len(names)


@pytest.mark.parametrize("plural", ["graphs", "assistants", "assistantversions", "assistantaliases"])
def test_no_column_is_empty_everywhere(workspace: Workspace, plural: str) -> None:
    """But the id, for which a LangGraph Server must run."""
    titles, rows = table(workspace, plural, "-o", "wide")
    columns = zip([title for title in titles[1:] if title != "AGE"], *rows.values(), strict=True)
    assert [title for title, *cells in columns if not any(cells)] == (
        ["ID"] if plural in {"assistants", "assistantaliases"} else []
    )


def test_kubectl_wait_ends_with_what_is_ready_and_not_with_what_is_not(workspace: Workspace) -> None:
    def wait(name: str, *how: str) -> int:
        args = ("wait", "-n", workspace.namespace, f"assistant/{name}", "--for=condition=Ready", *how)
        return workspace.plane.kubectl(*args, check=False).returncode

    assert (wait("bot", "--timeout=20s"), wait("wrong", "--timeout=1s")) == (0, 1)


def children(everything: list[Json], owner: Json) -> dict[str, Any]:
    """What `kubectl tree` shows below an object: those that name it as their owner, and theirs."""
    owned = [
        each
        for each in everything
        for reference in each["metadata"].get("ownerReferences", ())
        if reference["uid"] == owner["metadata"]["uid"]
    ]
    return {f"{each['kind']}/{each['metadata']['name']}": children(everything, each) for each in owned}


def test_the_tree_goes_from_graph_to_default_assistant_to_versions(workspace: Workspace) -> None:
    everything: list[Json] = json.loads(get(workspace, "langgraph", "-o", "json"))["items"]
    roots = [each for each in everything if "ownerReferences" not in each["metadata"]]
    tree = {f"{each['kind']}/{each['metadata']['name']}": children(everything, each) for each in roots}
    assert tree == {
        "Graph/support": {},
        "Graph/away": {},
        "Graph/answers": {"Assistant/answers": {f"AssistantVersion/answers-v{number}": {} for number in (1, 2)}},
        "Assistant/bot": {f"AssistantVersion/bot-v{number}": {} for number in (1, 2)},
        "Assistant/wrong": {"AssistantVersion/wrong-v1": {}},
        "AssistantAlias/production": {},
        "AssistantAlias/ahead": {},
    }


def test_every_owner_reference_is_a_controllers_and_names_what_it_points_at(workspace: Workspace) -> None:
    everything: list[Json] = json.loads(get(workspace, "langgraph", "-o", "json"))["items"]
    by_uid = {each["metadata"]["uid"]: each for each in everything}
    references = [one for each in everything for one in each["metadata"].get("ownerReferences", ())]
    assert len(references) == 6
    for each in references:
        owner = by_uid[each["uid"]]
        assert (owner["kind"], owner["metadata"]["name"]) == (each["kind"], each["name"])
        assert each["controller"] is True
