"""The overview: filters in the URL, groups, pages."""

from typing import Any

import pytest

from assistant_operator.kubectl.dashboard.overview import PAGE, Filter, overview
from assistant_operator.kubectl.dashboard.rows import AliasRow, AssistantRow, GraphRow


def a_row(name: str, **different: Any) -> AssistantRow:
    settled: dict[str, Any] = {"graph": "support", "latest": 3, "active": 3, "ready": "True"}
    return AssistantRow(("team", name), **{**settled, **different})


ROWS = [
    a_row("bot", display_name="Friendly"),
    a_row("old", pin=2, active=2),
    a_row("bad", ready="False", reason="SchemaRefused: /context/temperature"),
    a_row("held", is_suspended=True),
    a_row("new", ready="Unknown"),
    AssistantRow(("bank", "advisor"), "loans", latest=1, active=1, ready="True"),
]
GRAPHS = [GraphRow(("team", "support")), GraphRow(("bank", "loans")), GraphRow(("bank", "unused"))]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        pytest.param({}, ["advisor", "bad", "bot", "held", "new", "old"], id="all"),
        pytest.param({"q": "BOT"}, ["bot"], id="a name, whatever its case"),
        pytest.param({"q": "friend"}, ["bot"], id="a display name"),
        pytest.param({"q": "temperature schema"}, ["bad"], id="words of the reason in any order"),
        pytest.param({"q": "loans"}, ["advisor"], id="a graph"),
        pytest.param({"graph": "loans"}, ["advisor"], id="exactly a graph"),
        pytest.param({"namespace": "bank"}, ["advisor"], id="a namespace"),
        pytest.param({"state": "not-ready"}, ["bad"], id="not ready"),
        pytest.param({"state": "pinned"}, ["old"], id="pinned"),
        pytest.param({"state": "suspended"}, ["held"], id="suspended"),
        pytest.param({"state": "unknown"}, ["new"], id="not observed"),
        pytest.param({"state": "behind"}, ["old"], id="the latest is not active"),
        pytest.param({"state": "pinned", "q": "bot"}, [], id="both"),
        pytest.param({"state": "nonsense", "page": "x"}, ["advisor", "bad", "bot", "held", "new", "old"], id="bad"),
    ],
)
def test_the_url_chooses(query: dict[str, str], names: list[str]) -> None:
    page = overview(ROWS, GRAPHS, Filter.of(query))
    assert [row.key[1] for group in page.groups for row in group.assistants] == names
    assert (page.found, page.total) == (len(names), 6)


@pytest.mark.parametrize(
    "url", ["/", "/?q=a+b%26c", "/?q=x&graph=g&namespace=n&state=pinned&page=3"], ids=["none", "text", "all"]
)
def test_a_filter_and_its_url_are_one(url: str) -> None:
    query = dict(each.split("=") for each in url[2:].split("&")) if len(url) > 1 else {}
    decoded = {name: value.replace("+", " ").replace("%26", "&") for name, value in query.items()}
    assert Filter.of(decoded).url == url


def test_a_graph_without_assistants_is_shown_and_one_that_does_not_exist_too() -> None:
    groups = overview([*ROWS, a_row("lost", graph="nowhere")], GRAPHS, Filter()).groups
    shown = [(group.graph.key[1], group.is_found, len(group.assistants)) for group in groups]
    assert shown == [("loans", True, 1), ("unused", True, 0), ("nowhere", False, 1), ("support", True, 5)]


def test_the_default_assistant_is_the_first_of_its_graph() -> None:
    (group,) = overview([a_row("a"), a_row("support", is_default=True)], [], Filter()).groups
    assert [row.key[1] for row in group.assistants] == ["support", "a"]


def test_the_counts_are_those_that_a_click_would_show() -> None:
    states = overview(ROWS, GRAPHS, Filter.of({"q": "team", "state": "pinned"})).states
    assert [(each.name, each.count, each.is_chosen) for each in states] == [
        ("not ready", 1, False),
        ("not observed yet", 1, False),
        ("pinned", 1, True),
        ("suspended", 1, False),
        ("latest not active", 1, False),
    ]
    assert states[2].url == "/?q=team"
    assert states[0].url == "/?q=team&state=not-ready"


@pytest.mark.parametrize(
    ("page", "first", "previous", "following"),
    [
        ("1", "bot-0000", "", "/?page=2"),
        ("2", "bot-0200", "/", "/?page=3"),
        ("3", "bot-0400", "/?page=2", ""),
        ("99", "bot-0400", "/?page=2", ""),
    ],
)
def test_pages(page: str, first: str, previous: str, following: str) -> None:
    rows = [a_row(f"bot-{number:04}") for number in range(2 * PAGE + 1)]
    shown = overview(rows, GRAPHS[:1], Filter.of({"page": page}))
    assert (shown.groups[0].assistants[0].key[1], shown.previous, shown.next) == (first, previous, following)


ALIASES = [
    AliasRow(("team", "staging"), "bot", 2, ready="False", reason="VersionNotFound: no"),
    AliasRow(("team", "production"), "bot", 3, ready="True"),
    AliasRow(("bank", "production"), "advisor", 1, ready="True"),
    AliasRow(("bank", "stray"), "bot", 1, ready="False", reason="AssistantNotFound: no"),
]


@pytest.mark.parametrize(
    ("query", "names", "strays"),
    [
        pytest.param({}, {"bot": ["production", "staging"], "advisor": ["production"]}, ["stray"], id="all"),
        pytest.param(
            {"q": "production"}, {"bot": ["production", "staging"], "advisor": ["production"]}, [], id="a name"
        ),
        pytest.param({"q": "Staging team"}, {"bot": ["production", "staging"]}, [], id="whatever its case"),
        pytest.param({"q": "stray"}, {}, ["stray"], id="one without an assistant"),
        pytest.param({"namespace": "team"}, {"bot": ["production", "staging"]}, [], id="a namespace"),
        pytest.param({"graph": "loans"}, {"advisor": ["production"]}, [], id="a graph"),
        pytest.param({"state": "alias-not-ready"}, {"bot": ["production", "staging"]}, [], id="not ready"),
    ],
)
def test_aliases_are_those_of_their_assistant(query: Any, names: dict[str, list[str]], strays: list[str]) -> None:
    page = overview(ROWS, GRAPHS, Filter.of(query), ALIASES)
    shown = {row.key[1]: [alias.name for alias in row.aliases] for group in page.groups for row in group.assistants}
    assert {name: aliases for name, aliases in shown.items() if aliases} == names
    assert [alias.name for alias in page.strays] == strays


def test_nothing_at_all() -> None:
    page = overview([], [], Filter())
    assert (page.groups, page.total, page.pages, page.states) == ((), 0, 1, ())
