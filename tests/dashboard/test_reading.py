"""The pages that read, as a person sees them."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from dashboard.conftest import Sessions
from dashboard.process import DashboardProcess
from dashboard.shop import a_history
from harness.controlplane import ControlPlane
from harness.support import OperatorProcess, Workspace
from harness.support.histories import a_workspace
from harness.support.walk import comes_to, marks


@pytest.fixture(scope="module")
def shop(operator: OperatorProcess, installed: ControlPlane) -> Iterator[Workspace]:
    with a_workspace(installed) as workspace:
        workspace.delete("graphs", "support")
        a_history(workspace)
        workspace.assistant("other", context={"prompt": HOSTILE}, displayName="<b>bold</b>")
        workspace.until_ready("other")
        workspace.assistant("lost", graph="nowhere")
        workspace.until_not_ready("GraphNotFound", "lost")
        yield workspace


@pytest.fixture
def page(sessions: Sessions, shop: Workspace) -> Iterator[Page]:
    with DashboardProcess(shop.plane.admin_kubeconfig, "-n", shop.namespace) as dashboard:
        yield sessions.sign_in(dashboard)


HOSTILE = '<script>alert(1)</script><img src=x onerror="alert(2)"></pre><!-- {{ 7 * 7 }} \u202e'


def names(page: Page) -> list[str]:
    return page.locator("table.overview tbody th a").all_inner_texts()


def test_the_overview_has_each_graph_with_its_assistants(page: Page) -> None:
    assert page.locator("h2").all_inner_texts() == ["graph nowhere does not exist", "graph support"]
    assert names(page) == ["lost", "bot", "other"]
    row = page.get_by_role("row", name="bot")
    cells = row.get_by_role("cell").all_inner_texts()
    assert cells[:4] == ["no", "v4", "v5", "–"]  # noqa: RUF001 (a dash)
    assert cells[4].startswith(
        "SchemaRefused: bot-v5 is not activated: graph 'support' refuses it: /context/temperature"
    )


def test_search_and_filters_are_part_of_the_url(page: Page) -> None:
    page.get_by_role("searchbox").fill("nowhere")
    page.wait_for_url("**/?q=nowhere")
    expect(page.locator("table.overview tbody tr")).to_have_count(1)
    assert names(page) == ["lost"]
    page.reload()
    assert names(page) == ["lost"]
    expect(page.get_by_role("searchbox")).to_have_value("nowhere")
    page.get_by_role("searchbox").fill("")
    expect(page.locator("table.overview tbody tr")).to_have_count(3)
    page.get_by_role("link", name="2 not ready").click()
    assert page.url.endswith("/?state=not-ready")
    assert names(page) == ["lost", "bot"]


def timeline(page: Page) -> list[list[str]]:
    rows = page.locator("table.versions tbody tr").all()
    return [[re.sub(r"\s+", " ", cell.inner_text()) for cell in row.locator("th, td").all()] for row in rows]


def test_the_timeline(page: Page, shop: Workspace) -> None:
    page.get_by_role("link", name="bot", exact=True).click()
    assert page.url.endswith(f"/assistants/{shop.namespace}/bot")
    rows = timeline(page)
    assert [row[0] for row in rows] == ["v5 refused: SchemaRefused", "v4 active reverted to v2", "v3", "v2", "v1"]
    assert [row[3] for row in rows] == ["livelier", "too many complaints", "cheaper", "legal asked for it", ""]
    assert [row[4].strip() for row in rows] == [
        "/context/temperature",
        "/context/model",
        "/context/model",
        "/context/prompt",
        "created",
    ]


def test_conditions_say_what_to_do(page: Page, shop: Workspace) -> None:
    page.goto(f"/assistants/{shop.namespace}/bot")
    problem = page.locator(".condition.bad")
    expect(problem).to_have_count(1)
    expect(problem).to_contain_text("Ready False, Stalled True, Valid False")
    expect(problem).to_contain_text("What to do: Correct the field that the message names.")
    expect(page.locator("table.events")).to_contain_text("SchemaRefused")


def test_the_chart_is_to_scale(page: Page, shop: Workspace) -> None:
    page.goto(f"/assistants/{shop.namespace}/bot")
    lanes = page.locator("table.chart tbody tr")
    assert [row.locator("th").inner_text() for row in lanes.all()] == ["v4", "v3", "v2", "v1"]
    # At one moment: the page is alive.
    wide, bars = page.locator("table.chart tbody").evaluate(
        """body => [
            body.querySelector("svg").getBoundingClientRect().toJSON(),
            [...body.querySelectorAll("rect")].map(bar => [
                parseFloat(bar.getAttribute("x")), parseFloat(bar.getAttribute("width")),
                bar.getBoundingClientRect().x, bar.getBoundingClientRect().width])]"""
    )
    assert len(bars) == len(shop.status()["activations"])
    # From the last version, which is in force now, to the first: each ends where the one before it begins.
    assert bars[0][0] + bars[0][1] == pytest.approx(100, abs=0.01)
    starts = [bar[0] for bar in bars]
    assert starts == sorted(starts, reverse=True)
    for start, width, x, pixels in bars:
        assert x - wide["x"] == pytest.approx(wide["width"] * start / 100, abs=1)
        assert pixels == pytest.approx(wide["width"] * width / 100, abs=1)


def test_a_version_has_its_content_as_text(page: Page, shop: Workspace) -> None:
    page.goto(f"/assistants/{shop.namespace}/bot/versions/2")
    content = page.locator("pre.content")
    expect(content).to_contain_text(
        "prompt: |\n    You are the support assistant of a bicycle shop.\n    Answer in at most 2"
    )
    page.get_by_role("link", name="JSON").click()
    expect(content).to_contain_text('"prompt": "You are the support assistant of a bicycle shop.\\nAnswer')


def test_configuration_is_text_and_never_html(page: Page, shop: Workspace) -> None:
    page.on("dialog", lambda dialog: pytest.fail(f"a script of the configuration ran: {dialog.message}"))
    expect(page.get_by_role("row", name="other")).to_contain_text("<b>bold</b>")
    page.goto(f"/assistants/{shop.namespace}/other/versions/1")
    expect(page.locator("pre.content")).to_contain_text("<script>alert(1)</script><img src=x onerror=")
    expect(page.locator("pre.content")).to_contain_text("{{ 7 * 7 }}")
    assert "\u202e" not in page.content(), "a mark that reverses the direction of text is shown as an escape"
    page.goto(f"/assistants/{shop.namespace}/other/compare?from=1&to=spec&unfold=1")
    assert page.locator("main script, main img, main b").count() == 0


def test_two_versions_side_by_side(page: Page, shop: Workspace) -> None:
    page.goto(f"/assistants/{shop.namespace}/bot")
    page.get_by_label("Compare", exact=True).fill("1")
    page.get_by_label("with", exact=True).fill("3")
    page.get_by_role("button", name="Compare").click()
    assert page.url.endswith("/bot/compare?from=1&to=3")
    assert page.locator("del").all_inner_texts() == ["large", "3"]
    assert page.locator("ins").all_inner_texts() == ["small", "2"]
    expect(page.locator("tr.fold")).to_have_count(1)
    lines = page.locator("td.text").all_inner_texts()
    assert "    Never promise a delivery date." in lines, "a prompt has its real line breaks"
    page.get_by_role("link", name="Show all lines").click()
    expect(page.locator("tr.fold")).to_have_count(0)
    page.get_by_role("link", name="JSON").click()
    assert page.url.endswith("?from=1&to=3&format=json&unfold=1")
    assert page.locator("tr.changed").count() == 2
    other = page.context.new_page()
    other.goto(page.url)
    assert other.locator("ins").all_inner_texts() == page.locator("ins").all_inner_texts()


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("nope", 404, "There is no assistant 'nope' in namespace"),
        (f"{'x' * 200}", 404, "There is no assistant 'xxx"),
        ("bot/versions/99", 404, "has no version 99."),
        ("bot/compare?from=1&to=99", 404, "has no version 99."),
        ("bot/compare?from=x&to=1", 404, "has no version."),
        ("bot/pin", 404, "has no version."),
        ("bot/pin?version=5", 400, "bot-v5 would not come into force: graph 'support' refuses it"),
        ("bot/nonsense", 404, "There is no such page."),
    ],
)
def test_what_does_not_exist_is_a_page_with_a_message(
    page: Page, shop: Workspace, path: str, status: int, words: str
) -> None:
    answer = page.goto(f"/assistants/{shop.namespace}/{path}")
    assert answer
    assert answer.status == status
    expect(page.locator("main")).to_contain_text(words)


def test_versions_outlive_their_assistant(page: Page, shop: Workspace) -> None:
    shop.assistant("short", context={"prompt": "x"})
    comes_to(lambda: marks(shop, "short"), {1: "VA"})
    shop.delete("assistants", "short", propagationPolicy="Orphan")
    page.goto(f"/assistants/{shop.namespace}/short")
    expect(page.locator("main")).to_contain_text("The assistant was deleted. Its versions still exist.")
    assert [row[0] for row in timeline(page)] == ["v1 active"]


def test_a_link_of_another_site_leads_to_the_page(page: Page, shop: Workspace) -> None:
    """A strict cookie is not sent with it: the page that refuses it has a link that is of this site."""
    url = page.url
    other = page.context.new_page()
    other.set_content(f'<a href="{url}">the shop</a>')
    other.get_by_role("link").click()
    expect(other.locator("h1")).to_have_text("Not signed in")
    other.get_by_role("link", name="Open this page again").click()
    assert names(other) == ["lost", "bot", "other"]
