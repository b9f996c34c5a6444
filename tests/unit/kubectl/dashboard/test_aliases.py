"""Aliases: what is kept of one, what its page shows, and what a move writes."""

from datetime import timedelta
from typing import Any

import pytest

from assistant_operator.api.assistant_alias import AssistantAlias, AssistantAliasSpec, AssistantAliasStatus, Move
from assistant_operator.api.meta import ObjectMeta
from assistant_operator.kubectl.dashboard.actions import seen, with_cause
from assistant_operator.kubectl.dashboard.aliases import MoveDraft, alias_views, draft_move
from assistant_operator.kubectl.dashboard.rows import AliasRow, VersionRow
from assistant_operator.kubectl.errors import CliError
from assistant_operator.kubectl.gitops import git_owner, to_commit
from assistant_operator.kubectl.patch import patched
from harness.worlds import NAMESPACE, NOW, a_condition, an_assistant
from unit.kubectl.dashboard.documents import found, sent
from unit.kubectl.kept import NOT_VALID, UNJUDGED, a_kept, kept

ROWS = [VersionRow.of(sent(each)) for each in kept()]
READY = a_condition("Ready", "True", "Active", "the alias stands for bot-v2")
FOUND = a_condition("VersionFound", "True", "VersionFound", "bot-v2 exists")
MISSING = "spec.version: bot-v9 does not exist; the alias stays at bot-v2"
NOT_READY = tuple(
    a_condition(kind, status, "VersionNotFound", MISSING)
    for kind, status in (("Ready", "False"), ("Stalled", "True"), ("VersionFound", "False"))
)
MOVES = tuple(
    Move.of(from_=3 - number % 2 if number else None, to=2 - number % 2, since=NOW - timedelta(hours=9 - number))
    for number in range(8, -1, -1)
)


def an_alias(*, meta: Any = None, status: Any = None, **spec: Any) -> AssistantAlias:
    """The alias `production` at its third generation, which stands for the second version."""
    told: dict[str, Any] = {"name": "production", "namespace": NAMESPACE, "uid": "uid-of-alias", "generation": 3}
    state: dict[str, Any] = {"conditions": (READY, FOUND), "observed_generation": 3, "version": 2}
    asked = spec or {"version": 2}
    return AssistantAlias(
        metadata=ObjectMeta(**{**told, "resource_version": "30", **(meta or {})}),
        spec=AssistantAliasSpec.model_validate({"assistant_ref": {"name": "bot"}, **asked}),
        status=AssistantAliasStatus(**{**state, **(status or {})}),
    )


def digest(number: int) -> str:
    return str(a_kept(number).spec.digest)


@pytest.mark.parametrize(
    ("alias", "different", "problem", "tone"),
    [
        pytest.param(an_alias(), {}, "", "good", id="settled"),
        pytest.param(
            an_alias(meta={"generation": 4}),
            {"ready": "Unknown", "reason": "NotSeen: the operator has not observed this spec yet"},
            "not observed yet",
            "warn",
            id="edited since",
        ),
        pytest.param(
            an_alias(status={"conditions": NOT_READY}),
            {"ready": "False", "reason": f"VersionNotFound: {MISSING}"},
            "not ready",
            "bad",
            id="not ready",
        ),
        pytest.param(
            an_alias(meta={"deletion_timestamp": NOW}),
            {"reason": "Deleting: it is gone once its finalizers are removed"},
            "being deleted",
            "warn",
            id="being deleted",
        ),
        pytest.param(
            an_alias(status={"version": None, "conditions": NOT_READY}),
            {"version": 0, "ready": "False", "reason": f"VersionNotFound: {MISSING}"},
            "not ready",
            "bad",
            id="never moved",
        ),
    ],
)
def test_what_is_kept_of_an_alias(alias: Any, different: dict[str, Any], problem: str, tone: str) -> None:
    settled = {"key": ("team", "production"), "assistant": "bot", "version": 2, "ready": "True"}
    row = AliasRow.of(sent(alias))
    assert row == AliasRow(**{**settled, **different})
    assert (row.problem, row.tone) == (problem, tone)


def test_an_alias_has_its_moves_newest_first_and_the_older_ones_apart() -> None:
    (view,) = alias_views([an_alias(status={"moves": MOVES})], NOW)
    assert [each.since.ago for each in view.moves] == ["60m", "120m", "3h", "4h", "5h"]
    assert [(each.from_, each.to) for each in view.older_moves] == [(2, 1), (3, 2), (2, 1), (0, 2)]


def test_a_move_says_who_and_why() -> None:
    move = Move.of(from_=1, to=2, since=NOW, user="ann", manager="kubectl-edit", cause="release")
    (view,) = alias_views([an_alias(status={"moves": (move,)})], NOW)
    (shown,) = view.moves
    assert (shown.user, shown.manager, shown.cause) == ("ann", "kubectl-edit", "release")


def test_conditions_of_an_alias_say_what_to_do() -> None:
    (view,) = alias_views([an_alias(status={"conditions": NOT_READY})], NOW)
    (problem,) = view.problems
    assert problem.conditions == (("Ready", "False"), ("Stalled", "True"), ("VersionFound", "False"))
    assert problem.action.startswith("Ask for a version that exists")
    assert view.others == ()


