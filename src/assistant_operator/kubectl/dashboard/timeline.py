"""The page of an Assistant: its versions with badges, its conditions with what to do, its copy. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import pairwise
from typing import Self
from urllib.parse import urlencode

from assistant_operator.api.assistant import Assistant
from assistant_operator.api.assistant_alias import Published
from assistant_operator.api.meta import Condition, ConditionStatus, Key, condition
from assistant_operator.api.reason import Reason
from assistant_operator.kubectl.client import Found
from assistant_operator.kubectl.conditions import is_observed, not_ready_reason, readiness
from assistant_operator.kubectl.gitops import git_owner
from assistant_operator.kubectl.text import age

from .chart import Chart, chart
from .explanations import action, meaning
from .rows import AliasRow, EventRow, VersionRow, activations

PAGE = 500
"""Versions on one page."""
_PATHS = 4
_GOOD_IF_FALSE = {"Reconciling", "Stalled"}
_ORDER = ("Ready", "Stalled", "Reconciling", "GraphFound", "Valid", "VersionFound", "Published")


@dataclass(frozen=True, slots=True)
class Badge:
    """A short mark. `tone`: good, bad, warn, info, plain or alias."""

    text: str
    tone: str
    title: str = ""


@dataclass(frozen=True, slots=True)
class Moment:
    """A time as text: how long ago, and in UTC."""

    ago: str
    utc: str

    @classmethod
    def of(cls, time: datetime | None, now: datetime) -> Self:
        return cls(age(time, now), f"{time:%Y-%m-%dT%H:%M:%SZ}" if time else "")


@dataclass(frozen=True, slots=True)
class Entry:
    """A version in the timeline."""

    version: VersionRow
    badges: tuple[Badge, ...]
    made: Moment
    paths: tuple[str, ...]
    more_paths: int
    previous: int
    """Number of the version before it that still exists; 0 if there is none."""


@dataclass(frozen=True, slots=True)
class Stated:
    """Conditions with one reason, and its explanation."""

    conditions: tuple[tuple[str, str], ...]
    """Type and status of each."""
    reason: str
    message: str
    since: Moment
    meaning: str
    action: str
    tone: str

    @property
    def types(self) -> str:
        return ", ".join(name for name, _ in self.conditions)


@dataclass(frozen=True, slots=True)
class Copy:
    """The copy on a LangGraph Server. `leftovers`: servers where an older copy still has to be deleted."""

    server: str
    id: str
    published: str
    leftovers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EventView:
    """A Kubernetes event."""

    event: EventRow
    last: Moment


@dataclass(frozen=True, slots=True)
class Search:
    """The parameters of the URL that choose versions."""

    text: str = ""
    before: int = 0
    """Show versions with a smaller number only; 0: from the newest on."""

    @classmethod
    def of(cls, query: Mapping[str, str]) -> Self:
        return cls(query.get("q", "").strip(), number_of(query.get("before", "")))

    def matches(self, version: VersionRow) -> bool:
        texts = (f"v{version.number}", version.kind, version.cause, version.user, version.manager, version.reason)
        searched = "\n".join((*texts, *version.paths)).casefold()
        return all(word in searched for word in self.text.casefold().split())


def number_of(text: str) -> int:
    """The number of a version in a URL; 0 for anything else."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else 0  # noqa: PLR2004 (int64)


@dataclass(frozen=True, slots=True)
class AssistantPage:
    """What the page shows. Without an Assistant (it was deleted) only its versions."""

    namespace: str
    name: str
    graph: str
    display_name: str
    ready: str
    headline: str
    badges: tuple[Badge, ...]
    latest: int
    active: int
    pin: int
    is_deleted: bool
    is_suspended: bool
    git_owner: str
    problems: tuple[Stated, ...]
    others: tuple[Stated, ...]
    notes: tuple[str, ...]
    copy: Copy | None
    chart: Chart | None
    entries: tuple[Entry, ...]
    total: int
    found: int
    search: Search
    older: str
    """URL parameters of the next page of older versions; empty on the last."""

    @property
    def path(self) -> str:
        return path_of((self.namespace, self.name))


def path_of(key: Key) -> str:
    """The URL path of the page of an Assistant."""
    return f"/assistants/{key[0]}/{key[1]}"


