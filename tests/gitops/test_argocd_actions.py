"""Argo CD's actions: upstream's test layout, what they leave alone, and the operator acting on them."""

from itertools import product
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness.support import OperatorProcess, Workspace
from harness.support.client import MERGE
from harness.support.walk import comes_to

from .actions import ARGO_CD_SERVER, definitions, enabled, offered, patch_of, performed, typed
from .deliverer import ALIAS, BOT, PLURALS, SHOP, Deliverer, Json, manifest, settled
from .health import CUSTOMIZATIONS, WITH_ACTIONS, health_of

FOLDERS = {kind: CUSTOMIZATIONS / kind / "actions" for kind in WITH_ACTIONS}
TESTS = {kind: yaml.safe_load((folder / "action_test.yaml").read_text()) for kind, folder in FOLDERS.items()}
RECORDED = sorted(
    path for folder in FOLDERS.values() for each in (folder, folder.parent) for path in each.glob("testdata/*.yaml")
)
ACTIONS = {"Assistant": {"suspend", "resume", "roll-back", "unpin"}, "AssistantAlias": {"roll-back"}}
SECOND = {**BOT, "spec": {**BOT["spec"], "context": {"prompt": "two", "big": 2**53 + 1, "tools": [], "more": {}}}}
ARGO_CD = "argocd-controller"


def recorded(path: Path) -> Json:
    found: Json = yaml.safe_load(path.read_text())
    return found


def without_nulls(value: Any) -> Any:
    """What they become is a test of its own, below."""
    if isinstance(value, dict):
        return {key: without_nulls(each) for key, each in value.items() if each is not None}
    return [without_nulls(each) for each in value if each is not None] if isinstance(value, list) else value


def assistant(spec: Json, status: Json) -> Json:
    whole = manifest("Assistant", "bot", graphRef={"name": "support"}, **spec)
    return {**whole, "metadata": {"name": "bot", "generation": 2}, "status": status}


@pytest.mark.parametrize(
    ("kind", "row"),
    [
        pytest.param(kind, each, id=f"{kind} {each['inputPath']}")
        for kind in WITH_ACTIONS
        for each in TESTS[kind]["discoveryTests"]
    ],
)
def test_a_recorded_object_is_offered_what_the_test_file_says(kind: str, row: Json) -> None:
    told = [{"name": name, **each} for name, each in offered(recorded(FOLDERS[kind] / row["inputPath"])).items()]
    assert sorted(told, key=str) == sorted(row["result"], key=str)


@pytest.mark.parametrize(
    ("kind", "row"),
    [
        pytest.param(kind, each, id=f"{kind} {each['action']} {each['inputPath']}")
        for kind in WITH_ACTIONS
        for each in TESTS[kind]["actionTests"]
    ],
)
def test_an_action_leaves_a_recorded_object_as_the_test_file_says(kind: str, row: Json) -> None:
    result = performed(row["action"], recorded(FOLDERS[kind] / row["inputPath"]))
    assert typed(result) == typed(recorded(FOLDERS[kind] / row["expectedOutputPath"]))


@pytest.mark.parametrize("kind", WITH_ACTIONS)
def test_every_action_and_every_recorded_object_is_tested(kind: str) -> None:
    tests = TESTS[kind]
    tested = {each["action"] for each in tests["actionTests"]}
    assert set(definitions(kind)) == tested == ACTIONS[kind]
    named = {path for each in tests["actionTests"] for path in (each["inputPath"], each["expectedOutputPath"])}
    named |= {each["inputPath"] for each in tests["discoveryTests"]}
    assert {f"testdata/{each.name}" for each in FOLDERS[kind].glob("testdata/*")} == {
        path for path in named if not path.startswith("..")
    }


