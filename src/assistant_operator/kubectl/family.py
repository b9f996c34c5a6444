"""What `kubectl assistants tree` shows: a Graph, its Assistants, their versions. Pure."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from ..resources.assistant import Assistant
from ..resources.assistant_version import AssistantVersion
from ..resources.graph import Graph
from ..resources.meta import condition
from .annals import activity, validity
from .listing import readiness, why
from .text import age, table

Branch = tuple[Assistant, Sequence[AssistantVersion]]
Row = tuple[str, str, str, str]


def tree(graph: Graph, branches: Sequence[Branch], now: datetime, *, limit: int) -> str:
    """`limit`: of how many of the newest versions each assistant is shown with; 0 for all."""
    root = (f"graph/{graph.metadata.name}", readiness(graph), age(graph.metadata.creation_timestamp, now), _say(graph))
    rows = [root]
    for branch in branches:
        rows += _branch(graph, branch, now, limit, is_last=branch is branches[-1])
    return table(("NAME", "READY", "AGE", "STATUS"), rows)


def _branch(graph: Graph, branch: Branch, now: datetime, limit: int, *, is_last: bool) -> Iterator[Row]:
    assistant, versions = branch
    meta = assistant.metadata
    mark = " (default)" if graph.status.default_assistant == meta.name else ""
    stem, below = ("└─", "  ") if is_last else ("├─", "│ ")
    yield (
        f"{stem} assistant/{meta.name}{mark}",
        readiness(assistant),
        age(meta.creation_timestamp, now),
        _say(assistant),
    )
    shown = _shown(assistant, versions, limit)
    hidden = len(versions) - len(shown)
    for each in shown:
        twig = "└─" if each is shown[-1] and not hidden else "├─"
        yield (
            f"{below} {twig} {each.metadata.name}",
            "",
            age(each.metadata.creation_timestamp, now),
            _marks(assistant, each),
        )
    if hidden:
        yield (f"{below} └─ {hidden} more", "", "", f"kubectl assistants history {meta.name}")


def _shown(assistant: Assistant, versions: Sequence[AssistantVersion], limit: int) -> list[AssistantVersion]:
    """The newest first, and beside them what is in force and what is pinned."""
    newest = {each.number for each in versions[-limit:]} | {assistant.status.active_version, assistant.pin}
    return [each for each in reversed(versions) if each.number in newest]


def _say(resource: Graph | Assistant) -> str:
    ready = condition(resource.status.conditions, "Ready")
    return why(resource) or (ready.message if ready else "")


def _marks(assistant: Assistant, version: AssistantVersion) -> str:
    told = {"True": "active", "True (pinned)": "active, pinned", "False (pinned)": "pinned"}
    invalid = "" if validity(version) == "True" else {"False": "not valid"}.get(validity(version), "not judged")
    return ", ".join(filter(None, (told.get(activity(assistant, version), ""), invalid)))
