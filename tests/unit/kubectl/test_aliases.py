"""`aliases`, and the aliases in `history` and `tree`: on a simulated cluster, as people run them."""

import json
import re
from collections.abc import Callable

import pytest
import yaml

from unit.kubectl.aliased import AliasedCluster, granted, ran
from unit.kubectl.serving import TOKEN

PREFIX = "assistantalias.assistant-operator.dev/"
READERS = tuple(("*", plural) for plural in ("graphs", "assistants", "assistantversions"))


async def lines(*words: str) -> list[list[str]]:
    """The cells of the table that the command prints."""
    done = await ran(*words)
    assert (done.exit_code, done.stderr) == (0, "")
    return [re.split(" {3,}", line.strip()) for line in done.stdout.splitlines()]


CANARY = ["canary", "bot", "1", "True", "6d", "kubectl", "<none>"]
PREVIEW = ["preview", "agent", "1", "True", "7d", "kubectl", "<none>"]
PRODUCTION = ["production", "bot", "1", "True", "3d", "jane", "calmer"]
STAGING = ["staging", "bot", "5", "True", "4d", "argocd-controller", "<none>"]
WHY = "VersionNotFound: spec.version: bot-v9 does not exist"
WAITING = ["waiting", "bot", "<none>", "False", "<none>", "<none>", "<none>", WHY]
HEADERS = ["NAME", "ASSISTANT", "VERSION", "READY", "MOVED", "BY", "CAUSE", "WHY"]


@pytest.mark.usefixtures("aliased")
@pytest.mark.parametrize(
    ("words", "rows"),
    [
        pytest.param([], [HEADERS, CANARY, PREVIEW, PRODUCTION, STAGING, WAITING], id="of all assistants"),
        pytest.param(["agent"], [HEADERS, PREVIEW], id="of one"),
        pytest.param(["assistant/agent"], [HEADERS, PREVIEW], id="which may be named as kubectl names it"),
        pytest.param(["agent", "-n", "team"], [HEADERS, PREVIEW], id="in a namespace"),
        pytest.param(
            ["-A"],
            [["NAMESPACE", *HEADERS], *(["team", *row] for row in (CANARY, PREVIEW, PRODUCTION, STAGING, WAITING))],
            id="of all namespaces",
        ),
        pytest.param(
            ["agent", "-o", "wide"],
            [[*HEADERS[:7], "DIGEST", "ID", "WHY"], [*PREVIEW, "<none>", "<none>"]],
            id="with digest and id",
        ),
        pytest.param(
            ["bot", "--moves"],
            [
                ["NAME", "ASSISTANT", "FROM", "TO", "MOVED", "BY", "CAUSE"],
                ["production", "bot", "2", "1", "3d", "jane", "calmer"],
                ["staging", "bot", "2", "5", "4d", "argocd-controller", "<none>"],
                ["production", "bot", "<none>", "2", "5d", "kubectl", "<none>"],
                ["canary", "bot", "<none>", "1", "6d", "kubectl", "<none>"],
            ],
            id="moves, the newest first",
        ),
    ],
)
async def test_what_is_listed(words: list[str], rows: list[list[str]]) -> None:
    assert await lines("aliases", *words) == rows


async def test_wide_moves_have_the_manager_and_the_time(aliased: AliasedCluster) -> None:
    head, row = (await lines("aliases", "bot", "--moves", "-o", "wide"))[:2]
    assert head[5:] == ["BY", "MANAGER", "SINCE", "CAUSE"]
    production = aliased.person.get("AssistantAlias", "production") or {}
    assert row[5:] == ["jane", "kubectl", production["status"]["moves"][0]["since"], "calmer"]


@pytest.mark.usefixtures("aliased")
async def test_objects_and_names() -> None:
    names = await ran("aliases", "bot", "-o", "name")
    assert names.stdout.split() == [f"{PREFIX}{name}" for name in ("canary", "production", "staging", "waiting")]
    listed = json.loads((await ran("aliases", "bot", "-o", "json")).stdout)
    assert listed == yaml.safe_load((await ran("aliases", "bot", "-o", "yaml", "--moves")).stdout)
    assert [move["to"] for move in listed["items"][1]["status"]["moves"]] == [1, 2]
    assert "managedFields" not in listed["items"][0]["metadata"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        pytest.param(["bot"], "No resources found in team namespace.\n", id="an assistant without aliases"),
        pytest.param([], "No resources found in team namespace.\n", id="a namespace without aliases"),
        pytest.param(["-A", "--moves"], "No resources found\n", id="a cluster without aliases"),
    ],
)
async def test_no_aliases(aliased: AliasedCluster, words: list[str], message: str) -> None:
    for name in ("production", "staging", "waiting", "canary", "preview"):
        aliased.person.delete("AssistantAlias", name)
    done = await ran("aliases", *words)
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", message)


async def test_aliases_of_an_assistant_that_was_deleted_are_listed(aliased: AliasedCluster) -> None:
    aliased.person.delete("Assistant", "agent")
    assert await lines("aliases", "agent") == [HEADERS, PREVIEW]


