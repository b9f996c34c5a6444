"""Snapshots judged by JSON Schemas in the real worker process: an answer always comes, and without any value."""

import asyncio
import os
import re
import resource
import signal
import socket
import sys
import threading
import tracemalloc
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from assistant_operator.api.assistant import Snapshot
from assistant_operator.api.graph import Schemas
from assistant_operator.api.schema_result import Fit, Invalid, SchemaError, Valid
from assistant_operator.clients.schema.validator import CRASHED, NOT_STARTED, TOO_EXPENSIVE, TOO_SLOW, SchemaValidator
from assistant_operator.clients.schema.worker import asserts_formats
from harness.controlplane.waiting import eventually
from harness.worlds import GRAPH

SECRET = "s3cr3t-value"
TENANT = "team"
Json = dict[str, Any]


@pytest.fixture(autouse=True)
def stack() -> Iterator[None]:
    """As deep as `run` makes it."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(50_000)
    yield
    sys.setrecursionlimit(before)


@pytest.fixture
async def judge() -> AsyncIterator[SchemaValidator]:
    each = SchemaValidator(patience=PATIENCE)
    yield each
    await each.close()


PATIENCE = 180.0
"""Seconds. A busy machine may keep a process from working for longer than a reconcile should wait."""


def snapshot(context: Any = None, configurable: Any = None) -> Snapshot:
    told: Json = {"graphRef": {"name": GRAPH}}
    told |= {} if context is None else {"context": context}
    return Snapshot.model_validate(told | ({} if configurable is None else {"config": {"configurable": configurable}}))


async def fit(judge: SchemaValidator, schema: Any, context: Any = None) -> Fit:
    return await judge.fit(snapshot(context), Schemas(source="Spec", context=schema), TENANT)


def of(**properties: Any) -> Json:
    return {"type": "object", "properties": properties}


def deep(levels: int, core: Any = 1) -> Any:
    for _ in range(levels):
        core = {"a": core}
    return core


TREE = {"$ref": "#/$defs/node", "$defs": {"node": of(a={"$ref": "#/$defs/node"})}}


@pytest.mark.parametrize(
    ("schema", "context"),
    [
        pytest.param({}, {"a": 1}, id="an empty schema asks for nothing"),
        pytest.param({"type": "object"}, None, id="an absent context is an empty one"),
        pytest.param(of(a={"type": "integer"}), {"a": 1.0}, id="1.0 is an integer"),
        pytest.param(of(a={"const": 2**53 + 1}), {"a": 2**53 + 1}, id="an integer no double holds"),
        pytest.param(of(a={"type": "integer"}), {"a": 10**400}, id="an integer nothing holds"),
        pytest.param(TREE, deep(4_900, {}), id="a schema that refers to itself, all the way down"),
        pytest.param({"$ref": "#"}, {"a": 1}, id="nothing but itself"),
        pytest.param(
            {"$schema": "http://json-schema.org/draft-07/schema#", **of(a={"type": "integer"})},
            {"a": 1},
            id="an older dialect, as far as it is the same",
        ),
    ],
)
async def test_it_fits(judge: SchemaValidator, schema: Json, context: Any) -> None:
    assert await fit(judge, schema, context) == Valid()


ASSERTING = "https://json-schema.org/draft/2020-12/meta/format-assertion"
REQUIRED = {"type": "object", "required": ["prompt"]}


@pytest.mark.parametrize(
    ("schema", "context", "problems"),
    [
        pytest.param(REQUIRED, None, '/context: "prompt" is a required property', id="an absent context is empty"),
        pytest.param(
            of(a={"type": "integer"}), {"a": SECRET}, '/context/a: the value is not of type "integer"', id="a type"
        ),
        pytest.param(
            of(a={"items": of(b={"maximum": 3})}),
            {"a": [{}, {"b": 4242}]},
            "/context/a/1/b: the value is greater than the maximum of 3",
            id="inside a list",
        ),
        pytest.param(
            {"additionalProperties": {"type": "null"}},
            {"a/b~c.d": SECRET},
            '/context/a~1b~0c.d: the value is not of type "null"',
            id="a pointer",
        ),
        pytest.param(
            {**of(a={}), "additionalProperties": False},
            {"x\ny": SECRET},
            "/context: Additional properties are not allowed ('x\\ny' was unexpected)",
            id="one line, whatever is in a key",
        ),
        pytest.param(TREE, deep(3, [SECRET]), '/context/a/a/a: the value is not of type "object"', id="through $ref"),
        pytest.param(
            of(**{name: {"type": "null"} for name in "abcde"}),
            dict.fromkeys("abcde", SECRET),
            '/context/a: the value is not of type "null"; /context/b: the value is not of type "null";'
            ' /context/c: the value is not of type "null"; and more',
            id="the first three of many",
        ),
        pytest.param(
            {"$schema": ASSERTING, **of(a={"format": "date"})},
            {"a": SECRET},
            '/context/a: the value is not a "date"',
            id="a format, where $schema requires assertion",
        ),
    ],
)
async def test_what_misfits_is_told_by_field(judge: SchemaValidator, schema: Json, context: Any, problems: str) -> None:
    assert await fit(judge, schema, context) == Invalid(problems)


TIME = {"type": "string", "format": "time"}
HOURS = of(
    opens={"anyOf": [TIME, {"type": "null"}], "default": None, "title": "Opens"},
    since={"anyOf": [{"type": "string", "format": "date-time"}, {"type": "null"}], "default": None},
    every={"anyOf": [{"type": "string", "format": "duration"}, {"type": "null"}], "default": None},
    host={"type": "string", "format": "hostname"},
)
"""As pydantic writes it of a model with optional times, but for the last one."""


@pytest.mark.parametrize(
    "context",
    [
        pytest.param({"opens": "09:00:00"}, id="a time without an offset"),
        pytest.param({"since": "2026-01-01T00:00:00"}, id="a date and time without an offset"),
        pytest.param({"every": "P1DT12H30M5.5S"}, id="a duration with a fraction"),
        pytest.param({"every": "-P1D"}, id="a negative duration"),
        pytest.param({"host": "my_service"}, id="a host name with an underscore"),
        pytest.param({"opens": None, "since": "at noon"}, id="any text at all"),
    ],
)
async def test_a_format_fails_no_value(judge: SchemaValidator, context: Json) -> None:
    assert await fit(judge, HOURS, context) == Valid()
    assert await fit(judge, {"$schema": "https://json-schema.org/draft/2020-12/schema", **HOURS}, context) == Valid()


def a_meta_schema(vocabulary: Any, **different: Any) -> Json:
    core = {f"https://json-schema.org/draft/2020-12/vocab/{name}": True for name in ("core", "applicator")}
    told = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$dynamicAnchor": "meta"}
    return {**told, "$id": "https://example.com/meta", "$vocabulary": {**core, **vocabulary}, **different}


ASSERTION = "https://json-schema.org/draft/2020-12/vocab/format-assertion"


@pytest.mark.parametrize(
    ("schema", "asserts"),
    [
        pytest.param({}, False, id="none"),
        pytest.param({"$schema": "https://json-schema.org/draft/2020-12/schema"}, False, id="2020-12"),
        pytest.param({"$schema": "https://json-schema.org/draft/2019-09/schema#"}, False, id="2019-09"),
        pytest.param({"$schema": "http://json-schema.org/draft-07/schema#"}, False, id="draft 7: optional"),
        pytest.param({"$schema": "http://json-schema.org/draft-06/schema#"}, False, id="draft 6: optional"),
        pytest.param({"$schema": "http://json-schema.org/draft-04/schema#"}, False, id="draft 4: optional"),
        pytest.param({"$schema": "https://example.com/meta"}, False, id="an unknown one"),
        pytest.param({"$schema": ASSERTING}, True, id="the published one that requires it"),
        pytest.param({"$schema": f"{ASSERTING}#"}, True, id="the same with an empty fragment"),
        pytest.param({"$schema": "https://json-schema.org/draft/2019-09/meta/format"}, True, id="the older of those"),
        pytest.param(
            {"$schema": "https://example.com/meta", "$defs": {"meta": a_meta_schema({ASSERTION: True})}},
            True,
            id="an embedded one that requires it",
        ),
        pytest.param(
            {"$schema": "https://example.com/meta", "$defs": {"meta": a_meta_schema({ASSERTION: False})}},
            False,
            id="an embedded one that leaves it open",
        ),
        pytest.param(
            {"$schema": "https://example.com/meta", "$defs": {"meta": a_meta_schema({})}},
            False,
            id="an embedded one that says nothing of it",
        ),
        pytest.param(
            {"$schema": "https://example.com/other", "$defs": {"meta": a_meta_schema({ASSERTION: True})}},
            False,
            id="another one is embedded",
        ),
        pytest.param({"$defs": {"meta": a_meta_schema({ASSERTION: True})}}, False, id="embedded and not named"),
    ],
)
async def test_a_format_is_asserted_only_where_schema_requires_it(
    judge: SchemaValidator,
    schema: Json,
    asserts: bool,  # noqa: FBT001 (of the table)
) -> None:
    assert asserts_formats(schema) is asserts
    found = await fit(judge, {**schema, **of(opens={"format": "time"})}, {"opens": SECRET})
    assert found == (Invalid('/context/opens: the value is not a "time"') if asserts else Valid())


@pytest.mark.parametrize(
    "schema", [{"$schema": 5}, {"$schema": "no URI"}, {"$schema": "m", "$defs": {"m": {}}}], ids=str
)
def test_a_schema_that_is_none_asserts_nothing(schema: Json) -> None:
    assert not asserts_formats(schema)


SHAPE = {"oneOf": [of(kind={"const": "circle"}, r={"type": "number"}), of(kind={"const": "box"}, a={"type": "number"})]}
SHAPE["oneOf"][0]["required"] = ["kind", "r"]


@pytest.mark.parametrize(
    ("schema", "context", "problems"),
    [
        pytest.param(
            HOURS,
            {"opens": 9},
            "/context/opens: no alternative of 'anyOf' fits: the value is not of type \"string\","
            ' and the value is not of type "null"',
            id="as far from one as from the other",
        ),
        pytest.param(
            of(a={"anyOf": [{"type": "null"}, {"type": "string", "pattern": "^x"}]}),
            {"a": SECRET},
            "/context/a: the value does not match \"^x\" (in the alternative of 'anyOf' that fits best)",
            id="the one whose type it has",
        ),
        pytest.param(
            of(shape=SHAPE),
            {"shape": {"kind": "box", "a": SECRET}},
            "/context/shape/a: the value is not of type \"number\" (in the alternative of 'oneOf' that fits best)",
            id="the member of the union that it names",
        ),
        pytest.param(
            of(shape=SHAPE),
            {"shape": {"kind": "circle"}},
            "/context/shape: \"r\" is a required property (in the alternative of 'oneOf' that fits best)",
            id="the same, where another one's failure is deeper",
        ),
        pytest.param(
            {"anyOf": [of(a=of(b={"type": "integer"})), of(a={"type": "integer"})]},
            {"a": {"b": SECRET}},
            "/context/a/b: the value is not of type \"integer\" (in the alternative of 'anyOf' that fits best)",
            id="the deepest",
        ),
        pytest.param(
            {"anyOf": [{"$ref": "#/$defs/x"}, {"type": "null"}], "$defs": {"x": of(y={"oneOf": [{"const": 1}] * 2})}},
            {"y": SECRET},
            "/context/y: 1 was expected (in the alternative of 'anyOf' that fits best)",
            id="one inside another",
        ),
        pytest.param(
            {"anyOf": [{"required": [name]} for name in "abcde"]},
            {},
            '/context: no alternative of \'anyOf\' fits: "a" is a required property, and "b" is a required property,'
            ' and "c" is a required property, and 2 more',
            id="the first three of many",
        ),
        pytest.param(
            {"anyOf": [{"required": ["a"]}]}, {}, '/context: "a" is a required property', id="the only alternative"
        ),
        pytest.param(
            {"anyOf": [{"required": ["a", "b"], "maxProperties": 0}, False]},
            {"x": SECRET},
            "/context: the value has more than 0 properties (in the alternative of 'anyOf' that fits best);"
            " /context: \"a\" is a required property (in the alternative of 'anyOf' that fits best);"
            " /context: \"b\" is a required property (in the alternative of 'anyOf' that fits best)",
            id="each failure of the alternative",
        ),
        pytest.param(
            {"oneOf": [{"required": ["a"]}, {"maxProperties": 1}]},
            {"a": 1},
            "/context: the value is valid under more than one of the schemas listed in the 'oneOf' keyword",
            id="too many alternatives",
        ),
    ],
)
async def test_of_alternatives_the_deepest_cause_is_told(
    judge: SchemaValidator, schema: Json, context: Any, problems: str
) -> None:
    assert await fit(judge, schema, context) == Invalid(problems)
    await judge.close()
    assert await judge.fit(
        snapshot(context), Schemas(source="Spec", context={**schema, "$comment": "again"}), TENANT
    ) == (Invalid(problems)), "another process says the same"


async def test_alternatives_without_end_are_told_in_short(judge: SchemaValidator) -> None:
    many = {"anyOf": [of(**{f"p{number}": {"anyOf": [{"type": "null"}] * 300}}) for number in range(10)]}
    found = await fit(judge, many, {f"p{number}": SECRET for number in range(10)})
    assert found == Invalid("/context: the value is not valid under any of the schemas listed in the 'anyOf' keyword")
    wide = of(a={"anyOf": [{"const": "x" * 400 + str(number)} for number in range(200)]})
    found = await fit(judge, wide, {"a": SECRET})
    assert isinstance(found, Invalid)
    assert found.problems.startswith("/context/a: no alternative of 'anyOf' fits: \"xxx")
    assert len(found.problems) < 1_100


async def test_each_configuration_is_judged_by_its_own_schema(judge: SchemaValidator) -> None:
    both = Schemas(source="Spec", context=REQUIRED, config=REQUIRED)
    first, second = (f'{at}: "prompt" is a required property' for at in ("/context", "/config/configurable"))
    assert await judge.fit(snapshot(), both, TENANT) == Invalid(f"{first}; {second}")
    assert await judge.fit(snapshot(), Schemas(source="Spec", config=REQUIRED), TENANT) == Invalid(second)
    assert await judge.fit(snapshot(), Schemas(source="Spec", context=REQUIRED), TENANT) == Invalid(first)
    assert await judge.fit(snapshot(None, {"prompt": 1}), Schemas(source="Spec", config=REQUIRED), TENANT) == Valid()
    assert await judge.fit(snapshot({"any": 1}), Schemas(), TENANT) == Valid()


LEAKS: list[Json] = [
    {"const": 1},
    {"enum": ["a", "b"]},
    {"pattern": "^x"},
    {"minLength": 99},
    {"maxLength": 1},
    {"not": {"type": "string"}},
    {"anyOf": [{"type": "integer"}, {"minLength": 99}]},
    {"oneOf": [{"type": "string"}, {"minLength": 1}]},
    {"allOf": [{"type": "integer"}]},
    {"if": {"type": "string"}, "then": {"type": "integer"}},
    {"anyOf": [{"type": "integer"}, {"type": "null"}]},
    {"$ref": "#/$defs/number", "$defs": {"number": {"type": "number"}}},
]
LIST_LEAKS: list[Json] = [
    {"contains": {"type": "integer"}},
    {"uniqueItems": True},
    {"prefixItems": [{}], "items": False},
    {"prefixItems": [{}], "unevaluatedItems": False},
    {"maxItems": 1},
]


@pytest.mark.parametrize("schema", [*LEAKS, *LIST_LEAKS], ids=lambda schema: next(iter(schema)))
async def test_no_message_has_a_value_in_it(judge: SchemaValidator, schema: Json) -> None:
    content = {"secret": SECRET if schema in LEAKS else [SECRET, SECRET]}
    found = await fit(judge, of(secret=schema) | {"$defs": schema.get("$defs", {})}, content)
    assert isinstance(found, Invalid)
    assert found.problems.startswith("/context/secret")
    assert SECRET not in found.problems


@pytest.mark.parametrize(
    ("schema", "why"),
    [
        pytest.param(
            {"type": "objekt"}, "the schema for /context is wrong at '/type': \"objekt\" is not ", id="a type"
        ),
        pytest.param({"$ref": "#/$defs/x"}, "Pointer '/$defs/x' does not exist", id="a reference to nothing"),
        pytest.param(of(a={"pattern": "(("}), "at '/properties/a/pattern': the value is not a \"regex\"", id="a regex"),
        pytest.param(of(a={"pattern": "((a{100}){100}){100}"}), 'is not a "regex"', id="a regex that is too large"),
        pytest.param(
            of(a={"pattern": r"^(a|aa)+\1$"}), 'is not a "regex"', id="a regex that may take exponential time"
        ),
        pytest.param({"$ref": "http://127.0.0.1:9/x"}, "cannot fetch http://127.0.0.1:9/x", id="http"),
        pytest.param({"$ref": "file:///etc/hostname"}, "cannot fetch file:///etc/hostname", id="a file"),
        pytest.param(
            deep(3_000, {}) | {"not": deep(3_000)}, "Recursion limit reached", id="deeper than can be applied"
        ),
        pytest.param({"items": [{"type": "string"}]}, "wrong at '/items'", id="what an older dialect means otherwise"),
    ],
)
async def test_a_schema_that_cannot_be_used_says_why_in_one_line(
    judge: SchemaValidator, schema: Json, why: str
) -> None:
    found = await fit(judge, schema, {"a": SECRET})
    assert isinstance(found, SchemaError)
    assert why in found.why
    assert "\n" not in found.why
    assert await fit(judge, of(), {"a": 1}) == Valid(), "the next schema is judged"


@pytest.fixture
def listener() -> Iterator[tuple[int, list[str]]]:
    """A port, and who connected to it."""
    came: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def listen() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                came.append(connection.recv(100).decode(errors="replace"))
                connection.close()

        threading.Thread(target=listen, daemon=True).start()
        yield server.getsockname()[1], came
        server.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "{url}"},
        {"$dynamicRef": "{url}"},
        {"$schema": "{url}"},
        {"$id": "{url}", "$ref": "other"},
        {"properties": {"a": {"$id": "{url}/a", "$schema": "{url}", "$ref": "b"}}},
        {"$vocabulary": {"{url}": True}},
    ],
    ids=str,
)
async def test_nothing_is_ever_fetched(judge: SchemaValidator, schema: Json, listener: tuple[int, list[str]]) -> None:
    port, came = listener
    told = Schemas.model_validate_json(
        f'{{"source": "Spec", "context": {schema}}}'.replace("'", '"')
        .replace("True", "true")
        .replace("{url}", f"http://127.0.0.1:{port}/schema")
    )
    await judge.fit(snapshot({"a": 1}), told, TENANT)
    assert came == []


def doubling(kind: str) -> Json:
    """Sixty definitions, each of which applies the next one twice. It accepts everything, in many years.

    Each refusal would be kept, and fast processors would reach the limit of memory before that of time.
    """
    steps = {f"d{step}": {kind: [{"$ref": f"#/$defs/d{step + 1}"}] * 2} for step in range(60)}
    return {"$ref": "#/$defs/d0", "$defs": {**steps, "d60": {"type": "object"}}}


@pytest.mark.parametrize(
    ("schema", "context", "decision"),
    [
        pytest.param(
            of(a={"pattern": "^(a+)+$"}),
            {"a": "a" * 10_000 + "!"},
            Invalid('/context/a: the value does not match "^(a+)+$"'),
            id="a regex that others backtrack on",
        ),
        pytest.param(
            of(a={"enum": list(range(200_000))}),
            {"a": -1},
            Invalid("/context/a: the value is not one of 0, 1 or 199998 other candidates"),
            id="a huge enum",
        ),
        pytest.param({"allOf": [{"$ref": "#"}, {"$ref": "#"}]}, {"a": 1}, Valid(), id="itself, twice"),
        pytest.param(of(a={"uniqueItems": True}), {"a": [{"n": n} for n in range(30_000)]}, Valid(), id="a long list"),
    ],
)
async def test_a_hostile_schema_is_answered_in_time(
    judge: SchemaValidator, schema: Json, context: Any, decision: Fit
) -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert await fit(judge, schema, context) == decision
    assert await fit(judge, of(), {"a": 1}) == Valid(), "the next schema is judged"
    await judge.close()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 5


async def test_a_hostile_schema_costs_its_time_once_however_many_ask(judge: SchemaValidator) -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    asked = [fit(judge, doubling("allOf"), {"a": number}) for number in range(20)]
    assert set(await asyncio.gather(*asked)) == {SchemaError(TOO_EXPENSIVE)}
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime - before.ru_utime < 5


async def fit_all(judge: SchemaValidator, schema: Any, *contents: Any) -> list[Fit]:
    return await judge.fit_all([snapshot(each) for each in contents], Schemas(source="Spec", context=schema), TENANT)


async def test_each_of_several_contents_has_its_own_result(judge: SchemaValidator) -> None:
    missing = Invalid('/context: "prompt" is a required property')
    assert await fit(judge, REQUIRED, {"a": 1}) == missing
    found = await fit_all(judge, REQUIRED, {"prompt": 1}, {"a": 1}, None, {"prompt": 2}, {"prompt": 1})
    assert found == [Valid(), missing, missing, Valid(), Valid()]
    assert await fit_all(judge, REQUIRED) == []
    assert await judge.fit_all([snapshot()] * 2, Schemas(), TENANT) == [Valid()] * 2, "there is no schema"


async def test_a_hostile_schema_costs_its_time_once_for_many_contents(judge: SchemaValidator) -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    found = await fit_all(judge, doubling("allOf"), *({"a": number} for number in range(20)))
    assert found == [SchemaError(TOO_EXPENSIVE)] * 20
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime - before.ru_utime < 5


async def test_one_content_that_is_too_much_does_not_spoil_the_results_of_others(judge: SchemaValidator) -> None:
    steps = {f"d{step}": of(a={"anyOf": [{"$ref": f"#/$defs/d{step + 1}"}] * 2}) for step in range(40)}
    dear = {"$ref": "#/$defs/d0", "$defs": {**steps, "d40": False}}
    found = await fit_all(judge, dear, {"a": {}}, deep(50), {"a": {"a": {}}})
    assert found == [Valid(), SchemaError(TOO_EXPENSIVE), Valid()]


async def test_a_schema_that_is_wrong_is_applied_once_to_many_contents(judge: SchemaValidator) -> None:
    found = await fit_all(judge, {"type": "objct"}, {"a": 1}, {"a": 2})
    assert [type(each) for each in found] == [SchemaError] * 2
    await judge.close()  # what is known needs no process
    assert await fit_all(judge, {"type": "objct"}, {"a": 3}, {"a": 4}) == found
    assert workers() == []


async def test_a_tenant_whose_schemas_are_dear_waits_for_himself(judge: SchemaValidator) -> None:
    dear = [Schemas(source="Spec", context={**doubling("allOf"), "$comment": str(number)}) for number in range(3)]
    waiting = [asyncio.ensure_future(judge.fit(snapshot({"a": 1}), each, "greedy")) for each in dear]
    await asyncio.to_thread(eventually, _is_busy)
    assert await fit(judge, REQUIRED, {}) == Invalid('/context: "prompt" is a required property')
    assert not any(each.done() for each in waiting[1:])
    assert len(workers()) == 2
    assert set(await asyncio.gather(*waiting)) == {SchemaError(TOO_EXPENSIVE)}
    assert len(workers()) == 1, "the others are started only where they are needed"


async def test_content_that_is_too_much_for_a_schema_is_no_trouble_of_others(judge: SchemaValidator) -> None:
    steps = {f"d{step}": of(a={"anyOf": [{"$ref": f"#/$defs/d{step + 1}"}] * 2}) for step in range(40)}
    dear = {"$ref": "#/$defs/d0", "$defs": {**steps, "d40": False}}
    assert await fit(judge, dear, deep(50)) == SchemaError(TOO_EXPENSIVE)
    assert await fit(judge, dear, {"b": 1}) == Valid()


async def test_many_wrong_keys_are_a_misfit_and_the_message_is_cut(judge: SchemaValidator) -> None:
    context = {f"key{number:020}": SECRET for number in range(50_000)}
    found = await fit(judge, {**of(b={}), "additionalProperties": False}, context)
    assert isinstance(found, Invalid)
    assert found.problems.startswith("/context: Additional properties are not allowed ('key000")
    assert len(found.problems) < 2_000


async def test_the_worker_has_a_limit_on_its_memory(judge: SchemaValidator) -> None:
    await fit(judge, of(), {})
    (worker,) = workers()
    limit = re.search(r"Max address space +(\d+)", _about(worker, "limits"))
    assert limit
    assert int(limit[1]) == 2**30


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV])
async def test_the_judge_survives_its_worker(judge: SchemaValidator, number: signal.Signals) -> None:
    assert await fit(judge, REQUIRED, {"prompt": 1}) == Valid()
    (worker,) = workers()
    os.kill(worker, number)
    assert await fit(judge, REQUIRED, {}) == Invalid('/context: "prompt" is a required property')
    assert await fit(judge, REQUIRED, {"prompt": 2}) == Valid()
    assert workers() != [worker]


async def test_a_question_given_up_leaves_its_answer_to_nobody(judge: SchemaValidator) -> None:
    await fit(judge, of(), {})
    given_up = asyncio.ensure_future(fit(judge, doubling("allOf"), {"a": 1}))
    await asyncio.to_thread(eventually, _is_busy)
    given_up.cancel()
    assert await fit(judge, REQUIRED, {}) == Invalid('/context: "prompt" is a required property')


def _is_busy() -> bool:
    """Whether a worker is at work, and not waiting for a question."""
    return any(_about(worker, "stat").rpartition(")")[2].split()[0] == "R" for worker in workers())


async def test_closing_ends_the_worker(judge: SchemaValidator) -> None:
    await fit(judge, of(), {})
    assert len(workers()) == 1
    await judge.close()
    assert workers() == []
    await SchemaValidator().close()


async def test_what_was_judged_is_remembered_by_digest(judge: SchemaValidator) -> None:
    """Not by content, of which there may be a megabyte each."""
    await fit(judge, of(), {})
    tracemalloc.start()
    try:
        for number in range(30):
            assert await fit(judge, of(), {"prompt": f"{number}" * 100_000}) == Valid()
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 2_000_000


class Clock:
    """Goes on when it is told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def hasty(clock: Clock) -> AsyncIterator[SchemaValidator]:
    """Waits for half a second only."""
    each = SchemaValidator(patience=0.5, clock=clock)
    yield each
    await each.close()