def assistant_page(
    key: Key,
    found: Found[Assistant] | None,
    versions: Sequence[VersionRow],
    now: datetime,
    search: Search,
    aliases: Sequence[AliasRow] = (),
) -> AssistantPage:
    """`found`: None if the Assistant was deleted, and its versions or its aliases remain."""
    ordered = sorted(versions, key=lambda version: version.number, reverse=True)
    assistant = found.resource if found else None
    matching = [each for each in ordered if search.matches(each) and not 0 < search.before <= each.number]
    shown = matching[:PAGE]
    conditions = all_stated(assistant.status.conditions, now) if assistant else ()
    status, spec = (assistant.status, assistant.spec) if assistant else (None, None)
    return AssistantPage(
        namespace=key[0],
        name=key[1],
        graph=spec.graph_ref.name if spec else "",
        display_name=(spec.display_name or "") if spec else "",
        ready=readiness(assistant) if assistant else "Unknown",
        headline=headline(assistant) if assistant else _headline_of_deleted(ordered),
        badges=_own_badges(assistant, ordered),
        latest=(status.latest_version or 0) if status else (ordered[0].number if ordered else 0),
        active=(status.active_version or 0) if status else 0,
        pin=(assistant.pin or 0) if assistant else 0,
        is_deleted=assistant is None,
        is_suspended=spec.suspend if spec else False,
        git_owner=(git_owner(assistant) or "") if assistant else "",
        problems=tuple(each for each in conditions if each.tone != "good"),
        others=tuple(each for each in conditions if each.tone == "good"),
        notes=tuple(_notes(assistant)),
        copy=_copy(assistant),
        chart=chart(activations(found.document), now) if found else None,
        entries=tuple(_entries(shown, ordered, partial(badges, assistant=assistant, aliases=aliases), now)),
        total=len(ordered),
        found=len(matching),
        search=search,
        older=_older(search, shown) if len(matching) > len(shown) else "",
    )


def _older(search: Search, shown: Sequence[VersionRow]) -> str:
    chosen = {"q": search.text} if search.text else {}
    return urlencode({**chosen, "before": shown[-1].number})


def _entries(
    shown: Sequence[VersionRow],
    ordered: Sequence[VersionRow],
    badges_of: Callable[[VersionRow], list[Badge]],
    now: datetime,
) -> list[Entry]:
    before = {newer.number: older.number for newer, older in pairwise(ordered)}
    return [
        Entry(
            version=each,
            badges=tuple(badges_of(each)),
            made=Moment.of(each.created, now),
            paths=each.paths[:_PATHS],
            more_paths=max(0, len(each.paths) - _PATHS),
            previous=before.get(each.number, 0),
        )
        for each in shown
    ]


def badges(version: VersionRow, assistant: Assistant | None, aliases: Sequence[AliasRow] = ()) -> list[Badge]:
    """`assistant`: None if it was deleted. Then the version's own condition says whether it was active."""
    is_active = assistant.status.active_version == version.number if assistant else version.is_active
    found = [Badge("active", "good", "This version is in force.")] if is_active else []
    if assistant and assistant.pin == version.number:
        found.append(Badge("pinned", "info", "spec.versioning.activeVersion has this number."))
    found += [_alias_badge(alias) for alias in aliases if alias.version == version.number]
    if version.is_altered:
        found.append(Badge("altered", "bad", version.message))
    elif version.is_refused:
        found.append(Badge(f"refused: {version.reason}", "bad", version.message))
    elif version.valid != ConditionStatus.TRUE:
        found.append(Badge("not validated", "warn", version.message or "The operator has not validated it yet."))
    if version.same_as:
        found.append(Badge(f"reverted to v{version.same_as}", "plain", f"Its content is that of v{version.same_as}."))
    if version.is_kept:
        found.append(Badge("kept", "plain", "It has the label assistant-operator.dev/keep, so it is not pruned."))
    return found


def _alias_badge(alias: AliasRow) -> Badge:
    title = f"The alias {alias.name} stands for this version."
    return Badge(alias.name, "alias", f"{title} {alias.reason}" if alias.reason else title)