@pytest.mark.parametrize(
    ("spec", "asked"), [({"version": 3}, "v3"), ({"digest": digest(1)}, digest(1))], ids=["version", "digest"]
)
def test_what_an_alias_asks_for(spec: Any, asked: str) -> None:
    (view,) = alias_views([an_alias(**spec)], NOW)
    assert view.asked == asked


def a_draft(alias: Any, number: int, rows: Any = ROWS, chosen: Any = None) -> MoveDraft:
    return draft_move(found(alias), an_assistant(), chosen or a_kept(number), rows)


def set_(name: str, value: Any) -> dict[str, Any]:
    return {"op": "add", "path": f"/spec/{name}", "value": value}


@pytest.mark.parametrize(
    ("alias", "number", "patch", "before"),
    [
        pytest.param(an_alias(), 3, (set_("version", 3),), 2, id="a number"),
        pytest.param(an_alias(), 2, (), 2, id="the same number"),
        pytest.param(an_alias(digest=digest(2)), 3, (set_("digest", digest(3)),), 2, id="a digest stays a digest"),
        pytest.param(an_alias(digest=digest(2)), 2, (), 2, id="the same digest"),
        pytest.param(an_alias(version=9), 2, (set_("version", 2),), 2, id="what it stands for, after a wrong edit"),
        pytest.param(
            an_alias(status={"version": None}, version=9), 1, (set_("version", 1),), 0, id="it stood for none"
        ),
    ],
)
def test_what_a_move_writes(alias: Any, number: int, patch: Any, before: int) -> None:
    planned = a_draft(alias, number)
    assert (planned.patch, planned.before, planned.after) == (patch, before, number)


def test_a_digest_selects_the_newest_version_with_that_content() -> None:
    rows = [*ROWS, VersionRow.of(sent(a_kept(4, "one")))]
    planned = a_draft(an_alias(digest=digest(2)), 1, rows)
    assert (planned.patch, planned.after) == ((set_("digest", digest(1)),), 4)
    assert planned.notes[1] == "v4 has the same content as v1 and is newer: the alias stands for v4."
    assert a_draft(an_alias(), 1, rows).after == 1, "a number is that very version"


def test_a_version_that_the_schema_refuses_is_refused() -> None:
    with pytest.raises(CliError, match="would not come into force: graph 'support' refuses it"):
        a_draft(an_alias(), 3, chosen=a_kept(3, valid=NOT_VALID))


def test_a_version_that_is_not_validated_yet_is_said_to_be() -> None:
    rows = [*ROWS[:2], VersionRow.of(sent(a_kept(3, valid=UNJUDGED)))]
    planned = a_draft(an_alias(), 3, rows, a_kept(3, valid=UNJUDGED))
    assert planned.notes == ("v3 is not validated yet: the alias moves once the schemas of the graph accept it.",)


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param(an_alias(meta={"uid": "another"}), id="another object of that name"),
        pytest.param(an_alias(meta={"generation": 4}), id="an edit"),
        pytest.param(an_alias(status={"version": 3}), id="a move"),
    ],
)
def test_a_form_is_about_one_state(changed: Any) -> None:
    assert seen(changed) != seen(an_alias())


def test_the_cause_goes_with_the_write() -> None:
    alias = an_alias(meta={"annotations": {"team": "x"}})
    patch = with_cause((set_("version", 3),), found(alias), "release")
    assert [each["path"] for each in patch if each["op"] == "test"] == ["/metadata/uid", "/metadata/generation"]
    document = patched(sent(alias), tuple(patch))
    assert document["spec"]["version"] == 3
    assert document["metadata"]["annotations"] == {"team": "x", "assistant-operator.dev/change-cause": "release"}


@pytest.mark.parametrize(
    ("meta", "owner"),
    [
        pytest.param({}, None, id="nobody"),
        pytest.param(
            {"annotations": {"argocd.argoproj.io/tracking-id": "shop:assistant-operator.dev/AssistantAlias:team/x"}},
            None,
            id="the copy of a tracked object",
        ),
        pytest.param(
            {
                "annotations": {
                    "argocd.argoproj.io/tracking-id": "shop:assistant-operator.dev/AssistantAlias:team/production"
                }
            },
            "Argo CD (application shop)",
            id="Argo CD",
        ),
        pytest.param(
            {"labels": {"kustomize.toolkit.fluxcd.io/name": "shop", "kustomize.toolkit.fluxcd.io/namespace": "flux"}},
            "Flux (Kustomization flux/shop)",
            id="Flux",
        ),
    ],
)
def test_which_tool_applies_it_from_git(meta: Any, owner: str | None) -> None:
    assert git_owner(an_alias(meta=meta)) == owner


def test_the_manifest_to_commit_has_no_defaults() -> None:
    document = sent(an_alias(version=3))
    document["spec"]["deletionPolicy"] = "Delete"
    assert to_commit(document, AssistantAlias) == {
        "apiVersion": "assistant-operator.dev/v1alpha1",
        "kind": "AssistantAlias",
        "metadata": {"name": "production", "namespace": "team"},
        "spec": {"assistantRef": {"name": "bot"}, "version": 3},
    }
