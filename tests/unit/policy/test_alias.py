"""Which version an alias stands for, what it records of its moves, and what its conditions say."""

from collections.abc import Mapping
from typing import Any

import pytest

from assistant_operator.api.assistant import AssistantStatus, Copy
from assistant_operator.api.assistant_alias import MOST_MOVES, AssistantAlias, AssistantAliasStatus, Move
from assistant_operator.api.meta import ObjectMeta, condition
from assistant_operator.api.reason import Reason
from assistant_operator.policy.alias import AliasInput, ReadVersion, UpdateAliasStatus, decide, new_moves, step
from assistant_operator.policy.aliased_versions import AliasEdit, AliasedVersions, alias_edit
from assistant_operator.policy.conditions import Finding
from assistant_operator.policy.desired_copy import Target
from assistant_operator.policy.kept_versions import KeptVersions
from assistant_operator.policy.publication import PublishResult
from assistant_operator.policy.stored import Unstored
from harness.worlds import BOT, EARLIER, INVALID, NAMESPACE, NOW, a_digest, a_record, a_status, an_assistant, managed

KEPT = KeptVersions.of((a_record(1), a_record(2), a_record(3)))
HERE = Target(Copy(server="http://server", assistant_id="id"), "writer", is_default=False)
FIRST = Move(to=1, since=EARLIER)
THERE, BACK = Move.of(from_=1, to=2, since=NOW), Move.of(from_=2, to=1, since=NOW)


def an_alias(status: AssistantAliasStatus | None = None, meta: Any = None, **spec: Any) -> AssistantAlias:
    told = {"name": "production", "namespace": NAMESPACE, "uid": "uid-of-alias", "generation": 1, **(meta or {})}
    asked = spec if spec.keys() & {"version", "digest"} else {"version": 1, **spec}
    return AssistantAlias.model_validate(
        {
            "metadata": ObjectMeta(**told),
            "spec": {"assistant_ref": {"name": BOT}, **asked},
            "status": status or AssistantAliasStatus(),
        }
    )


def at(number: int, *moves: Move, generation: int = 1, **different: Any) -> AssistantAliasStatus:
    """It stands for that version."""
    told = {"observed_generation": generation, "version": number, "digest": a_digest(number)}
    return AssistantAliasStatus(**{**told, "moves": moves or (Move(to=number, since=EARLIER),), **different})


def an_input(alias: AssistantAlias, *edits: AliasEdit, **different: Any) -> AliasInput:
    told: dict[str, Any] = {"assistant": an_assistant(), "kept": KEPT, "now": NOW}
    return AliasInput(alias=alias, edits=edits or (alias_edit(alias, None),), **{**told, **different})


def stated(input: AliasInput) -> AssistantAliasStatus:
    due = step(input)
    assert isinstance(due, UpdateAliasStatus)
    return due.status


def reason(status: AssistantAliasStatus, name: str = "Ready") -> tuple[str, str]:
    found = condition(status.conditions, name)
    assert found
    return found.status, found.reason


def moved(input: AliasInput) -> list[tuple[int | None, int]]:
    return [(move.from_, move.to) for move in decide(input).moves]


NEW = an_alias()
ELSEWHERE = an_alias(at(1, FIRST), {"generation": 2}, version=7)
WITHOUT_THIRD = KeptVersions.of((a_record(1), a_record(2)))


