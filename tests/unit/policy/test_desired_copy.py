"""What an assistant is to be on a server, where the server differs, and what is sent."""

from dataclasses import replace
from typing import Any

import pytest

from assistant_operator.api.assistant import Copy
from assistant_operator.api.remote import RemoteAssistant
from assistant_operator.policy import desired_copy
from assistant_operator.policy.desired_copy import (
    DIGEST,
    NUMBER,
    OWNER,
    POLICY,
    DesiredAssistant,
    Target,
    desired,
    drift,
    target_of,
)
from harness.worlds import KEY, a_graph, a_status, a_version, an_assistant

OURS = "default/team/bot"
URL = "http://server"
PLACE = Target(Copy(server=URL, assistant_id=desired_copy.own_id(OURS)), "writer", is_default=False)
DEFAULT_PLACE = Target(Copy(server=URL, assistant_id=desired_copy.default_id("writer")), "writer", is_default=True)
REPLACED = "\ufffd"
MARKS: dict[str, Any] = {OWNER: OURS, NUMBER: 7, DIGEST: "sha256:7"}


def of_spec(place: Target = PLACE, **spec: Any) -> DesiredAssistant:
    """What version 3 of an Assistant with such a spec is to be."""
    assistant = an_assistant(**spec)
    return desired(place, assistant, 3, assistant.spec.snapshot, OURS)


def a_wanted(**different: Any) -> DesiredAssistant:
    told: dict[str, Any] = {"graph_id": "writer", "name": "bot", "description": "", "context": {"prompt": "p"}}
    told |= {"configurable": {}, "config": {}, "metadata": MARKS}
    return DesiredAssistant(**{**told, **different})


def a_remote(**different: Any) -> RemoteAssistant:
    """What a server that mirrors context and configurable has when it has just that."""
    told: dict[str, Any] = {"assistant_id": PLACE.copy.assistant_id, "graph_id": "writer", "name": "bot"}
    told |= {"description": None, "context": {"prompt": "p"}, "config": {"configurable": {"prompt": "p"}}}
    return RemoteAssistant(**{**told, "metadata": MARKS, "version": 1, **different})


@pytest.mark.parametrize(
    ("spec", "field", "value"),
    [
        pytest.param({}, "name", "bot", id="without a display name it is called as the object is"),
        pytest.param(
            {"display_name": ""}, "name", "bot", id="an empty display name is none: the server would say more"
        ),
        pytest.param({"display_name": "Bot & Co"}, "name", "Bot & Co", id="a display name is its name"),
        pytest.param({"display_name": "a\0b"}, "name", f"a{REPLACED}b", id="a name has no NUL"),
        pytest.param({}, "description", "", id="no description is an empty one"),
        pytest.param({"description": "d"}, "description", "d", id="a description is one"),
        pytest.param({"context": None}, "context", {}, id="no context is an empty one"),
        pytest.param({"context": {"a": None, "": []}}, "context", {"a": None, "": []}, id="null in a context stays"),
        pytest.param(
            {
                "context": {
                    "langgraph_auth_user": 1,
                    "__otel_x__": 2,
                    "__request_start_time_ms__": 3,
                    "a": {"run_id": 4},
                }
            },
            "context",
            {"a": {"run_id": 4}},
            id="what the server keeps for itself is not sent",
        ),
        pytest.param(
            {"context": {"n": 2**53 + 1}}, "context", {"n": 2**53 + 1}, id="an integer of 64 bits stays exact"
        ),
        pytest.param(
            {"context": {"n": [2**64, 2**64 - 1, -(2**63), -(2**63) - 1]}},
            "context",
            {"n": [float(2**64), 2**64 - 1, -(2**63), float(-(2**63) - 1)]},
            id="one beyond is what the server makes of it",
        ),
        pytest.param({"context": {"yes": True}}, "context", {"yes": True}, id="true is no integer"),
        pytest.param(
            {"context": {"a\0": ["x\0", r"x\u0000"]}},
            "context",
            {f"a{REPLACED}": [f"x{REPLACED}", r"x\ufffd"]},
            id="NUL, spelled out or not, is what the server makes of it",
        ),
        pytest.param({"context": {}, "config": None}, "configurable", {}, id="no config has nothing configurable"),
        pytest.param(
            {"context": {}, "config": {"configurable": {"route": "x", "langgraph_request_id": "y"}}},
            "configurable",
            {"route": "x"},
            id="configurable is treated as context is",
        ),
        pytest.param({"config": {"configurable": {}}}, "config", {}, id="what is configurable is not in config"),
        pytest.param(
            {"config": {"tags": ["a", "b"], "recursionLimit": 9}},
            "config",
            {"tags": ["a", "b"], "recursion_limit": 9},
            id="tags and the limit have the server's names",
        ),
        pytest.param({"config": {"tags": []}}, "config", {"tags": []}, id="no tags is not the same as unsaid"),
        pytest.param({"config": {"tags": None}}, "config", {}, id="null is unsaid"),
    ],
)
def test_a_version_becomes_what_the_server_keeps(spec: dict[str, Any], field: str, value: object) -> None:
    found = getattr(of_spec(**spec), field)
    assert (found, str(found)) == (value, str(value)), "1 and 1.0 and True are three"


