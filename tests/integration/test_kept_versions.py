"""Which versions are kept, what brings one back, and whose they become when their owner has an accident."""

import hashlib
import signal
from time import monotonic
from typing import Any

import pytest

from assistant_operator.api.assistant_version import chained
from harness.controlplane.waiting import eventually
from harness.support import OperatorProcess, Workspace
from harness.support.walk import comes_to, events, marks, progress, ready, writes
from harness.support.workspace import Json

KEEP = {"metadata": {"labels": {"assistant-operator.dev/keep": ""}}}
HOLD = {"metadata": {"finalizers": ["tests.assistant-operator.dev/hold"]}}
FREE = {"metadata": {"finalizers": None}}


def with_versions(workspace: Workspace, count: int, **spec: Any) -> list[Json]:
    """An assistant of that many versions, the last in force and all marked."""
    if not workspace.get("graphs", "support"):
        workspace.graph(defaultAssistant={"policy": "None"})
    workspace.assistant(context={"n": 1}, **spec)
    workspace.until_versions(1)
    for number in range(2, count + 1):
        workspace.edit(context={"n": number})
    workspace.until_versions(count)
    workspace.until_ready()
    others = dict.fromkeys(range(1, count), "Va")
    comes_to(lambda: marks(workspace), {**others, count: "VA"})
    return workspace.versions()


def kept(workspace: Workspace) -> list[int]:
    return [each["spec"]["number"] for each in workspace.versions()]


def told(workspace: Workspace) -> tuple[Any, ...]:
    """Latest, active, how many are kept, and Ready's status and reason."""
    status = workspace.status()
    return status.get("latestVersion"), status.get("activeVersion"), status.get("versions"), *ready(workspace)


def recreated(workspace: Workspace, name: str = "bot", **spec: Any) -> Json:
    """The assistant made anew as soon as the one before is gone."""
    eventually(lambda: workspace.get("assistants", name) is None)
    return workspace.assistant(name, **spec)


def saved(version: Json, **meta: Any) -> Json:
    """What a backup tool makes of a version: no owner, no UID, no status."""
    name, labels = version["metadata"]["name"], version["metadata"]["labels"]
    return {**version, "metadata": {"name": name, "labels": labels, **meta}, "status": None}


def restore(workspace: Workspace, *versions: Json) -> None:
    for version in versions:
        workspace.client.demand("POST", workspace.path("assistantversions"), saved(version))


def owners(workspace: Workspace, name: str = "bot") -> dict[int, list[str]]:
    of = {each["spec"]["number"]: each["metadata"].get("ownerReferences", ()) for each in workspace.versions(name)}
    return {number: [owner["uid"] for owner in references] for number, references in of.items()}


def assert_chained(versions: list[Json], before: str = "") -> None:
    for each in versions:
        spec = each["spec"]
        before = chained(before, spec["number"], spec["digest"])
        assert spec["chain"] == before


def test_pruning_keeps_the_newest_and_beside_them_the_active_the_pinned_and_the_labelled(
    operator: OperatorProcess, workspace: Workspace
) -> None:
    with_versions(workspace, 8)
    workspace.patch("assistantversions", "bot-v2", KEEP)
    workspace.edit(versioning={"activeVersion": 4})
    workspace.until_ready()
    workspace.edit(versioning={"historyLimit": 2})
    comes_to(lambda: kept(workspace), [2, 4, 7, 8])
    comes_to(lambda: told(workspace), (8, 4, 4, "True", "Active"))
    workspace.edit(versioning={"activeVersion": None, "historyLimit": 5})
    comes_to(lambda: told(workspace), (8, 8, 4, "True", "Active"))
    workspace.edit(context={"n": 9})
    comes_to(lambda: kept(workspace), [2, 4, 7, 8, 9])
    workspace.edit(versioning={"historyLimit": 1})
    comes_to(lambda: kept(workspace), [2, 9])
    workspace.patch("assistantversions", "bot-v2", {"metadata": {"labels": {"assistant-operator.dev/keep": None}}})
    comes_to(lambda: kept(workspace), [9])
    comes_to(lambda: told(workspace), (9, 9, 1, "True", "Active"))
    assert [each for each in events(workspace) if each[1] == "VersionRestored"] == []


