"""`history`: the versions in order, and one of them whole."""

import pytest

from assistant_operator.api.assistant_version import Change
from assistant_operator.kubectl.conditions import activity
from assistant_operator.kubectl.history import history_table, version_page
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
        "GENERATION",
        "DIGEST",
        "CAUSE",
        "PATHS",
    ]
    assert line.endswith(f"60m   3            {version.spec.digest}   legal asked   /a,/b,/c,/d,/e")


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
