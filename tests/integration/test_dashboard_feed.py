"""The feeds of the dashboard on a real API server: list, watch, and what goes wrong between."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from assistant_operator.api.assistant import Assistant
from assistant_operator.clients.kubernetes.transport import ApiServer, ClusterRefused, ClusterUnavailable
from assistant_operator.kubectl.dashboard.feed import Feed, Feeds, Source, any_change
from assistant_operator.kubectl.dashboard.site import assistants_of
from assistant_operator.kubectl.kubeconfig import ConnectionFlags, access
from harness.controlplane import ControlPlane
from harness.controlplane.proxy import Answer, DropBefore, FaultProxy
from harness.support import Workspace
from harness.support.ports import free_port

PATIENCE = 60.0


def display_name(document: dict[str, Any]) -> str:
    """Refuses one name as a form that this release does not know."""
    name: str = Assistant.model_validate(document).spec.display_name or ""
    if name == "unknown form":
        raise ValueError(name)
    return name


@asynccontextmanager
async def feeds_of(kubeconfig: Path) -> AsyncIterator[Feeds]:
    server: ApiServer = (await access(ConnectionFlags(str(kubeconfig)))).server()
    feeds = Feeds(server)
    try:
        yield feeds
    finally:
        await feeds.close()
        await server.close()
        await asyncio.sleep(0.1)  # so that the loop closes the connections


async def until(feed: Feed[str], holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not holds():
            await any_change([feed], 1.0)


def values(feed: Feed[str]) -> list[str]:
    return sorted(feed.items.values())


async def test_it_has_each_object_as_it_is_now(workspace: Workspace) -> None:
    source = assistants_of(workspace.namespace)
    async with feeds_of(workspace.plane.admin_kubeconfig) as feeds, feeds.using(source, display_name) as feed:
        assert (await feed.listed()).items == {}
        await asyncio.to_thread(workspace.assistant, "one", displayName="1")
        await asyncio.to_thread(workspace.assistant, "two", displayName="2")
        await until(feed, lambda: values(feed) == ["1", "2"])
        before = feed.revision
        await asyncio.to_thread(workspace.edit, "two", displayName="3")
        await until(feed, lambda: values(feed) == ["1", "3"])
        await asyncio.to_thread(workspace.delete, "assistants", "one")
        await until(feed, lambda: values(feed) == ["3"])
        assert feed.revision > before


async def test_a_selector_chooses(workspace: Workspace) -> None:
    for name in ("one", "two"):
        workspace.assistant(name, displayName=name)
    source = Source(assistants_of(workspace.namespace).path, "metadata.name=two")
    async with feeds_of(workspace.plane.admin_kubeconfig) as feeds, feeds.using(source, display_name) as feed:
        assert values(await feed.listed()) == ["two"]


async def test_one_object_of_an_unknown_form_does_not_hide_the_others(workspace: Workspace) -> None:
    workspace.assistant("one", displayName="1")
    workspace.assistant("later", displayName="unknown form")
    source = assistants_of(workspace.namespace)
    async with feeds_of(workspace.plane.admin_kubeconfig) as feeds, feeds.using(source, display_name) as feed:
        assert values(await feed.listed()) == ["1"]
        assert feed.unreadable == {(workspace.namespace, "later")}
        await asyncio.to_thread(workspace.edit, "later", displayName="known")
        await until(feed, lambda: values(feed) == ["1", "known"])
        assert feed.unreadable == set()
        await asyncio.to_thread(workspace.edit, "one", displayName="unknown form")
        await until(feed, lambda: feed.unreadable == {(workspace.namespace, "one")})


async def test_a_lost_watch_is_told_and_what_changed_meanwhile_is_found(
    installed: ControlPlane, workspace: Workspace, tmp_path: Path
) -> None:
    with FaultProxy(installed) as proxy:
        kubeconfig = tmp_path / "kubeconfig"
        kubeconfig.write_text(installed.admin_kubeconfig.read_text().replace(installed.url, proxy.url))
        source = assistants_of(workspace.namespace)
        workspace.assistant("one", displayName="1")
        async with feeds_of(kubeconfig) as feeds, feeds.using(source, display_name) as feed:
            await feed.listed()
            proxy.fault = lambda _: DropBefore()
            await asyncio.to_thread(proxy.cut_watches)
            await until(feed, lambda: bool(feed.lost))
            assert values(feed) == ["1"], "what was known stays"
            await asyncio.to_thread(workspace.edit, "one", displayName="2")
            proxy.fault = None
            await until(feed, lambda: values(feed) == ["2"] and not feed.lost)


async def test_a_watch_that_is_too_old_lists_again(
    installed: ControlPlane, workspace: Workspace, tmp_path: Path
) -> None:
    with FaultProxy(installed) as proxy:
        kubeconfig = tmp_path / "kubeconfig"
        kubeconfig.write_text(installed.admin_kubeconfig.read_text().replace(installed.url, proxy.url))
        refused = [Answer(410, "Expired", "too old resource version: 1 (2)")]
        proxy.fault = lambda request: refused.pop() if request.is_watch and refused else None
        workspace.assistant("one", displayName="1")
        source = assistants_of(workspace.namespace)
        async with feeds_of(kubeconfig) as feeds, feeds.using(source, display_name) as feed:
            await feed.listed()
            await asyncio.to_thread(workspace.edit, "one", displayName="2")
            await until(feed, lambda: values(feed) == ["2"])
            assert (refused, feed.lost) == ([], "")


async def test_the_first_listing_raises_what_is_wrong(
    installed: ControlPlane, workspace: Workspace, tmp_path: Path
) -> None:
    accounts = f"/api/v1/namespaces/{workspace.namespace}/serviceaccounts"
    workspace.client.demand("POST", accounts, {"metadata": {"name": "stranger"}})
    source = assistants_of(workspace.namespace)
    stranger = installed.kubeconfig_for(workspace.namespace, "stranger")
    async with feeds_of(stranger) as feeds, feeds.using(source, display_name) as feed:
        with pytest.raises(ClusterRefused, match="is forbidden"):
            await feed.listed()
    nowhere = tmp_path / "kubeconfig"
    nowhere.write_text(
        installed.admin_kubeconfig.read_text().replace(installed.url, f"https://127.0.0.1:{free_port()}")
    )
    async with feeds_of(nowhere) as feeds, feeds.using(source, display_name) as feed:
        with pytest.raises(ClusterUnavailable):
            await feed.listed()


async def test_two_users_share_one_feed(workspace: Workspace) -> None:
    source = assistants_of(workspace.namespace)
    async with feeds_of(workspace.plane.admin_kubeconfig) as feeds:
        async with feeds.using(source, display_name) as one, feeds.using(source, display_name) as other:
            assert one is other
        async with feeds.using(source, display_name) as again:
            assert again is one, "the next page needs it a moment later"