@pytest.mark.usefixtures("aliased")
@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        pytest.param(
            ["nope"],
            1,
            'Error from server (NotFound): assistants.assistant-operator.dev "nope" not found\n',
            id="no such assistant",
        ),
        pytest.param(
            ["bot", "-A"],
            2,
            "error: an assistant is in one namespace: --all-namespaces takes no name\n",
            id="a name in all namespaces",
        ),
    ],
)
async def test_what_cannot_be_listed(words: list[str], code: int, message: str) -> None:
    done = await ran("aliases", *words)
    assert (done.exit_code, done.stdout, done.stderr) == (code, "", message)


NOT_SERVED = (
    "error: the server does not serve the kind AssistantAlias: its CustomResourceDefinitions are missing, or older than"
    " the plugin. Apply those of the operator's release: kubectl apply --server-side -k crds\n"
)


def hide(aliased: AliasedCluster) -> None:
    """Take the right to list aliases."""
    aliased.cluster.authorizer.users[TOKEN] = granted(*READERS)


WITHOUT = [
    pytest.param(AliasedCluster.stop_serving_aliases, id="where the kind is not served"),
    pytest.param(hide, id="for a user who may not list them"),
]


@pytest.mark.parametrize(
    "words", [["aliases"], ["aliases", "bot", "--moves"], ["promote", "bot", "--to", "production"]], ids=" ".join
)
async def test_a_kind_that_is_not_served_is_an_error_that_names_what_to_do(
    aliased: AliasedCluster, words: list[str]
) -> None:
    aliased.stop_serving_aliases()
    done = await ran(*words)
    assert (done.exit_code, done.stdout, done.stderr) == (1, "", NOT_SERVED)


async def test_a_missing_right_is_an_error_that_names_the_role(aliased: AliasedCluster) -> None:
    hide(aliased)
    done = await ran("aliases")
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == (
        "Error from server (Forbidden): assistantaliases.assistant-operator.dev is forbidden: User"
        ' "jane" cannot list resource "assistantaliases" in API group "assistant-operator.dev" in the namespace "team"'
        "\nReading aliases needs the role view, and creating one the role admin. Moving one needs the role admin, or a"
        " RoleBinding to the ClusterRole assistant-operator-promote, which an administrator can create.\n"
    )


# In history and tree


@pytest.mark.usefixtures("aliased")
async def test_history_has_the_aliases_of_each_version() -> None:
    rows = await lines("history", "bot")
    assert rows[0] == ["NUMBER", "CHANGE", "ACTIVE", "VALID", "ALIASES", "BY", "AGE", "CAUSE", "PATHS"]
    assert [(row[0], row[4]) for row in rows[1:]] == [
        ("1", "canary,production"),
        ("2", "<none>"),
        ("3", "<none>"),
        ("4", "<none>"),
        ("5", "staging"),
        ("6", "<none>"),
    ]
    wide = await lines("history", "bot", "-o", "wide")
    assert wide[0][4:8] == ["ALIASES", "BY", "AGE", "MANAGER"]
    assert "Aliases:   staging\n" in (await ran("history", "bot", "--revision", "5")).stdout
    assert "Aliases:" not in (await ran("history", "bot", "--revision", "6")).stdout


@pytest.mark.usefixtures("aliased")
async def test_there_is_no_column_for_aliases_without_one_in_the_list() -> None:
    assert "ALIASES" not in (await lines("history", "bot", "--limit", "1"))[0]


@pytest.mark.parametrize("output", ["json", "yaml", "name"])
async def test_history_as_objects_reads_no_aliases(aliased: AliasedCluster, output: str) -> None:
    assert (await ran("history", "bot", "-o", output)).exit_code == 0
    assert not [each for each in aliased.cluster.server.front.requests if "assistantaliases" in each.path]


@pytest.mark.usefixtures("aliased")
async def test_tree_has_the_aliases_and_shows_each_version_that_has_one() -> None:
    rows = await lines("tree", "support", "--limit", "1")
    assert [[row[0].split()[-1], *row[2:]] for row in rows[4:]] == [
        ["bot-v6", "not validated"],
        ["bot-v5", "alias staging"],
        ["bot-v3", "active"],
        ["bot-v1", "alias canary, alias production"],
        ["more", *rows[8][2:]],
    ]


@pytest.mark.parametrize("words", [["history", "bot"], ["history", "bot", "--revision", "1"], ["tree", "support"]])
@pytest.mark.parametrize("lose", WITHOUT)
async def test_without_aliases_history_and_tree_are_as_before(
    aliased: AliasedCluster, words: list[str], lose: Callable[[AliasedCluster], None]
) -> None:
    for name in ("production", "staging", "waiting", "canary", "preview"):
        aliased.person.delete("AssistantAlias", name)
    before = await ran(*words)
    aliased.alias("production", {"version": 1}, 1)
    assert "production" in (await ran(*words)).stdout
    lose(aliased)
    found = await ran(*words)
    assert (found.exit_code, found.stdout, found.stderr) == (0, before.stdout, "")
