"""What `kubectl assistants history` shows: the versions in order, or one of them whole. Pure."""

from collections.abc import Sequence
from datetime import datetime

from ..resources.assistant import Assistant
from ..resources.assistant_version import AssistantVersion, Change
from ..resources.meta import FreeForm, condition
from .text import NONE, age, as_yaml, table

_SHOWN_PATHS = 3


def history_table(
    assistant: Assistant | None, versions: Sequence[AssistantVersion], now: datetime, *, wide: bool
) -> str:
    """Oldest first. `assistant`: None where only its versions are left."""
    headers = ["NUMBER", "CHANGE", "ACTIVE", "VALID", "BY", "AGE", "CAUSE", "PATHS"]
    if wide:
        headers[6:6] = ["GENERATION", "DIGEST"]
    return table(headers, [_row(assistant, each, now, wide=wide) for each in versions])


def _row(assistant: Assistant | None, version: AssistantVersion, now: datetime, *, wide: bool) -> list[str]:
    change = version.spec.change
    marks = [activity(assistant, version), validity(version)]
    row = [str(version.number), _kind(change), *marks, change.manager or NONE, _age(version, now)]
    told = [str(version.spec.generation), version.spec.digest] if wide else []
    return [*row, *told, change.cause or NONE, _paths(change, len(change.paths) if wide else _SHOWN_PATHS)]


def activity(assistant: Assistant | None, version: AssistantVersion) -> str:
    """Whether it is in force, by the Assistant's own status: the mark on the version follows a moment later."""
    if assistant is None:
        return _said(version, "Active")
    is_active = str(assistant.status.active_version == version.number)
    return f"{is_active} (pinned)" if assistant.pin == version.number else is_active


def validity(version: AssistantVersion) -> str:
    return _said(version, "Valid")


def _said(version: AssistantVersion, kind: str) -> str:
    stated = condition(version.status.conditions, kind)
    return stated.status if stated else "Unknown"


def _kind(change: Change) -> str:
    return f"{change.kind} to {change.same_as}" if change.same_as else change.kind


def _paths(change: Change, most: int) -> str:
    beyond = len(change.paths) - most
    return ",".join(change.paths[:most]) + (f" and {beyond} more" if beyond > 0 else "") or NONE


def _age(version: AssistantVersion, now: datetime) -> str:
    return age(version.metadata.creation_timestamp, now)


def version_page(assistant: Assistant | None, version: AssistantVersion, snapshot: FreeForm, now: datetime) -> str:
    """One version for reading: who, when, why, what, and the whole snapshot as it was stored."""
    spec, valid = version.spec, condition(version.status.conditions, "Valid")
    told = {
        "Name": version.metadata.name,
        "Number": str(version.number),
        "Change": f"{_kind(spec.change)}, by {spec.change.manager or 'an unknown manager'}, {_age(version, now)} ago",
        "Cause": spec.change.cause or NONE,
        "Paths": _paths(spec.change, len(spec.change.paths)),
        "Active": activity(assistant, version),
        "Valid": f"{valid.status}: {valid.message}" if valid else "Unknown",
        "Digest": spec.digest + ("" if version.is_intact else ", which is NOT that of the snapshot"),
    }
    rows = table(("", ""), [(f"{name}:", value) for name, value in told.items()]).removeprefix("\n")
    content = "".join(f"  {line}" for line in as_yaml(snapshot).splitlines(keepends=True))
    return f"{rows}Snapshot:\n{content}"
