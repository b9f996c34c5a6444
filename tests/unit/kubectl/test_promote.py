"""`promote`, on a simulated cluster, as people run it: what it writes, what it shows, and when it writes nothing."""

from collections.abc import Callable
from typing import Any

import pytest
import yaml

from assistant_operator.kubectl.patch import CAUSE
from harness.controlplane.faults import Request
from unit.kubectl.aliased import VERSIONS, AliasedCluster, granted, ran
from unit.kubectl.kept import NOT_VALID
from unit.kubectl.serving import TOKEN

Json = dict[str, Any]
ALIAS = "assistantalias.assistant-operator.dev/"
DIGESTS = {number: version.spec.digest for number, version in VERSIONS.items()}
NAMES = ("production", "staging", "waiting", "canary", "preview")


def difference(before: str, after: str, old: str, new: str) -> str:
    head = f"--- {before}\n+++ {after}\n@@ -1,4 +1,4 @@\n context:\n"
    return f"{head}-  prompt: {old}\n+  prompt: {new}\n graphRef:\n   name: support\n"


def state(aliased: AliasedCluster) -> Json:
    """All aliases, whole."""
    return {each["metadata"]["name"]: each for each in aliased.person.all("AssistantAlias")}


def spec(aliased: AliasedCluster, name: str) -> Json:
    found: Json = state(aliased)[name]["spec"]
    return {field: value for field, value in found.items() if field in ("version", "digest")}


NEW_BOT3 = difference("bot-v1 (production)", "bot-v3", "one", "three")
UNJUDGED = "Note: bot-v6 is not validated yet: the alias moves once the schemas of its graph accept it\n"


@pytest.mark.parametrize(
    ("words", "alias", "selects", "printed", "notes"),
    [
        pytest.param(
            ["bot", "2"],
            "production",
            {"version": 2},
            f"{difference('bot-v1 (production)', 'bot-v2', 'one', 'two')}{ALIAS}production moved to bot-v2\n",
            "",
            id="to a version",
        ),
        pytest.param(
            ["bot"],
            "production",
            {"version": 3},
            f"{NEW_BOT3}{ALIAS}production moved to bot-v3, the active version\n",
            "",
            id="without a number, to the active version, which is named",
        ),
        pytest.param(
            ["assistant/bot", "v3"],
            f"{ALIAS}production",
            {"version": 3},
            f"{NEW_BOT3}{ALIAS}production moved to bot-v3, the active version\n",
            "",
            id="by the names that kubectl prints",
        ),
        pytest.param(
            ["bot", "3"],
            "staging",
            {"digest": DIGESTS[3]},
            f"{difference('bot-v5 (staging)', 'bot-v3', 'two', 'three')}{ALIAS}staging moved to bot-v3, the active"
            " version\n",
            "",
            id="an alias that selects by digest gets a digest",
        ),
        pytest.param(
            ["bot", "6"],
            "production",
            {"version": 6},
            f"{difference('bot-v1 (production)', 'bot-v6', 'one', 'six')}{ALIAS}production moved to bot-v6\n",
            UNJUDGED,
            id="to a version that is not validated yet",
        ),
        pytest.param(
            ["bot", "3"],
            "waiting",
            {"version": 3},
            f"{ALIAS}waiting moved to bot-v3, the active version\n",
            "Note: alias 'waiting' stands for no version yet: there is no difference to show\n",
            id="an alias that stands for no version yet",
        ),
        pytest.param(["bot", "2", "-o", "name"], "production", {"version": 2}, f"{ALIAS}production\n", "", id="a name"),
        pytest.param(
            ["bot", "2", "--create"],
            "production",
            {"version": 2},
            f"{difference('bot-v1 (production)', 'bot-v2', 'one', 'two')}{ALIAS}production moved to bot-v2\n",
            "",
            id="--create with an alias that exists",
        ),
    ],
)
async def test_an_alias_is_moved(
    aliased: AliasedCluster, words: list[str], alias: str, selects: Json, printed: str, notes: str
) -> None:
    before = state(aliased)
    done = await ran("promote", *words, "--to", alias)
    assert (done.exit_code, done.stdout, done.stderr) == (0, printed, notes)
    name = alias.removeprefix(ALIAS)
    assert spec(aliased, name) == selects
    after = state(aliased)
    owners = {each["manager"]: each["fieldsV1"] for each in after[name]["metadata"]["managedFields"]}
    assert owners["kubectl-assistants"] == {"f:spec": {f"f:{field}": {} for field in selects}}
    assert {**after, name: None} == {**before, name: None}