def test_a_pin_to_a_pruned_version_is_told_and_the_pinned_one_is_kept_from_before_it_is_active(
    operator: OperatorProcess, workspace: Workspace
) -> None:
    with_versions(workspace, 3)
    workspace.edit(versioning={"historyLimit": 1})
    comes_to(lambda: kept(workspace), [3])
    workspace.edit(versioning={"activeVersion": 1})
    workspace.until_not_ready("PinnedVersionNotFound")
    assert told(workspace)[:3] == (3, 3, 1)


def test_pruning_runs_where_nothing_else_does(operator: OperatorProcess, workspace: Workspace) -> None:
    with_versions(workspace, 4)
    workspace.edit("support", "graphs", contextSchema={"$ref": "https://schemas.invalid"})
    workspace.until_not_ready("SchemaUnusable")
    workspace.edit(versioning={"historyLimit": 3})
    comes_to(lambda: kept(workspace), [2, 3, 4])
    workspace.delete("graphs", "support")
    workspace.until_not_ready("GraphNotFound")
    workspace.edit(versioning={"historyLimit": 2})
    comes_to(lambda: kept(workspace), [3, 4])
    workspace.edit(versioning={"historyLimit": 1, "activeVersion": 77})
    comes_to(lambda: kept(workspace), [4])


def test_an_old_version_deleted_by_hand_stays_deleted(operator: OperatorProcess, workspace: Workspace) -> None:
    with_versions(workspace, 4)
    workspace.delete("assistantversions", "bot-v2")
    comes_to(lambda: told(workspace), (4, 4, 3, "True", "Active"))
    workspace.edit(context={"n": 5})
    comes_to(lambda: told(workspace), (5, 5, 4, "True", "Active"))
    assert kept(workspace) == [1, 3, 4, 5]


def brought_back(*numbers: int) -> list[tuple[str, str, str]]:
    note = "Brought back bot-v{}: it was deleted, and is the latest or the active version"
    return [("Normal", "VersionRestored", note.format(number)) for number in numbers]


def test_the_latest_and_the_active_version_deleted_by_hand_come_back_as_they_were(
    operator: OperatorProcess, workspace: Workspace
) -> None:
    before = with_versions(workspace, 4)
    workspace.edit(versioning={"activeVersion": 2})
    workspace.until_ready()
    comes_to(lambda: marks(workspace), {1: "Va", 2: "VA", 3: "Va", 4: "Va"})
    workspace.client.demand("DELETE", workspace.path("assistantversions"))
    comes_to(lambda: kept(workspace), [2, 4])
    after = workspace.versions()
    assert [each["spec"] for each in after] == [before[1]["spec"], before[3]["spec"]]
    assert {each["metadata"]["uid"] for each in after}.isdisjoint(each["metadata"]["uid"] for each in before)
    comes_to(lambda: told(workspace), (4, 2, 2, "True", "Active"))
    comes_to(lambda: marks(workspace), {2: "VA", 4: "Va"})
    comes_to(lambda: sorted(e for e in events(workspace) if e[1] == "VersionRestored"), brought_back(2, 4))
    workspace.edit(context={"n": 5})
    workspace.until_versions(3)
    assert_chained(workspace.versions()[1:], before[2]["spec"]["chain"])


def content(version: Json) -> tuple[Any, ...]:
    spec = version["spec"]
    return spec["number"], spec["digest"], spec["snapshot"]


def test_versions_deleted_while_no_operator_runs_come_back_under_their_number_and_content(
    operator: OperatorProcess, workspace: Workspace
) -> None:
    before = with_versions(workspace, 3)
    operator.terminate()
    workspace.client.demand("DELETE", workspace.path("assistantversions"))
    operator.start()
    comes_to(lambda: kept(workspace), [3])
    assert content(workspace.versions()[0]) == content(before[2])
    comes_to(lambda: told(workspace), (3, 3, 1, "True", "Active"))
    comes_to(lambda: events(workspace), brought_back(3))


