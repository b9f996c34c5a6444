"""Pages that are open: changes of the cluster appear by themselves, and a lost connection is shown."""

import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from dashboard.conftest import Sessions
from dashboard.process import DashboardProcess
from harness.controlplane import ControlPlane
from harness.controlplane.proxy import DropBefore, FaultProxy
from harness.controlplane.waiting import eventually
from harness.support import OperatorProcess, Workspace
from harness.support.ports import free_port

SOON = 1.0
"""Seconds within which a change appears."""


@pytest.fixture
def bot(operator: OperatorProcess, workspace: Workspace) -> Workspace:
    workspace.graph(defaultAssistant={"policy": "None"})
    workspace.assistant(context={"prompt": "one"}, displayName="0")
    workspace.until_active(1)
    return workspace


def test_a_change_appears_within_a_second_and_without_a_reload(bot: Workspace, page: Page) -> None:
    page.evaluate("window.sameDocument = true")
    numbers = count(1)

    def seconds() -> float:
        name = f"name {next(numbers)}"
        bot.edit(displayName=name)
        started = time.monotonic()
        page.get_by_text(name, exact=True).wait_for()
        return time.monotonic() - started

    # Other tests use the machine too: on a free one, the first attempts are fast enough.
    for _ in range(3):
        eventually(lambda: seconds() < SOON)
    assert page.evaluate("window.sameDocument") is True


def test_a_new_version_appears_and_what_the_reader_does_stays(bot: Workspace, page: Page) -> None:
    page.goto(f"/assistants/{bot.namespace}/bot")
    page.evaluate("window.sameDocument = true")
    search = page.get_by_role("searchbox")
    search.press_sequentially("context")
    page.wait_for_url("**?q=context")
    page.locator("details summary").click()
    page.get_by_label("Compare", exact=True).or_(page.get_by_role("searchbox")).first.focus()
    bot.edit(context={"prompt": "two"})
    expect(page.locator("tr#v2")).to_contain_text("active")
    expect(search).to_have_value("context")
    expect(search).to_be_focused()
    expect(page.locator("details")).to_have_attribute("open", "")
    assert page.evaluate("window.sameDocument") is True


def test_a_deleted_assistant_disappears(bot: Workspace, page: Page) -> None:
    expect(page.get_by_role("link", name="bot", exact=True)).to_be_visible()
    bot.delete("assistants", "bot")
    expect(page.get_by_role("link", name="bot", exact=True)).to_have_count(0)


@pytest.fixture
def proxied(installed: ControlPlane, bot: Workspace) -> Iterator[tuple[FaultProxy, DashboardProcess]]:
    """A dashboard whose way to the API server can be cut."""
    with FaultProxy(installed) as proxy:
        text = installed.admin_kubeconfig.read_text().replace(installed.url, proxy.url)
        kubeconfig = Path(installed.admin_kubeconfig).with_name("admin-proxied.yaml")
        kubeconfig.write_text(text)
        with DashboardProcess(kubeconfig, "-n", bot.namespace) as dashboard:
            yield proxy, dashboard


def test_a_cluster_that_is_away_is_shown_until_it_is_back(
    bot: Workspace, proxied: tuple[FaultProxy, DashboardProcess], sessions: Sessions
) -> None:
    proxy, dashboard = proxied
    page = sessions.sign_in(dashboard)
    expect(page.get_by_text("0", exact=True)).to_be_visible()
    proxy.fault = lambda _: DropBefore()
    proxy.cut_watches()
    banner = page.get_by_text("The connection to the cluster is lost.")
    banner.wait_for()
    expect(page.get_by_text("0", exact=True)).to_be_visible()
    bot.edit(displayName="meanwhile")
    proxy.fault = None
    page.get_by_text("meanwhile").wait_for()
    expect(banner).to_have_count(0)


def test_a_dashboard_that_is_away_is_shown_until_it_is_back(bot: Workspace, sessions: Sessions) -> None:
    port = free_port()
    words = (bot.plane.admin_kubeconfig, "-n", bot.namespace)
    with DashboardProcess(*words, port=port) as dashboard:
        page = sessions.sign_in(dashboard)
        expect(page.get_by_text("0", exact=True)).to_be_visible()
    status = page.locator("#connection")
    expect(status).to_contain_text("Connection lost: is “kubectl assistants dashboard” still running?")
    with DashboardProcess(*words, port=port) as again:
        expect(status).to_contain_text("The dashboard was started again: open the URL that the command printed.")
        other = page.context.new_page()
        other.goto(again.start_path)
        expect(status).to_be_hidden()
        bot.edit(displayName="news")
        page.get_by_text("news").wait_for()
