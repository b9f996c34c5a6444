"""The API server's own table of versions, as rows of a listing and as events of a watch."""

from typing import Any

import pytest

from assistant_operator.api.assistant_version import VersionRecord, version_labels
from assistant_operator.clients.kubernetes.version_table import (
    Bookmark,
    Deleted,
    Gone,
    Modified,
    Replaced,
    VersionEvent,
    column_names,
    parse_event,
    parse_rows,
    resource_version_of,
)
from harness.worlds import NAMESPACE, UID, a_digest, a_record

COLUMNS = ["Name", "Assistant", "Number", "Active", "Valid", "Change", "By", "Age", "Digest", "Cause"]
Json = dict[str, Any]


def a_row(number: int = 3, cells: Json | None = None, **meta: Any) -> Json:
    shown = {"Name": f"bot-v{number}", "Number": number, "Active": "True", "Valid": "True", "Digest": a_digest(number)}
    meta["labels"] = {
        **version_labels("a-v1" if meta.get("name") == "a-v1-v12" else "bot"),
        **(meta.get("labels") or {}),
    }
    owner = {"kind": "Assistant", "name": "bot", "uid": UID, "controller": True}
    told = {"name": f"bot-v{number}", "namespace": NAMESPACE, "uid": f"uid-of-v{number}", "ownerReferences": [owner]}
    return {
        "cells": [{**shown, **(cells or {})}.get(column) for column in COLUMNS],
        "object": {"metadata": {**told, "resourceVersion": str(10 * number), **meta}},
    }


def a_table(*rows: Json, position: str = "99") -> Json:
    definitions = [{"name": column, "type": "string"} for column in COLUMNS]
    return {"metadata": {"resourceVersion": position}, "columnDefinitions": definitions, "rows": list(rows)}


def test_the_columns_are_named_in_the_table_or_not_at_all() -> None:
    assert column_names(a_table()) == COLUMNS
    assert column_names({"rows": [], "columnDefinitions": None}) == []
    assert column_names({"rows": []}) == []


@pytest.mark.parametrize(
    ("row", "record"),
    [
        pytest.param(a_row(), a_record(3), id="owned, marked, valid"),
        pytest.param(a_row(cells={"Active": "", "Valid": None}), a_record(3, active="", valid=""), id="not marked yet"),
        pytest.param(a_row(ownerReferences=None), a_record(3, owner=None), id="left behind without an owner"),
        pytest.param(
            a_row(ownerReferences=[{"uid": "friend"}, {"uid": "boss", "controller": True}]),
            a_record(3, owner="boss"),
            id="the controller among its owners",
        ),
        pytest.param(a_row(ownerReferences=[{"uid": "friend"}]), a_record(3, owner=None), id="an owner, no controller"),
        pytest.param(
            a_row(labels={"assistant-operator.dev/keep": ""}), a_record(3, is_labelled_keep=True), id="labelled keep"
        ),
        pytest.param(a_row(labels={"keep": "true"}), a_record(3), id="another label"),
        pytest.param(
            a_row(labels={"app.kubernetes.io/managed-by": "a person"}),
            a_record(3, is_labelled=False),
            id="a label of ours that was changed",
        ),
        pytest.param(
            a_row(deletionTimestamp="2026-03-01T12:00:00Z"), a_record(3, is_being_deleted=True), id="being deleted"
        ),
        pytest.param(
            a_row(name="a-v1-v12"),
            VersionRecord(
                (NAMESPACE, "a-v1"), 12, "uid-of-v3", "30", a_digest(3), owner=UID, active="True", valid="True"
            ),
            id="the number is what comes last in the name",
        ),
        pytest.param(a_row(name="bot-v03"), None, id="a name we would never give"),
        pytest.param(a_row(name="notes"), None, id="a name that is no version's"),
    ],
)
def test_a_row_is_a_record(row: Json, record: VersionRecord | None) -> None:
    assert parse_rows(a_table(row), COLUMNS) == ([record] if record else [])


def test_columns_may_come_in_any_order_and_fewer_than_we_know() -> None:
    row = {"cells": ["False", "bot-v3"], "object": a_row()["object"]}
    assert parse_rows(a_table(row), ["Active", "Name"]) == [a_record(3, active="False", valid="", digest="")]


def test_an_empty_table_has_no_rows() -> None:
    assert parse_rows({"rows": None}, COLUMNS) == []


@pytest.mark.parametrize(
    ("event", "parsed", "position"),
    [
        pytest.param({"type": "ADDED", "object": a_table(a_row())}, Modified(a_record(3)), "30", id="made"),
        pytest.param({"type": "MODIFIED", "object": a_table(a_row())}, Modified(a_record(3)), "30", id="changed"),
        pytest.param({"type": "DELETED", "object": a_table(a_row())}, Deleted(a_record(3)), "30", id="deleted"),
        pytest.param({"type": "BOOKMARK", "object": a_table(a_row())}, Bookmark("99"), "99", id="a bookmark"),
        pytest.param({"type": "BOOKMARK", "object": a_table()}, Bookmark("99"), "99", id="a bookmark without rows"),
        pytest.param(
            {"type": "ADDED", "object": a_table(a_row(name="notes"))},
            Bookmark("99"),
            "99",
            id="a name we would never give",
        ),
    ],
)
def test_an_event_of_a_watch(event: Json, parsed: Modified | Deleted | Bookmark, position: str) -> None:
    assert parse_event(event, COLUMNS) == parsed
    assert resource_version_of(parsed) == position


def test_an_event_need_not_repeat_the_columns() -> None:
    table = a_table(a_row()) | {"columnDefinitions": None}
    seen: VersionEvent = parse_event({"type": "ADDED", "object": table}, COLUMNS)
    assert seen == Modified(a_record(3))


def test_an_error_says_that_history_is_gone() -> None:
    gone = {"kind": "Status", "code": 410, "reason": "Gone", "message": "too old resource version"}
    assert parse_event({"type": "ERROR", "object": gone}, COLUMNS) == Gone()


def test_a_listing_tells_its_own_position() -> None:
    assert resource_version_of(Replaced((a_record(3),), "120")) == "120"
