"""Actions: the difference first, then a cause, then the write; and all that must not be written."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
import yaml
from playwright.sync_api import Page, expect

from dashboard.conftest import Sessions
from dashboard.process import DashboardProcess
from dashboard.shop import edit
from harness.controlplane.waiting import eventually
from harness.support import OperatorProcess, Workspace
from harness.support.rights import person_with

RBAC = "/apis/rbac.authorization.k8s.io/v1"
CAUSE = "assistant-operator.dev/change-cause"


@pytest.fixture
def bot(operator: OperatorProcess, workspace: Workspace) -> Workspace:
    """Two versions, the second in force."""
    workspace.graph(defaultAssistant={"policy": "None"})
    workspace.assistant(context={"prompt": "one"})
    workspace.until_active(1)
    edit(workspace, "shorter", context={"prompt": "two"})
    workspace.until_active(2)
    return workspace


@pytest.fixture
def page(bot: Workspace, page: Page) -> Page:
    page.goto(f"/assistants/{bot.namespace}/bot")
    return page


def spec(workspace: Workspace) -> Any:
    return (workspace.get("assistants", "bot") or {})["spec"]


def confirm(page: Page, cause: str, button: str) -> None:
    page.get_by_label("Cause").fill(cause)
    page.get_by_role("button", name=button).click()


def test_a_pin_shows_the_difference_and_asks_for_a_cause(page: Page, bot: Workspace) -> None:
    before = spec(bot)
    page.get_by_role("link", name="Pin v1").click()
    assert page.locator("del").first.inner_text() == "two"
    assert page.locator("ins").first.inner_text() == "one"
    expect(page.locator("td.added").last).to_have_text("added:   activeVersion: 1")
    page.get_by_role("button", name="Pin v1").click()
    expect(page.get_by_label("Cause")).to_be_focused()
    assert spec(bot) == before, "without a cause nothing is written"
    confirm(page, "the old one was better", "Pin v1")
    expect(page.get_by_text("v1 is pinned.")).to_be_visible()
    bot.until_active(1)
    expect(page.locator("tr#v1")).to_contain_text("pinned")
    assert (bot.get("assistants", "bot") or {})["metadata"]["annotations"][CAUSE] == "the old one was better"
    page.get_by_role("link", name="Unpin…").click()
    confirm(page, "it was not", "Unpin")
    expect(page.get_by_text("The pin is removed.")).to_be_visible()
    bot.until_active(2)
    assert len(bot.versions()) == 2


def test_a_restore_makes_a_version_with_the_cause(page: Page, bot: Workspace) -> None:
    page.get_by_role("link", name="Restore v1").click()
    confirm(page, "back to the beginning", "Restore v1")
    bot.until_active(3)
    row = page.locator("tr#v3")
    expect(row).to_contain_text("reverted to v1")
    expect(row).to_contain_text("back to the beginning")
    expect(row).to_contain_text("kubectl-assistants")
    assert spec(bot)["context"] == {"prompt": "one"}


def test_suspend_and_resume(page: Page, bot: Workspace) -> None:
    page.get_by_role("link", name="Suspend…").click()
    expect(page.get_by_text("v2 stays in force.")).to_be_visible()
    confirm(page, "audit", "Suspend")
    expect(page.get_by_text("The assistant is suspended.")).to_be_visible()
    edit(bot, "during the audit", context={"prompt": "three"})
    bot.until_versions(3)
    page.get_by_role("link", name="Resume…").click()
    expect(page.locator("main")).to_contain_text("v3 is not validated yet")
    assert page.locator("ins").first.inner_text() == "three"
    confirm(page, "done", "Resume")
    bot.until_active(3)


def test_what_changed_meanwhile_is_a_conflict_and_never_a_lost_update(page: Page, bot: Workspace) -> None:
    page.get_by_role("link", name="Restore v1").click()
    edit(bot, "meanwhile", context={"prompt": "three"})
    bot.until_active(3)
    confirm(page, "back", "Restore v1")
    expect(page.get_by_role("alert")).to_contain_text(
        "The assistant was changed while you read this. Nothing is written"
    )
    assert spec(bot)["context"] == {"prompt": "three"}
    assert page.locator("del").first.inner_text() == "three", "the difference of now"
    expect(page.get_by_label("Cause")).to_have_value("back")
    page.get_by_role("button", name="Restore v1").click()
    bot.until_active(4)
    assert spec(bot)["context"] == {"prompt": "one"}


def test_another_object_of_that_name_is_a_conflict(page: Page, bot: Workspace) -> None:
    page.get_by_role("link", name="Suspend…").click()
    bot.delete("assistants", "bot")
    eventually(lambda: bot.get("assistants", "bot") is None and not bot.versions())
    bot.assistant(context={"prompt": "new"})
    bot.until_ready()
    confirm(page, "audit", "Suspend")
    expect(page.get_by_role("alert")).to_contain_text("Nothing is written")
    assert spec(bot)["suspend"] is False


def test_an_annotation_that_is_added_meanwhile_stays(page: Page, bot: Workspace) -> None:
    bot.assistant("bare", context={"prompt": "x"})
    bot.until_ready("bare")
    page.goto(f"/assistants/{bot.namespace}/bare/suspend")
    bot.patch("assistants", "bare", {"metadata": {"annotations": {"team": "x"}}})
    confirm(page, "audit", "Suspend")
    expect(page.get_by_text("The assistant is suspended.")).to_be_visible()
    assert (bot.get("assistants", "bare") or {})["metadata"]["annotations"] == {"team": "x", CAUSE: "audit"}


def test_nothing_to_change(page: Page, bot: Workspace) -> None:
    page.goto(f"/assistants/{bot.namespace}/bot/restore?version=2")
    expect(page.get_by_text("There is nothing to change")).to_be_visible()
    assert page.get_by_role("button").count() == 0


def test_what_git_owns_gets_the_manifest_to_commit(page: Page, bot: Workspace) -> None:
    labels = {"kustomize.toolkit.fluxcd.io/name": "shop", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}
    bot.patch("assistants", "bot", {"metadata": {"labels": labels}})
    before = spec(bot)
    page.get_by_role("link", name="Pin v1").click()
    expect(page.locator("main")).to_contain_text("applied from Git by Flux (Kustomization flux-system/shop)")
    manifest = yaml.safe_load(page.get_by_label("Manifest to commit").inner_text())
    assert page.get_by_role("button").count() == 0
    form: dict[str, str | float | bool] = {"csrf": "", "seen": "", "cause": "x"}
    answer = page.request.post(page.url, form=form, headers={"Origin": page.url.partition("/assistants")[0]})
    assert (answer.status, spec(bot) == before) == (403, True)
    bot.plane.kubectl("replace", "-f", "-", input=yaml.safe_dump(manifest))
    bot.until_active(1)
    assert "labels" not in manifest["metadata"]


@pytest.fixture
def viewer(bot: Workspace, sessions: Sessions) -> Iterator[Page]:
    """A page of a user who has the role `view`."""
    kubeconfig = person_with(bot, "view", "viewer")
    with DashboardProcess(kubeconfig, "-n", bot.namespace) as dashboard:
        yield sessions.sign_in(dashboard)


def test_without_the_permission_actions_are_disabled_and_name_it(viewer: Page, bot: Workspace) -> None:
    viewer.goto(f"/assistants/{bot.namespace}/bot")
    missing = "the permission patch on assistants.assistant-operator.dev is missing"
    expect(viewer.locator("#denied")).to_contain_text(missing)
    expect(viewer.get_by_role("button", name="Suspend…")).to_be_disabled()
    assert viewer.locator("tr#v1 .off").all_inner_texts() == ["pin", "restore"]
    viewer.goto(f"/assistants/{bot.namespace}/bot/pin?version=1")
    assert viewer.locator("ins").first.inner_text() == "one", "the difference may be read"
    expect(viewer.get_by_role("button", name="Pin v1")).to_be_disabled()
    expect(viewer.locator("main")).to_contain_text(missing)
    # Whoever enables the button is refused by the API server.
    viewer.evaluate("document.querySelectorAll('[disabled]').forEach(each => each.disabled = false)")
    confirm(viewer, "x", "Pin v1")
    expect(viewer.locator("main")).to_contain_text(
        'Error from server (Forbidden): assistants.assistant-operator.dev "bot"'
    )
    assert "activeVersion" not in spec(bot).get("versioning", {})


def test_by_keyboard_alone(page: Page, bot: Workspace) -> None:
    page.locator("body").press("Tab")
    expect(page.get_by_text("Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    pin = page.get_by_role("link", name="Pin v1")
    eventually(partial(_tabbed_to, page, pin))
    page.keyboard.press("Enter")
    eventually(partial(_tabbed_to, page, page.get_by_label("Cause")))
    page.keyboard.type("by keyboard")
    page.keyboard.press("Enter")
    bot.until_active(1)


def _tabbed_to(page: Page, wanted: Any) -> bool:
    page.keyboard.press("Tab")
    return bool(wanted.evaluate("each => each === document.activeElement"))