@pytest.mark.parametrize(
    ("input", "version", "ready"),
    [
        pytest.param(an_input(NEW), 1, ("True", "Active"), id="a version that exists and is valid"),
        pytest.param(an_input(an_alias(digest=a_digest(2))), 2, ("True", "Active"), id="content that one version has"),
        pytest.param(
            an_input(an_alias(digest=a_digest(2)), kept=KeptVersions.of((*KEPT, a_record(9, digest=a_digest(2))))),
            9,
            ("True", "Active"),
            id="content that several versions have: the newest",
        ),
        pytest.param(an_input(ELSEWHERE), 1, ("False", "VersionNotFound"), id="a version that does not exist"),
        pytest.param(
            an_input(an_alias(digest=a_digest(7))), None, ("False", "VersionNotFound"), id="content that none has"
        ),
        pytest.param(
            an_input(ELSEWHERE, assistant=None), 1, ("False", "AssistantNotFound"), id="the Assistant is gone: it stays"
        ),
        pytest.param(an_input(NEW, assistant=None), None, ("False", "AssistantNotFound"), id="there never was one"),
        pytest.param(
            an_input(an_alias(at(1), {"generation": 2}, version=3), findings={3: INVALID}),
            1,
            ("False", "SchemaRefused"),
            id="a version that the schema refuses",
        ),
        pytest.param(
            an_input(an_alias(at(1)), findings={1: INVALID}),
            1,
            ("False", "SchemaRefused"),
            id="the schema has become stricter: it stays",
        ),
        pytest.param(
            an_input(an_alias(at(1), {"generation": 2}, version=3), kept=KeptVersions.of((a_record(3, valid=""),))),
            1,
            ("False", "Validating"),
            id="a version that is not validated yet",
        ),
        pytest.param(
            an_input(
                an_alias(at(1), {"generation": 2}, version=3),
                kept=KeptVersions.of((a_record(3, valid=""),)),
                assistant=an_assistant(suspend=True),
            ),
            1,
            ("False", "Suspended"),
            id="a version that is not validated while the Assistant is suspended",
        ),
        pytest.param(
            an_input(
                an_alias(at(1), {"generation": 2}, version=3),
                kept=KeptVersions.of((a_record(3, valid="False"),)),
                findings={3: Finding(True, Reason.SCHEMA_ACCEPTED, "fits")},
            ),
            3,
            ("True", "Active"),
            id="what is known counts more than the condition of the version",
        ),
        pytest.param(
            an_input(an_alias(at(3), version=3), kept=WITHOUT_THIRD),
            3,
            ("False", "VersionNotFound"),
            id="deleted by hand",
        ),
    ],
)
def test_what_it_stands_for(input: AliasInput, version: int | None, ready: tuple[str, str]) -> None:
    status = stated(input)
    assert (status.version, reason(status)) == (version, ready)
    assert status.observed_generation == input.alias.metadata.generation


def test_a_settled_alias_has_no_step() -> None:
    alias = an_alias()
    settled = an_alias(stated(an_input(alias)))
    assert step(an_input(settled)) is None


@pytest.mark.parametrize("valid", ["False", "Unknown"])
def test_why_a_version_is_not_valid_is_read_from_it(valid: str) -> None:
    input = an_input(an_alias(version=3), kept=KeptVersions.of((a_record(3, valid=valid),)))
    assert step(input) == ReadVersion(3)


def test_an_alias_stays_ready_while_its_version_is_not_marked_after_a_restart() -> None:
    kept = KeptVersions.of((a_record(1, valid=""),))
    assert step(an_input(an_alias(at(1)), kept=kept)) is None
    assert step(an_input(an_alias(at(1)), kept=kept, findings={1: INVALID}))


def test_nothing_is_decided_while_the_version_is_about_to_be_validated_again() -> None:
    assert step(an_input(an_alias(version=3), is_revalidating=True)) is None
    assert stated(an_input(an_alias(version=3), is_revalidating=True, findings={3: INVALID})).version is None
    assert reason(stated(an_input(an_alias(version=7), is_revalidating=True))) == ("False", "VersionNotFound")


@pytest.mark.parametrize(
    ("observed", "expected"), [pytest.param(3, "Stalled", id="recorded"), pytest.param(2, "Reconciling", id="pending")]
)
def test_a_version_may_be_missing_because_an_edit_is_being_recorded(observed: int, expected: str) -> None:
    assistant = an_assistant(status=a_status(observed_generation=observed))
    status = stated(an_input(an_alias(version=4), assistant=assistant))
    assert condition(status.conditions, expected)


# Moves


def edit(generation: int, version: int | None = None, **different: Any) -> AliasEdit:
    return AliasEdit(generation, version, **different)


