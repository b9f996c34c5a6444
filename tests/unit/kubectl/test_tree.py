"""`tree`: a graph, its assistants, their versions."""

from datetime import timedelta

from assistant_operator.kubectl.tree import tree_table
from harness.worlds import NOW, a_graph, a_status, an_assistant
from unit.kubectl.kept import NOT_VALID, UNJUDGED, a_kept, kept

BORN = {"creation_timestamp": NOW - timedelta(hours=4)}
BOT = an_assistant(meta=BORN)
DEFAULT = an_assistant(meta={**BORN, "name": "support"}, pin=1, status=a_status(active_version=1))


def test_a_graph_without_assistants_is_a_line() -> None:
    assert tree_table(a_graph(meta=BORN), [], NOW, limit=5) == (
        "NAME            READY   AGE   STATUS\ngraph/support   True    4h    the graph is deployed\n"
    )


def test_every_assistant_and_its_versions_newest_first() -> None:
    branches = [(BOT, [a_kept(1, valid=UNJUDGED), a_kept(2, valid=NOT_VALID), a_kept(3)]), (DEFAULT, kept(1))]
    assert tree_table(a_graph(meta=BORN), branches, NOW, limit=5) == (
        "NAME                             READY   AGE    STATUS\n"
        "graph/support                    True    4h     the graph is deployed\n"
        "├─ assistant/bot                 True    4h     bot-v3 is active\n"
        "│  ├─ bot-v3                             60m    active\n"
        "│  ├─ bot-v2                             120m   not valid\n"
        "│  └─ bot-v1                             3h     not validated\n"
        "└─ assistant/support (default)   True    4h     bot-v3 is active\n"
        "   └─ bot-v1                             3h     active, pinned\n"
    )


def test_beside_the_newest_there_are_the_active_and_the_pinned_one_and_how_many_more() -> None:
    pinned = an_assistant(pin=2, status=a_status(latest_version=6, active_version=1))
    versions = [a_kept(number, "x") for number in range(1, 7)]
    lines = tree_table(a_graph(), [(pinned, versions)], NOW, limit=2).splitlines()[3:]
    assert [line.split()[1] for line in lines] == ["bot-v6", "bot-v5", "bot-v2", "bot-v1", "2"]
    assert lines[-1].split(maxsplit=1)[1] == "2 more" + " " * 27 + "kubectl assistants history bot"


def test_no_limit_shows_all() -> None:
    versions = [a_kept(number, "x") for number in range(1, 7)]
    lines = tree_table(a_graph(), [(an_assistant(), versions)], NOW, limit=0).splitlines()
    assert [line.split()[1] for line in lines[3:]] == [f"bot-v{number}" for number in range(6, 0, -1)]
