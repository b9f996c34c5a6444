"""`history`: the versions in order, and one of them whole."""

import pytest

from assistant_operator.api.assistant_version import AssistantVersion, Change
from assistant_operator.kubectl.client import Found
from assistant_operator.kubectl.conditions import activity
from assistant_operator.kubectl.history import history_table, selected, version_page
from harness.worlds import NOW, a_condition, a_status, an_assistant
from unit.kubectl.kept import EDITED, NOT_VALID, PROMPTS, UNJUDGED, a_kept, kept

REVERTED = Change(kind="Reverted", same_as=1, paths=("/a", "/b", "/c", "/d", "/e"), cause="legal asked", manager="me")


def test_the_oldest_comes_first_and_what_nobody_said_is_none() -> None:
    versions = [a_kept(1), a_kept(2, valid=NOT_VALID), a_kept(3, change=REVERTED)]
    assert history_table(an_assistant(), versions, NOW, wide=False) == (
        "NUMBER   CHANGE          ACTIVE   VALID   BY             AGE    CAUSE         PATHS\n"
        "1        Created         False    True    <none>         3h     <none>        <none>\n"
        "2        Edited          False    False   kubectl-edit   120m   <none>        /context/prompt\n"
        "3        Reverted to 1   True     True    me             60m    legal asked   /a,/b,/c and 2 more\n"
    )


def test_by_is_the_user_and_the_manager_only_where_the_user_is_not_known() -> None:
    change = EDITED.model_copy(update={"user": "jane@example.com"})
    versions = [a_kept(1), a_kept(2), a_kept(3, change=change)]
    rows = [line.split() for line in history_table(an_assistant(), versions, NOW, wide=True).splitlines()]
    assert [(row[4], row[6]) for row in rows] == [
        ("BY", "MANAGER"),
        ("<none>", "<none>"),
        ("kubectl-edit", "kubectl-edit"),
        ("jane@example.com", "kubectl-edit"),
    ]
    page = version_page(an_assistant(), versions[2], {}, NOW)
    assert "Change:   Edited, by jane@example.com with kubectl-edit, 60m ago\n" in page


def test_wide_has_every_path_the_generation_and_the_digest() -> None:
    version = a_kept(3, change=REVERTED)
    head, line = history_table(an_assistant(), [version], NOW, wide=True).splitlines()
    assert head.split() == [
        "NUMBER",
        "CHANGE",
        "ACTIVE",
        "VALID",
        "BY",
        "AGE",
        "MANAGER",
        "GENERATION",
        "DIGEST",
        "CAUSE",
        "PATHS",
    ]
    assert line.endswith(f"60m   me        3            {version.spec.digest}   legal asked   /a,/b,/c,/d,/e")


@pytest.mark.parametrize(
    ("assistant", "marks"),
    [
        pytest.param(an_assistant(), ["False", "False", "True"], id="in force by the assistant's own status"),
        pytest.param(
            an_assistant(pin=1, status=a_status(active_version=1)),
            ["True (pinned)", "False", "False"],
            id="in force because it is pinned",
        ),
        pytest.param(an_assistant(pin=2), ["False", "False (pinned)", "True"], id="pinned, and not in force yet"),
        pytest.param(None, ["Unknown", "Unknown", "Unknown"], id="of an assistant that is gone"),
    ],
)
def test_which_one_is_in_force(assistant: object, marks: list[str]) -> None:
    assert [activity(assistant, each) for each in kept()] == marks  # type: ignore[arg-type]


def test_of_an_assistant_that_is_gone_the_versions_speak_for_themselves() -> None:
    active = a_condition("Active", "True", "Active", "it is in force")
    version = a_kept(1)
    marked = version.model_copy(update={"status": version.status.model_copy(update={"conditions": (active,)})})
    assert activity(None, marked) == "True"


def test_one_version_whole() -> None:
    version = a_kept(2, valid=UNJUDGED, change=EDITED)
    snapshot = {"context": {"prompt": "two\nlines\n"}, "graphRef": {"name": "support"}}
    assert version_page(an_assistant(), version, snapshot, NOW) == (
        "Name:     bot-v2\n"
        "Number:   2\n"
        "Change:   Edited, by kubectl-edit, 120m ago\n"
        "Cause:    <none>\n"
        "Paths:    /context/prompt\n"
        "Active:   False\n"
        "Valid:    Unknown: graph 'support' does not exist in namespace 'team'\n"
        f"Digest:   {version.spec.digest}\n"
        "Snapshot:\n"
        "  context:\n"
        "    prompt: |\n"
        "      two\n"
        "      lines\n"
        "  graphRef:\n"
        "    name: support\n"
    )


def test_an_altered_version_says_so() -> None:
    version = a_kept(1)
    forged = version.model_copy(update={"spec": version.spec.model_copy(update={"digest": f"sha256:{0:064}"})})
    page = version_page(None, forged, {}, NOW)
    assert f"Digest:   sha256:{0:064}, which is NOT that of the snapshot\n" in page


def test_the_prompts_of_the_tests_differ() -> None:
    assert [each.spec.snapshot.context for each in kept()] == [{"prompt": prompt} for prompt in PROMPTS]


def found(number: int, prompt: str, **change: str) -> Found[AssistantVersion]:
    snapshot = {"graphRef": {"name": "support"}, "context": {"prompt": prompt}}
    return Found(a_kept(number), {"spec": {"snapshot": snapshot, "change": {"kind": "Edited", **change}}})


LISTED = [found(1, "one", kind="Created"), found(2, "two", manager="kubectl-edit"), found(3, "two", user="jane")]


@pytest.mark.parametrize(
    ("user", "path", "numbers"),
    [
        pytest.param("", (), [1, 2, 3], id="all"),
        pytest.param("jane", (), [3], id="a user"),
        pytest.param("kubectl-*", (), [2], id="a manager, by a pattern"),
        pytest.param("Jane", (), [], id="letters have a case"),
        pytest.param("", ("context", "prompt"), [1, 2], id="a field"),
        pytest.param("", ("graphRef",), [1], id="a field that was never edited"),
        pytest.param("", ("nothing",), [], id="no field"),
        pytest.param("jane", ("context",), [], id="both"),
    ],
)
def test_versions_are_selected_by_author_and_by_field(user: str, path: tuple[str, ...], numbers: list[int]) -> None:
    assert [version.resource.number for version in selected(LISTED, user, path)] == numbers