async def test_a_cause_is_written_into_the_annotation(aliased: AliasedCluster) -> None:
    done = await ran("promote", "bot", "2", "--to", "production", "--cause", "legal agreed")
    assert done.exit_code == 0
    assert state(aliased)["production"]["metadata"]["annotations"] == {CAUSE: "legal agreed"}
    again = await ran("promote", "bot", "3", "--to", "production", "--cause", "legal agreed")
    cause = "the cause is that of the edit before: a cause is recorded only when it changes"
    assert again.stderr == f"Note: {cause}\n"


async def test_json_has_the_changed_alias_and_no_difference(aliased: AliasedCluster) -> None:
    done = await ran("promote", "bot", "2", "--to", "production", "-o", "yaml")
    assert yaml.safe_load(done.stdout)["spec"]["version"] == 2


NEWEST = "stays at bot-v5, the newest version with the content of bot-v2"


@pytest.mark.parametrize(
    ("words", "code", "printed"),
    [
        pytest.param(["bot", "1", "--to", "production"], 0, "production stays at bot-v1", id="by number"),
        pytest.param(["bot", "5", "--to", "staging"], 0, "staging stays at bot-v5", id="by digest"),
        pytest.param(["bot", "2", "--to", "staging"], 0, f"staging {NEWEST}", id="an older version with that content"),
        pytest.param(
            ["bot", "1", "--to", "production", "--error-unchanged"], 3, "production stays at bot-v1", id="with a code"
        ),
        pytest.param(
            ["bot", "1", "--to", "canary", "--cause", "x"], 0, "canary stays at bot-v1", id="also of an alias in Git"
        ),
    ],
)
async def test_an_alias_that_is_there_already_is_not_written(
    aliased: AliasedCluster, words: list[str], code: int, printed: str
) -> None:
    before = state(aliased)
    done = await ran("promote", *words)
    assert (done.exit_code, done.stdout, done.stderr) == (code, f"{ALIAS}{printed} (no change)\n", "")
    assert state(aliased) == before


async def test_a_move_that_the_operator_has_not_observed_yet_is_named(aliased: AliasedCluster) -> None:
    await ran("promote", "bot", "2", "--to", "production")
    again = await ran("promote", "bot", "2", "--to", "production")
    assert again.stdout == f"{ALIAS}production asks for bot-v2 already (no change)\n"
    back = await ran("promote", "bot", "1", "--to", "production")
    assert back.stderr == "Note: alias 'production' stands for bot-v1, which has the same content\n"
    assert spec(aliased, "production") == {"version": 1}


async def test_of_equal_contents_the_newest_must_be_valid(aliased: AliasedCluster) -> None:
    aliased.alias("blue", {"digest": DIGESTS[3]}, 3)
    aliased.judge("bot-v5", NOT_VALID)
    done = await ran("promote", "bot", "2", "--to", "blue")
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith("error: bot-v5 would not come into force: ")
    assert spec(aliased, "blue") == {"digest": DIGESTS[3]}


