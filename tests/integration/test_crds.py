"""Our kinds as the API server enforces, keeps, defaults, shows and explains them; an operator runs in one test only."""

import copy
import json
import re
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import reduce
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import pytest

from harness.controlplane import ControlPlane
from harness.controlplane.waiting import eventually
from harness.support import OperatorProcess, Workspace
from harness.support.client import MERGE
from harness.support.histories import a_workspace
from harness.support.workspace import API_VERSION, GROUP
from harness.worlds import a_version

ROOT = Path(__file__).parents[2]
APPLY = "application/apply-patch+yaml"
PLURALS = {
    "Graph": "graphs",
    "Assistant": "assistants",
    "AssistantVersion": "assistantversions",
    "AssistantAlias": "assistantaliases",
}
GONE = object()
Json = dict[str, Any]


class Wrong(NamedTuple):
    """One way in which a field can be wrong, and how the API server says so."""

    why: str
    value: Any
    says: str


REQUIRED = [Wrong("is missing", GONE, "Required value")]
OBJECT = [Wrong("is a list, not an object", [], 'must be of type object: "array"')]
SWITCH = [Wrong("is a word, not true or false", "yes", 'must be of type boolean: "string"')]
TIME = [Wrong("is no time", "yesterday", 'must be of type date-time: "yesterday"')]
NUMBER = [
    Wrong("is text, not a number", "1", 'must be of type integer: "string"'),
    Wrong("is a fraction", 1.5, "in body must be of type int"),
]


def text(most: int, least: int = 0, misspelt: str | None = None) -> list[Wrong]:
    wrong = [
        Wrong("is a number, not text", 5, 'must be of type string: "integer"'),
        Wrong("is too long", "a" * (most + 1), f"Too long: may not be more than {most} bytes"),
    ]
    if least:
        wrong.append(Wrong("is empty", "", f"should be at least {least} chars long"))
    if misspelt is not None:
        wrong.append(Wrong("is misspelt", misspelt, "should match '^"))
    return wrong


def name(most: int = 253) -> list[Wrong]:
    return text(most, 1, "Capital_")


def number(least: int, most: int | None = None) -> list[Wrong]:
    wrong = [*NUMBER, Wrong("is too small", least - 1, f"should be greater than or equal to {least}")]
    return wrong if most is None else [*wrong, Wrong("is too large", most + 1, f"less than or equal to {most}")]


def one_of(*values: str) -> list[Wrong]:
    listed = ", ".join(f'"{value}"' for value in values)
    return [
        Wrong("is in the wrong case", values[0].swapcase(), f"supported values: {listed}"),
        Wrong("is empty", "", f"supported values: {listed}"),
    ]


def items(most: int | None, like: Any) -> list[Wrong]:
    wrong = [Wrong("is no list", "a", 'must be of type array: "string"')]
    too_many = [Wrong("has too many items", [like] * (most + 1), f"must have at most {most} items")] if most else []
    return wrong + too_many


DIGEST = text(71, 0, "sha256:" + "A" * 64)
REF = {"": [*OBJECT, *REQUIRED], ".name": [*name(), *REQUIRED]}
SECRET = {"": OBJECT, ".name": [*name(), *REQUIRED], ".key": [*text(253, 1, "a b"), *REQUIRED]}
BUNDLE = {**SECRET, ".kind": [*one_of("Secret", "ConfigMap"), *REQUIRED]}
CONDITIONS = {
    ".conditions": items(None, {}),
    ".conditions[0]": [Wrong("is no object", "True", 'must be of type object: "string"')],
    ".conditions[0].type": [*text(316, 0, "not one word"), *REQUIRED],
    ".conditions[0].status": [*one_of("True", "False", "Unknown"), *REQUIRED],
    ".conditions[0].observedGeneration": number(0),
    ".conditions[0].lastTransitionTime": [*TIME, *REQUIRED],
    ".conditions[0].reason": [*text(1024, 1, "not one word"), *REQUIRED],
    ".conditions[0].message": [*text(32768), *REQUIRED],
}
CONFIGURATION = {
    ".displayName": text(256),
    ".description": text(8192),
    ".context": OBJECT,
    ".config": OBJECT,
    ".config.tags": items(64, "a"),
    ".config.tags[0]": text(256),
    ".config.recursionLimit": number(1, 2**31 - 1),
    ".config.configurable": OBJECT,
    ".metadata": OBJECT,
}


COPIES = {
    ".copies": items(8, {"server": "http://graphs", "assistantId": "a"}),
    ".copies[0]": [Wrong("is no object", 1, 'must be of type object: "integer"')],
    ".copies[0].server": [*text(2048), *REQUIRED],
    ".copies[0].assistantId": [*text(64), *REQUIRED],
    ".copies[0].owner": text(1024),
    **{f".copies[0].apiKeySecretRef{path}": wrong for path, wrong in SECRET.items()},
    **{f".copies[0].caBundleRef{path}": wrong for path, wrong in BUNDLE.items()},
}


def below(at: str, fields: dict[str, list[Wrong]]) -> dict[str, list[Wrong]]:
    return {at + path: wrong for path, wrong in fields.items()}


