"""`verify`: what is printed, and when it fails."""

import json

import pytest
import yaml

from assistant_operator.kubectl.verification import Problem, Verification
from assistant_operator.kubectl.verify import failure, output_of

ALTERED = Problem("bot-v2", "its content does not match its digest")
MISSING = Problem("bot-v4", "version 3 is missing before it", is_gap=True)
FINE = Verification(("team", "fine"), (7, 8, 9), "sha256:9", notes=("versions 1-6 are no longer kept",))
GAP = Verification(("team", "gap"), (1, 2, 4), "sha256:4", (MISSING,))
BAD = Verification(("team", "bad"), (1, 2, 4), "sha256:4", (MISSING, ALTERED))
EMPTY = Verification(("team", "empty"), ())


def test_a_line_for_each_assistant() -> None:
    assert output_of([FINE, GAP, BAD, EMPTY], None, all_namespaces=False) == (
        "NAME    VERSIONS   RESULT     DETAIL\n"
        "fine    7-9        Verified   versions 1-6 are no longer kept\n"
        "gap     1-2,4      Gap        bot-v4: version 3 is missing before it\n"
        "bad     1-2,4      Mismatch   bot-v4: version 3 is missing before it; and 1 more\n"
        "empty   <none>     Verified\n"
    )


def test_wide_has_the_chain_and_all_problems() -> None:
    assert output_of([BAD], "wide", all_namespaces=True) == (
        "NAMESPACE   NAME   VERSIONS   RESULT     CHAIN      DETAIL\n"
        "team        bad    1-2,4      Mismatch   sha256:4   bot-v4: version 3 is missing before it;"
        " bot-v2: its content does not match its digest\n"
    )


def test_as_json_and_yaml() -> None:
    wanted = {
        "verifications": [
            {
                "namespace": "team",
                "name": "gap",
                "result": "Gap",
                "versions": "1-2,4",
                "chain": "sha256:4",
                "problems": [{"version": "bot-v4", "message": "version 3 is missing before it", "gap": True}],
                "notes": [],
            }
        ]
    }
    assert json.loads(output_of([GAP], "json", all_namespaces=False)) == wanted
    assert yaml.safe_load(output_of([GAP], "yaml", all_namespaces=False)) == wanted


@pytest.mark.parametrize(
    ("found", "allow_gaps", "message"),
    [
        pytest.param([], False, "", id="nothing"),
        pytest.param([FINE, EMPTY], False, "", id="all match"),
        pytest.param([GAP], True, "", id="a gap that is allowed"),
        pytest.param(
            [FINE, GAP],
            False,
            "error: assistant 'gap' does not verify: bot-v4: version 3 is missing before it",
            id="a gap that is not",
        ),
        pytest.param(
            [GAP, BAD],
            True,
            "error: assistant 'bad' does not verify: bot-v2: its content does not match its digest",
            id="a mismatch is never allowed",
        ),
        pytest.param(
            [GAP, BAD],
            False,
            "error: assistant 'gap' does not verify: bot-v4: version 3 is missing before it;"
            " 1 more of 2 assistants fail",
            id="several",
        ),
    ],
)
def test_when_it_fails(found: list[Verification], message: str, *, allow_gaps: bool) -> None:
    assert failure(found, allow_gaps=allow_gaps) == message
