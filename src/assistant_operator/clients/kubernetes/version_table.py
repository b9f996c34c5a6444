"""Versions as `kubectl get` shows them: the API server's own table, metadata and columns without the bodies."""

from dataclasses import dataclass
from typing import Any

from assistant_operator.api.assistant_version import KEEP, VersionRecord, has_version_labels, parse_version_name
from assistant_operator.api.meta import FreeForm

from .transport import ClusterRefused, ClusterUnavailable

NEEDED = ("Digest", "Valid", "Active")
"""Columns of the CustomResourceDefinition that records are read from."""
TABLE = "application/json;as=Table;g=meta.k8s.io;v=v1"


@dataclass(frozen=True, slots=True)
class Replaced:
    """Every version there was at this resource version."""

    records: tuple[VersionRecord, ...]
    position: str
    missing: tuple[str, ...] = ()
    """Needed columns that the CustomResourceDefinition lacks: what they would say is unknown."""
    epoch: int = 0
    """See Positions: a listing of a new one replaces what is known, whatever the resource versions are."""


@dataclass(frozen=True, slots=True)
class Modified:
    """A version was made, or changed."""

    record: VersionRecord


@dataclass(frozen=True, slots=True)
class Deleted:
    """A version was deleted."""

    record: VersionRecord


@dataclass(frozen=True, slots=True)
class Gone:
    """The API server no longer holds what came next: list again."""


@dataclass(frozen=True, slots=True)
class Bookmark:
    """Nothing of ours happened up to this resource version."""

    position: str


@dataclass(frozen=True, slots=True)
class Opened:
    """The API server accepted the watch."""


@dataclass(frozen=True, slots=True)
class Failing:
    """The versions cannot be watched now; the watch is tried again."""

    error: ClusterUnavailable | ClusterRefused


Change = Modified | Deleted | Bookmark
VersionEvent = Replaced | Change | Gone | Opened | Failing


def resource_version_of(event: Replaced | Change) -> str:
    """The resource version up to which all is told with this event."""
    return event.record.resource_version if isinstance(event, Modified | Deleted) else event.position


def parse_event(event: FreeForm, columns: list[str]) -> Change | Gone:
    """One watch event; a table in a watch need not repeat its `columns`."""
    if event["type"] == "ERROR":
        return Gone()
    position = event["object"].get("metadata", {}).get("resourceVersion", "")
    records = [] if event["type"] == "BOOKMARK" else parse_rows(event["object"], columns)
    if not records:
        return Bookmark(position)
    return Deleted(records[0]) if event["type"] == "DELETED" else Modified(records[0])


def parse_rows(table: FreeForm, columns: list[str]) -> list[VersionRecord]:
    """The records of a table; versions with a name we would never give are left out."""
    rows = (
        _record(dict(zip(columns, row["cells"], strict=False)), row["object"]["metadata"])
        for row in table.get("rows") or ()
    )
    return [record for record in rows if record]


def missing_columns(columns: list[str]) -> tuple[str, ...]:
    """The needed columns that are not there."""
    return tuple(name for name in NEEDED if name not in columns)


def column_names(table: FreeForm) -> list[str]:
    return [column["name"] for column in table.get("columnDefinitions") or ()]


def _record(cells: dict[str, Any], meta: FreeForm) -> VersionRecord | None:
    parsed = parse_version_name(meta["name"])
    if parsed is None:
        return None
    assistant, number = parsed
    owners = meta.get("ownerReferences") or ()
    return VersionRecord(
        key=(meta["namespace"], assistant),
        number=number,
        uid=meta["uid"],
        resource_version=meta["resourceVersion"],
        digest=cells.get("Digest") or "",
        owner=next((owner["uid"] for owner in owners if owner.get("controller")), None),
        is_labelled=has_version_labels(meta.get("labels") or {}, assistant),
        is_labelled_keep=KEEP in (meta.get("labels") or ()),
        is_being_deleted="deletionTimestamp" in meta,
        active=cells.get("Active") or "",
        valid=cells.get("Valid") or "",
    )