FIELDS: dict[str, dict[str, list[Wrong]]] = {
    "Graph": {
        "spec": OBJECT,
        "spec.graphId": text(253, 1),
        "spec.description": text(8192),
        "spec.server": OBJECT,
        "spec.server.url": [
            *text(2048, 0, "ftp://files"),
            Wrong("has a query", "http://graphs/?a=b", "should match"),
            Wrong("has a fragment", "http://graphs/#a", "should match"),
            Wrong("carries credentials", "http://me:secret@graphs", "should match"),
            Wrong("has a blank in it", "http://graphs/of mine", "should match"),
            Wrong("has a port that is none", "http://graphs:http", "must be http:// or https:// and a host"),
            Wrong("has no host", "http://:80", "must be http:// or https:// and a host"),
        ],
        "spec.server.serviceRef": OBJECT,
        "spec.server.serviceRef.name": [
            *text(63, 1, "Capital_"),
            Wrong("is more than a Service's name", "graphs.other-namespace.svc", "should match"),
            *REQUIRED,
        ],
        "spec.server.serviceRef.port": [*number(1, 65535), *REQUIRED],
        "spec.server.serviceRef.scheme": one_of("http", "https"),
        "spec.server.serviceRef.path": [*text(1024, 0, "api"), Wrong("has a query", "/api?a=b", "should match")],
        **below("spec.server.apiKeySecretRef", SECRET),
        **below("spec.server.caBundleRef", BUNDLE),
        "spec.server.resyncPeriodSeconds": number(1, 86400),
        "spec.contextSchema": OBJECT,
        "spec.configSchema": OBJECT,
        "spec.defaults": OBJECT,
        **below("spec.defaults", CONFIGURATION),
        "spec.defaultAssistant": OBJECT,
        "spec.defaultAssistant.policy": one_of("Create", "None"),
        "spec.defaultAssistant.name": name(200),
        "status": OBJECT,
        **below("status", CONDITIONS),
        "status.observedGeneration": NUMBER,
        "status.graphId": text(253),
        "status.defaultAssistant": text(253),
        "status.assistants": number(0),
        "status.schemas": OBJECT,
        "status.schemas.source": one_of("Spec", "Server", "None"),
        "status.schemas.context": OBJECT,
        "status.schemas.config": OBJECT,
        "status.serverVersion": text(256),
    },
    "Assistant": {
        "spec": [*OBJECT, *REQUIRED],
        **below("spec.graphRef", REF),
        **below("spec", CONFIGURATION),
        "spec.versioning": OBJECT,
        "spec.versioning.activeVersion": number(1),
        "spec.versioning.activation": one_of("Automatic", "Manual"),
        "spec.versioning.historyLimit": number(1, 10000),
        "spec.deletionPolicy": one_of("Delete", "Retain"),
        "spec.suspend": SWITCH,
        "status": OBJECT,
        **below("status", CONDITIONS),
        "status.observedGeneration": NUMBER,
        "status.latestVersion": number(0),
        "status.activeVersion": number(1),
        "status.versions": number(0),
        "status.assistantId": text(64),
        **below("status", COPIES),
        "status.digest": DIGEST,
        "status.missedGenerations": number(0),
        "status.activations": items(20, {"number": 1, "since": "2026-01-01T00:00:00Z"}),
        "status.activations[0]": [Wrong("is no object", 1, 'must be of type object: "integer"')],
        "status.activations[0].number": [*number(1), *REQUIRED],
        "status.activations[0].since": [*TIME, *REQUIRED],
        "status.activations[0].user": text(1024),
        "status.activations[0].cause": text(1024),
    },
    "AssistantVersion": {
        "spec": [*OBJECT, *REQUIRED],
        **below("spec.assistantRef", REF),
        "spec.assistantRef.uid": [*text(64), *REQUIRED],
        "spec.number": [*number(1), *REQUIRED],
        "spec.generation": [*number(0), *REQUIRED],
        "spec.digest": [*DIGEST, *REQUIRED],
        "spec.snapshot": [*OBJECT, *REQUIRED],
        **below("spec.snapshot.graphRef", REF),
        **below("spec.snapshot", CONFIGURATION),
        "spec.chain": [*DIGEST, *REQUIRED],
        "spec.change": [*OBJECT, *REQUIRED],
        "spec.change.kind": [*one_of("Created", "Edited", "Reverted"), *REQUIRED],
        "spec.change.sameAs": number(1),
        "spec.change.paths": items(64, "/a"),
        "spec.change.paths[0]": text(256),
        "spec.change.cause": text(1024),
        "spec.change.manager": text(128),
        "spec.change.user": text(1024),
        "status": OBJECT,
        **below("status", CONDITIONS),
        "status.serverVersion": number(1),
    },
    "AssistantAlias": {
        "spec": [*OBJECT, *REQUIRED],
        **below("spec.assistantRef", REF),
        "spec.version": number(1),
        "spec.digest": DIGEST,
        "spec.displayName": text(256),
        "spec.deletionPolicy": one_of("Delete", "Retain"),
        "status": OBJECT,
        **below("status", CONDITIONS),
        "status.observedGeneration": NUMBER,
        "status.version": number(1),
        "status.digest": DIGEST,
        "status.assistantId": text(64),
        **below("status", COPIES),
        "status.moves": items(50, {"to": 1, "since": "2026-01-01T00:00:00Z"}),
        "status.moves[0]": [Wrong("is no object", 1, 'must be of type object: "integer"')],
        "status.moves[0].from": number(1),
        "status.moves[0].to": [*number(1), *REQUIRED],
        "status.moves[0].since": [*TIME, *REQUIRED],
        "status.moves[0].user": text(1024),
        "status.moves[0].manager": text(128),
        "status.moves[0].cause": text(1024),
    },
}
READY = {"type": "Ready", "status": "True", "reason": "Active", "message": "bot-v3 is active"}
CONDITION = {**READY, "lastTransitionTime": "2026-01-01T00:00:00Z", "observedGeneration": 1}
KEYS = {"apiKeySecretRef": {"name": "keys", "key": "graphs"}}
KEYS |= {"caBundleRef": {"kind": "Secret", "name": "keys", "key": "ca.crt"}}
COPY = {"server": "http://graphs", "assistantId": "a", **KEYS}
SINCE = {"since": "2026-01-01T00:00:00Z"}
STATUS: dict[str, Json] = {
    "Assistant": {"activations": [{"number": 1, **SINCE}], "copies": [COPY]},
    "AssistantAlias": {"moves": [{"to": 1, **SINCE}], "copies": [COPY]},
}
SERVICE = {"name": "graphs", "port": 80}
RIGHT: dict[str, Json] = {
    "Graph": {"server": {"serviceRef": SERVICE, **KEYS}},
    "Assistant": {"graphRef": {"name": "support"}},
    "AssistantVersion": {**a_version().spec.manifest(), "change": {"kind": "Edited", "paths": ["/context"]}},
    "AssistantAlias": {"assistantRef": {"name": "bot"}, "version": 1},
}