def test_an_edit_after_the_latest_version_was_deleted_gets_the_next_number(
    operator: OperatorProcess, workspace: Workspace
) -> None:
    with_versions(workspace, 3)
    operator.terminate()
    workspace.delete("assistantversions", "bot-v3")
    workspace.edit(context={"n": 4})
    operator.start()
    comes_to(lambda: told(workspace)[:2], (4, 4))
    fourth = workspace.versions()[-1]["spec"]
    assert (fourth["number"], fourth["change"]["kind"], fourth["snapshot"]["context"]) == (4, "Edited", {"n": 4})


def test_a_version_made_by_hand_whose_digest_is_wrong_is_never_activated(
    operator: OperatorProcess, workspace: Workspace
) -> None:
    first = with_versions(workspace, 1)[0]
    spec = {**first["spec"], "number": 2, "snapshot": {**first["spec"]["snapshot"], "context": {"n": "forged"}}}
    body = {**first, "metadata": {"name": "bot-v2"}, "spec": spec}
    workspace.client.demand("POST", workspace.path("assistantversions"), body)
    comes_to(lambda: ready(workspace), ("False", "ContentAltered"))
    said = "the content of bot-v2 is not what its digest was taken of"
    assert workspace.condition()["message"] == f"bot-v2 is not activated: {said}; bot-v1 stays active"
    comes_to(lambda: marks(workspace), {1: "VA", 2: "va"})
    workspace.edit(versioning={"activeVersion": 2})
    assert workspace.until_not_ready("PinnedVersionInvalid")["digest"] == spec["digest"]
    assert workspace.status()["activeVersion"] == 1
    workspace.edit(versioning={"activeVersion": None}, context={"n": 3})
    status = workspace.until_ready()
    last = workspace.versions()[-1]["spec"]
    assert (status["activeVersion"], status["digest"]) == (last["number"], last["digest"])
    assert last["snapshot"]["context"] == {"n": 3}
    assert [each["number"] for each in status["activations"]] == [last["number"], 1]


@pytest.mark.parametrize("noticed", ["at once", "after a restart"])
def test_orphaned_versions_are_adopted_and_numbering_goes_on(
    operator: OperatorProcess, workspace: Workspace, noticed: str
) -> None:
    before = with_versions(workspace, 3)
    if noticed == "after a restart":
        operator.terminate()
    workspace.delete("assistants", "bot", propagationPolicy="Orphan")
    uid = recreated(workspace, context={"n": 3})["metadata"]["uid"]
    if noticed == "after a restart":
        operator.start()
    comes_to(lambda: told(workspace), (3, 3, 3, "True", "Active"))
    comes_to(lambda: owners(workspace), {1: [uid], 2: [uid], 3: [uid]})
    assert [each["spec"] for each in workspace.versions()] == [each["spec"] for each in before]
    workspace.edit(context={"n": 4})
    workspace.until_versions(4)
    assert workspace.versions()[3]["spec"]["change"] == {
        "kind": "Edited",
        "paths": ["/context/n"],
        "manager": "unknown",
    }
    assert_chained(workspace.versions())


def test_orphans_and_an_assistant_of_other_content_make_one_more_version(
    operator: OperatorProcess, workspace: Workspace
) -> None:
    with_versions(workspace, 2)
    workspace.delete("assistants", "bot", propagationPolicy="Orphan")
    eventually(lambda: workspace.get("assistants", "bot") is None)
    assert owners(workspace) == {1: [], 2: []}
    uid = recreated(workspace, context={"n": 1})["metadata"]["uid"]
    comes_to(lambda: told(workspace), (3, 3, 3, "True", "Active"))
    third = workspace.versions()[2]["spec"]
    assert (third["change"]["kind"], third["change"]["sameAs"], third["assistantRef"]["uid"]) == ("Reverted", 1, uid)
    assert_chained(workspace.versions())


