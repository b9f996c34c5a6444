"""Parses the API server's tables of AssistantVersions: metadata and printer columns, without the specs."""

from dataclasses import dataclass
from functools import lru_cache
from sys import intern
from typing import Any

from assistant_operator.api.assistant_version import KEEP, VersionRecord, has_version_labels, parse_version_name
from assistant_operator.api.meta import FreeForm, Key

from .transport import ClusterRefused, ClusterUnavailable

NEEDED = ("Digest", "Valid", "Active")
"""Printer columns of the CustomResourceDefinition that a VersionRecord needs."""
_MOST_KEYS = 1_000
"""In a listing the versions of one Assistant follow each other."""
TABLE = "application/json;as=Table;g=meta.k8s.io;v=v1"


@dataclass(frozen=True, slots=True)
class Replaced:
    """All versions at this resource version: replaces the known ones."""

    records: tuple[VersionRecord, ...]
    position: str
    missing: tuple[str, ...] = ()
    """Needed columns that the CustomResourceDefinition lacks: their values are unknown."""
    epoch: int = 0
    """See ResourceVersions. A listing of a new epoch replaces all known versions."""


@dataclass(frozen=True, slots=True)
class Modified:
    """A version was created or changed."""

    record: VersionRecord


@dataclass(frozen=True, slots=True)
class Deleted:
    """A version was deleted."""

    record: VersionRecord


@dataclass(frozen=True, slots=True)
class Gone:
    """The watch cannot be continued: list again."""


@dataclass(frozen=True, slots=True)
class Bookmark:
    """There was no event up to this resource version."""

    position: str


@dataclass(frozen=True, slots=True)
class Opened:
    """The API server accepted the watch."""


@dataclass(frozen=True, slots=True)
class Failing:
    """The watch failed and will be opened again."""

    error: ClusterUnavailable | ClusterRefused


Change = Modified | Deleted | Bookmark
VersionEvent = Replaced | Change | Gone | Opened | Failing


def resource_version_of(event: Replaced | Change) -> str:
    """Return the resource version from which a watch can be continued after this event."""
    return event.record.resource_version if isinstance(event, Modified | Deleted) else event.position


def parse_event(event: FreeForm, columns: list[str]) -> Change | Gone:
    """Parse a watch event. `columns`: of the listing, because a table in a watch need not repeat them."""
    if event["type"] == "ERROR":
        return Gone()
    position = event["object"].get("metadata", {}).get("resourceVersion", "")
    records = [] if event["type"] == "BOOKMARK" else parse_rows(event["object"], columns)
    if not records:
        return Bookmark(position)
    return Deleted(records[0]) if event["type"] == "DELETED" else Modified(records[0])


def parse_rows(table: FreeForm, columns: list[str]) -> list[VersionRecord]:
    """Return the records of a table. Skips versions whose name is not `<assistant>-v<number>`."""
    rows = (
        _record(dict(zip(columns, row["cells"], strict=False)), row["object"]["metadata"])
        for row in table.get("rows") or ()
    )
    return [record for record in rows if record]


def missing_columns(columns: list[str]) -> tuple[str, ...]:
    """Return the needed columns that are not in `columns`."""
    return tuple(name for name in NEEDED if name not in columns)


def column_names(table: FreeForm) -> list[str]:
    return [column["name"] for column in table.get("columnDefinitions") or ()]


@lru_cache(_MOST_KEYS)
def _key(namespace: str, assistant: str) -> Key:
    return intern(namespace), intern(assistant)


def _record(cells: dict[str, Any], meta: FreeForm) -> VersionRecord | None:
    parsed = parse_version_name(meta["name"])
    if parsed is None:
        return None
    assistant, number = parsed
    owners = meta.get("ownerReferences") or ()
    owner = next((owner["uid"] for owner in owners if owner.get("controller")), None)
    # What the versions of one Assistant have in common is kept in memory once.
    return VersionRecord(
        key=_key(meta["namespace"], assistant),
        number=number,
        uid=meta["uid"],
        resource_version=meta["resourceVersion"],
        digest=cells.get("Digest") or "",
        owner=owner and intern(owner),
        is_labelled=has_version_labels(meta.get("labels") or {}, assistant),
        is_labelled_keep=KEEP in (meta.get("labels") or ()),
        is_being_deleted="deletionTimestamp" in meta,
        active=intern(cells.get("Active") or ""),
        valid=intern(cells.get("Valid") or ""),
    )
