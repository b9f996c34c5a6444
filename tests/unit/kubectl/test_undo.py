"""`undo`: where it goes back to, and by which way."""

from typing import Any

import pytest

from assistant_operator.api.assistant import Activation
from assistant_operator.kubectl.errors import MISUSED, CliError
from assistant_operator.kubectl.undo import UndoMode, target, undo_mode, undo_notes
from harness.worlds import EARLIER, a_status, an_assistant
from unit.kubectl.kept import NOT_VALID, UNJUDGED, a_kept, kept

WAS_FIRST = (Activation(number=3, since=EARLIER), Activation(number=1, since=EARLIER))


@pytest.mark.parametrize(
    ("assistant", "versions", "number", "goal"),
    [
        pytest.param(an_assistant(), kept(), 0, 2, id="the one before the latest"),
        pytest.param(an_assistant(pin=2), kept(), 0, 1, id="the one before the pinned one, so that undo walks back"),
        pytest.param(
            an_assistant(status=a_status(latest_version=3, active_version=2)),
            [a_kept(1), a_kept(2), a_kept(3, valid=NOT_VALID)],
            0,
            2,
            id="a bad edit is undone by the one in force",
        ),
        pytest.param(
            an_assistant(),
            [a_kept(1), a_kept(2, valid=NOT_VALID), a_kept(3)],
            0,
            1,
            id="what is not valid is passed over",
        ),
        pytest.param(
            an_assistant(), [a_kept(1), a_kept(2, valid=UNJUDGED), a_kept(3)], 0, 1, id="and what nobody judged too"
        ),
        pytest.param(
            an_assistant(manual=True, pin=3, status=a_status(activations=WAS_FIRST)),
            kept(),
            0,
            1,
            id="where activation is Manual, what was in force before",
        ),
        pytest.param(
            an_assistant(manual=True, status=a_status(latest_version=3, active_version=2, activations=WAS_FIRST)),
            kept(),
            0,
            1,
            id="there it goes back from what is in force, not from the latest",
        ),
        pytest.param(an_assistant(), kept(), 3, 3, id="a number may be the latest"),
        pytest.param(an_assistant(), [a_kept(2, valid=UNJUDGED)], 2, 2, id="a number may be unjudged as yet"),
    ],
)
def test_where_undo_goes(assistant: Any, versions: Any, number: int, goal: int) -> None:
    assert target(assistant, versions, number).number == goal


ALTERED = a_kept(1).model_copy(update={"spec": a_kept(1).spec.model_copy(update={"snapshot": a_kept(2).spec.snapshot})})


@pytest.mark.parametrize(
    ("assistant", "versions", "number", "message"),
    [
        pytest.param(
            an_assistant(pin=1),
            kept(),
            0,
            "error: there is no valid version of 'bot' before 1: nothing to undo",
            id="none",
        ),
        pytest.param(
            an_assistant(), kept(), 7, "error: assistant 'bot' has no version 7: it has 1, 2, 3", id="no such number"
        ),
        pytest.param(
            an_assistant(), [], 7, "error: assistant 'bot' has no version 7: it has none", id="no version at all"
        ),
        pytest.param(
            an_assistant(),
            [a_kept(1, valid=NOT_VALID)],
            1,
            "error: bot-v1 would not come into force: graph 'support' refuses it: /context/prompt: no",
            id="not valid",
        ),
        pytest.param(
            an_assistant(),
            [ALTERED],
            1,
            "error: bot-v1 was altered: its content is not what its digest was taken of",
            id="altered",
        ),
        pytest.param(
            an_assistant(manual=True, status=a_status(activations=WAS_FIRST[:1])),
            kept(),
            0,
            "error: there is no valid version of 'bot' before 3: nothing to undo",
            id="where activation is Manual, what nobody activated is no way back",
        ),
    ],
)
def test_where_undo_cannot_go(assistant: Any, versions: Any, number: int, message: str) -> None:
    with pytest.raises(CliError) as told:
        target(assistant, versions, number)
    assert (str(told.value), told.value.exit_code) == (message, 1)


def test_many_numbers_are_told_by_the_newest() -> None:
    versions = [a_kept(number, "x") for number in range(1, 13)]
    with pytest.raises(CliError, match="has no version 99: the newest are 3, 4, 5, 6, 7, 8, 9, 10, 11, 12"):
        target(an_assistant(), versions, 99)


@pytest.mark.parametrize(
    ("flags", "way"),
    [((), UndoMode.PIN), (("pin",), UndoMode.PIN), (("restore",), UndoMode.RESTORE), (("unpin",), UndoMode.UNPIN)],
)
def test_which_way(flags: tuple[str, ...], way: UndoMode) -> None:
    told = {name: name in flags for name in ("pin", "restore", "unpin")}
    assert undo_mode(**told, number=0) is way


@pytest.mark.parametrize(
    ("flags", "number"), [({"pin", "restore"}, 0), ({"pin", "unpin"}, 0), ({"restore", "unpin"}, 0), ({"unpin"}, 2)]
)
def test_ways_exclude_one_another_and_no_number_goes_with_unpin(flags: set[str], number: int) -> None:
    told = {name: name in flags for name in ("pin", "restore", "unpin")}
    with pytest.raises(CliError) as trouble:
        undo_mode(**told, number=number)
    assert trouble.value.exit_code == MISUSED


@pytest.mark.parametrize(
    ("way", "assistant", "told"),
    [
        pytest.param(
            UndoMode.PIN,
            an_assistant(),
            ["edits made from now on wait until 'kubectl assistants unpin bot'"],
            id="a pin keeps later edits back",
        ),
        pytest.param(UndoMode.PIN, an_assistant(manual=True), [], id="in Manual they wait anyway"),
        pytest.param(
            UndoMode.PIN,
            an_assistant(suspend=True),
            [
                "spec.suspend is true: nothing is activated until 'kubectl assistants resume bot'",
                "edits made from now on wait until 'kubectl assistants unpin bot'",
            ],
            id="held",
        ),
        pytest.param(
            UndoMode.RESTORE,
            an_assistant(pin=2),
            ["the pin to 2 is removed, so that the new version comes into force"],
            id="a restore under a pin",
        ),
        pytest.param(
            UndoMode.RESTORE,
            an_assistant(manual=True, pin=2),
            ["activation is Manual: the new version comes into force once it is pinned"],
            id="a restore where activation is Manual",
        ),
        pytest.param(
            UndoMode.UNPIN,
            an_assistant(manual=True),
            ["activation is Manual: what is in force stays"],
            id="no pin in Manual",
        ),
        pytest.param(UndoMode.UNPIN, an_assistant(pin=2), [], id="an un-pin needs no remark"),
    ],
)
def test_what_is_remarked(way: UndoMode, assistant: Any, told: list[str]) -> None:
    assert undo_notes(way, assistant) == told