@pytest.mark.parametrize(
    ("spec", "own"),
    [
        pytest.param(
            {"metadata": {"team": "a", "n": {"x": None}}}, {"team": "a", "n": {"x": None}}, id="a person's own"
        ),
        pytest.param({"metadata": {"team": None}}, {}, id="null is nothing: the server cannot forget a key"),
        pytest.param(
            {"metadata": {"created_by": "system"}}, {}, id="nobody but the system says that the system made it"
        ),
        pytest.param({"metadata": {"created_by": "me"}}, {"created_by": "me"}, id="but anybody else may be named"),
        pytest.param(
            {"metadata": dict.fromkeys(("assistant_id", "run_id", "thread_id", "cron_id", OWNER, POLICY), "x")},
            {},
            id="the server's own keys and ours are not a person's",
        ),
        pytest.param({"metadata": {"__otel_x__": 1}}, {"__otel_x__": 1}, id="what is special in a context only"),
        pytest.param({"deletion_policy": "Retain"}, {POLICY: "Retain"}, id="a copy that is to stay says so"),
    ],
)
def test_metadata_are_the_persons_and_our_marks(spec: dict[str, Any], own: dict[str, Any]) -> None:
    digest = a_version(3, **spec).spec.digest
    assert of_spec(**spec).metadata == {**own, OWNER: OURS, NUMBER: 3, DIGEST: digest}


def test_of_the_default_assistant_the_server_keeps_name_and_description() -> None:
    found = of_spec(DEFAULT_PLACE, display_name="mine", description="mine")
    assert found.name is None
    there = a_remote(name="writer", description="Deployed.", metadata=found.metadata, **_told(found))
    assert drift(found, there) == ()
    assert {"name", "description"} & desired_copy.update(found, there).keys() == set()


def test_where_the_server_lost_its_own_assistant_it_is_made_under_the_name_that_a_server_gives_it() -> None:
    body = desired_copy.creation(of_spec(DEFAULT_PLACE, display_name="mine"), DEFAULT_PLACE.copy.assistant_id)
    assert (body["name"], "description" in body) == ("writer", False)


def _told(found: DesiredAssistant) -> dict[str, Any]:
    return {"context": found.context, "config": {**found.config, "configurable": found.context}}


BOTH_EMPTY = a_wanted(context={})
ROUTED = a_wanted(context={}, configurable={"route": "x"})
TAGGED = a_wanted(config={"tags": ["a"], "recursion_limit": 9})


