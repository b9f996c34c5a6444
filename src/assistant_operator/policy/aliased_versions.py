"""What each edit of an alias asks for, and which versions the aliases of an Assistant need. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from assistant_operator.api.assistant_alias import AssistantAlias, AssistantAliasStatus
from assistant_operator.api.assistant_version import VersionRecord

from .kept_versions import KeptVersions
from .versioning import LONGEST_MANAGER, cause_of, changed_by, manager_of


@dataclass(frozen=True, slots=True)
class AliasEdit:
    """One edit of an alias: what it asks for, who made it and why."""

    generation: int
    version: int | None = None
    digest: str | None = None
    manager: str | None = None
    cause: str | None = None
    user: str | None = None
    """As the annotation has it: anyone can write that without the policy record-user."""

    def requested(self, kept: KeptVersions) -> VersionRecord | None:
        """The version that it asks for; None if that does not exist."""
        return _requested(self.version, self.digest, kept)

    def found(self, kept: KeptVersions, status: AssistantAliasStatus) -> VersionRecord | None:
        """The version that it asks for, unless the alias stood for other content under that number.

        Then the Assistant was deleted and created anew. Who may do that may not move the alias thereby: it is moved by
        an edit of its own.
        """
        record = self.requested(kept)
        if record is None or self.version is None or not self.is_honoured(status):
            return record
        return record if record.digest in {"", status.digest} or status.digest is None else None

    def is_honoured(self, status: AssistantAliasStatus) -> bool:
        """Whether the status shows that the alias stood for what this edit asks for."""
        if self.generation > status.observed_generation:
            return False
        return self.version == status.version if self.version is not None else self.digest == status.digest


def alias_edit(alias: AssistantAlias, before: AssistantAlias | None) -> AliasEdit:
    """The edit that led to this state. `before`: the state before it; None if that was not seen."""
    spec, cause = alias.spec, cause_of(alias)
    recorded = (move.cause for move in alias.status.moves if move.cause)
    known = cause_of(before) if before else next(recorded, None)
    path = ("version",) if spec.version is not None else ("digest",)
    return AliasEdit(
        alias.metadata.generation,
        spec.version,
        spec.digest,
        manager=manager_of(alias.metadata.managed_fields, [path])[:LONGEST_MANAGER] or None,
        cause=None if cause == known else cause,
        user=changed_by(alias),
    )


def _requested(number: int | None, digest: str | None, kept: KeptVersions) -> VersionRecord | None:
    if number is not None:
        return kept.get(number)
    return next((record for record in reversed(kept) if record.digest == digest), None)


@dataclass(frozen=True, slots=True)
class AliasedVersions:
    """Numbers of the versions of one Assistant that its aliases need. None of them is pruned."""

    in_force: frozenset[int] = frozenset()
    """Those that an alias stands for: deleted by hand, they are created again."""
    requested: frozenset[int] = frozenset()
    """Those that the spec of an alias asks for."""

    @classmethod
    def of(cls, aliases: Iterable[AssistantAlias], kept: KeptVersions) -> Self:
        present = [alias for alias in aliases if not alias.metadata.is_being_deleted]
        found = (_requested(alias.spec.version, alias.spec.digest, kept) for alias in present)
        return cls(
            frozenset(alias.status.version for alias in present if alias.status.version),
            frozenset(record.number for record in found if record),
        )


NONE_ALIASED = AliasedVersions()