async def test_the_difference_to_a_version_that_no_longer_exists_is_not_shown(aliased: AliasedCluster) -> None:
    aliased.person.delete("AssistantVersion", "bot-v1")
    done = await ran("promote", "bot", "2", "--to", "production")
    assert done.stdout == f"{ALIAS}production moved to bot-v2\n"
    assert done.stderr == (
        "Note: alias 'production' stands for bot-v1, which no longer exists: there is no difference to show\n"
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        pytest.param(
            ["bot", "9", "--to", "production"],
            "error: assistant 'bot' has no version 9: it has 1, 2, 3, 4, 5, 6",
            id="a version that does not exist",
        ),
        pytest.param(
            ["bot", "4", "--to", "production"],
            "error: bot-v4 would not come into force: graph 'support' refuses it: /context/prompt: no",
            id="a version that is not valid",
        ),
        pytest.param(
            ["agent", "--to", "preview"],
            "error: no version of 'agent' is active: say which one to promote, as in 'promote agent 1 --to preview'",
            id="the active version, if there is none",
        ),
        pytest.param(
            ["bot", "3", "--to", "preview"],
            "error: alias 'preview' is an alias of assistant 'agent', not of 'bot': nothing is written. An alias keeps"
            " its assistant: choose another name for the alias.",
            id="an alias of another assistant",
        ),
        pytest.param(
            ["nope", "--to", "production"],
            'Error from server (NotFound): assistants.assistant-operator.dev "nope" not found',
            id="an assistant that does not exist",
        ),
        pytest.param(
            ["bot", "4", "--to", "blue", "--create"],
            "error: bot-v4 would not come into force: graph 'support' refuses it: /context/prompt: no",
            id="a new alias of a version that is not valid",
        ),
    ],
)
@pytest.mark.parametrize("dry_run", [[], ["--dry-run=client"]], ids=["", "dry run"])
async def test_what_is_refused_is_not_written(
    aliased: AliasedCluster, words: list[str], message: str, dry_run: list[str]
) -> None:
    before = state(aliased)
    done = await ran("promote", *words, *dry_run)
    assert (done.exit_code, done.stdout, done.stderr) == (1, "", f"{message}\n")
    assert state(aliased) == before


@pytest.mark.usefixtures("aliased")
async def test_the_alias_must_be_named() -> None:
    done = await ran("promote", "bot", "2")
    assert done.exit_code == 2
    assert "Missing option '--to'" in done.stderr


async def test_a_dry_run_shows_what_would_be_written(aliased: AliasedCluster) -> None:
    before = state(aliased)
    words = ("promote", "bot", "--to", "production", "--dry-run=client", "--cause", "why")
    done = await ran(*words)
    assert done.stdout == f"{NEW_BOT3}{ALIAS}production moved to bot-v3, the active version (dry run)\n"
    shown = yaml.safe_load((await ran(*words, "-o", "yaml")).stdout)
    assert (shown["spec"]["version"], shown["metadata"]["annotations"]) == (3, {CAUSE: "why"})
    assert state(aliased) == before


MANIFEST: Json = {
    "apiVersion": "assistant-operator.dev/v1alpha1",
    "kind": "AssistantAlias",
    "metadata": {"name": "blue", "namespace": "team"},
    "spec": {"assistantRef": {"name": "bot"}, "version": 3},
}


async def test_an_alias_that_does_not_exist_is_an_error_with_its_manifest(aliased: AliasedCluster) -> None:
    done = await ran("promote", "bot", "--to", "blue")
    assert (done.exit_code, yaml.safe_load(done.stdout)) == (1, MANIFEST)
    assert done.stderr == (
        "error: alias 'blue' does not exist: nothing is written. Apply the manifest that is printed above, or say"
        " --create.\n"
    )
    assert state(aliased).keys() == set(NAMES)


async def test_create_creates_it(aliased: AliasedCluster) -> None:
    dry = await ran("promote", "bot", "--to", "blue", "--create", "--dry-run=client", "-o", "yaml")
    assert yaml.safe_load(dry.stdout) == MANIFEST
    assert state(aliased).keys() == set(NAMES)
    done = await ran("promote", "bot", "--to", "blue", "--create", "--cause", "a start")
    assert (done.exit_code, done.stdout) == (0, f"{ALIAS}blue created for bot-v3, the active version\n")
    made = state(aliased)["blue"]
    assert made["spec"] == {"assistantRef": {"name": "bot"}, "version": 3, "deletionPolicy": "Delete"}
    assert made["metadata"]["annotations"] == {CAUSE: "a start"}
    shown = await ran("promote", "bot", "6", "--to", "green", "--create", "-o", "yaml")
    assert yaml.safe_load(shown.stdout)["metadata"]["uid"] == state(aliased)["green"]["metadata"]["uid"]
    assert shown.stderr == UNJUDGED