def manifest(kind: str, name: str = "bot", spec: Any = None, **more: Any) -> Json:
    body = {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": name}, "spec": spec, **more}
    return {key: value for key, value in body.items() if value is not None}


def altered(whole: Json, path: str, value: Any) -> Json:
    """`whole` with another value at `path`, a list where `path` says [0]."""
    result = copy.deepcopy(whole)
    *inner, last = path.replace("[0]", ".0").split(".")
    place: Any = result
    for step, following in pairwise([*inner, last]):
        place = place[0] if step == "0" else place.setdefault(step, [None] if following == "0" else {})
    if value is GONE:
        del place[last]
    else:
        place[0 if last == "0" else last] = value
    return result


def causes(told: Json) -> list[tuple[str, str]]:
    return [(cause["field"], cause["message"]) for cause in told["details"]["causes"]]


@pytest.fixture(scope="module")
def place(installed: ControlPlane) -> Iterator[Workspace]:
    with a_workspace(installed) as workspace:
        yield workspace


def send(place: Workspace, kind: str, body: Json) -> tuple[int, Any]:
    """The answer to a whole object, which is not stored."""
    path = f"{place.path(PLURALS[kind])}?dryRun=All&fieldValidation=Strict"
    return place.client.ask("POST", path, body)


def rows(part: str) -> list[Any]:
    return [
        pytest.param(kind, path, wrong, id=f"{kind}: {path} {wrong.why}")
        for kind, fields in FIELDS.items()
        for path, ways in fields.items()
        if path.split(".")[0] == part
        for wrong in ways
    ]


def assert_refused(answer: tuple[int, Any], path: str, says: str) -> None:
    status, told = answer
    assert status == 422
    named = [field for field, message in causes(told) if says in message]
    assert named == [path]
    # What else is said is of what the field is in, of the name made of it, or that rules were not looked at for this.
    assert all(field in {"<nil>", "metadata.name"} or path.startswith(field) for field, _ in causes(told))


@pytest.mark.parametrize(("kind", "path", "wrong"), rows("spec"))
def test_a_wrong_field_is_refused_by_its_name(place: Workspace, kind: str, path: str, wrong: Wrong) -> None:
    body = altered(manifest(kind, "bot-v1" if kind == "AssistantVersion" else "bot", RIGHT[kind]), path, wrong.value)
    assert_refused(send(place, kind, body), path, wrong.says)


@pytest.fixture(scope="module")
def reported(place: Workspace) -> Workspace:
    """One object a kind, whose status is then written."""
    for kind, right in RIGHT.items():
        name = "told-v1" if kind == "AssistantVersion" else "told"
        told = {**right, "assistantRef": {"name": "told", "uid": "u"}, "number": 1}
        spec = told if kind == "AssistantVersion" else right
        place.client.demand("POST", place.path(PLURALS[kind]), manifest(kind, name, spec))
    return place


@pytest.mark.parametrize(("kind", "path", "wrong"), rows("status"))
def test_a_wrong_status_is_refused_too(reported: Workspace, kind: str, path: str, wrong: Wrong) -> None:
    name = "told-v1" if kind == "AssistantVersion" else "told"
    status = {"conditions": [CONDITION], **STATUS.get(kind, {})}
    body = {"status": altered({"status": status}, path, wrong.value)["status"]}
    url = reported.path(PLURALS[kind], name) + "/status?dryRun=All"
    assert_refused(reported.client.ask("PATCH", url, body, MERGE), path, wrong.says)


BOTH = "context and config.configurable must not both be non-empty"
TWO = {"context": {"prompt": "a"}, "config": {"configurable": {"prompt": "b"}}}
LONG = "metadata.name must be at most 200 characters"
ONE_OF_TWO = "exactly one of version and digest must be set: the number of a version, or its content"


@pytest.mark.parametrize(
    ("kind", "name", "spec", "field", "says"),
    [
        pytest.param("Graph", "a", {"server": {}}, "spec.server", "exactly one of url and serviceRef", id="no address"),
        pytest.param(
            "Graph",
            "a",
            {"server": {"url": "http://graphs", "serviceRef": SERVICE}},
            "spec.server",
            "exactly one of url and serviceRef must be set",
            id="two addresses",
        ),
        pytest.param("Graph", "a", {"defaults": TWO}, "spec.defaults.context", BOTH, id="two default configurations"),
        pytest.param("Assistant", "a", {**RIGHT["Assistant"], **TWO}, "spec.context", BOTH, id="two configurations"),
        pytest.param("Assistant", "a" * 201, RIGHT["Assistant"], "metadata.name", LONG, id="an assistant's long name"),
        pytest.param("Graph", "a" * 201, {}, "metadata.name", LONG, id="a long name that its default would take"),
        pytest.param("Assistant", "Bot", RIGHT["Assistant"], "metadata.name", "RFC 1123", id="a capital letter"),
        pytest.param(
            "AssistantAlias", "a", {"assistantRef": {"name": "bot"}}, "spec", ONE_OF_TWO, id="an alias of no version"
        ),
        pytest.param(
            "AssistantAlias",
            "a",
            {**RIGHT["AssistantAlias"], "digest": f"sha256:{'0' * 64}"},
            "spec",
            ONE_OF_TWO,
            id="an alias of two versions",
        ),
        pytest.param("AssistantAlias", "Prod", RIGHT["AssistantAlias"], "metadata.name", "RFC 1123", id="an alias too"),
        pytest.param(
            "AssistantVersion",
            "bot-v2",
            RIGHT["AssistantVersion"],
            "metadata.name",
            "must be <spec.assistantRef.name>-v<spec.number>",
            id="a version named after another number",
        ),
        pytest.param(
            "AssistantVersion",
            "bot-v01",
            RIGHT["AssistantVersion"],
            "metadata.name",
            "must be <spec.assistantRef.name>-v<spec.number>",
            id="a number with a zero before it",
        ),
    ],
)
def test_what_no_single_field_can_tell(
    place: Workspace, kind: str, name: str, spec: Json, field: str, says: str
) -> None:
    assert_refused(send(place, kind, manifest(kind, name, spec)), field, says)


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("Graph", "graphID"),
        ("Graph", "spec.servr"),
        ("Graph", "spec.server.apiKey"),
        ("Graph", "spec.defaults.graphRef"),
        ("Assistant", "spec.contxt"),
        ("Assistant", "spec.config.recursion_limit"),
        ("Assistant", "spec.versioning.pin"),
        ("Assistant", "spec.graphRef.namespace"),
        ("AssistantVersion", "spec.snapshot.versioning"),
        ("AssistantVersion", "spec.change.by"),
        ("AssistantAlias", "spec.activeVersion"),
        ("AssistantAlias", "spec.assistantRef.namespace"),
    ],
)
def test_an_unknown_field_is_told_and_not_lost_in_silence(place: Workspace, kind: str, path: str) -> None:
    named = manifest(kind, "bot-v1" if kind == "AssistantVersion" else "bot", RIGHT[kind])
    status, told = send(place, kind, altered(named, path, {"a": 1}))
    assert status == 400
    assert told["message"].endswith(f'strict decoding error: unknown field "{path}"')


