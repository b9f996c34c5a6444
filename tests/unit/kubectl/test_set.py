"""`set`: what is remarked about a new version."""

from typing import Any

import pytest

from assistant_operator.kubectl.assignments import Assignment
from assistant_operator.kubectl.set import set_notes
from harness.worlds import an_assistant

PROMPT = Assignment(("context", "prompt"), "x")


@pytest.mark.parametrize(
    ("assistant", "assignment", "notes"),
    [
        pytest.param(an_assistant(), PROMPT, [], id="it comes into force"),
        pytest.param(
            an_assistant(pin=2),
            PROMPT,
            ["version 2 is pinned: the new version waits until 'kubectl assistants unpin bot'"],
            id="a pin",
        ),
        pytest.param(
            an_assistant(manual=True),
            PROMPT,
            ["activation is Manual: the new version comes into force once it is pinned"],
            id="Manual",
        ),
        pytest.param(
            an_assistant(suspend=True),
            PROMPT,
            ["spec.suspend is true: nothing is activated until 'kubectl assistants resume bot'"],
            id="suspended",
        ),
        pytest.param(an_assistant(pin=2), Assignment(("versioning", "historyLimit"), 5), [], id="no new version"),
        pytest.param(an_assistant(), Assignment(("context", "x"), "{", "a note"), ["a note"], id="of the value"),
    ],
)
def test_what_is_remarked(assistant: Any, assignment: Assignment, notes: list[str]) -> None:
    assert list(set_notes(assistant, [assignment])) == notes
