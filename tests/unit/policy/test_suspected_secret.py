"""The condition SecretSuspected: there while a value looks like a credential, without its value."""

from typing import Any

import pytest

from assistant_operator.api.assistant import AssistantStatus
from assistant_operator.api.credentials import Suspicion
from assistant_operator.api.meta import condition
from assistant_operator.api.reason import Reason
from assistant_operator.policy import assistant_status, graph
from assistant_operator.policy.activation import ActivationDecision, decide
from assistant_operator.policy.conditions import Finding
from assistant_operator.policy.suspected_secret import suspected_secret
from harness.support.credentials import CREDENTIALS, NEAR_MISSES
from harness.worlds import EARLIER, NOW, a_condition, a_graph, a_graph_world, a_status, a_world, an_assistant

TOKEN = CREDENTIALS["a GitHub token"]
FOUND = (
    "/context/key contains what looks like a GitHub token: every version keeps its content, so revoke the credential"
)
SUSPECTED = a_condition("SecretSuspected", "True", "SecretSuspected", FOUND)
AT_A = Suspicion("/a", "a GitHub token")


@pytest.mark.parametrize(
    ("suspicions", "message"),
    [
        pytest.param((), None, id="nothing is suspected: there is no condition"),
        pytest.param((AT_A,), "/a contains what looks like a GitHub token: ", id="one place"),
        pytest.param(
            (AT_A, Suspicion("/b", "an API key")),
            "/a contains what looks like a GitHub token; /b contains what looks like an API key: ",
            id="two places",
        ),
        pytest.param(
            (AT_A,) * 4, f"{'; '.join(['/a contains what looks like a GitHub token'] * 3)}; and more: ", id="many"
        ),
        pytest.param(
            (Suspicion("/a\n\x1b[31m", "an API key"),),
            r"/a\n\x1b[31m contains what looks like an API key: ",
            id="a path with control characters is one line",
        ),
    ],
)
def test_the_message_names_the_places(suspicions: tuple[Suspicion, ...], message: str | None) -> None:
    advice = "every version keeps its content, so revoke the credential"
    finding = Finding(True, Reason.SECRET_SUSPECTED, f"{message}{advice}") if message else None
    assert suspected_secret(suspicions) == finding


def told(**different: Any) -> AssistantStatus:
    assistant = an_assistant(**different)
    world = a_world(assistant=assistant, suspicions=assistant.spec.snapshot.suspicions)
    decision = decide(world)
    assert isinstance(decision, ActivationDecision)
    return assistant_status.status(world, decision)


@pytest.mark.parametrize(
    ("different", "message"),
    [
        pytest.param({}, None, id="nothing looks like a credential"),
        pytest.param({"context": NEAR_MISSES}, None, id="something resembles one"),
        pytest.param({"context": {"key": TOKEN}}, FOUND, id="a value does"),
        pytest.param(
            {"context": {"key": TOKEN}, "suspend": True}, FOUND, id="suspended: edits are recorded all the same"
        ),
        pytest.param({"context": {"key": TOKEN}, "pin": 1}, FOUND, id="pinned to another version: it is in the newest"),
    ],
)
def test_an_assistant_says_what_its_spec_has(different: dict[str, Any], message: str | None) -> None:
    found = condition(told(**different).conditions, "SecretSuspected")
    assert (found.message if found else None) == message
    assert found is None or (found.status, found.observed_generation, found.last_transition_time) == ("True", 3, NOW)


@pytest.mark.parametrize("suspend", [False, True])
def test_it_stays_as_it_is_while_the_content_does(*, suspend: bool) -> None:
    first = told(context={"key": TOKEN}, suspend=suspend)
    assert told(context={"key": TOKEN}, suspend=suspend, status=first) == first


@pytest.mark.parametrize("suspend", [False, True])
def test_it_goes_with_the_credential(*, suspend: bool) -> None:
    before = a_status()
    before = before.model_copy(update={"conditions": (*before.conditions, SUSPECTED)})
    after = told(status=before, suspend=suspend).conditions
    assert condition(after, "SecretSuspected") is None
    assert condition(after, "Ready") is not None


def test_its_time_is_that_of_the_first_suspicion() -> None:
    before = a_status()
    before = before.model_copy(update={"conditions": (*before.conditions, SUSPECTED)})
    found = condition(told(status=before, context={"other": TOKEN}).conditions, "SecretSuspected")
    assert found is not None
    assert found.message.startswith("/context/other ")
    assert found.last_transition_time == EARLIER


def test_it_does_not_change_what_is_active_or_ready() -> None:
    plain, suspected = told(), told(context={"key": TOKEN})
    others = tuple(each for each in suspected.conditions if each.type != "SecretSuspected")
    assert suspected.model_copy(update={"conditions": others}) == plain


def test_a_graph_says_what_its_defaults_have() -> None:
    leaky = a_graph(defaults={"context": {"prompt": "hello", "key": TOKEN}})
    found = condition(graph.status(a_graph_world(graph=leaky)).conditions, "SecretSuspected")
    assert found is not None
    assert found.message.startswith("/defaults/context/key contains what looks like a GitHub token: ")
    assert condition(graph.status(a_graph_world()).conditions, "SecretSuspected") is None
