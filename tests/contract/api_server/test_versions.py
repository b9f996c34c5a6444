"""What can become of an AssistantVersion: nothing but its status."""

from typing import Any

import pytest

from .client import Api
from .objects import condition, version

Json = dict[str, Any]


async def test_the_name_of_a_version_is_of_its_assistant_and_number(api: Api) -> None:
    refused = await api.create("assistantversions", version(2, meta={"name": "bot-v3"}))
    message = "Invalid value: metadata.name must be <spec.assistantRef.name>-v<spec.number>"
    assert refused.causes == [{"reason": "FieldValueInvalid", "message": message, "field": "metadata.name"}]


@pytest.mark.parametrize(
    "change",
    [
        {"number": 2},
        {"snapshot": {"context": {"a": 2}}},
        {"snapshot": {"context": {"a": None, "b": 1}}},
        {"snapshot": {"context": {"a": {"deep": 1}}}},
        {"snapshot": {"displayName": "x"}},
        {"change": {"kind": "Edited"}},
    ],
    ids=["a number", "a value", "another key", "another kind of value", "a field more", "the change"],
)
async def test_the_spec_of_a_version_cannot_be_changed(api: Api, change: Json) -> None:
    await api.create("assistantversions", version(snapshot={"graphRef": {"name": "support"}, "context": {"a": 1}}))
    refused = await api.merge("assistantversions", "bot-v1", {"spec": change})
    message = "Invalid value: a version is immutable: edit the Assistant to make a new one"
    assert {"reason": "FieldValueInvalid", "message": message, "field": "spec"} in refused.causes
    removed = await api.merge("assistantversions", "bot-v1", {"spec": None})
    assert removed.causes[0]["reason"] == "FieldValueRequired"


async def test_the_status_of_a_version_can_be_changed(api: Api) -> None:
    await api.create("assistantversions", version())
    body = {"status": {"conditions": [condition("Active")], "serverVersion": 3}}
    marked = await api.merge("assistantversions", "bot-v1", body, "status")
    assert (marked.status, marked.body["status"]) == (200, body["status"])