@pytest.mark.parametrize(
    ("edits", "expected"),
    [
        pytest.param([edit(1, 1)], [(None, 1)], id="none"),
        pytest.param([edit(2, 2)], [(1, 2), (None, 1)], id="one"),
        pytest.param([edit(2, 2), edit(3, 1)], [(2, 1), (1, 2), (None, 1)], id="there and back"),
        pytest.param([edit(2, 2), edit(3, 2)], [(1, 2), (None, 1)], id="the same again"),
        pytest.param([edit(2, 7), edit(3, 3)], [(1, 3), (None, 1)], id="one between that did not exist"),
        pytest.param([edit(2, digest=a_digest(2))], [(1, 2), (None, 1)], id="by content"),
    ],
)
def test_each_edit_that_can_be_honoured_is_a_move(
    edits: list[AliasEdit], expected: list[tuple[int | None, int]]
) -> None:
    assert moved(an_input(an_alias(at(1, FIRST)), *edits)) == expected


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        pytest.param(at(1, FIRST), at(1, FIRST), 0, id="none"),
        pytest.param(AssistantAliasStatus(), at(1, FIRST), 1, id="the first"),
        pytest.param(
            at(1, FIRST),
            at(3, Move.of(from_=2, to=3, since=NOW), Move.of(from_=1, to=2, since=NOW), FIRST),
            2,
            id="two",
        ),
        pytest.param(at(2, THERE, FIRST), at(2, THERE, BACK, THERE, FIRST), 2, id="back and there within a second"),
        pytest.param(
            at(2, *[THERE, BACK] * (MOST_MOVES // 2)), at(1, *[BACK, THERE] * (MOST_MOVES // 2)), 1, id="one of many"
        ),
        pytest.param(at(2, THERE, FIRST), AssistantAliasStatus(), 0, id="an older definition stores none"),
    ],
)
def test_moves_are_counted(before: AssistantAliasStatus, after: AssistantAliasStatus, expected: int) -> None:
    assert new_moves(before, after) == expected


def test_a_thousand_moves_leave_the_newest_fifty() -> None:
    edits = [edit(generation, 1 + generation % 2) for generation in range(2, 1002)]
    moves = decide(an_input(an_alias(at(1, FIRST)), *edits)).moves
    assert len(moves) == MOST_MOVES
    assert [move.to for move in moves[:3]] == [2, 1, 2]


RECREATED = KeptVersions.of((a_record(1, digest=a_digest(8)),))
"""The Assistant was deleted, and created anew with other content."""


def test_who_creates_the_assistant_anew_does_not_move_the_alias_thereby() -> None:
    input = an_input(an_alias(at(1, FIRST)), kept=RECREATED)
    status = stated(input)
    assert moved(input) == [(None, 1)]
    assert (reason(status), reason(status, "VersionFound")) == (("False", "VersionNotFound"),) * 2
    ready = condition(status.conditions, "Ready")
    assert ready
    assert ready.message == (
        "spec.version: bot-v1 has other content: its Assistant was created anew; the alias stays at bot-v1"
    )


def test_an_edit_moves_it_to_the_other_content() -> None:
    assert moved(an_input(an_alias(at(1, FIRST)), edit(2, 1), kept=RECREATED)) == [(1, 1), (None, 1)]


def test_without_digests_in_the_listing_it_stays() -> None:
    kept = KeptVersions.of((a_record(1, digest=""),))
    assert moved(an_input(an_alias(at(1, FIRST)), kept=kept)) == [(None, 1)]


def unstored_at(number: int, *, is_tried_again: bool = False) -> AliasInput:
    """It was moved to that version, and the API server stored neither the digest nor the moves."""
    sent = stated(an_input(an_alias(version=number)))
    stored = sent.model_copy(update={"digest": None, "moves": ()})
    return an_input(an_alias(stored, version=number), unstored=Unstored(sent, stored, is_tried_again=is_tried_again))


def test_what_is_not_stored_is_not_sent_again_and_again() -> None:
    assert moved(unstored_at(2)) == [(None, 2)]
    status = stated(unstored_at(2))
    assert "status.digest, status.moves" in str(condition(status.conditions, "Ready"))
    told = an_input(an_alias(status.model_copy(update={"digest": None, "moves": ()}), version=2))
    again = an_input(told.alias, unstored=Unstored(status, told.alias.status))
    assert step(again) is None


BY_ANN = edit(2, 2, user="ann", manager="kubectl", cause="release")


@pytest.mark.parametrize(
    ("input", "expected"),
    [
        pytest.param(
            an_input(an_alias(at(1, FIRST)), BY_ANN, is_user_protected=True),
            ("ann", "kubectl", "release"),
            id="user, manager and cause",
        ),
        pytest.param(
            an_input(an_alias(at(1, FIRST)), BY_ANN), (None, "kubectl", "release"), id="a user that anyone could claim"
        ),
        pytest.param(
            an_input(an_alias(at(1, FIRST, generation=2)), BY_ANN),
            (None, "kubectl", "release"),
            id="honoured later: by the edit that asked for it",
        ),
        pytest.param(
            an_input(
                an_alias(at(1, FIRST, generation=2), digest=a_digest(1)),
                edit(2, digest=a_digest(1), manager="kubectl", cause="release"),
                kept=KeptVersions.of((*KEPT, a_record(4, digest=a_digest(1)))),
            ),
            (None, None, None),
            id="a newer version with the content: by no edit",
        ),
    ],
)
def test_who_moved_it_and_why(input: AliasInput, expected: tuple[str | None, ...]) -> None:
    move = decide(input).moves[0]
    assert (move.user, move.manager, move.cause) == expected