@pytest.mark.parametrize(
    ("aim", "there", "fields"),
    [
        pytest.param(a_wanted(), a_remote(), (), id="as it was left"),
        pytest.param(a_wanted(), a_remote(description=""), (), id="an empty description is none"),
        pytest.param(a_wanted(), a_remote(config={}), (), id="a server that does not mirror"),
        pytest.param(a_wanted(), a_remote(config=None, version=None), (), id="a server that says little"),
        pytest.param(BOTH_EMPTY, a_remote(context={}, config={}), (), id="nothing is nothing"),
        pytest.param(BOTH_EMPTY, a_remote(context=None, config={"configurable": {}}), (), id="in whatever words"),
        pytest.param(
            ROUTED, a_remote(context={"route": "x"}, config={"configurable": {"route": "x"}}), (), id="configurable"
        ),
        pytest.param(ROUTED, a_remote(context={}, config={"configurable": {"route": "x"}}), (), id="unmirrored"),
        pytest.param(
            a_wanted(context={"n": 1}), a_remote(context={"n": 1.0}, config={}), (), id="1.0 is 1, as everywhere"
        ),
        pytest.param(
            a_wanted(), a_remote(metadata={**MARKS, "owner": "somebody", "x": None}), (), id="metadata of others"
        ),
        pytest.param(a_wanted(), a_remote(graph_id="router"), ("/graph_id",), id="another graph"),
        pytest.param(a_wanted(), a_remote(name="Bot"), ("/name",), id="another name"),
        pytest.param(a_wanted(), a_remote(name=None), ("/name",), id="no name"),
        pytest.param(a_wanted(description="d"), a_remote(), ("/description",), id="no description"),
        pytest.param(a_wanted(), a_remote(description="x"), ("/description",), id="a description too many"),
        pytest.param(
            a_wanted(context={"a": 1, "b": {"c": 2}}),
            a_remote(context={"a": 1, "b": {"c": 3}}, config={"configurable": {"a": 1, "b": {"c": 3}}}),
            ("/context/b/c",),
            id="a changed value, mirrored, is told once",
        ),
        pytest.param(
            a_wanted(), a_remote(config={"configurable": {"prompt": "q"}}), ("/configurable/prompt",), id="torn apart"
        ),
        pytest.param(
            a_wanted(),
            a_remote(context={}, config={"configurable": {"prompt": "p"}}),
            ("/context/prompt",),
            id="cleared",
        ),
        pytest.param(BOTH_EMPTY, a_remote(), ("/context/prompt",), id="a context too many"),
        pytest.param(
            BOTH_EMPTY, a_remote(context={}), ("/context/prompt",), id="something configurable under an empty context"
        ),
        pytest.param(
            a_wanted(context={"n": 1}), a_remote(context={"n": True}, config={}), ("/context/n",), id="true is not 1"
        ),
        pytest.param(
            a_wanted(context={"l": [1, 2]}),
            a_remote(context={"l": [2, 1]}, config={}),
            ("/context/l",),
            id="list order",
        ),
        pytest.param(TAGGED, a_remote(), ("/config/recursion_limit", "/config/tags"), id="tags and limit are gone"),
        pytest.param(a_wanted(), a_remote(config={"tags": ["x"]}), ("/config/tags",), id="tags too many"),
        pytest.param(
            a_wanted(),
            a_remote(metadata={**MARKS, NUMBER: 6, OWNER: None, POLICY: "Retain"}),
            tuple(f"/metadata/assistant-operator.dev~1{name}" for name in ("deletion-policy", "owner", "version")),
            id="our marks",
        ),
        pytest.param(a_wanted(), a_remote(metadata=None), 3, id="no metadata at all"),
    ],
)
def test_drift(aim: DesiredAssistant, there: RemoteAssistant, fields: tuple[str, ...] | int) -> None:
    found = drift(aim, there)
    assert (len(found) if isinstance(fields, int) else found) == fields


def test_a_key_that_came_with_the_former_version_is_drift_until_it_is_null() -> None:
    there = a_remote(metadata={**MARKS, "team": "a", "mine": 1})
    assert drift(a_wanted(), there, {"team", "gone"}) == ("/metadata/team",)
    body = desired_copy.update(a_wanted(), there, {"team", "gone"})
    assert body["metadata"] == {"team": None, **MARKS}, "what others wrote stays, what is not there is not mentioned"
    assert drift(a_wanted(), a_remote(metadata={**MARKS, "team": None, "mine": 1}), {"team", "gone"}) == ()


@pytest.mark.parametrize(
    ("aim", "context", "config"),
    [
        pytest.param(a_wanted(), {"prompt": "p"}, {}, id="a context is sent alone: both would be refused"),
        pytest.param(TAGGED, {"prompt": "p"}, TAGGED.config, id="with the tags that it would wipe"),
        pytest.param(BOTH_EMPTY, {}, {"configurable": {}}, id="to clear takes both"),
        pytest.param(ROUTED, {}, {"configurable": {"route": "x"}}, id="configurable"),
    ],
)
def test_an_update_says_all(aim: DesiredAssistant, context: dict[str, Any], config: dict[str, Any]) -> None:
    body = desired_copy.update(aim)
    told = {"graph_id": "writer", "name": "bot", "description": ""}
    assert body == {**told, "context": context, "config": config, "metadata": MARKS}
    identity = {"assistant_id": PLACE.copy.assistant_id, "if_exists": "do_nothing"}
    assert desired_copy.creation(aim, PLACE.copy.assistant_id) == {**identity, **body}


def test_a_copy_that_may_be_deleted_again_loses_the_mark_that_kept_it() -> None:
    there = a_remote(metadata={**MARKS, POLICY: "Retain"})
    assert desired_copy.update(a_wanted(), there)["metadata"] == {**MARKS, POLICY: None}
    retained = a_wanted(metadata={**MARKS, POLICY: "Retain"})
    assert desired_copy.update(retained, there)["metadata"] == {**MARKS, POLICY: "Retain"}


