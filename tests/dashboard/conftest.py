"""A control plane, an operator, a dashboard and a browser for all tests of this folder; a fresh session for each."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, expect, sync_playwright

from dashboard.process import DashboardProcess
from harness.controlplane import ControlPlane
from harness.controlplane.waiting import PATIENCE
from harness.support import OperatorProcess, Workspace
from harness.support.fixtures import control_plane, installed, operator_kubeconfig
from harness.support.walk import complaints
from harness.tools import chromium

__all__ = ["control_plane", "installed", "operator_kubeconfig"]

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
expect.set_options(timeout=PATIENCE * 1000)


@pytest.fixture(scope="module")
def operator(operator_kubeconfig: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OperatorProcess]:
    """Over the whole cluster, for the tests of a file that need one."""
    with OperatorProcess(operator_kubeconfig, tmp_path_factory.mktemp("operator") / "operator.log") as process:
        yield process
    assert complaints(process) == []


@pytest.fixture(scope="package")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="package")
def browser(playwright: Playwright) -> Iterator[Browser]:
    started = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
    yield started
    started.close()


@pytest.fixture
def dashboard(installed: ControlPlane, workspace: Workspace) -> Iterator[DashboardProcess]:
    """Of one namespace, as admin."""
    with DashboardProcess(installed.admin_kubeconfig, "-n", workspace.namespace) as process:
        yield process


class Sessions:
    """Opens pages, and collects what a page must never have: errors, and requests to other hosts."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._contexts: list[BrowserContext] = []
        self.complaints: list[str] = []

    def sign_in(self, dashboard: DashboardProcess, **options: object) -> Page:
        """A page in a browser session of its own, which opened the printed URL. `options`: as of `new_context`."""
        context = self._browser.new_context(base_url=dashboard.base, **options)  # type: ignore[arg-type]
        context.set_default_timeout(PATIENCE * 1000)
        self._contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: self._note(message.type, message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        context.on("request", lambda request: self._check(dashboard.base, request.url))
        page.goto(dashboard.start_path)
        return page

    def close(self) -> None:
        for context in self._contexts:
            context.close()

    def _note(self, kind: str, text: str) -> None:
        # A status of 400 or more is an answer that a test asks for.
        if kind in {"error", "warning"} and not text.startswith("Failed to load resource"):
            self.complaints.append(text)

    def _check(self, base: str, url: str) -> None:
        if not url.startswith(f"{base}/"):
            self.complaints.append(f"a request to another host: {url}")


@pytest.fixture
def sessions(browser: Browser) -> Iterator[Sessions]:
    """No page may complain, or send a request to another host."""
    opened = Sessions(browser)
    yield opened
    opened.close()
    assert opened.complaints == []


@pytest.fixture
def page(sessions: Sessions, dashboard: DashboardProcess) -> Page:
    return sessions.sign_in(dashboard)
