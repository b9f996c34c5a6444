"""Objects as rows: the printer columns of the CustomResourceDefinitions."""

from typing import Any

from .client import TABLE, Api, Reply
from .objects import NO_DIGEST, assistant, condition, graph, version

NAMES = {
    "assistantversions": ["Name", "Assistant", "Number", "Active", "Valid", "Change", "By", "Age", "Digest", "Cause"],
    "assistants": [
        *("Name", "Graph", "Latest", "Active", "Ready", "Versions", "Age", "Pinned", "Reason", "Message", "ID"),
    ],
    "graphs": ["Name", "Graph-ID", "Deployed", "Ready", "Default", "Assistants", "Age", "Server", "Reason", "Message"],
}


def cells(reply: Reply) -> list[dict[str, Any]]:
    names = [column["name"] for column in reply.body["columnDefinitions"]]
    return [dict(zip(names, row["cells"], strict=True)) for row in reply.body["rows"]]


async def test_a_table_has_the_columns_of_the_definition_also_when_it_is_empty(api: Api) -> None:
    for plural, names in NAMES.items():
        listed = await api.list(plural, accept=TABLE)
        assert (listed.body["kind"], listed.body["apiVersion"]) == ("Table", "meta.k8s.io/v1")
        assert [column["name"] for column in listed.body["columnDefinitions"]] == names
        assert listed.body["rows"] == []
        assert listed.meta["resourceVersion"]


async def test_a_column_says_its_type_and_whether_it_is_wide(api: Api) -> None:
    listed = await api.list("assistantversions", accept=TABLE)
    columns = {column["name"]: column for column in listed.body["columnDefinitions"]}
    assert columns["Number"] == {
        "name": "Number",
        "type": "integer",
        "format": "",
        "description": "1, 2, 3 and so on.",
        "priority": 0,
    }
    assert (columns["Name"]["format"], columns["Age"]["type"]) == ("name", "date")
    assert [name for name, column in columns.items() if column["priority"]] == ["Digest", "Cause"]


async def test_a_row_has_the_values_of_the_object_and_null_for_what_it_lacks(api: Api) -> None:
    made = await api.create("assistantversions", version(7))
    listed = await api.list("assistantversions", accept=TABLE)
    (row,) = cells(listed)
    age = row.pop("Age")
    assert age.endswith("s")
    assert row == {
        "Name": "bot-v7",
        "Assistant": "bot",
        "Number": 7,
        "Active": None,
        "Valid": None,
        "Change": "Created",
        "By": None,
        "Digest": NO_DIGEST,
        "Cause": None,
    }
    shown = listed.body["rows"][0]["object"]
    assert shown == {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": made.meta}


async def test_a_column_with_two_fields_shows_the_first_of_them_that_the_object_has(api: Api) -> None:
    """Who made a version: the user; the field manager, if the user is not known."""
    for number, author in enumerate(({}, {"manager": "m"}, {"user": "u"}, {"manager": "m", "user": "u"}), 1):
        await api.create("assistantversions", version(number, change={"kind": "Created", **author}))
    listed = await api.list("assistantversions", accept=TABLE)
    assert [row["By"] for row in cells(listed)] == [None, "m", "u", "u"]


async def test_a_column_of_a_condition_shows_the_condition_of_that_type(api: Api) -> None:
    await api.create("assistantversions", version())
    conditions = [condition("Valid", "False"), condition("Active", "True")]
    await api.merge("assistantversions", "bot-v1", {"status": {"conditions": conditions}}, "status")
    (row,) = cells(await api.list("assistantversions", accept=TABLE))
    assert (row["Active"], row["Valid"]) == ("True", "False")


async def test_a_row_of_each_kind(api: Api) -> None:
    await api.create("assistants", assistant(versioning={"activeVersion": 3}))
    status = {"conditions": [condition(reason="Active", message="bot-v3 is active")], "latestVersion": 4, "versions": 4}
    await api.merge("assistants", "bot", {"status": {**status, "activeVersion": 3}}, "status")
    (row,) = cells(await api.list("assistants", accept=TABLE))
    wanted = {"Graph": "support", "Latest": 4, "Active": 3, "Ready": "True", "Versions": 4, "Pinned": 3}
    assert row.items() >= {**wanted, "Reason": "Active", "Message": "bot-v3 is active", "ID": None}.items()
    await api.create("graphs", graph(server={"url": "http://host"}))
    (row,) = cells(await api.list("graphs", accept=TABLE))
    assert row.items() >= {"Name": "support", "Graph-ID": None, "Server": "http://host"}.items()


async def test_one_object_can_be_a_table(api: Api) -> None:
    made = await api.create("assistantversions", version())
    found = await api.get("assistantversions", "bot-v1", accept=TABLE)
    assert (found.position, [row["Name"] for row in cells(found)]) == (made.position, ["bot-v1"])


async def test_a_table_comes_in_pages(api: Api) -> None:
    for number in (1, 2, 3):
        await api.create("assistantversions", version(number))
    page = await api.list("assistantversions", accept=TABLE, limit=2)
    assert ([row["Number"] for row in cells(page)], page.meta["remainingItemCount"]) == ([1, 2], 1)
    rest = await api.list("assistantversions", accept=TABLE, limit=2, **{"continue": page.meta["continue"]})
    assert [row["Number"] for row in cells(rest)] == [3]
    assert "continue" not in rest.meta