@pytest.mark.parametrize(
    "path", [pytest.param(each, id=each.relative_to(CUSTOMIZATIONS).as_posix()) for each in RECORDED]
)
def test_an_action_is_disabled_exactly_if_it_would_change_nothing_or_the_object_is_being_deleted(path: Path) -> None:
    found = without_nulls(recorded(path))
    found["metadata"].pop("deletionTimestamp", None)
    assert enabled(found) == {name for name in ACTIONS[found["kind"]] if patch_of(name, found)}
    found["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert enabled(found) == set()


@pytest.mark.parametrize("observed", [1, 2], ids=["not looked at since the edit", "looked at"])
@pytest.mark.parametrize("active", [None, 1, 2])
@pytest.mark.parametrize("said", [(), (2,), (2, 2), (2, 1), (1, 2, 1), (2, 3, 1)], ids=str)
def test_roll_back_pins_what_was_in_force_before_and_nothing_else(
    said: tuple[int, ...], active: int | None, observed: int
) -> None:
    status: Json = {"observedGeneration": observed, "latestVersion": 3}
    status |= {"activations": [{"number": each, "since": "2026-01-01T00:00:00Z"} for each in said]} if said else {}
    status |= {"activeVersion": active} if active else {}
    for pin, limit in product((None, 1, 2, 3), (None, 1, 2, 100)):
        versioning = {"activeVersion": pin, "historyLimit": limit}
        versioning = {name: value for name, value in versioning.items() if value is not None}
        found = assistant({"versioning": versioning} if versioning else {}, status)
        before = next((each for each in said if active and observed == 2 and each != active), None)
        kept = before is not None and before > 3 - (limit or 100)
        wanted = {"spec": {"versioning": {"activeVersion": before}}} if kept and before != pin else {}
        assert patch_of("roll-back", found) == wanted
        assert ("roll-back" in enabled(found)) is bool(wanted)
        gone = {"activeVersion": None} if limit else None
        assert patch_of("unpin", found) == ({"spec": {"versioning": gone}} if pin else {})


@pytest.mark.parametrize("observed", [1, 2], ids=["not looked at since the edit", "looked at"])
@pytest.mark.parametrize("stands", [None, 1, 2])
@pytest.mark.parametrize("moved", [(), (2,), (2, 2), (2, 1), (1, 2, 1), (2, 3, 1)], ids=str)
@pytest.mark.parametrize("spec", [{"version": 1}, {"version": 2}, {"version": 9}, {"digest": "sha256:0"}], ids=str)
def test_roll_back_moves_an_alias_to_where_it_was_before(
    moved: tuple[int, ...], stands: int | None, observed: int, spec: Json
) -> None:
    status: Json = {"observedGeneration": observed, **({"version": stands} if stands else {})}
    status |= {"moves": [{"to": each, "since": "2026-01-01T00:00:00Z"} for each in moved]} if moved else {}
    found = {**manifest("AssistantAlias", "production", assistantRef={"name": "bot"}, **spec), "status": status}
    found["metadata"]["generation"] = 2
    before = next((each for each in moved if stands and observed == 2 and each != stands), None)
    gone = {"digest": None} if "digest" in spec else {}
    wanted = {"spec": {"version": before, **gone}} if before and before != spec.get("version") else {}
    assert patch_of("roll-back", found) == wanted
    assert enabled(found) == ({"roll-back"} if wanted else set())


@pytest.mark.parametrize("found", [{}, {"status": {}}, {"status": {"observedGeneration": -1}}], ids=str)
def test_one_that_nobody_looked_at_yet_can_be_suspended_and_no_more(found: Json) -> None:
    new = {**manifest("Assistant", "new", graphRef={"name": "g"}), "metadata": {"generation": 1}, **found}
    assert enabled(new) == {"suspend"}
    assert enabled({**ALIAS, "metadata": {"generation": 1}, **found}) == set()


def test_what_lua_cannot_hold_exactly_is_not_written() -> None:
    context = {"big": 2**53 + 1, "ratio": 0.1, "none": {}, "empty": [], "deep": [{"a": {}, "b": [[]]}], "1": "one"}
    found = assistant({"context": context, "suspend": False}, {})
    assert patch_of("suspend", found) == {"spec": {"suspend": True}}


def test_a_null_is_the_one_thing_that_is_lost() -> None:
    """Lua has none, and Argo CD sends what is missing as removed."""
    found = assistant({"context": {"a": None, "b": [1, None]}, "suspend": False}, {})
    assert patch_of("suspend", found) == {"spec": {"suspend": True, "context": {"a": None, "b": [1]}}}


def press(workspace: Workspace, action: str, name: str = "bot", plural: str = "assistants") -> None:
    """What is live goes into the script, and the API server gets the patch that Argo CD makes of what comes out."""
    found = workspace.get(plural, name)
    assert found
    assert action in enabled(found)
    path = f"{workspace.path(plural, name)}?fieldManager={ARGO_CD_SERVER}"
    workspace.client.demand("PATCH", path, patch_of(action, found), MERGE)


def health(workspace: Workspace, name: str = "bot", plural: str = "assistants") -> tuple[str, str]:
    found = workspace.get(plural, name)
    assert found
    said = health_of(found)
    return said.status, said.message


def test_the_operator_acts_on_each_action_and_none_makes_a_version(
    operator: OperatorProcess, workspace: Workspace
) -> None:
    argo = Deliverer(workspace, ARGO_CD)
    argo.apply_all(SHOP)
    settled(workspace)
    argo.apply(SECOND)
    comes_to(lambda: health(workspace), ("Healthy", "bot-v2 is active"))
    press(workspace, "roll-back")
    comes_to(lambda: health(workspace), ("Healthy", "bot-v1 is active, as pinned"))
    press(workspace, "roll-back")
    comes_to(lambda: health(workspace), ("Healthy", "bot-v2 is active, as pinned"))
    press(workspace, "roll-back")
    comes_to(lambda: health(workspace), ("Healthy", "bot-v1 is active, as pinned"))
    press(workspace, "unpin")
    comes_to(lambda: health(workspace), ("Healthy", "bot-v2 is active"))
    press(workspace, "suspend")
    comes_to(lambda: health(workspace)[0], "Suspended")
    argo.apply({**BOT, "spec": {**BOT["spec"], "context": {"prompt": "three"}}})
    workspace.until_versions(3)
    assert workspace.status()["activeVersion"] == 2
    press(workspace, "resume")
    comes_to(lambda: health(workspace), ("Healthy", "bot-v3 is active"))
    changes = [each["spec"]["change"] for each in workspace.versions()]
    assert [(each["kind"], each["manager"]) for each in changes] == [
        ("Created", ARGO_CD),
        ("Edited", ARGO_CD),
        ("Edited", ARGO_CD),
    ]


@pytest.mark.parametrize("by", ["number", "digest"])
def test_roll_back_of_an_alias_goes_back_and_forth_and_makes_no_version(
    operator: OperatorProcess, workspace: Workspace, by: str
) -> None:
    argo, aliases = Deliverer(workspace, ARGO_CD), PLURALS["AssistantAlias"]
    argo.apply_all(SHOP)
    settled(workspace)
    argo.apply(SECOND)
    workspace.until_active(2)
    asked = {"version": 2} if by == "number" else {"digest": workspace.versions()[1]["spec"]["digest"]}
    argo.apply(manifest("AssistantAlias", "production", assistantRef={"name": "bot"}, **asked))
    comes_to(lambda: health(workspace, "production", aliases), ("Healthy", "the alias stands for bot-v2"))
    press(workspace, "roll-back", "production", aliases)
    comes_to(lambda: health(workspace, "production", aliases), ("Healthy", "the alias stands for bot-v1"))
    press(workspace, "roll-back", "production", aliases)
    comes_to(lambda: health(workspace, "production", aliases), ("Healthy", "the alias stands for bot-v2"))
    moves = workspace.status("production", aliases)["moves"]
    managers = [ARGO_CD_SERVER, ARGO_CD_SERVER, ARGO_CD, ARGO_CD]
    assert [(each["to"], each["manager"]) for each in moves] == list(zip((2, 1, 2, 1), managers, strict=True))
    assert len(workspace.versions()) == 2


def test_a_default_assistant_that_was_suspended_stays_so_while_its_graph_changes(
    operator: OperatorProcess, workspace: Workspace
) -> None:
    workspace.graph(defaults={"context": {"prompt": "hello"}})
    workspace.until_active(1, "support")
    press(workspace, "suspend", "support")
    comes_to(lambda: health(workspace, "support")[0], "Suspended")
    workspace.edit("support", "graphs", defaults={"context": {"prompt": "hello again"}})
    workspace.until_versions(2, "support")
    assert (health(workspace, "support")[0], workspace.status("support")["activeVersion"]) == ("Suspended", 1)
    press(workspace, "resume", "support")
    comes_to(lambda: health(workspace, "support"), ("Healthy", "support-v2 is active"))


@pytest.mark.parametrize("how", [(), ("--server-side", "--force-conflicts")], ids=["client-side", "server-side"])
@pytest.mark.parametrize(
    ("says", "action", "differs"),
    [
        pytest.param({}, "suspend", 0, id="suspended, and Git is silent about it"),
        pytest.param({"suspend": False}, "suspend", 1, id="suspended, and Git says it is not"),
        pytest.param({}, "roll-back", 0, id="rolled back, and Git pins nothing"),
        pytest.param({"versioning": {"historyLimit": 9}}, "roll-back", 0, id="rolled back, and Git sets a limit only"),
        pytest.param({"versioning": {"activeVersion": 2}}, "roll-back", 1, id="rolled back, and Git pins another"),
        pytest.param({"versioning": {"activeVersion": 2}}, "unpin", 1, id="unpinned, and Git pins"),
    ],
)
def test_healing_puts_back_what_git_says_and_only_that(
    operator: OperatorProcess, workspace: Workspace, says: Json, action: str, differs: int, how: tuple[str, ...]
) -> None:
    def kubectl(verb: str, told: Json) -> int:
        text = yaml.safe_dump(told)
        args = (verb, *how, "-n", workspace.namespace, "-f", "-")
        return int(workspace.plane.kubectl(*args, input=text, check=False).returncode)

    def controls() -> Any:
        spec = (workspace.get("assistants", "bot") or {})["spec"]
        return spec["suspend"], spec.get("versioning", {}).get("activeVersion")

    workspace.graph(defaultAssistant={"policy": "None"})
    git = {**SECOND, "spec": {**SECOND["spec"], **says}}
    assert kubectl("apply", BOT) == 0
    workspace.until_active(1)
    assert kubectl("apply", git) == 0
    workspace.until_active(2)
    before = controls()
    press(workspace, action)
    after = controls()
    assert before != after
    assert kubectl("diff", git) == differs
    assert kubectl("apply", git) == 0
    assert controls() == (before if differs else after)
