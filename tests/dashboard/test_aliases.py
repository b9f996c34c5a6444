"""Aliases: what each stands for, on all pages; and the move of one to another version."""

import re
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import yaml
from playwright.sync_api import Locator, Page, expect

from dashboard.conftest import Sessions
from dashboard.process import DashboardProcess
from dashboard.shop import alias, edit
from harness.controlplane import ControlPlane
from harness.controlplane.proxy import Answer, FaultProxy
from harness.controlplane.proxy import Page as Answered
from harness.controlplane.waiting import eventually
from harness.support import OperatorProcess, Workspace
from harness.support.rights import person_with

CAUSE = "assistant-operator.dev/change-cause"
KIND = "assistantaliases"
SOON = 1.0
"""Seconds within which a change appears."""


@pytest.fixture
def bot(operator: OperatorProcess, workspace: Workspace) -> Workspace:
    """Two versions, the second in force; the alias `production` stands for the first."""
    workspace.graph(defaultAssistant={"policy": "None"})
    workspace.assistant(context={"prompt": "one"})
    workspace.until_active(1)
    edit(workspace, "shorter", context={"prompt": "two"})
    workspace.until_active(2)
    alias(workspace, version=1)
    workspace.until_ready("production", KIND)
    return workspace


@pytest.fixture
def page(bot: Workspace, page: Page) -> Page:
    page.goto(f"/assistants/{bot.namespace}/bot")
    return page


def spec(workspace: Workspace, name: str = "production") -> Any:
    return (workspace.get(KIND, name) or {})["spec"]


def text(found: Locator) -> str:
    return re.sub(r"\s+", " ", found.text_content() or "").strip()


def confirm(page: Page, cause: str, button: str) -> None:
    page.get_by_label("Cause").fill(cause)
    page.get_by_role("button", name=button).click()


def moved_to(workspace: Workspace, number: int, name: str = "production") -> None:
    eventually(lambda: workspace.status(name, KIND).get("version") == number)


def test_the_overview_shows_each_alias_and_finds_it(page: Page, bot: Workspace) -> None:
    bot.assistant("other", context={"prompt": "x"})
    alias(bot, "staging", version=7)
    bot.until_not_ready("VersionNotFound", "staging", KIND)
    alias(bot, "stray", "nowhere", version=1)
    bot.until_not_ready("AssistantNotFound", "stray", KIND)
    page.goto("/")
    badges = page.locator(f"tr[id='{bot.namespace}/bot'] .badge.alias")
    expect(badges).to_have_count(2)
    assert text(badges.first) == "alias production → v1"
    missing = "VersionNotFound: spec.version: bot-v7 does not exist; the alias stands for no version"
    assert text(badges.last) == f"alias staging → none, not ready: {missing}"
    assert badges.last.get_attribute("title") == missing
    expect(page.locator(f"tr[id='{bot.namespace}/other'] .badge")).to_have_count(0)
    stray = page.get_by_role("region", name="Aliases without an assistant").locator("tbody tr")
    expect(stray).to_contain_text("there is no Assistant 'nowhere'")
    page.get_by_role("searchbox").fill("production")
    expect(page.locator("table.overview tbody tr")).to_have_count(1)
    expect(page.locator("table.overview tbody th a")).to_have_text("bot")
    expect(page.get_by_role("region", name="Aliases without an assistant")).to_have_count(0)


def test_the_page_of_the_assistant_has_badges_conditions_and_moves(page: Page, bot: Workspace) -> None:
    expect(page.locator("tr#v1 .badge.alias")).to_have_text("alias production")
    expect(page.locator("tr#v2 .badge.alias")).to_have_count(0)
    block = page.locator("#alias-production")
    expect(block.locator("table.moves tbody tr")).to_have_count(1)
    bot.patch(KIND, "production", {"metadata": {"annotations": {CAUSE: "release"}}, "spec": {"version": 2}})
    expect(page.locator("tr#v2 .badge.alias")).to_have_text("alias production")
    rows = block.locator("table.moves tbody tr")
    expect(rows).to_have_count(2)
    assert text(rows.first.locator("th")) == "from v1 → to v2"
    assert text(rows.last.locator("th")) == "from none → to v1"
    expect(rows.first.locator(".cause")).to_have_text("release")
    bot.edit("production", KIND, version=9)
    expect(block.locator(".condition.bad")).to_contain_text("bot-v9 does not exist; the alias stays at bot-v2")
    expect(block).to_contain_text("What to do: Ask for a version that exists, or make that version")
    expect(page.locator("tr#v2 .badge.alias")).to_have_count(1)
    page.goto(f"/assistants/{bot.namespace}/bot/versions/2")
    expect(page.locator("h1 .badge.alias")).to_have_text("alias production")
    expect(page.get_by_role("link", name="Move an alias to v2…")).to_be_visible()