TRACKED = {"argocd.argoproj.io/tracking-id": "shop:assistant-operator.dev/AssistantAlias:team/tracked"}


@pytest.mark.parametrize(
    ("alias", "owner"),
    [
        pytest.param("canary", "Flux (Kustomization flux-system/shop)", id="Flux"),
        pytest.param("tracked", "Argo CD (application shop)", id="Argo CD"),
    ],
)
async def test_what_git_keeps_is_printed_and_not_written(aliased: AliasedCluster, alias: str, owner: str) -> None:
    aliased.alias("tracked", {"version": 1}, 1, annotations={**TRACKED, "why": "x"})
    before = state(aliased)
    done = await ran("promote", "bot", "2", "--to", alias, "--cause", "louder")
    assert done.exit_code == 1
    assert done.stderr == (
        f"error: alias {alias!r} is kept in Git by {owner}, which may put a live edit back: nothing is written. Commit"
        " what is printed above (spec.version changes), or say --force-live.\n"
    )
    annotations = {CAUSE: "louder", **({"why": "x"} if alias == "tracked" else {})}
    assert yaml.safe_load(done.stdout) == {
        **MANIFEST,
        "metadata": {"name": alias, "namespace": "team", "annotations": annotations},
        "spec": {"assistantRef": {"name": "bot"}, "version": 2},
    }
    assert state(aliased) == before
    assert (await ran("promote", "bot", "2", "--to", alias, "--force-live")).exit_code == 0
    assert spec(aliased, alias) == {"version": 2}


def moved(aliased: AliasedCluster) -> None:
    aliased.person.edit("AssistantAlias", "production", version=2)


def replaced(aliased: AliasedCluster) -> None:
    aliased.person.delete("AssistantAlias", "production")
    aliased.alias("production", {"version": 2}, None)


@pytest.mark.parametrize("meanwhile", [moved, replaced], ids=["moved", "replaced"])
async def test_no_move_that_was_made_meanwhile_is_lost(
    aliased: AliasedCluster, meanwhile: Callable[[AliasedCluster], None]
) -> None:
    def before_the_patch(request: Request) -> None:
        if request.method == "PATCH":
            meanwhile(aliased)

    aliased.cluster.server.front.intercept = before_the_patch
    done = await ran("promote", "bot", "3", "--to", "production")
    assert (done.exit_code, done.stdout) == (1, NEW_BOT3)
    assert done.stderr.startswith("error: the object was changed meanwhile, nothing is written: try again (")
    assert spec(aliased, "production") == {"version": 2}


async def test_an_alias_that_is_created_meanwhile_is_not_replaced(aliased: AliasedCluster) -> None:
    def before_the_creation(request: Request) -> None:
        if request.method == "POST":
            aliased.alias("blue", {"version": 1}, None)

    aliased.cluster.server.front.intercept = before_the_creation
    done = await ran("promote", "bot", "3", "--to", "blue", "--create")
    assert (done.exit_code, done.stdout) == (1, "")
    assert "alias 'blue' was created by another request" in done.stderr
    assert spec(aliased, "blue") == {"version": 1}


@pytest.mark.parametrize(
    ("rights", "words", "missing"),
    [
        pytest.param([("get", "*"), ("list", "*")], ["--to", "production"], "patch", id="to move it"),
        pytest.param([("get", "*"), ("list", "*")], ["--to", "blue", "--create"], "create", id="to create it"),
        pytest.param([("*", "assistants"), ("*", "assistantversions")], ["--to", "production"], "get", id="to read it"),
    ],
)
async def test_a_missing_right_is_an_error_that_names_the_role(
    aliased: AliasedCluster, rights: list[tuple[str, str]], words: list[str], missing: str
) -> None:
    before = state(aliased)
    aliased.cluster.authorizer.users[TOKEN] = granted(*rights)
    done = await ran("promote", "bot", *words)
    assert done.exit_code == 1
    first, second = done.stderr.splitlines()
    assert f'User "jane" cannot {missing} resource "assistantaliases"' in first
    assert second.endswith("the ClusterRole assistant-operator-promote, which an administrator can create.")
    assert state(aliased) == before