def test_orphans_of_an_assistant_that_is_still_being_deleted_are_not_adopted_by_it(
    operator: OperatorProcess, workspace: Workspace
) -> None:
    """News of the versions may come before news of the deletion, and whoever then adopts them takes them along."""
    names = [f"bot{number}" for number in range(20)]
    for name in names:
        workspace.assistant(name, context={"n": 1})
    for name in names:
        workspace.until_not_ready("GraphNotFound", name)
        workspace.edit(name, context={"n": 2})
        workspace.until_versions(2, name)
    operator.send(signal.SIGSTOP)
    for name in names:
        workspace.patch("assistants", name, HOLD)
        workspace.delete("assistants", name, propagationPolicy="Orphan")
    eventually(lambda: not any(of for name in names for of in owners(workspace, name).values()))
    operator.send(signal.SIGCONT)
    workspace.graph("seen")
    workspace.until_ready("seen", "graphs")
    for name in names:
        workspace.patch("assistants", name, FREE)
        recreated(workspace, name, context={"n": 2})
    for name in names:
        workspace.until_not_ready("GraphNotFound", name)
        assert [each["spec"]["number"] for each in workspace.versions(name)] == [1, 2]


def test_owners_and_labels_that_are_taken_off_come_back_and_those_of_others_stay(
    operator: OperatorProcess, workspace: Workspace
) -> None:
    first, second = with_versions(workspace, 2)
    graph = workspace.get("graphs", "support")
    assert graph
    friend = {"apiVersion": graph["apiVersion"], "kind": "Graph", "name": "support", "uid": graph["metadata"]["uid"]}
    uid = owners(workspace)[1][0]
    mine = {
        "metadata": {"ownerReferences": [friend], "labels": {"team": "a", **dict.fromkeys(first["metadata"]["labels"])}}
    }
    workspace.patch("assistantversions", "bot-v1", mine)
    comes_to(lambda: owners(workspace)[1], [graph["metadata"]["uid"], uid])
    label = dict.fromkeys(list(second["metadata"]["labels"])[:1], "another")
    workspace.patch("assistantversions", "bot-v2", {"metadata": {"labels": label}})

    def labels() -> list[Json]:
        return [each["metadata"]["labels"] for each in workspace.versions()]

    comes_to(labels, [{**first["metadata"]["labels"], "team": "a"}, second["metadata"]["labels"]])
    assert [each for each in events(workspace) if each[0] == "Warning"] == []


def test_versions_restored_from_a_backup_before_their_assistant_are_adopted(
    operator: OperatorProcess, workspace: Workspace
) -> None:
    before = with_versions(workspace, 3)
    workspace.delete("assistants", "bot")
    eventually(lambda: workspace.versions() == [])
    restore(workspace, *before)
    uid = recreated(workspace, context={"n": 3})["metadata"]["uid"]
    comes_to(lambda: told(workspace), (3, 3, 3, "True", "Active"))
    comes_to(lambda: marks(workspace), {1: "Va", 2: "Va", 3: "VA"})
    assert owners(workspace) == {1: [uid], 2: [uid], 3: [uid]}
    assert [each["spec"] for each in workspace.versions()] == [each["spec"] for each in before]
    workspace.edit(context={"n": 4})
    workspace.until_versions(4)
    assert_chained(workspace.versions())


def test_versions_restored_from_a_backup_after_their_assistant_are_adopted_and_counted(
    operator: OperatorProcess, workspace: Workspace
) -> None:
    before = with_versions(workspace, 4)
    workspace.delete("assistants", "bot")
    eventually(lambda: workspace.versions() == [])
    uid = recreated(workspace, context={"n": 4})["metadata"]["uid"]
    comes_to(lambda: told(workspace), (1, 1, 1, "True", "Active"))
    restore(workspace, *before[1:])
    comes_to(lambda: told(workspace), (4, 4, 4, "True", "Active"))
    comes_to(lambda: owners(workspace), {number: [uid] for number in range(1, 5)})
    workspace.edit(context={"n": 5})
    comes_to(lambda: told(workspace), (5, 5, 5, "True", "Active"))


