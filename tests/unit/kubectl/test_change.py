"""What a command that changes an Assistant prints, and when it writes nothing."""

from typing import Any

import click
import pytest
from click.testing import CliRunner

from assistant_operator.kubectl.change import ChangeOptions, Plan, change_options, output_of
from assistant_operator.kubectl.patch import suspend

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