def test_a_move_shows_the_difference_and_asks_for_a_cause(page: Page, bot: Workspace) -> None:
    before = spec(bot)
    page.get_by_role("link", name="Move an alias to v2").click()
    assert page.locator("del").first.inner_text() == "one"
    assert page.locator("ins").first.inner_text() == "two"
    expect(page.locator("td.added").last).to_have_text("added: version: 2")
    page.get_by_role("button", name="Move production to v2").click()
    expect(page.get_by_label("Cause")).to_be_focused()
    assert spec(bot) == before, "without a cause nothing is written"
    confirm(page, "tested for a week", "Move production to v2")
    expect(page.get_by_text("The alias production is set to v2.")).to_be_visible()
    moved_to(bot, 2)
    expect(page.locator("tr#v2 .badge.alias")).to_have_text("alias production")
    row = page.locator("#alias-production table.moves tbody tr").first
    expect(row).to_contain_text("tested for a week")
    expect(row).to_contain_text("kubectl-assistants")
    assert (bot.get(KIND, "production") or {})["metadata"]["annotations"] == {CAUSE: "tested for a week"}
    assert len(bot.versions()) == 2
    page.goto(f"/assistants/{bot.namespace}/bot/move?version=2")
    expect(page.get_by_text("There is nothing to change")).to_be_visible()
    assert page.get_by_role("button").count() == 0


def test_of_several_aliases_one_is_chosen_first(page: Page, bot: Workspace) -> None:
    alias(bot, "staging", version=2)
    bot.until_ready("staging", KIND)
    page.reload()
    page.get_by_role("link", name="Move an alias to v1").click()
    expect(page.locator("h1")).to_have_text("Move an alias to v1 of bot")
    assert [text(each) for each in page.locator(".choices li").all()] == [
        "production stands for v1",
        "staging stands for v2",
    ]
    assert page.get_by_role("button").count() == 0, "nothing is chosen, so nothing can be written"
    page.get_by_role("link", name="staging").click()
    expect(page.locator("[aria-current]")).to_have_text("staging")
    confirm(page, "back", "Move staging to v1")
    moved_to(bot, 1, "staging")
    assert spec(bot) == {"assistantRef": {"name": "bot"}, "version": 1, "deletionPolicy": "Delete"}


def test_an_alias_that_selects_by_digest_stays_so(page: Page, bot: Workspace) -> None:
    first, second = (each["spec"]["digest"] for each in bot.versions())
    alias(bot, "stable", digest=first)
    moved_to(bot, 1, "stable")
    page.goto(f"/assistants/{bot.namespace}/bot/move?version=2&alias=stable")
    expect(page.locator("main")).to_contain_text("the digest is written, not the number")
    confirm(page, "release", "Move stable to v2")
    moved_to(bot, 2, "stable")
    assert spec(bot, "stable") == {"assistantRef": {"name": "bot"}, "digest": second, "deletionPolicy": "Delete"}


def test_what_changed_meanwhile_is_a_conflict_and_never_a_lost_update(page: Page, bot: Workspace) -> None:
    page.get_by_role("link", name="Move an alias to v2").click()
    edit(bot, "again", context={"prompt": "three"})
    bot.until_active(3)
    bot.edit("production", KIND, version=3)
    moved_to(bot, 3)
    confirm(page, "release", "Move production to v2")
    expect(page.get_by_role("alert")).to_contain_text("The alias was changed while you read this. Nothing is written")
    assert spec(bot)["version"] == 3
    assert page.locator("del").first.inner_text() == "three", "the difference of now"
    expect(page.get_by_label("Cause")).to_have_value("release")
    page.get_by_role("button", name="Move production to v2").click()
    moved_to(bot, 2)


def test_an_annotation_that_is_added_meanwhile_stays(page: Page, bot: Workspace) -> None:
    page.get_by_role("link", name="Move an alias to v2").click()
    bot.patch(KIND, "production", {"metadata": {"annotations": {"team": "x"}}})
    confirm(page, "release", "Move production to v2")
    expect(page.get_by_text("The alias production is set to v2.")).to_be_visible()
    assert (bot.get(KIND, "production") or {})["metadata"]["annotations"] == {"team": "x", CAUSE: "release"}


