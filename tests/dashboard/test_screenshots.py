"""The screenshots of docs/dashboard.md. `make screenshots` writes them; the tests make the same elsewhere."""

import os
import struct
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from dashboard.conftest import Sessions
from dashboard.process import DashboardProcess
from dashboard.shop import a_history, alias, edit_alias
from harness.controlplane.waiting import eventually
from harness.documentation import ROOT
from harness.support import OperatorProcess, Workspace

FOLDER = os.environ.get("ASSISTANT_OPERATOR_TEST_SCREENSHOTS")
"""Where the screenshots are written; without it they are thrown away."""
PAUSE = 6.0 if FOLDER else 0.0
"""Seconds between two edits: for a reader, the chart needs a history with some length."""
WIDTH = 1100
DOCUMENTED = ROOT / "docs/images"


@pytest.fixture
def page(operator: OperatorProcess, workspace: Workspace, sessions: Sessions) -> Iterator[Page]:
    a_history(workspace, pause=lambda: time.sleep(PAUSE))
    alias(workspace, version=1)
    eventually(lambda: workspace.status("production", "assistantaliases").get("version") == 1)
    edit_alias(workspace, 2, "reviewed by legal")
    with DashboardProcess(workspace.plane.admin_kubeconfig, "-n", workspace.namespace) as dashboard:
        yield sessions.sign_in(dashboard, viewport={"width": WIDTH, "height": 800})


def test_the_screenshots_of_the_documentation(page: Page, workspace: Workspace, tmp_path: Path) -> None:
    folder = ROOT / FOLDER if FOLDER else tmp_path
    bot = f"/assistants/{workspace.namespace}/bot"
    page.goto(bot)
    expect(page.locator("table.chart tbody tr")).to_have_count(4)
    expect(page.locator("table.moves tbody tr")).to_have_count(2)
    _shoot(page, folder / "dashboard-assistant.png")
    page.goto(f"{bot}/pin?version=1")
    expect(page.locator("ins").first).to_be_visible()
    _shoot(page, folder / "dashboard-pin.png")
    for made in (tmp_path if not FOLDER else folder).glob("dashboard-*.png"):
        assert width_of(DOCUMENTED / made.name) == width_of(made) == WIDTH


def _shoot(page: Page, path: Path) -> None:
    # The namespace of a test and the address of its cluster say nothing to a reader.
    page.evaluate(
        """() => {
            document.querySelector(".where").textContent = "cluster.example.com · shop";
            for (const each of document.querySelectorAll("nav .quiet")) each.textContent = "shop";
        }"""
    )
    page.screenshot(path=path, full_page=True)


def width_of(path: Path) -> int:
    """Of a PNG, in pixels."""
    header = path.read_bytes()[:24]
    assert header.startswith(b"\x89PNG")
    width: int = struct.unpack(">I", header[16:20])[0]
    return width