def test_versions_of_a_dead_predecessor_are_left_to_garbage_collection_and_numbers_go_on_after_them(
    operator: OperatorProcess, workspace: Workspace
) -> None:
    with_versions(workspace, 3)
    for number in (1, 2, 3):
        workspace.patch("assistantversions", f"bot-v{number}", HOLD)
    workspace.delete("assistants", "bot")
    uid = recreated(workspace, context={"n": 3})["metadata"]["uid"]
    comes_to(lambda: told(workspace), (4, 4, 1, "True", "Active"))
    fourth = workspace.versions()[3]["spec"]
    assert (fourth["change"]["kind"], fourth["assistantRef"]["uid"]) == ("Created", uid)
    for number in (1, 2, 3):
        workspace.patch("assistantversions", f"bot-v{number}", FREE)
    comes_to(lambda: kept(workspace), [4])
    workspace.edit(context={"n": 5})
    comes_to(lambda: told(workspace), (5, 5, 2, "True", "Active"))
    assert_chained(workspace.versions()[1:], fourth["chain"])
    assert fourth["chain"] == "sha256:" + hashlib.sha256(f"\n4\n{fourth['digest']}".encode()).hexdigest()


@pytest.mark.parametrize("policy", ["Background", "Foreground"])
def test_versions_go_with_their_assistant_and_one_made_at_once_has_its_own(
    operator: OperatorProcess, workspace: Workspace, policy: str
) -> None:
    with_versions(workspace, 3)
    workspace.delete("assistants", "bot", propagationPolicy=policy)
    uid = recreated(workspace, context={"n": 3})["metadata"]["uid"]
    workspace.until_ready()
    comes_to(lambda: {each["spec"]["assistantRef"]["uid"] for each in workspace.versions()}, {uid})
    comes_to(lambda: told(workspace)[2:], (1, "True", "Active"))
    assert kept(workspace) == [workspace.status()["latestVersion"]]
    workspace.delete("assistants", "bot", propagationPolicy=policy)
    eventually(lambda: workspace.versions() == [])
    workspace.assistant("last")
    workspace.until_ready("last")
    assert workspace.versions() == []


def creations_within_quiet_time(workspace: Workspace, since: int) -> int:
    """How often the operator tried to make a version: a storm would show within two seconds."""
    end = monotonic() + 2
    eventually(lambda: monotonic() > end)
    return writes(workspace, since).count("create assistantversions")


LONG_KEYS = {f"{number:02}" + "k" * 240: number for number in range(64)}


def test_an_edit_too_large_to_store_is_told_once_and_a_smaller_one_goes_on(
    operator: OperatorProcess, workspace: Workspace
) -> None:
    """As an Assistant it fits; as a version, with 64 long paths beside it, it does not."""
    with_versions(workspace, 1)
    _, since = workspace.plane.audit_since()
    workspace.edit(context={"n": None, "text": "x" * (1536 - 26) * 1024, **LONG_KEYS})
    status = workspace.until_not_ready("SnapshotTooLarge")
    assert (status["latestVersion"], status["activeVersion"], progress(workspace)) == (1, 1, {"Stalled"})
    said = "the edit cannot be stored as a version (it is larger than the API server can store)"
    assert workspace.condition()["message"] == f"{said}; bot-v1 stays active"
    comes_to(lambda: [event[:2] for event in events(workspace)], [("Warning", "SnapshotTooLarge")])
    assert creations_within_quiet_time(workspace, since) == 1
    workspace.edit(context=dict.fromkeys(LONG_KEYS) | {"text": "short"})
    comes_to(lambda: told(workspace), (2, 2, 2, "True", "Active"))
    assert progress(workspace) == set()


def test_a_namespace_being_deleted_is_no_reason_to_try_again(operator: OperatorProcess, workspace: Workspace) -> None:
    with_versions(workspace, 3)
    workspace.patch("assistants", "bot", HOLD)
    workspace.plane.admin.request("DELETE", f"/api/v1/namespaces/{workspace.namespace}")
    eventually(lambda: workspace.versions() == [])
    _, since = workspace.plane.audit_since()
    workspace.edit(context={"n": 4})
    # The versions that were needed, once each, and the edit.
    assert creations_within_quiet_time(workspace, since) <= 4
    _, since = workspace.plane.audit_since()
    assert creations_within_quiet_time(workspace, since) == 0
    workspace.patch("assistants", "bot", FREE)
    eventually(lambda: workspace.get("assistants", "bot") is None)
