"""The page of an Assistant."""

from datetime import timedelta
from typing import Any

import pytest

from assistant_operator.api.assistant import Copy
from assistant_operator.kubectl.dashboard.rows import AliasRow, EventRow, VersionRow
from assistant_operator.kubectl.dashboard.timeline import (
    PAGE,
    AssistantPage,
    Search,
    assistant_page,
    badges,
    event_views,
    number_of,
)
from harness.worlds import KEY, NOW, READY, a_condition, a_status, an_assistant
from unit.kubectl.dashboard.documents import found, sent
from unit.kubectl.kept import NOT_VALID, UNJUDGED, kept

ROWS = [VersionRow.of(sent(each)) for each in kept()]


def a_page(assistant: Any = None, rows: Any = ROWS, **query: str) -> AssistantPage:
    return assistant_page(KEY, found(assistant or an_assistant()), rows, NOW, Search.of(query))


def test_versions_are_newest_first_with_their_age_and_the_one_before() -> None:
    entries = a_page().entries
    shown = [(each.version.number, each.made.ago, each.paths, each.previous) for each in entries]
    assert shown == [
        (3, "60m", ("/context/prompt",), 2),
        (2, "120m", ("/context/prompt",), 1),
        (1, "3h", (), 0),
    ]


def test_a_settled_assistant_has_no_problem() -> None:
    page = a_page()
    assert (page.ready, page.headline, page.problems, page.notes) == ("True", "bot-v3 is active", (), ())
    assert [each.types for each in page.others] == ["Ready", "GraphFound", "Valid"]
    assert (page.latest, page.active, page.pin, page.graph, page.copy) == (3, 3, 0, "support", None)


@pytest.mark.parametrize(
    ("version", "assistant", "texts"),
    [
        pytest.param(1, an_assistant(), [], id="neither active nor pinned"),
        pytest.param(3, an_assistant(), ["active"], id="active"),
        pytest.param(2, an_assistant(pin=2), ["pinned"], id="pinned and not in force yet"),
        pytest.param(3, an_assistant(pin=3), ["active", "pinned"], id="both"),
        pytest.param(3, None, [], id="the Assistant was deleted"),
    ],
)
def test_marks_of_activity(version: int, assistant: Any, texts: list[str]) -> None:
    assert [each.text for each in badges(ROWS[version - 1], assistant)] == texts


def test_a_version_has_the_names_of_its_aliases() -> None:
    aliases = [
        AliasRow(("team", "production"), "bot", 3, ready="True"),
        AliasRow(("team", "staging"), "bot", 3, ready="False", reason="VersionNotFound: bot-v9 does not exist"),
        AliasRow(("team", "stable"), "bot", 1, ready="True"),
    ]
    marks = [(each.text, each.tone, each.title) for each in badges(ROWS[2], an_assistant(), aliases)]
    assert marks[1:] == [
        ("production", "alias", "The alias production stands for this version."),
        (
            "staging",
            "alias",
            "The alias staging stands for this version. VersionNotFound: bot-v9 does not exist",
        ),
    ]


@pytest.mark.parametrize(
    ("different", "text", "title"),
    [
        pytest.param({"valid": NOT_VALID}, "refused: SchemaRefused", NOT_VALID.message, id="refused with the reason"),
        pytest.param({"valid": UNJUDGED}, "not validated", UNJUDGED.message, id="not validated"),
        pytest.param(
            {"valid": a_condition("Valid", "False", "ContentAltered", "not its digest")},
            "altered",
            "not its digest",
            id="altered",
        ),
    ],
)
def test_marks_of_validity(different: Any, text: str, title: str) -> None:
    (version,) = kept(1, **different)
    (badge,) = badges(VersionRow.of(sent(version)), an_assistant())
    assert (badge.text, badge.title) == (text, title)


def test_a_reverted_version_names_the_equal_one() -> None:
    assert [each.text for each in badges(VersionRow("bot-v2", 2, same_as=1, valid="True"), None)] == ["reverted to v1"]