async def test_a_worker_without_processor_time_is_no_fault_of_the_schema(hasty: SchemaValidator, clock: Clock) -> None:
    """As in a pod that is throttled: the process is there, and gets no further."""
    schema = Schemas(source="Spec", context=REQUIRED)
    while await hasty.fit(snapshot({"prompt": clock.now}), schema, TENANT) != Valid():
        clock.now += 400  # this machine is a busy one itself
    (worker,) = workers()
    os.kill(worker, signal.SIGSTOP)
    slow = await hasty.fit(snapshot({"prompt": "slow"}), schema, TENANT)
    assert slow == SchemaError(TOO_SLOW)
    assert isinstance(slow, SchemaError)
    assert (slow.is_transient, slow.retry_after) == (True, 60)
    assert workers() == []
    assert await until_judged(hasty, {"prompt": "another"}) == Valid(), "no other content is refused because of it"
    clock.now += 59
    again = await hasty.fit(snapshot({"prompt": "slow"}), schema, TENANT)
    assert isinstance(again, SchemaError)
    assert again.retry_after == pytest.approx(1), "the same question is not asked again before that"
    clock.now += 2
    assert await until_judged(hasty, {"prompt": "slow"}, clock) == Valid()


async def until_judged(judge: SchemaValidator, context: Json, clock: Clock | None = None) -> Fit:
    """The answer, on a machine that may be busy."""
    schema = Schemas(source="Spec", context=REQUIRED)
    for number in range(60):
        found = await judge.fit(snapshot(context | ({} if clock else {"n": number})), schema, TENANT)
        if not isinstance(found, SchemaError):
            return found
        if clock:
            clock.now += 400
    return found