GRAPH_ID = "graphId must not change once set; make another Graph for another graph"


@pytest.mark.parametrize(
    ("before", "after", "refused"),
    [
        pytest.param("triage", "other", True, id="changed"),
        pytest.param("triage", None, True, id="removed"),
        pytest.param(None, "triage", False, id="set once"),
        pytest.param("triage", "triage", False, id="said again"),
    ],
)
def test_a_graph_id_stays(place: Workspace, before: str | None, after: str | None, *, refused: bool) -> None:
    name = place.graph(f"graph-{secrets.token_hex(4)}", graphId=before)["metadata"]["name"]
    answer = place.client.ask("PATCH", place.path("graphs", name), {"spec": {"graphId": after}}, MERGE)
    if refused:
        assert_refused(answer, "spec.graphId", GRAPH_ID)
    else:
        assert (answer[0], answer[1]["spec"]) == (200, {"graphId": "triage"})


ASSISTANT_STAYS = "assistantRef must not change once set; make another alias for another assistant"
BY_DIGEST = {"version": None, "digest": f"sha256:{'a' * 64}"}


@pytest.mark.parametrize(
    ("change", "field", "says"),
    [
        pytest.param({"assistantRef": {"name": "other"}}, "spec.assistantRef", ASSISTANT_STAYS, id="another assistant"),
        pytest.param({"assistantRef": None}, "spec.assistantRef", "Required value", id="no assistant"),
        pytest.param({"version": None}, "spec", ONE_OF_TWO, id="no version any more"),
        pytest.param({"digest": f"sha256:{'a' * 64}"}, "spec", ONE_OF_TWO, id="a digest beside the number"),
        pytest.param({"assistantRef": {"name": "bot"}}, None, None, id="the same assistant"),
        pytest.param({"version": 2}, None, None, id="another number"),
        pytest.param(BY_DIGEST, None, None, id="a digest in place of the number"),
        pytest.param({"displayName": "Production"}, None, None, id="another display name"),
    ],
)
def test_an_alias_stays_with_its_assistant(place: Workspace, change: Json, field: str | None, says: str | None) -> None:
    name = place.alias(f"alias-{secrets.token_hex(4)}", version=1)["metadata"]["name"]
    answer = place.client.ask("PATCH", place.path("assistantaliases", name), {"spec": change}, MERGE)
    if field and says:
        assert_refused(answer, field, says)
    else:
        assert answer[0] == 200
        assert answer[1]["spec"]["assistantRef"] == {"name": "bot"}


