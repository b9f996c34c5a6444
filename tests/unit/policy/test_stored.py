"""What the API server did not store of what it was sent, and when sending it again would only repeat that."""

from typing import Any

import pytest

from assistant_operator.api.assistant import AssistantStatus
from assistant_operator.policy.stored import Unstored
from harness.worlds import READY, a_status

SENT = a_status()


def without(*fields: str) -> AssistantStatus:
    return AssistantStatus(**{name: getattr(SENT, name) for name in SENT.model_fields_set - set(fields)})


@pytest.mark.parametrize(
    ("stored", "fields"),
    [
        pytest.param(without("activations"), ("status.activations",), id="one field"),
        pytest.param(
            without("versions", "digest"), ("status.digest", "status.versions"), id="several, in order, each once"
        ),
        pytest.param(
            a_status(conditions=tuple(each.model_copy(update={"reason": "Other"}) for each in READY)),
            ("status.conditions[].reason",),
            id="a field of each entry of a list",
        ),
        pytest.param(a_status(conditions=READY[:1]), ("status.conditions",), id="a list that is shorter"),
        pytest.param(a_status(versions=7), ("status.versions",), id="another value"),
        pytest.param(SENT, ("status",), id="a difference that is in no field"),
    ],
)
def test_the_fields_that_were_not_stored_are_named(stored: AssistantStatus, fields: tuple[str, ...]) -> None:
    unstored = Unstored(SENT, stored)
    assert unstored.fields == fields
    assert unstored.message("assistants") == (
        f"the API server does not store {', '.join(fields)}: if the CustomResourceDefinition of assistants is older"
        " than the operator, run kubectl apply --server-side -k crds"
    )


STORED = without("activations")


@pytest.mark.parametrize(
    ("wanted", "present", "again", "settles"),
    [
        pytest.param(SENT, STORED, False, True, id="the same over the same"),
        pytest.param(SENT, STORED, True, False, id="it is time to try it once more"),
        pytest.param(a_status(versions=4), STORED, False, False, id="something else is to be said"),
        pytest.param(SENT, a_status(versions=9), False, False, id="something else stands there"),
    ],
)
def test_a_write_that_had_no_effect_is_not_repeated(wanted: Any, present: Any, *, again: bool, settles: bool) -> None:
    assert Unstored(SENT, STORED, is_tried_again=again).settles(wanted, present) is settles