def test_a_farewell_empties_the_servers_own_assistant_of_ours_only() -> None:
    there = a_remote(metadata={**MARKS, "created_by": "system", "team": "a", "foreign": 1})
    assert desired_copy.reset_payload(there, {"team", "gone"}) == {
        "context": {},
        "config": {"configurable": {}},
        "metadata": dict.fromkeys((*MARKS, "team")),
    }


def test_the_uuids_are_these_for_ever() -> None:
    assert desired_copy.own_id(OURS) == "3fc87cf3-132e-5dca-8268-2097c45040a5"
    assert desired_copy.default_id("writer") == "b4a486dd-d043-5b64-b6e1-20bae3a982fb"
    assert desired_copy.default_id("router") == "228f9934-0cdd-5383-92c8-ee8422522cc2"
    others = {desired_copy.own_id(owner) for owner in (OURS, "blue/team/bot", "default/team2/bot", "default/team/bot2")}
    assert len(others) == 4


REFS = {"api_key_secret_ref": {"name": "s", "key": "k"}, "ca_bundle_ref": {"kind": "Secret", "name": "c", "key": "pem"}}
SERVICE = {"name": "lg", "port": 8123, "scheme": "https", "path": "/base/"}


@pytest.mark.parametrize(
    ("server", "copy"),
    [
        pytest.param({"url": "http://server/"}, {"server": URL}, id="a url, without the slash at its end"),
        pytest.param({"url": "http://server/a/b/"}, {"server": "http://server/a/b"}, id="a url with a path"),
        pytest.param({"service_ref": SERVICE}, {"server": "https://lg.team.svc:8123/base"}, id="a Service"),
        pytest.param(
            {"service_ref": {"name": "lg", "port": 80}}, {"server": "http://lg.team.svc:80"}, id="a Service in short"
        ),
        pytest.param({"url": URL, **REFS}, {"server": URL, **REFS}, id="with how to get in"),
    ],
)
def test_a_place_is_a_copy_under_our_own_uuid(server: dict[str, Any], copy: dict[str, Any]) -> None:
    found = target_of(a_graph(server=server, graph_id="writer"), KEY, "default")
    assert found == Target(Copy(assistant_id=desired_copy.own_id(OURS), owner=OURS, **copy), "writer", is_default=False)


@pytest.mark.parametrize(
    ("default", "is_default"),
    [
        pytest.param({"name": "bot"}, True, id="the default assistant is the server's own"),
        pytest.param({}, False, id="another is not"),
        pytest.param({"policy": "None", "name": "bot"}, False, id="without a default there is none"),
    ],
)
def test_the_default_assistant_belongs_to_the_servers_own(default: dict[str, Any], *, is_default: bool) -> None:
    found = target_of(a_graph(server={"url": URL}, graph_id="writer", default_assistant=default), KEY, "default")
    assert found
    expected = desired_copy.default_id("writer") if is_default else desired_copy.own_id(OURS)
    assert (found.is_default, found.copy.assistant_id) == (is_default, expected)


def test_without_a_server_there_is_no_place() -> None:
    assert target_of(a_graph(), KEY, "default") is None


@pytest.mark.parametrize(
    ("one", "other", "is_one"),
    [
        pytest.param("http://server", "http://server", True, id="the same"),
        pytest.param("HTTP://Server/", "http://server", True, id="case and a slash at the end"),
        pytest.param("http://server:80", "http://server", True, id="the port of http"),
        pytest.param("https://server:443/a/", "https://server/a", True, id="the port of https"),
        pytest.param("http://[::1]:80", "http://[::1]", True, id="an address of IPv6"),
        pytest.param("http://server:443", "http://server", False, id="the port of another scheme"),
        pytest.param("https://server", "http://server", False, id="another scheme"),
        pytest.param("http://server:8123", "http://server", False, id="another port"),
        pytest.param("http://server/A", "http://server/a", False, id="the case of a path counts"),
        pytest.param("http://server:99999", "http://server", False, id="a port that there is not"),
        pytest.param("http://server.t.svc:80", "http://server", False, id="what only the network could tell"),
    ],
)
def test_one_address_in_two_spellings_is_one_place(one: str, other: str, *, is_one: bool) -> None:
    first, second = (Copy(server=each, assistant_id="id", owner=OURS) for each in (one, other))
    assert first.is_same(second) == second.is_same(first) == is_one


@pytest.mark.parametrize(
    ("one", "other", "is_one"),
    [
        pytest.param(OURS, OURS, True, id="the same identity"),
        pytest.param(OURS, "prod/team/bot", False, id="that of another cluster name"),
        pytest.param(None, OURS, True, id="one that is not recorded is no other"),
    ],
)
def test_one_place_under_two_identities_is_two_copies(one: str | None, other: str, *, is_one: bool) -> None:
    first, second = (Copy(server=URL, assistant_id="id", owner=each) for each in (one, other))
    assert first.is_same(second) == second.is_same(first) == is_one