SERVED = {"server": {"url": "https://graphs.example:8443/a/b", "resyncPeriodSeconds": 86400}}
CONTROLLED = {"deletionPolicy": "Delete", "suspend": False}
FILLED_IN: dict[str, Json] = {"Graph": {}, "Assistant": CONTROLLED, "AssistantAlias": {"deletionPolicy": "Delete"}}
# What was left open and is filled in, beside FILLED_IN in each object, stands in the last column.
HELD: list[tuple[str, str, Json, Json]] = [
    ("a graph of which nothing is said", "Graph", {}, {}),
    ("null is absence", "Graph", {"description": None, "defaults": {"context": None}}, {"defaults": {}}),
    ("empty objects", "Graph", {"contextSchema": {}, "defaults": {"context": {}, "config": {}}}, {}),
    ("a url with port and path", "Graph", SERVED, {}),
    ("an IPv6 url", "Graph", {"server": {"url": "http://[::1]:80", "resyncPeriodSeconds": 1}}, {}),
    (
        "the longest name and the highest port of a service",
        "Graph",
        {"server": {"serviceRef": {"name": "a" * 63, "port": 65535}}},
        {
            "server": {
                "serviceRef": {"name": "a" * 63, "port": 65535, "scheme": "http", "path": ""},
                "resyncPeriodSeconds": 300,
            }
        },
    ),
    (
        "the longest name of a default assistant",
        "Graph",
        {"defaultAssistant": {"name": "b" * 200}},
        {"defaultAssistant": {"name": "b" * 200, "policy": "Create"}},
    ),
    ("a graph id of any spelling", "Graph", {"graphId": "Überblick.v1:main"}, {}),
    ("an empty context beside a configurable", "Graph", {"defaults": {**TWO, "context": {}}}, {}),
    ("a schema that fits nothing", "Graph", {"configSchema": {"not": {}, "default": None}}, {}),
    ("an assistant of which nothing is said", "Assistant", {}, {}),
    ("an empty configurable beside a context", "Assistant", {**TWO, "config": {"configurable": {}, "tags": []}}, {}),
    ("the smallest history", "Assistant", {"versioning": {"historyLimit": 1, "activation": "Manual"}}, {}),
    (
        "the largest history and the largest pin",
        "Assistant",
        {"versioning": {"historyLimit": 10000, "activeVersion": 2**63 - 1}},
        {"versioning": {"historyLimit": 10000, "activeVersion": 2**63 - 1, "activation": "Automatic"}},
    ),
    (
        "versioning of which nothing is said",
        "Assistant",
        {"versioning": {}, "deletionPolicy": "Retain", "suspend": True},
        {"versioning": {"historyLimit": 100, "activation": "Automatic"}},
    ),
    ("256 letters of any script", "Assistant", {"displayName": "🦜é字ﷺ" * 64}, {}),
    ("8192 letters in many lines", "Assistant", {"description": ("a: b\n\t- 'c'\r\n" * 631)[:8192]}, {}),
    ("64 tags, long, empty and the same", "Assistant", {"config": {"tags": ["a" * 256, ""] * 32}}, {}),
    ("the largest limit of recursion", "Assistant", {"config": {"recursionLimit": 2**31 - 1}}, {}),
    ("a graph with dots in its name", "Assistant", {"graphRef": {"name": "a.b-c.d"}}, {}),
    ("an alias by the largest number", "AssistantAlias", {"version": 2**63 - 1, "displayName": ""}, {}),
    ("an alias by digest, with no number", "AssistantAlias", BY_DIGEST, {}),
    ("an alias whose copy stays", "AssistantAlias", {"deletionPolicy": "Retain"}, {}),
]