REFUSED = (
    a_condition("Valid", "False", "SchemaRefused", "v"),
    a_condition("Stalled", "True", "SchemaRefused", "s"),
    a_condition("Ready", "False", "SchemaRefused", "bot-v4 is not activated"),
    *READY[1:2],
)


def test_conditions_of_one_reason_are_one_with_the_action() -> None:
    page = a_page(an_assistant(status=a_status(conditions=REFUSED)))
    (problem,) = page.problems
    assert problem.conditions == (("Ready", "False"), ("Stalled", "True"), ("Valid", "False"))
    assert problem.message == "bot-v4 is not activated"
    assert problem.action == "Correct the field that the message names."
    assert [each.types for each in page.others] == ["GraphFound"]
    assert page.headline == ""


@pytest.mark.parametrize(
    ("assistant", "note"),
    [
        pytest.param(an_assistant(pin=2), "While the pin to v2 is set, new edits do not come into force.", id="pin"),
        pytest.param(
            an_assistant(status=a_status(missed_generations=1)),
            "1 edit is in no version: no operator ran then.",
            id="a missed edit",
        ),
        pytest.param(
            an_assistant(meta={"labels": {"argocd.argoproj.io/instance": "shop"}}),
            "It is applied from Git by Argo CD (application shop): actions show the manifest to commit.",
            id="kept in Git",
        ),
    ],
)
def test_notes(assistant: Any, note: str) -> None:
    assert a_page(assistant).notes == (note,)


def test_the_copy_on_the_server() -> None:
    copies = (Copy(server="http://new", assistant_id="a"), Copy(server="http://old", assistant_id="a"))
    conditions = (*READY, a_condition("Published", "True", "Published", "it is there"))
    copy = a_page(an_assistant(status=a_status(copies=copies, assistant_id="a", conditions=conditions))).copy
    assert copy
    assert (copy.server, copy.id, copy.published, copy.leftovers) == (
        "http://new",
        "a",
        "True: it is there",
        ("http://old",),
    )


def test_versions_outlive_their_assistant() -> None:
    page = assistant_page(KEY, None, ROWS, NOW, Search())
    assert (page.is_deleted, page.latest, page.total, page.ready) == (True, 3, 3, "Unknown")
    assert page.headline == "The assistant was deleted. Its versions still exist."


def test_aliases_outlive_the_versions() -> None:
    page = assistant_page(KEY, None, (), NOW, Search(), [AliasRow(("team", "production"), "bot", 3)])
    assert page.headline == "There is no such assistant. Aliases still name it."
    assert [each.text for each in page.badges] == ["does not exist"]


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ({"q": "prompt"}, [3, 2]),
        ({"q": "v2"}, [2]),
        ({"q": "KUBECTL-EDIT"}, [3, 2]),
        ({"q": "nothing"}, []),
        ({"before": "3"}, [2, 1]),
        ({"before": "x"}, [3, 2, 1]),
    ],
)
def test_the_url_chooses_versions(query: dict[str, str], numbers: list[int]) -> None:
    assert [each.version.number for each in a_page(**query).entries] == numbers


def test_a_long_history_has_pages() -> None:
    rows = [VersionRow(f"bot-v{number}", number) for number in range(1, PAGE + 3)]
    page = a_page(rows=rows, q="v")
    assert (len(page.entries), page.entries[-1].version.number, page.older) == (PAGE, 3, "q=v&before=3")
    last = a_page(rows=rows, before="3")
    assert ([each.version.number for each in last.entries], last.older) == ([2, 1], "")


@pytest.mark.parametrize(("text", "number"), [("3", 3), ("", 0), ("x", 0), ("-1", 0), ("²", 0), ("9" * 19, 0)])
def test_a_number_in_a_url(text: str, number: int) -> None:
    assert number_of(text) == number


def test_events_are_newest_first() -> None:
    rows = [
        EventRow("Normal", name, "", time) for name, time in (("a", None), ("b", NOW - timedelta(hours=1)), ("c", NOW))
    ]
    assert [(each.event.reason, each.last.ago) for each in event_views(rows, NOW)] == [
        ("c", "0s"),
        ("b", "60m"),
        ("a", "<unknown>"),
    ]