def test_what_git_owns_gets_the_manifest_to_commit(page: Page, bot: Workspace) -> None:
    tracked = f"shop:assistant-operator.dev/AssistantAlias:{bot.namespace}/production"
    bot.patch(KIND, "production", {"metadata": {"annotations": {"argocd.argoproj.io/tracking-id": tracked}}})
    before = spec(bot)
    expect(page.locator("#alias-production")).to_contain_text("applied from Git by Argo CD (application shop)")
    page.get_by_role("link", name="Move an alias to v2").click()
    expect(page.locator("main")).to_contain_text("The alias is applied from Git by Argo CD (application shop)")
    manifest = yaml.safe_load(page.get_by_label("Manifest to commit").inner_text())
    assert manifest == {
        "apiVersion": "assistant-operator.dev/v1alpha1",
        "kind": "AssistantAlias",
        "metadata": {"name": "production", "namespace": bot.namespace},
        "spec": {"assistantRef": {"name": "bot"}, "version": 2},
    }
    assert page.get_by_role("button").count() == 0
    assert spec(bot) == before


def test_what_an_alias_has_is_text_and_never_html(page: Page, bot: Workspace) -> None:
    page.on("dialog", lambda dialog: pytest.fail(f"a script of an alias ran: {dialog.message}"))
    cause = "<img src=x onerror=alert(1)>"
    body = {"metadata": {"annotations": {CAUSE: cause}}, "spec": {"version": 2, "displayName": "<b>bold</b>"}}
    bot.patch(KIND, "production", body)
    block = page.locator("#alias-production")
    expect(block).to_contain_text("<b>bold</b>")
    expect(block.locator("table.moves tbody tr").first).to_contain_text(cause)
    assert page.locator("main b, main img, main script").count() == 0


def test_a_form_of_another_session_writes_nothing(page: Page, bot: Workspace) -> None:
    page.get_by_role("link", name="Move an alias to v2").click()
    seen = page.locator("input[name=seen]").input_value()
    form: dict[str, str | float | bool] = {"csrf": "x", "seen": seen, "cause": "x"}
    answer = page.request.post(page.url, form=form, headers={"Origin": page.url.partition("/assistants")[0]})
    assert (answer.status, spec(bot)["version"]) == (403, 1)


def test_a_move_by_keyboard_alone(page: Page, bot: Workspace) -> None:
    alias(bot, "staging", version=1)
    bot.until_ready("staging", KIND)
    expect(page.locator("#alias-staging")).to_be_visible()
    for step in ("Move an alias to v2", "staging"):
        page.get_by_role("link", name=step, exact=True).focus()
        page.keyboard.press("Enter")
    page.wait_for_url("**alias=staging")
    eventually(lambda: _tabbed_to(page, page.get_by_label("Cause")))
    page.keyboard.type("by keyboard")
    page.keyboard.press("Enter")
    moved_to(bot, 2, "staging")


def _tabbed_to(page: Page, wanted: Locator) -> bool:
    page.keyboard.press("Tab")
    return bool(wanted.evaluate("each => each === document.activeElement"))


@pytest.fixture
def editor(bot: Workspace, sessions: Sessions) -> Iterator[Page]:
    """A page of a user who may change assistants, and may not move aliases."""
    with DashboardProcess(person_with(bot, "edit", "editor"), "-n", bot.namespace) as dashboard:
        yield sessions.sign_in(dashboard)


def test_without_the_permission_a_move_is_disabled_and_names_it(editor: Page, bot: Workspace) -> None:
    editor.goto(f"/assistants/{bot.namespace}/bot")
    missing = "the permission patch on assistantaliases.assistant-operator.dev is missing"
    expect(editor.locator("#move-denied")).to_contain_text(missing)
    assert editor.locator("tr#v2 .off").all_inner_texts() == ["move"]
    expect(editor.get_by_role("link", name="Pin v2")).to_be_visible()
    editor.goto(f"/assistants/{bot.namespace}/bot/versions/2")
    expect(editor.get_by_role("button", name="Move an alias to v2…")).to_be_disabled()
    editor.goto(f"/assistants/{bot.namespace}/bot/move?version=2")
    assert editor.locator("ins").first.inner_text() == "two", "the difference may be read"
    expect(editor.get_by_role("button", name="Move production to v2")).to_be_disabled()
    expect(editor.locator("main")).to_contain_text(missing)
    # Whoever enables the button is refused by the API server.
    editor.evaluate("document.querySelectorAll('[disabled]').forEach(each => each.disabled = false)")
    confirm(editor, "x", "Move production to v2")
    expect(editor.locator("main")).to_contain_text(f'Error from server (Forbidden): {KIND}.assistant-operator.dev "pro')
    assert spec(bot)["version"] == 1


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("bot/move", 404, "has no version."),
        ("bot/move?version=1&alias=nope", 404, "has no alias 'nope'."),
        ("bot/move?version=1&alias=..%2Fassistants%2Fbot", 404, "does not have the name of an alias"),
        ("bot/move?version=9&alias=production", 404, "has no version 9."),
        ("other/move?version=1&alias=production", 404, "has no alias"),
    ],
)
def test_what_does_not_exist_is_a_page_with_a_message(
    page: Page, bot: Workspace, path: str, status: int, words: str
) -> None:
    answer = page.goto(f"/assistants/{bot.namespace}/{path}")
    assert answer
    assert answer.status == status
    expect(page.locator("main")).to_contain_text(words)


