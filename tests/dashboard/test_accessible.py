"""All pages, in light and dark, wide and narrow: axe-core reports nothing, and nothing is wider than the screen."""

from collections.abc import Iterator
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Page

from dashboard.conftest import Sessions
from dashboard.process import DashboardProcess
from dashboard.shop import a_history, alias, edit_alias
from harness.controlplane import ControlPlane
from harness.support import OperatorProcess, Workspace
from harness.support.histories import a_workspace

WIDE, NARROW = 1280, 360
LONG = "a-" * 99 + "x"
PAGES = (
    "/",
    "/?q=nothing+like+that",
    "{bot}",
    "{bot}?q=nothing",
    "{long}",
    "{bot}/versions/5",
    "{bot}/compare?from=1&to=4",
    "{bot}/compare?from=1&to=4&format=json&unfold=1",
    "{bot}/pin?version=1",
    "{bot}/restore?version=4",
    "{bot}/suspend",
    "{bot}/move?version=3",
    "{bot}/move?version=3&alias=production",
    "{bot}/move?version=1&alias=production",
    "{long}/move?version=1",
    "{bot}/nonsense",
    "{namespace}/nope",
)


@pytest.fixture(scope="module")
def shop(operator: OperatorProcess, installed: ControlPlane) -> Iterator[Workspace]:
    with a_workspace(installed) as workspace:
        workspace.delete("graphs", "support")
        a_history(workspace)
        workspace.assistant(LONG, displayName="x" * 200, context={"prompt": "y" * 5000}, suspend=True)
        workspace.until_versions(1, LONG)
        some_aliases(workspace)
        yield workspace


def some_aliases(workspace: Workspace) -> None:
    """With more moves than are shown at once, by digest, not ready with a long name, and of no Assistant."""
    alias(workspace, "production", version=1, displayName="Production")
    for number in (2, 3, 4, 1, 2, 3, 1):
        edit_alias(workspace, number, "release")
    alias(workspace, "by-content", digest=workspace.versions()[3]["spec"]["digest"])
    workspace.until_ready("by-content", "assistantaliases")
    alias(workspace, LONG, version=9)
    alias(workspace, "of-long", LONG, version=1)
    alias(workspace, "stray", "nowhere", version=1)
    workspace.until_not_ready("VersionNotFound", LONG, "assistantaliases")
    workspace.until_not_ready("AssistantNotFound", "stray", "assistantaliases")


@pytest.fixture(scope="module")
def running(shop: Workspace) -> Iterator[DashboardProcess]:
    with DashboardProcess(shop.plane.admin_kubeconfig, "-n", shop.namespace) as dashboard:
        yield dashboard


def path(template: str, workspace: Workspace) -> str:
    namespace = f"/assistants/{workspace.namespace}"
    return template.format(namespace=namespace, bot=f"{namespace}/bot", long=f"{namespace}/{LONG}")


@pytest.mark.parametrize("width", [WIDE, NARROW])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_reports_nothing(
    sessions: Sessions, running: DashboardProcess, shop: Workspace, scheme: Literal["light", "dark"], width: int
) -> None:
    page = first_or_next(sessions, running, scheme, width)

    for template in PAGES:
        page.goto(path(template, shop))
        for details in page.locator("details").all():
            details.evaluate("each => each.open = true")
        page.wait_for_timeout(200)  # colours of links fade in
        found = Axe().run(page)
        assert found.violations_count == 0, f"{template}\n{found.generate_report()}"
        assert page.evaluate("document.documentElement.scrollWidth") <= width, template


_STATE: dict[str, object] = {}


def first_or_next(sessions: Sessions, running: DashboardProcess, scheme: str, width: int) -> Page:
    """A page that is signed in: the printed URL signs in once, so the next sessions get the cookie of the first."""
    options: dict[str, object] = {"color_scheme": scheme, "viewport": {"width": width, "height": 800}}
    page = sessions.sign_in(running, **options, **_STATE)
    _STATE.setdefault("storage_state", page.context.storage_state())
    return page


def test_every_page_has_one_heading_and_a_title(sessions: Sessions, running: DashboardProcess, shop: Workspace) -> None:
    page = first_or_next(sessions, running, "light", WIDE)
    titles = set()
    for template in PAGES:
        page.goto(path(template, shop))
        assert page.locator("h1").count() == 1, template
        assert page.locator("html").get_attribute("lang") == "en"
        titles.add(page.title())
    assert len(titles) >= 8


def test_it_works_without_javascript(sessions: Sessions, shop: Workspace) -> None:
    with DashboardProcess(shop.plane.admin_kubeconfig, "-n", shop.namespace) as dashboard:
        page = sessions.sign_in(dashboard, java_script_enabled=False)
        page.get_by_role("searchbox").fill("bot")
        page.get_by_role("button", name="Search").click()
        assert page.url.endswith("/?q=bot")
        page.get_by_role("link", name="bot", exact=True).click()
        page.get_by_role("link", name="Pin v1").click()
        page.get_by_label("Cause").fill("without a script")
        page.get_by_role("button", name="Pin v1").click()
        page.get_by_text("v1 is pinned.").wait_for()
    shop.edit(versioning={"activeVersion": None})
