"""What a command that changes an Assistant prints, and when it writes nothing."""

from typing import Any

import click
import pytest
from click.testing import CliRunner

from assistant_operator.kubectl.change import (
    Applied,
    ChangeOptions,
    Plan,
    change_options,
    conflict_error,
    foreign,
    output_of,
)
from assistant_operator.kubectl.patch import CAUSE, annotate_cause, suspend

DOCUMENT = {"metadata": {"name": "bot", "managedFields": []}, "spec": {"suspend": True}}
NAME = "assistant.assistant-operator.dev/bot"
CHANGED = Plan(suspend({}, on=True), "suspended")
UNCHANGED = Plan((), "suspended")


@pytest.mark.parametrize(
    ("plan", "options", "printed"),
    [
        pytest.param(CHANGED, ChangeOptions(), f"{NAME} suspended\n", id="changed"),
        pytest.param(UNCHANGED, ChangeOptions(), f"{NAME} suspended (no change)\n", id="nothing to change"),
        pytest.param(CHANGED, ChangeOptions("client"), f"{NAME} suspended (dry run)\n", id="a dry run"),
        pytest.param(
            UNCHANGED,
            ChangeOptions("server"),
            f"{NAME} suspended (no change) (server dry run)\n",
            id="a dry run on the server",
        ),
        pytest.param(CHANGED, ChangeOptions(output="name"), f"{NAME}\n", id="the name"),
        pytest.param(
            CHANGED, ChangeOptions(output="yaml"), "metadata:\n  name: bot\nspec:\n  suspend: true\n", id="the object"
        ),
    ],
)
def test_what_is_printed(plan: Plan, options: ChangeOptions, printed: str) -> None:
    assert output_of("bot", plan, DOCUMENT, options) == printed


@pytest.mark.parametrize(
    ("typed", "options"),
    [
        ("", ChangeOptions()),
        ("--dry-run=server -o name", ChangeOptions("server", "name")),
        ("--error-unchanged --force-live", ChangeOptions(error_unchanged=True, force_live=True)),
        ("--cause legal", ChangeOptions(cause="legal")),
    ],
)
def test_options_come_as_one_argument(typed: str, options: ChangeOptions) -> None:
    seen: list[Any] = []

    @click.command()
    @change_options
    def command(options: ChangeOptions) -> None:
        seen.append(options)

    assert CliRunner().invoke(command, typed.split()).exit_code == 0
    assert seen == [options]


def test_a_cause_is_part_of_the_patch() -> None:
    caused = CHANGED.with_cause(DOCUMENT, "legal")
    assert caused.patch == CHANGED.patch + annotate_cause(DOCUMENT, "legal")
    assert caused.notes == ()


@pytest.mark.parametrize(
    ("plan", "cause"), [pytest.param(CHANGED, "", id="no cause"), pytest.param(UNCHANGED, "legal", id="no change")]
)
def test_there_is_no_cause_without_a_change(plan: Plan, cause: str) -> None:
    assert plan.with_cause(DOCUMENT, cause) == plan


def test_a_cause_that_the_object_has_is_remarked() -> None:
    document = {"metadata": {"name": "bot", "annotations": {CAUSE: "legal"}}}
    again = CHANGED.with_cause(document, "legal")
    assert again.patch == CHANGED.patch
    assert again.notes == ("the cause is that of the edit before: a cause is recorded only when it changes",)


def test_a_cause_is_applied_with_the_values() -> None:
    applied = Applied({"metadata": {"name": "bot", "annotations": {"a": "b"}}, "spec": {}})
    caused = Plan(CHANGED.patch, "updated", applied=applied).with_cause(DOCUMENT, "legal")
    assert caused.applied == Applied(
        {"metadata": {"name": "bot", "annotations": {"a": "b", CAUSE: "legal"}}, "spec": {}}
    )


@pytest.mark.parametrize(
    ("owners", "others"),
    [
        pytest.param([], [], id="none"),
        pytest.param([(".spec.context.p", "kubectl-edit")], [(".spec.context.p", "kubectl-edit")], id="another"),
        pytest.param([(".spec.context.p", "kubectl-assistants")], [], id="the plugin itself, by a patch"),
        pytest.param([(f".metadata.annotations.{CAUSE}", "kubectl-annotate")], [], id="the cause of the last edit"),
    ],
)
def test_which_conflicts_are_with_another_manager(owners: list[Any], others: list[Any]) -> None:
    assert foreign(owners) == others


def test_a_conflict_names_the_owner_and_how_to_go_on() -> None:
    message = conflict_error("bot", [(".spec.context.p", "kubectl-edit"), (".spec.displayName", "argo")]).message
    assert message.splitlines() == [
        "error: assistant 'bot' has fields that another field manager owns: nothing is written",
        "  context.p is owned by kubectl-edit",
        "  displayName is owned by argo",
        (
            "Change them where that manager gets them from, or take them over with --force-conflicts. That manager may"
            " set them back when it applies again."
        ),
    ]
