"""What the status says of a deletion that cannot go on."""

from dataclasses import replace

import pytest

from assistant_operator.api.assistant import Copy
from assistant_operator.api.meta import condition
from assistant_operator.api.reason import Reason
from assistant_operator.policy.assistant_input import AssistantInput, UpdateStatus
from assistant_operator.policy.deletion import WithdrawalFailure
from assistant_operator.policy.publication import PublishResult
from harness.worlds import NOW, a_condition, a_status, a_world, an_assistant, steps

HERE = Copy(server="http://server", assistant_id="id-of-bot", owner="default/team/bot")
PUBLISHED = a_condition("Published", "True", "Published", "bot-v3 is published to http://server")
NO = WithdrawalFailure(Reason.FINALIZER_REFUSED, "422 no")
SILENT = WithdrawalFailure(Reason.SERVER_UNREACHABLE, "http://server: no answer in time", "http://server")


def going(outcome: PublishResult | None) -> AssistantInput:
    stated = (*a_status().conditions, PUBLISHED)
    meta = {"deletion_timestamp": NOW, "generation": 4}
    return a_world(
        assistant=an_assistant(status=a_status(conditions=stated, copies=(HERE,)), meta=meta), publish_result=outcome
    )


def because(hindrance: WithdrawalFailure) -> PublishResult:
    return PublishResult(False, hindrance.reason, hindrance.of_deletion(), number=3, copy=HERE)


@pytest.mark.parametrize(
    "outcome",
    [
        pytest.param(None, id="nothing stands in the way"),
        pytest.param(replace(because(NO), holds=True), id="it is published still"),
    ],
)
def test_a_deletion_that_goes_on_writes_nothing(outcome: PublishResult | None) -> None:
    assert list(steps(going(outcome))) == []


@pytest.mark.parametrize(
    ("hindrance", "progress", "message"),
    [
        pytest.param(
            NO,
            "Stalled",
            "Deletion waits: finalizer 'assistant-operator.dev/withdraw' cannot be removed: 422 no",
            id="the API server refuses",
        ),
        pytest.param(
            SILENT,
            "Reconciling",
            "Deletion waits for http://server, where the copy is to be withdrawn: http://server: no answer in time."
            " It goes on after 10 minutes, or at once with the annotation assistant-operator.dev/abandon-copies",
            id="a server does not answer",
        ),
    ],
)
def test_why_a_deletion_waits_is_told_once(hindrance: WithdrawalFailure, progress: str, message: str) -> None:
    world = going(because(hindrance))
    (report,) = steps(world)
    assert isinstance(report, UpdateStatus)
    for kind, status in (("Ready", "False"), (progress, "True")):
        said = condition(report.status.conditions, kind)
        assert said
        assert (said.status, said.reason, said.message) == (status, hindrance.reason, message)
        assert (said.observed_generation, said.last_transition_time) == (4, NOW)
    assert condition(report.status.conditions, "Published") == PUBLISHED
    assert report.status.copies == (HERE,)
    told = world.assistant.model_copy(update={"status": report.status})
    assert list(steps(replace(world, assistant=told))) == []


@pytest.mark.parametrize(
    ("hindrance", "message"),
    [
        pytest.param(
            NO,
            "finalizer 'assistant-operator.dev/withdraw' is not needed any more, but cannot be removed: 422 no",
            id="the finalizer",
        ),
        pytest.param(
            SILENT,
            "the former copy on http://server is not withdrawn yet: http://server: no answer in time",
            id="a former copy",
        ),
    ],
)
def test_what_one_that_stays_says_of_it(hindrance: WithdrawalFailure, message: str) -> None:
    assert hindrance.of_former_copy() == message