CAUSE = "kubernetes.io/change-cause"


@pytest.mark.parametrize(
    ("annotations", "before", "recorded", "expected"),
    [
        pytest.param({CAUSE: "new"}, {}, None, "new", id="it came with the edit"),
        pytest.param({CAUSE: "old"}, {CAUSE: "old"}, None, None, id="it was there before"),
        pytest.param({CAUSE: "new"}, None, None, "new", id="the state before is not known, and no move has it"),
        pytest.param({CAUSE: "old"}, None, "old", None, id="the state before is not known, and the last move has it"),
        pytest.param({}, None, None, None, id="none"),
    ],
)
def test_a_cause_counts_if_it_changed_with_the_edit(
    annotations: Mapping[str, str], before: Mapping[str, str] | None, recorded: str | None, expected: str | None
) -> None:
    moves = (Move.of(to=1, since=EARLIER, cause=recorded),)
    alias = an_alias(at(1, *moves), {"annotations": annotations})
    was = None if before is None else an_alias(meta={"annotations": before})
    assert alias_edit(alias, was).cause == expected


def test_the_manager_is_the_one_that_owns_the_moved_field() -> None:
    owners = (managed("kubectl", "version"), managed("argocd", "displayName"))
    assert alias_edit(an_alias(meta={"managed_fields": owners}), None).manager == "kubectl"


# Publication

DONE = PublishResult(True, Reason.PUBLISHED, "bot-v1 is published", number=1, copy=HERE.copy)


def test_where_it_is_published_is_written_down_first() -> None:
    status = stated(an_input(NEW, target=HERE))
    assert (status.copies, status.assistant_id) == ((HERE.copy,), "id")
    assert reason(status) == reason(status, "Published") == ("False", "Publishing")


def test_it_is_ready_once_it_is_published() -> None:
    status = stated(an_input(NEW, target=HERE, publish_result=DONE))
    assert reason(status) == ("True", "Active")
    assert reason(status, "Published") == ("True", "Published")


def test_an_earlier_publication_does_not_count_after_a_move() -> None:
    alias = an_alias(at(1, FIRST, copies=(HERE.copy,)), {"generation": 2}, version=2)
    assert reason(stated(an_input(alias, target=HERE, publish_result=DONE))) == ("False", "Publishing")


def test_while_it_is_being_deleted_only_what_keeps_it_is_reported() -> None:
    alias = an_alias(at(1, FIRST, copies=(HERE.copy,)), {"deletion_timestamp": NOW})
    assert step(an_input(alias)) is None
    failed = PublishResult(False, Reason.SERVER_UNREACHABLE, "no answer", number=1, copy=HERE.copy)
    status = stated(an_input(alias, publish_result=failed))
    assert (status.version, reason(status)) == (1, ("False", "ServerUnreachable"))


# What the Assistant keeps for its aliases


@pytest.mark.parametrize(
    ("alias", "in_force", "requested"),
    [
        pytest.param(an_alias(at(1)), {1}, {1}, id="where it is"),
        pytest.param(an_alias(at(1), version=3), {1}, {3}, id="where it goes"),
        pytest.param(an_alias(at(1), digest=a_digest(2)), {1}, {2}, id="by content"),
        pytest.param(an_alias(version=7), set(), set(), id="what does not exist"),
        pytest.param(an_alias(at(1), {"deletion_timestamp": NOW}), set(), set(), id="of one that is being deleted"),
    ],
)
def test_the_versions_that_aliases_need(alias: AssistantAlias, in_force: set[int], requested: set[int]) -> None:
    assert AliasedVersions.of([alias], KEPT) == AliasedVersions(frozenset(in_force), frozenset(requested))


def test_no_assistant_status_is_needed_to_stand_for_a_version() -> None:
    assert stated(an_input(NEW, assistant=an_assistant(status=AssistantStatus()))).version == 1