@pytest.mark.parametrize(("kind", "spec", "filled"), [pytest.param(*row, id=sentence) for sentence, *row in HELD])
def test_what_is_right_is_kept_and_only_what_was_left_open_is_filled_in(
    place: Workspace, kind: str, spec: Json, filled: Json
) -> None:
    told = spec if kind == "Graph" else {**RIGHT[kind], **spec}
    status, stored = send(place, kind, manifest(kind, "a" * 200, told))
    assert status == 201, stored
    written = {name: value for name, value in told.items() if value is not None}
    assert stored["spec"] == {**FILLED_IN[kind], **written, **filled}
    assert stored["status"] == {"observedGeneration": -1}


FREE_FORM: Json = {
    "null": None,
    "whole": 2**53 + 1,
    "wholes": [2**63 - 1, -(2**63), 0],
    "fractions": [0.1, 1e-9, 1e300, -0.5],
    "a.b/c~d e": {"": None, "$ref": "#", "kind": "Pod", "apiVersion": 1, "__proto__": []},
    "template": "{{ user.name }} {% if x %}${HOME}$(id)\\n",
    "yaml": "- a: !!python/object x\n  b: &anchor 'yes'\n---\n# no comment\n\tend  \n",
    "words": ["true", "no", "null", "~", "1e3", "0x1F", "2026-01-01", " "],
    "order": {"b": 1, "a": [3, 1, 2, None, [], {}], "true": True, "false": False},
    "letters": "🦜 e\u0301 é \u202e \ud7ff",
}
CONTROL = {"control": "\x00 \x1b \x7f \uffff"}  # which kubectl cannot send
FREE_FORM_FIELDS = [
    *(("Graph", f"spec.{field}") for field in ("contextSchema", "configSchema")),
    *(("Graph", f"spec.defaults.{field}") for field in ("context", "config.configurable", "metadata")),
    *(("Assistant", f"spec.{field}") for field in ("context", "config.configurable", "metadata")),
    *(("AssistantVersion", f"spec.snapshot.{field}") for field in ("context", "config.configurable", "metadata")),
]


def at(whole: Json, path: str) -> Any:
    return reduce(lambda place, step: place[step], path.split("."), whole)


def spelled(content: Any) -> str:
    """As JSON: 1, 1.0 and true are three spellings."""
    return json.dumps(content, sort_keys=True)


@pytest.mark.parametrize("by", ["a client's JSON", "kubectl's server-side apply"])
@pytest.mark.parametrize(("kind", "path"), FREE_FORM_FIELDS)
def test_free_form_content_stays_as_it_was_written(place: Workspace, kind: str, path: str, by: str) -> None:
    name = f"free-{secrets.token_hex(4)}"
    content = {**FREE_FORM, **CONTROL} if by == "a client's JSON" else FREE_FORM
    body = altered(manifest(kind, name, RIGHT[kind]), path, content)
    if kind == "AssistantVersion":
        body = altered(altered(body, "spec.assistantRef.name", name), "metadata.name", f"{name}-v1")
    if by == "a client's JSON":
        place.client.demand("POST", place.path(PLURALS[kind]), body)
    else:
        place.plane.kubectl("apply", "--server-side", f"-n{place.namespace}", "-f-", input=json.dumps(body))
    kept = place.client.demand("GET", place.path(PLURALS[kind], body["metadata"]["name"]))
    assert spelled(at(kept, path)) == spelled(content)


def test_the_kinds_as_discovery_lists_them(place: Workspace) -> None:
    listed = place.client.demand("GET", GROUP)["resources"]
    shown = {
        each["name"]: (each["kind"], each.get("shortNames"), each.get("categories"), each["namespaced"])
        for each in listed
        if each["name"] in PLURALS.values()
    }
    assert shown == {
        "graphs": ("Graph", ["lgraph"], ["langgraph"], True),
        "assistants": ("Assistant", ["asst"], ["langgraph"], True),
        "assistantversions": ("AssistantVersion", ["asstv"], ["langgraph"], True),
        "assistantaliases": ("AssistantAlias", ["asstalias"], ["langgraph"], True),
    }
    below = {each["name"] for each in listed} - set(PLURALS.values())
    assert below == {f"{plural}/status" for plural in PLURALS.values()}


