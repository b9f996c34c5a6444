"""A namespace that is being deleted, and one that is gone."""

from .applying import REF, told
from .client import OURS, Api
from .objects import assistant, version
from .waiting import eventually

HELD = {"finalizers": ["example.com/held"]}


async def terminate(api: Api) -> None:
    """Delete the namespace; an Assistant with a finalizer keeps it from being gone."""
    await api.done("POST", api.path("assistants"), assistant("held", meta=HELD))
    deleted = await api.send("DELETE", f"/api/v1/namespaces/{api.namespace}")
    assert deleted.body["status"]["phase"] == "Terminating"
    assert deleted.meta["deletionTimestamp"]


async def release(api: Api) -> None:
    await api.merge("assistants", "held", {"metadata": {"finalizers": None}})


async def test_a_namespace_is_labelled_with_its_name_and_active(api: Api) -> None:
    found = await api.send("GET", f"/api/v1/namespaces/{api.namespace}")
    assert found.meta["labels"] == {"kubernetes.io/metadata.name": api.namespace}
    assert found.body["status"]["phase"] == "Active"


async def test_nothing_is_created_in_a_namespace_that_is_being_deleted(api: Api) -> None:
    await terminate(api)
    posted = await api.create("assistantversions", version())
    applied = await api.apply("assistants", "late", told("late", graphRef=REF), "one")
    for refused, plural, name in ((posted, "assistantversions", "bot-v1"), (applied, "assistants", "late")):
        assert refused.refusal == (403, "Forbidden")
        why = f"unable to create new content in namespace {api.namespace} because it is being terminated"
        assert refused.message == f'{plural}.assistant-operator.dev "{name}" is forbidden: {why}'
        assert refused.causes == [
            {
                "reason": "NamespaceTerminating",
                "message": f"namespace {api.namespace} is being terminated",
                "field": "metadata.namespace",
            }
        ]
    await release(api)


async def test_what_is_in_a_namespace_that_is_being_deleted_can_be_changed(api: Api) -> None:
    await terminate(api)
    edited = await api.merge("assistants", "held", {"spec": {"displayName": "x"}})
    assert edited.body["spec"]["displayName"] == "x"
    written = await api.merge("assistants", "held", {"status": {"observedGeneration": 1}}, "status")
    assert written.body["status"] == {"observedGeneration": 1}
    await release(api)


async def test_a_deleted_namespace_is_gone_once_its_contents_are(api: Api) -> None:
    await api.create("assistants", assistant("free"))
    await terminate(api)

    async def is_marked() -> bool:
        return "deletionTimestamp" in (await api.get("assistants", "held")).meta

    async def is_gone() -> bool:
        return (await api.send("GET", f"/api/v1/namespaces/{api.namespace}")).status == 404

    await eventually(is_marked)
    assert (await api.get("assistants", "free")).status == 404
    assert not await is_gone()
    await release(api)
    await eventually(is_gone)
    refused = await api.create("assistants", assistant())
    assert (refused.refusal, refused.body["details"]["kind"]) == ((404, "NotFound"), "namespaces")
    assert (await api.send("GET", f"{OURS}/namespaces/{api.namespace}/assistants")).names == []