def test_a_move_appears_within_a_second_and_without_a_reload(page: Page, bot: Workspace) -> None:
    page.evaluate("window.sameDocument = true")
    numbers = count()

    def seconds() -> float:
        number = next(numbers) % 2 + 1
        other = 3 - number
        bot.edit("production", KIND, version=other)
        moved_to(bot, other)
        started = time.monotonic()
        page.locator(f"tr#v{other} .badge.alias").wait_for()
        return time.monotonic() - started

    for _ in range(3):
        eventually(lambda: seconds() < SOON)
    assert page.evaluate("window.sameDocument") is True
    page.goto("/")
    badge = page.locator(".badge.alias")
    expect(badge).to_have_count(1)
    bot.delete(KIND, "production")
    expect(badge).to_have_count(0)


@pytest.fixture
def proxied(installed: ControlPlane, bot: Workspace) -> Iterator[tuple[FaultProxy, DashboardProcess]]:
    """A dashboard whose requests about aliases can be answered by the test."""
    with FaultProxy(installed) as proxy:
        kubeconfig = Path(installed.admin_kubeconfig).with_name("admin-aliases.yaml")
        kubeconfig.write_text(installed.admin_kubeconfig.read_text().replace(installed.url, proxy.url))
        with DashboardProcess(kubeconfig, "-n", bot.namespace) as dashboard:
            yield proxy, dashboard


def test_a_cluster_without_the_kind_is_shown_as_before(
    proxied: tuple[FaultProxy, DashboardProcess], bot: Workspace, sessions: Sessions
) -> None:
    proxy, dashboard = proxied
    proxy.fault = lambda asked: Answered("404 page not found\n", 404) if f"/{KIND}" in asked.path else None
    page = sessions.sign_in(dashboard)
    expect(page.get_by_role("link", name="bot", exact=True)).to_be_visible()
    expect(page.locator(".banner, .badge.alias")).to_have_count(0)
    page.goto(f"/assistants/{bot.namespace}/bot")
    expect(page.locator("tr#v2")).to_contain_text("active")
    expect(page.locator(".banner, .badge.alias, #aliases")).to_have_count(0)
    assert page.locator("tr#v1 .do a").all_inner_texts() == ["pin", "restore"]
    edit(bot, "live", context={"prompt": "three"})
    expect(page.locator("tr#v3")).to_contain_text("live")
    expect(page.locator(".banner")).to_have_count(0)
    page.goto(f"/assistants/{bot.namespace}/bot/versions/1")
    expect(page.locator(".tools")).to_contain_text("Restore v1")
    page.goto(f"/assistants/{bot.namespace}/bot/move?version=1")
    expect(page.locator("main")).to_contain_text("has no alias")


def test_who_may_not_watch_aliases_sees_what_is_missing_and_no_lost_connection(
    proxied: tuple[FaultProxy, DashboardProcess], bot: Workspace, sessions: Sessions
) -> None:
    proxy, dashboard = proxied
    message = f'{KIND}.assistant-operator.dev is forbidden: User "ann" cannot watch resource "{KIND}"'
    forbidden = Answer(403, "Forbidden", message)
    proxy.fault = lambda asked: forbidden if f"/{KIND}" in asked.path and "watch=true" in asked.query else None
    page = sessions.sign_in(dashboard)
    missing = f"the permission watch on {KIND}.assistant-operator.dev is missing"
    expect(page.locator(".banner")).to_contain_text(missing)
    expect(page.locator(".badge.alias")).to_have_count(0)
    page.goto(f"/assistants/{bot.namespace}/bot")
    expect(page.get_by_role("region", name="Aliases")).to_contain_text(missing)
    edit(bot, "live", context={"prompt": "three"})
    expect(page.locator("tr#v3")).to_contain_text("live")
    expect(page.locator(".banner, .badge.alias")).to_have_count(0)