DIGEST_OF_BOT = f"sha256:{'b' * 64}"
SHOWN: dict[str, tuple[str, Json, Json, str, str]] = {
    "lgraph": (
        "shown",
        {"server": {"url": "http://graphs"}},
        {
            "graphId": "triage",
            "defaultAssistant": "helper",
            "assistants": 7,
            "conditions": [CONDITION, {**CONDITION, "type": "Deployed", "status": "Unknown"}],
        },
        "NAME GRAPH-ID DEPLOYED READY DEFAULT ASSISTANTS AGE | SERVER REASON MESSAGE",
        "shown triage Unknown True helper 7 <age> | http://graphs Active bot-v3 is active",
    ),
    "asst": (
        "shown",
        {**RIGHT["Assistant"], "versioning": {"activeVersion": 2}},
        {"latestVersion": 9, "activeVersion": 3, "versions": 5, "assistantId": "an-id", "conditions": [CONDITION]},
        "NAME GRAPH LATEST ACTIVE READY VERSIONS AGE | PINNED REASON MESSAGE ID",
        "shown support 9 3 True 5 <age> | 2 Active bot-v3 is active an-id",
    ),
    "asstv": (
        "shown-v10",
        {
            **RIGHT["AssistantVersion"],
            "assistantRef": {"name": "shown", "uid": "u"},
            "number": 10,
            "change": {"kind": "Edited", "manager": "kubectl", "cause": "why not"},
        },
        {
            "conditions": [
                {**CONDITION, "type": "Active", "status": "False"},
                {**CONDITION, "type": "Valid", "status": "Unknown"},
            ]
        },
        "NAME ASSISTANT NUMBER ACTIVE VALID CHANGE BY AGE | DIGEST CAUSE",
        f"shown-v10 shown 10 False Unknown Edited kubectl <age> | {RIGHT['AssistantVersion']['digest']} why not",
    ),
    "asstalias": (
        "shown",
        {"assistantRef": {"name": "bot"}, "version": 4},
        {
            "version": 3,
            "digest": DIGEST_OF_BOT,
            "assistantId": "an-id",
            "moves": [
                {"from": 2, "to": 3, "since": "<now>", "user": "alice", "manager": "kubectl", "cause": "why not"},
                {"to": 2, "since": "2026-01-01T00:00:00Z", "user": "bob"},
            ],
            "conditions": [{**CONDITION, "status": "False", "reason": "VersionNotFound", "message": "no bot-v4"}],
        },
        "NAME ASSISTANT VERSION READY AGE | DIGEST MOVED BY REASON MESSAGE ID",
        f"shown bot 3 False <age> | {DIGEST_OF_BOT} <age> alice VersionNotFound no bot-v4 an-id",
    ),
}


@pytest.mark.parametrize("short", SHOWN)
def test_kubectl_get_tells_the_story(place: Workspace, short: str) -> None:
    name, spec, status, headings, cells = SHOWN[short]
    kind = {"lgraph": "Graph", "asst": "Assistant", "asstv": "AssistantVersion", "asstalias": "AssistantAlias"}[short]
    place.client.demand("POST", place.path(PLURALS[kind]), manifest(kind, name, spec))
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")  # `kubectl get` shows how long ago that was
    told = json.loads(json.dumps(status).replace("<now>", now))
    place.patch(PLURALS[kind], f"{name}/status", {"status": told})

    def table(*flags: str) -> list[str]:
        lines = place.plane.kubectl("get", short, name, f"-n{place.namespace}", *flags).stdout.splitlines()
        return [re.sub(r" \d+m?s ", " <age> ", " ".join(line.split()) + " ").strip() for line in lines]

    assert table() == [headings.split(" | ")[0], cells.split(" | ")[0]]
    assert table("-owide") == [headings.replace(" |", ""), cells.replace(" |", "")]


@pytest.fixture(scope="module")
def chosen(place: Workspace) -> Workspace:
    """Two versions, an assistant and an alias that can be told from all others by their fields."""
    place.assistant("of-chosen", graph="chosen")
    place.alias("of-chosen", "chosen", version=2)
    for each in (2, 10):
        spec = {**RIGHT["AssistantVersion"], "assistantRef": {"name": "chosen", "uid": "u"}, "number": each}
        body = manifest("AssistantVersion", f"chosen-v{each}", spec)
        place.client.demand("POST", place.path("assistantversions"), body)
    return place


@pytest.mark.parametrize(
    ("plural", "selector", "found"),
    [
        ("assistants", "spec.graphRef.name=chosen", ["of-chosen"]),
        ("assistantversions", "spec.assistantRef.name=chosen", ["chosen-v2", "chosen-v10"]),
        ("assistantversions", "spec.assistantRef.name=chosen,spec.number=10", ["chosen-v10"]),
        ("assistantversions", "spec.assistantRef.name=chosen,spec.number!=10", ["chosen-v2"]),
        ("assistantaliases", "spec.assistantRef.name=chosen", ["of-chosen"]),
    ],
)
def test_fields_select(chosen: Workspace, plural: str, selector: str, found: list[str]) -> None:
    listed = chosen.client.demand("GET", f"{chosen.path(plural)}?fieldSelector={quote(selector)}")["items"]
    assert sorted(each["metadata"]["name"] for each in listed) == sorted(found)


def test_each_condition_belongs_to_whoever_applied_it(place: Workspace) -> None:
    name = place.graph("conditions")["metadata"]["name"]
    for manager, kind in (("one", "Ready"), ("two", "Deployed")):
        body = manifest("Graph", name, status={"conditions": [{**CONDITION, "type": kind}]})
        path = f"{place.path('graphs', name)}/status?fieldManager={manager}"
        place.client.demand("PATCH", path, body, APPLY)
    assert sorted(each["type"] for each in place.status(name, "graphs")["conditions"]) == ["Deployed", "Ready"]
    twice = {"status": {"conditions": [CONDITION, CONDITION]}}
    answer = place.client.ask("PATCH", place.path("graphs", name) + "/status", twice, MERGE)
    assert_refused(answer, "status.conditions[1]", 'Duplicate value: {"type":"Ready"}')


