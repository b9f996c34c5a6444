"""The aliases of an Assistant: what each stands for, its moves, and what a new move writes. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from assistant_operator.api.assistant import Assistant
from assistant_operator.api.assistant_alias import AssistantAlias, Move
from assistant_operator.api.assistant_version import AssistantVersion
from assistant_operator.api.meta import ConditionStatus
from assistant_operator.kubectl import patch
from assistant_operator.kubectl.client import Found
from assistant_operator.kubectl.gitops import git_owner
from assistant_operator.kubectl.undo import target

from .rows import AliasRow, VersionRow
from .timeline import Badge, Moment, Stated, all_stated, headline, ready_badge

_SHOWN = 5
"""Moves of an alias that are shown without a click."""
PERMISSION = "patch on assistantaliases.assistant-operator.dev"


@dataclass(frozen=True, slots=True)
class MoveView:
    """A recorded move. `from_`: 0 in the first."""

    from_: int
    to: int
    since: Moment
    user: str
    manager: str
    cause: str

    @classmethod
    def of(cls, move: Move, now: datetime) -> "MoveView":
        return cls(
            from_=move.from_ or 0,
            to=move.to,
            since=Moment.of(move.since, now),
            user=move.user or "",
            manager=move.manager or "",
            cause=move.cause or "",
        )


@dataclass(frozen=True, slots=True)
class AliasView:
    """An alias on the page of its Assistant."""

    row: AliasRow
    badge: Badge
    headline: str
    display_name: str
    asked: str
    """What its spec asks for: a version, or a digest."""
    assistant_id: str
    git_owner: str
    problems: tuple[Stated, ...]
    others: tuple[Stated, ...]
    moves: tuple[MoveView, ...]
    older_moves: tuple[MoveView, ...]


def alias_views(aliases: Sequence[AssistantAlias], now: datetime) -> tuple[AliasView, ...]:
    """By name."""
    return tuple(_view(alias, now) for alias in sorted(aliases, key=lambda each: each.key))


def _view(alias: AssistantAlias, now: datetime) -> AliasView:
    spec, status = alias.spec, alias.status
    found = all_stated(status.conditions, now)
    moves = tuple(MoveView.of(move, now) for move in status.moves)
    return AliasView(
        row=AliasRow.from_alias(alias),
        badge=ready_badge(alias),
        headline=headline(alias),
        display_name=spec.display_name or "",
        asked=f"v{spec.version}" if spec.version else spec.digest or "",
        assistant_id=status.assistant_id or "",
        git_owner=git_owner(alias) or "",
        problems=tuple(each for each in found if each.tone != "good"),
        others=tuple(each for each in found if each.tone == "good"),
        moves=moves[:_SHOWN],
        older_moves=moves[_SHOWN:],
    )


@dataclass(frozen=True, slots=True)
class MoveDraft:
    """`patch`: what is written, without the cause; empty if there is nothing to change.

    `before` and `after`: numbers of the versions that the alias stands for before and after; 0 for none.
    """

    patch: patch.Patch
    before: int
    after: int
    notes: tuple[str, ...]


def draft_move(
    found: Found[AssistantAlias], assistant: Assistant, chosen: AssistantVersion, rows: Sequence[VersionRow]
) -> MoveDraft:
    """`chosen`: the version to move the alias to. `rows`: the versions of the Assistant.

    Raises CliError if the alias would not move there.
    """
    target(assistant, [chosen], chosen.number)
    alias, digest = found.resource, chosen.spec.digest
    after, notes = chosen.number, []
    if alias.spec.digest:
        # The operator takes the newest version with that content.
        after = max((row.number for row in rows if row.digest == digest), default=chosen.number)
        notes.append("The alias selects a version by its digest: the digest is written, not the number.")
    if after != chosen.number:
        notes.append(f"v{after} has the same content as v{chosen.number} and is newer: the alias stands for v{after}.")
    if any(row.number == after and row.valid != ConditionStatus.TRUE for row in rows):
        notes.append(f"v{after} is not validated yet: the alias moves once the schemas of the graph accept it.")
    written = patch.move(found.document["spec"], chosen.number, digest)
    return MoveDraft(written, alias.status.version or 0, after, tuple(notes))


def done_text(name: str, number: int) -> str:
    """What the page says after a move."""
    return f"The alias {name} is set to v{number}."


def alias_denial(namespace: str) -> str:
    return f"You may not move aliases in namespace {namespace}: the permission {PERMISSION} is missing."
