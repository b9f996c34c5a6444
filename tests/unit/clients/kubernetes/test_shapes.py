"""What is read of a listing is all that is made of it; the rest, which is most of it, is left out."""

import json
from typing import Any

import pytest

from assistant_operator.api.assistant_version import version_labels
from assistant_operator.clients.kubernetes.shapes import HEADS, VERSION_TABLE, Shape
from assistant_operator.clients.kubernetes.version_table import column_names, parse_rows

from .test_version_table import a_row, a_table

FIELDS = [{"manager": "kubectl", "fieldsV1": {"f:spec": {}}}]
HEAD = {"namespace": "t", "name": "bot", "uid": "u", "resourceVersion": "7", "generation": 3}


@pytest.mark.parametrize(
    ("content", "read"),
    [
        pytest.param(
            {"metadata": {"resourceVersion": "9", "remainingItemCount": 3}, "items": [{"metadata": HEAD}]},
            {"metadata": {"resourceVersion": "9"}, "items": [{"metadata": HEAD}]},
            id="what is needed",
        ),
        pytest.param(
            {
                "kind": "PartialObjectMetadataList",
                "items": [{"kind": "x", "metadata": {**HEAD, "managedFields": FIELDS}}],
            },
            {"items": [{"metadata": HEAD}]},
            id="what is not needed",
        ),
        pytest.param(
            {"metadata": {"continue": "x"}, "items": None}, {"metadata": {"continue": "x"}, "items": None}, id="null"
        ),
        pytest.param({}, {}, id="nothing"),
    ],
)
def test_a_shape_is_what_is_read(content: Any, read: Any) -> None:
    assert HEADS.validate_json(json.dumps(content)) == read


@pytest.mark.parametrize("shape", [HEADS, VERSION_TABLE], ids=["heads", "versions"])
@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        '{"metadata": []}',
        '{"items": {}, "rows": {}}',
        '{"items": [1], "rows": [1]}',
        "[" * 100_000,
    ],
)
def test_another_shape_is_no_listing(shape: Shape, text: str) -> None:
    with pytest.raises(ValueError, match="validation error"):
        shape.validate_json(text)


@pytest.mark.parametrize(
    "meta",
    [
        {},
        {"labels": {**version_labels("bot"), "assistant-operator.dev/keep": ""}},
        {"labels": None, "ownerReferences": None},
        {"ownerReferences": [{"uid": "another"}, {"uid": "its", "controller": True}]},
        {"deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": ["orphan"]},
    ],
)
def test_the_shape_of_a_table_has_all_that_a_record_is_made_of(meta: dict[str, Any]) -> None:
    table = a_table(a_row(1, **meta, managedFields=FIELDS), a_row(12, **meta))
    read = VERSION_TABLE.validate_json(json.dumps(table))
    assert parse_rows(read, column_names(read)) == parse_rows(table, column_names(table))