RENAMED = "prod/team/bot"


@pytest.mark.parametrize(
    ("copy", "marked", "is_ours"),
    [
        pytest.param(
            Copy(server=URL, assistant_id=desired_copy.own_id(OURS), owner=OURS), OURS, True, id="as recorded"
        ),
        pytest.param(
            Copy(server=URL, assistant_id=desired_copy.default_id("writer"), owner=OURS),
            OURS,
            True,
            id="a default, recorded",
        ),
        pytest.param(
            Copy(server=URL, assistant_id=desired_copy.default_id("writer"), owner=OURS),
            RENAMED,
            False,
            id="taken over",
        ),
        pytest.param(
            Copy(server=URL, assistant_id=desired_copy.own_id(OURS), owner=OURS),
            None,
            False,
            id="somebody took the mark off",
        ),
        pytest.param(
            Copy(server=URL, assistant_id=desired_copy.own_id(OURS)),
            OURS,
            True,
            id="no record: its UUID is that of its mark",
        ),
        pytest.param(
            Copy(server=URL, assistant_id=desired_copy.own_id("default/team/other")),
            "default/team/other",
            False,
            id="no record: of another Assistant",
        ),
        pytest.param(
            Copy(server=URL, assistant_id=desired_copy.own_id(OURS)),
            "x/team/bot",
            False,
            id="no record: of another cluster",
        ),
        pytest.param(
            Copy(server=URL, assistant_id=desired_copy.default_id("writer")),
            OURS,
            False,
            id="no record: a default under a name that is not the present one proves nothing",
        ),
        pytest.param(
            Copy(server=URL, assistant_id=desired_copy.default_id("writer")),
            RENAMED,
            True,
            id="no record: the present name",
        ),
        pytest.param(Copy(server=URL, assistant_id=desired_copy.own_id(OURS)), None, False, id="no record, no mark"),
    ],
)
def test_what_is_ours_by_our_own_record(copy: Copy, marked: str | None, *, is_ours: bool) -> None:
    there = a_remote(assistant_id=copy.assistant_id, metadata={OWNER: marked} if marked else {})
    assert desired_copy.is_ours(there, KEY, copy, RENAMED) == is_ours


def test_a_place_may_be_taken_over_from_the_identities_that_the_status_records_for_it() -> None:
    place = Copy(server=URL, assistant_id="id", owner=RENAMED)
    former = Copy(server=f"{URL}:80/", assistant_id="id", owner=OURS)
    elsewhere = Copy(server="http://elsewhere", assistant_id="id", owner="third/team/bot")
    assistant = an_assistant(status=a_status(copies=(place, former, elsewhere)))
    assert desired_copy.owners(assistant, place, RENAMED) == {OURS, RENAMED}
    assert desired_copy.owners(an_assistant(), Copy(server=URL, assistant_id="id"), RENAMED) == {RENAMED}


def roundtrips() -> dict[str, dict[str, Any]]:
    return {
        "context": {"context": {"prompt": "a", "n": 2**63, "deep": {"null": None, "list": [1.0, True, ""]}}},
        "configurable": {"context": None, "config": {"configurable": {"a": 1}, "tags": ["x"]}},
        "empty": {"context": {}, "config": {"recursionLimit": 3}},
        "names": {"display_name": "\0", "description": r"\u0000", "metadata": {"a": {"b": 2**70}, "c": None}},
    }


@pytest.mark.parametrize("spec", [pytest.param(spec, id=name) for name, spec in roundtrips().items()])
@pytest.mark.parametrize("mirrors", [pytest.param(True, id="mirroring"), pytest.param(False, id="not mirroring")])
def test_what_is_sent_is_what_is_wanted(spec: dict[str, Any], *, mirrors: bool) -> None:
    aim = of_spec(**spec)
    assert drift(aim, _kept(desired_copy.creation(aim, "id"), mirrors=mirrors)) == ()
    assert drift(replace(aim, context={"other": 1}), _kept(desired_copy.creation(aim, "id"), mirrors=mirrors)) != ()


def _kept(body: dict[str, Any], *, mirrors: bool) -> RemoteAssistant:
    context, configurable = body["context"], body["config"].get("configurable", {})
    both = context or configurable
    told = {"context": both, "config": {**body["config"], "configurable": both}} if mirrors else {}
    return RemoteAssistant.model_validate({**body, **told})
