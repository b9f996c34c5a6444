"""The overview: Graphs with their Assistants, filtered, in pages. Pure."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Self
from urllib.parse import urlencode

from assistant_operator.api.meta import Key

from .rows import AliasRow, AssistantRow, GraphRow

PAGE = 200
"""Assistants on one page."""

STATES: Mapping[str, tuple[str, Callable[[AssistantRow], bool]]] = {
    "not-ready": ("not ready", lambda row: row.ready == "False"),
    "unknown": ("not observed yet", lambda row: row.ready == "Unknown"),
    "pinned": ("pinned", lambda row: row.pin > 0),
    "suspended": ("suspended", lambda row: row.is_suspended),
    "behind": ("latest not active", lambda row: row.latest != row.active),
    "alias-not-ready": ("alias not ready", lambda row: any(alias.reason for alias in row.aliases)),
}
"""By the value of the parameter `state`: its name, and which Assistants are in it."""


@dataclass(frozen=True, slots=True)
class Filter:
    """The parameters of the URL that choose what is shown. All are part of the URL, so that it can be shared."""

    text: str = ""
    graph: str = ""
    namespace: str = ""
    state: str = ""
    page: int = 1

    @classmethod
    def of(cls, query: Mapping[str, str]) -> Self:
        """A value that is not valid counts as absent."""
        page, state = query.get("page", ""), query.get("state", "")
        return cls(
            text=query.get("q", "").strip(),
            graph=query.get("graph", ""),
            namespace=query.get("namespace", ""),
            state=state if state in STATES else "",
            page=max(1, int(page)) if page.isascii() and page.isdigit() and len(page) < 8 else 1,  # noqa: PLR2004
        )

    @property
    def url(self) -> str:
        given = {"q": self.text, "graph": self.graph, "namespace": self.namespace, "state": self.state}
        chosen = {name: value for name, value in given.items() if value}
        chosen |= {"page": str(self.page)} if self.page > 1 else {}
        return f"/?{urlencode(chosen)}" if chosen else "/"

    @property
    def is_set(self) -> bool:
        return bool(self.text or self.graph or self.namespace or self.state)

    def matches(self, row: AssistantRow) -> bool:
        is_chosen = self.graph in ("", row.graph) and self.namespace in ("", row.key[0])
        return is_chosen and self._has_text(row) and (not self.state or STATES[self.state][1](row))

    def matches_graph(self, graph: Key) -> bool:
        """Whether a Graph is shown that has no Assistant on the page."""
        is_chosen = self.graph in ("", graph[1]) and self.namespace in ("", graph[0])
        return is_chosen and not self.state and self.text.casefold() in graph[1].casefold()

    def matches_alias(self, alias: AliasRow) -> bool:
        """Whether an alias is shown that has no Assistant."""
        is_chosen = self.namespace in ("", alias.key[0]) and not self.graph
        return is_chosen and not self.state and self._has_words(*alias.key, alias.assistant, alias.reason)

    def _has_text(self, row: AssistantRow) -> bool:
        """Whether each word is part of a name, the display name, the graph, the reason or the name of an alias."""
        aliases = (alias.name for alias in row.aliases)
        return self._has_words(*row.key, row.display_name, row.graph, row.reason, *aliases)

    def _has_words(self, *texts: str) -> bool:
        searched = "\n".join(texts).casefold()
        return all(word in searched for word in self.text.casefold().split())


@dataclass(frozen=True, slots=True)
class Group:
    """A Graph and those of its Assistants that are on the page."""

    graph: GraphRow
    is_found: bool
    """Whether the Graph exists and may be read."""
    assistants: tuple[AssistantRow, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """A filter to choose, with the number of Assistants that it shows."""

    name: str
    count: int
    url: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class Overview:
    """What the page shows."""

    groups: tuple[Group, ...]
    total: int
    found: int
    filter: Filter
    states: tuple[Choice, ...]
    namespaces: tuple[str, ...]
    graphs: tuple[str, ...]
    pages: int
    strays: tuple[AliasRow, ...] = ()
    """Aliases that name an Assistant that does not exist."""

    @property
    def previous(self) -> str:
        """The URL of the previous page; empty on the first."""
        page = self.filter.page
        return replace(self.filter, page=page - 1).url if page > 1 else ""

    @property
    def next(self) -> str:
        page = self.filter.page
        return replace(self.filter, page=page + 1).url if page < self.pages else ""


def overview(
    assistants: Iterable[AssistantRow], graphs: Iterable[GraphRow], chosen: Filter, aliases: Iterable[AliasRow] = ()
) -> Overview:
    """The page that `chosen` describes. A page beyond the last is the last."""
    by_assistant = _by_assistant(aliases)
    rows = sorted((_with_aliases(row, by_assistant) for row in assistants), key=_order)
    matching = [row for row in rows if chosen.matches(row)]
    pages = max(1, -(-len(matching) // PAGE))
    chosen = replace(chosen, page=min(chosen.page, pages))
    shown = matching[(chosen.page - 1) * PAGE : chosen.page * PAGE]
    known = {graph.key: graph for graph in graphs}
    return Overview(
        groups=tuple(_groups(shown, known, chosen, rows)),
        total=len(rows),
        found=len(matching),
        filter=chosen,
        states=_states(rows, chosen),
        namespaces=tuple(sorted({row.key[0] for row in rows} | {key[0] for key in known})),
        graphs=tuple(sorted({row.graph for row in rows} | {key[1] for key in known})),
        pages=pages,
        strays=tuple(sorted(_strays(rows, by_assistant, chosen), key=lambda each: each.key)),
    )


def _by_assistant(aliases: Iterable[AliasRow]) -> Mapping[Key, tuple[AliasRow, ...]]:
    found: dict[Key, list[AliasRow]] = {}
    for alias in sorted(aliases, key=lambda each: each.key):
        found.setdefault((alias.key[0], alias.assistant), []).append(alias)
    return {key: tuple(rows) for key, rows in found.items()}


def _with_aliases(row: AssistantRow, by_assistant: Mapping[Key, tuple[AliasRow, ...]]) -> AssistantRow:
    return replace(row, aliases=by_assistant[row.key]) if row.key in by_assistant else row


def _strays(
    rows: Sequence[AssistantRow], by_assistant: Mapping[Key, tuple[AliasRow, ...]], chosen: Filter
) -> Iterator[AliasRow]:
    """Aliases of no Assistant, on the first page."""
    if chosen.page == 1:
        existing = {row.key for row in rows}
        for key in by_assistant.keys() - existing:
            yield from filter(chosen.matches_alias, by_assistant[key])


def _order(row: AssistantRow) -> tuple[str, str, bool, str]:
    """By Graph; the default Assistant of each Graph first."""
    return row.key[0], row.graph, not row.is_default, row.key[1]


def _groups(
    shown: Sequence[AssistantRow], known: Mapping[Key, GraphRow], chosen: Filter, rows: Sequence[AssistantRow]
) -> list[Group]:
    grouped = groupby(shown, key=lambda row: (row.key[0], row.graph))
    groups = [Group(known.get(key, GraphRow(key)), key in known, tuple(found)) for key, found in grouped]
    used = {(row.key[0], row.graph) for row in rows}
    unused = [graph for key, graph in known.items() if key not in used and chosen.matches_graph(key)]
    groups += [Group(graph, is_found=True, assistants=()) for graph in unused if chosen.page == 1]
    return sorted(groups, key=lambda group: group.graph.key)


def _states(rows: Sequence[AssistantRow], chosen: Filter) -> tuple[Choice, ...]:
    """The states that an Assistant is in, and the chosen one; the numbers are those without the state."""
    others = [row for row in rows if replace(chosen, state="").matches(row)]
    choices = []
    for value, (name, is_in) in STATES.items():
        count, is_chosen = sum(map(is_in, others)), chosen.state == value
        if count or is_chosen:
            url = replace(chosen, state="" if is_chosen else value, page=1).url
            choices.append(Choice(name, count, url, is_chosen))
    return tuple(choices)