def ready_badge(resource: Published) -> Badge:
    """Whether it is ready."""
    ready = readiness(resource)
    tone = {"True": "good", "False": "bad"}.get(ready, "warn")
    return Badge({"True": "ready", "False": "not ready"}.get(ready, "not observed yet"), tone)


def _own_badges(assistant: Assistant | None, versions: Sequence[VersionRow]) -> tuple[Badge, ...]:
    if assistant is None:
        return (Badge("deleted" if versions else "does not exist", "bad"),)
    spec, found = assistant.spec, [ready_badge(assistant)]
    found += [Badge("suspended", "warn")] if spec.suspend else []
    found += [Badge(f"pinned to v{assistant.pin}", "info")] if assistant.pin else []
    found += [Badge("manual activation", "plain")] if spec.versioning.activation == "Manual" else []
    return tuple(found)


def _headline_of_deleted(versions: Sequence[VersionRow]) -> str:
    if versions:
        return "The assistant was deleted. Its versions still exist."
    return "There is no such assistant. Aliases still name it."


def headline(resource: Published) -> str:
    """One sentence on the state, if no condition has it; empty otherwise."""
    ready = condition(resource.status.conditions, "Ready")
    if ready is None or not is_observed(resource) or resource.metadata.is_being_deleted:
        return not_ready_reason(resource)
    return ready.message if ready.status == ConditionStatus.TRUE else ""


def all_stated(found: Sequence[Condition], now: datetime) -> tuple[Stated, ...]:
    """The conditions, those of one reason together: Ready first, then in the order of the documentation."""
    order = {name: place for place, name in enumerate(_ORDER)}
    conditions = sorted(found, key=lambda each: (order.get(each.type, len(order)), each.type))
    by_reason: dict[tuple[str, str], list[Condition]] = {}
    for each in conditions:
        by_reason.setdefault((each.reason, _tone(each)), []).append(each)
    return tuple(stated(each, now) for each in by_reason.values())


def stated(conditions: Sequence[Condition], now: datetime) -> Stated:
    """`conditions`: at least one, all with one reason."""
    first, tone = conditions[0], _tone(conditions[0])
    return Stated(
        conditions=tuple((each.type, each.status) for each in conditions),
        reason=first.reason,
        message=first.message,
        since=Moment.of(first.last_transition_time, now),
        meaning=meaning(first.reason),
        action=action(first.reason) if tone != "good" else "",
        tone=tone,
    )


def _tone(condition: Condition) -> str:
    if condition.type in _GOOD_IF_FALSE:
        is_wrong = condition.status == ConditionStatus.TRUE
        return ("bad" if condition.type == "Stalled" else "warn") if is_wrong else "good"
    if condition.status == ConditionStatus.TRUE:
        return "warn" if condition.reason == Reason.SUSPENDED else "good"
    return "bad" if condition.status == ConditionStatus.FALSE else "warn"


def _notes(assistant: Assistant | None) -> list[str]:
    """Facts that no condition has."""
    if assistant is None:
        return []
    found, missed = [], assistant.status.missed_generations
    if missed:
        found.append(f"{missed} {'edit is' if missed == 1 else 'edits are'} in no version: no operator ran then.")
    if assistant.pin and assistant.spec.versioning.activation == "Automatic":
        found.append(f"While the pin to v{assistant.pin} is set, new edits do not come into force.")
    if owner := git_owner(assistant):
        found.append(f"It is applied from Git by {owner}: actions show the manifest to commit.")
    return found


def _copy(assistant: Assistant | None) -> Copy | None:
    if assistant is None:
        return None
    published, copies = condition(assistant.status.conditions, "Published"), assistant.status.copies
    if not (published or copies):
        return None
    return Copy(
        server=copies[0].server if copies else "",
        id=assistant.status.assistant_id or (copies[0].assistant_id if copies else ""),
        published=f"{published.status}: {published.message}" if published else "",
        leftovers=tuple(each.server for each in copies[1:]),
    )


def event_views(events: Sequence[EventRow], now: datetime) -> list[EventView]:
    """Newest first."""
    ordered = sorted(events, key=lambda each: each.last.timestamp() if each.last else 0.0, reverse=True)
    return [EventView(each, Moment.of(each.last, now)) for each in ordered]