async def test_a_schema_that_kills_its_worker_twice_is_tried_again_later(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge = SchemaValidator(clock=clock)
    schema = Schemas(source="Spec", context=REQUIRED)
    monkeypatch.setattr(sys, "executable", "/bin/false")
    died = await judge.fit(snapshot({"prompt": 1}), schema, TENANT)
    monkeypatch.undo()
    assert died == SchemaError("schema validation crashed twice on this schema") == SchemaError(CRASHED)
    assert isinstance(died, SchemaError)
    assert (died.is_transient, died.retry_after) == (False, 60)
    assert await judge.fit(snapshot({"prompt": 2}), schema, TENANT) == SchemaError(CRASHED), "whatever the content"
    assert workers() == []
    clock.now += 61
    assert await judge.fit(snapshot({"prompt": 2}), schema, TENANT) == Valid()
    assert await judge.fit(snapshot({"prompt": 1}), schema, TENANT) == Valid()
    await judge.close()


async def test_a_worker_that_cannot_be_started_is_no_fault_of_the_schema(
    judge: SchemaValidator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    found = await fit(judge, REQUIRED, {"prompt": 1})
    assert found == SchemaError(NOT_STARTED)
    assert isinstance(found, SchemaError)
    assert found.is_transient
    monkeypatch.undo()
    assert await fit(judge, REQUIRED, {"prompt": 2}) == Valid()


def workers() -> list[int]:
    """The children of this process that judge schemas."""
    told: list[str] = []
    for task in Path("/proc/self/task").iterdir():
        with suppress(FileNotFoundError):  # a thread that ended meanwhile
            told += (task / "children").read_text().split()
    return [int(child) for child in told if "schema.worker" in _about(int(child), "cmdline")]


def _about(process: int, what: str) -> str:
    return Path(f"/proc/{process}/{what}").read_text()