@pytest.fixture(scope="module")
def served(place: Workspace) -> dict[str, Json]:
    """The definitions as the API server holds them, by kind."""
    listed = place.client.demand("GET", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions")["items"]
    return {each["spec"]["names"]["kind"]: each for each in listed if each["spec"]["group"] == GROUP.split("/")[2]}


def walk(schema: Json, path: str) -> Iterator[tuple[str, Json]]:
    """Every field at and below this one; what is free-form has none."""
    yield path, schema
    for name, each in schema.get("properties", {}).items():
        yield from walk(each, f"{path}.{name}")
    if "items" in schema:
        yield from walk(schema["items"], f"{path}[0]")


def fields(definition: Json) -> Iterator[tuple[str, Json]]:
    (version,) = definition["spec"]["versions"]
    for part in ("spec", "status"):
        yield from walk(version["schema"]["openAPIV3Schema"]["properties"][part], part)


@pytest.mark.parametrize("kind", PLURALS)
def test_no_field_is_left_out_above(served: dict[str, Json], kind: str) -> None:
    assert {path for path, _ in fields(served[kind])} == FIELDS[kind].keys()


@pytest.mark.parametrize("kind", PLURALS)
def test_the_definition_keeps_the_conventions(served: dict[str, Json], kind: str) -> None:
    stated = {each["type"]: each["status"] for each in served[kind]["status"]["conditions"]}
    assert stated == {"NamesAccepted": "True", "Established": "True"}  # and not NonStructuralSchema
    for path, schema in fields(served[kind]):
        if schema["type"] == "string":
            assert schema.keys() & {"maxLength", "enum", "format"}, path
        if schema["type"] == "array":
            assert "maxItems" in schema, path
            assert schema["x-kubernetes-list-type"] == ("map" if path == "status.conditions" else "atomic"), path
        if schema["type"] == "integer":
            assert schema["format"] in {"int32", "int64"}, path
        assert schema["type"] in {"string", "array", "integer", "object", "boolean"}, path
        assert "[0]" not in path or "default" not in schema, path
    conditions = dict(fields(served[kind]))["status.conditions"]
    assert conditions["x-kubernetes-list-map-keys"] == ["type"]
    assert sorted(conditions["items"]["required"]) == ["lastTransitionTime", "message", "reason", "status", "type"]


@pytest.mark.parametrize("kind", PLURALS)
def test_kubectl_explains_every_field_by_its_name(place: Workspace, kind: str) -> None:
    schemas = place.client.demand("GET", f"/openapi/v3{GROUP}")["components"]["schemas"]
    explained = schemas[f"dev.assistant-operator.v1alpha1.{kind}"]
    for part in ("spec", "status"):
        for path, schema in walk(explained["properties"][part], part):
            if not path.endswith("]"):
                field = path.rpartition(".")[2]
                assert re.match(rf"{field}\b.{{10,}}", schema["description"]), path
    told = " ".join(place.plane.kubectl("explain", f"{PLURALS[kind]}.spec").stdout.split())
    assert f"FIELD: spec <Object> DESCRIPTION: {explained['properties']['spec']['description']}" in told


def resource_versions(plane: ControlPlane, *what: str) -> dict[str, str]:
    listed = json.loads(plane.kubectl("get", "-ojson", *what).stdout)
    return {
        f"{each['kind']} {each['metadata']['name']}": each["metadata"]["resourceVersion"]
        for each in listed.get("items", [listed])
    }


def assert_stays_as_applied(plane: ControlPlane, *what: str) -> None:
    assert plane.kubectl("diff", "--server-side", *what).stdout == ""

    def changes_nothing() -> bool:
        before = resource_versions(plane, *what)
        plane.kubectl("apply", "--server-side", *what)
        return resource_versions(plane, *what) == before

    # At most once: an unwritten default is written with the next change, and controllers have their say on what is new.
    eventually(changes_nothing)


@pytest.mark.parametrize("folder", ["crds", "deploy", "deploy/strict-history", "deploy/no-secrets", "deploy/examples"])
def test_what_is_applied_again_changes_nothing(place: Workspace, folder: str) -> None:
    what = ["-k", str(ROOT / folder), *([f"-n{place.namespace}"] if folder == "deploy/examples" else [])]
    place.plane.kubectl("apply", "--server-side", *what)
    assert_stays_as_applied(place.plane, *what)
    if folder in {"deploy/strict-history", "deploy/no-secrets"}:
        place.plane.kubectl("delete", *what)  # the other tests are of what a cluster has that did not ask for it


def test_the_examples_stay_as_applied_while_the_operator_works(operator: OperatorProcess, workspace: Workspace) -> None:
    what = ["-k", str(ROOT / "deploy/examples"), f"-n{workspace.namespace}"]
    workspace.plane.kubectl("apply", "--server-side", *what)
    for name in ("friendly", "terse", "support"):
        assert workspace.until_ready(name)["activeVersion"] == 1
    workspace.until_ready("support", plural="graphs")
    for name in ("production", "staging"):
        assert workspace.until_ready(name, plural="assistantaliases")["version"] == 1
    assert_stays_as_applied(workspace.plane, *what)
    names = sorted(each["metadata"]["name"] for each in workspace.all("assistantversions"))
    assert names == ["friendly-v1", "support-v1", "terse-v1"]
