"""One spelling for one content: RFC 8785, and beyond it where RFC 8785 would refuse or confuse."""

import json
import struct
import subprocess
import sys
from decimal import Decimal
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant_operator.api.canonical import canonical, digest

RFC_8785_NUMBERS = """
    0000000000000000 0
    8000000000000000 0
    0000000000000001 5e-324
    8000000000000001 -5e-324
    7fefffffffffffff 1.7976931348623157e+308
    ffefffffffffffff -1.7976931348623157e+308
    4340000000000000 9007199254740992
    c340000000000000 -9007199254740992
    4430000000000000 295147905179352830000
    44b52d02c7e14af5 9.999999999999997e+22
    44b52d02c7e14af6 1e+23
    44b52d02c7e14af7 1.0000000000000001e+23
    444b1ae4d6e2ef4e 999999999999999700000
    444b1ae4d6e2ef4f 999999999999999900000
    444b1ae4d6e2ef50 1e+21
    3eb0c6f7a0b5ed8c 9.999999999999997e-7
    3eb0c6f7a0b5ed8d 0.000001
    41b3de4355555553 333333333.3333332
    41b3de4355555554 333333333.33333325
    41b3de4355555555 333333333.3333333
    41b3de4355555556 333333333.3333334
    41b3de4355555557 333333333.33333343
    becbf647612f3696 -0.0000033333333333333333
    43143ff3c1cb0959 1424953923781206.2
"""
NUMBERS = [line.split() for line in RFC_8785_NUMBERS.strip().splitlines()]

SAMPLE = (
    r'{"numbers":[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001],'
    r'"string":"\u20ac$\u000F\u000aA\u0027\u0042\u0022\u005c\\\"\/","literals":[null,true,false]}'
)
SAMPLE_CANONICAL = (
    r'{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
    r'"string":"€$\u000f\nA' + r"'B\"\\\\\"/" + '"}'
)


@pytest.mark.parametrize(("bits", "spelled"), NUMBERS)
def test_a_number_is_spelled_as_rfc_8785_appendix_b_does(bits: str, spelled: str) -> None:
    (number,) = struct.unpack(">d", bytes.fromhex(bits))
    assert canonical(number).decode() == spelled


def test_the_sample_object_of_rfc_8785_is_spelled_as_there() -> None:
    assert canonical(json.loads(SAMPLE)).decode() == SAMPLE_CANONICAL


def test_keys_are_sorted_by_their_utf_16_code_units() -> None:
    keys = ["\r", "1", "\u0080", "\u00f6", "\u20ac", "\U0001f600", "\ufb33"]
    assert list(json.loads(canonical(dict.fromkeys(reversed(keys))))) == keys
    assert sorted(keys) != keys, "sorting by code points would be another order"


DISTINCT = [
    pytest.param({"a": 1}, {"a": True}, id="a number and a truth"),
    pytest.param({"a": 0}, {"a": False}, id="zero and false"),
    pytest.param({"a": 1}, {"a": "1"}, id="a number and its text"),
    pytest.param({}, {"a": None}, id="absent and null"),
    pytest.param({"a": None}, {"a": {}}, id="null and an empty object"),
    pytest.param({"a": {}}, {"a": []}, id="an empty object and an empty list"),
    pytest.param({"a": []}, {"a": ""}, id="an empty list and an empty text"),
    pytest.param({"a": [1, 2]}, {"a": [2, 1]}, id="the order of a list"),
    pytest.param(2**53, 2**53 + 1, id="integers that are one double"),
    pytest.param(2**60, float(2**60), id="2^60 and the double that is spelled ...7000"),
    pytest.param(10**400, 10**400 + 1, id="integers beyond any double"),
    pytest.param({"a.b": 1}, {"a": {"b": 1}}, id="a dotted key and two steps"),
    pytest.param("é", "e\u0301", id="texts that look alike"),
    pytest.param("\ud800", "\ud801", id="two lone surrogates"),
]
SAME = [
    pytest.param(1, 1.0, id="1 and 1.0"),
    pytest.param(0, -0.0, id="0 and -0.0"),
    pytest.param(10**23, 1e23, id="an integer and the double of that very value"),
    pytest.param({"a": 1, "b": 2}, {"b": 2, "a": 1}, id="the order of keys"),
    pytest.param([1], (1,), id="a list and our tuples"),
]


@pytest.mark.parametrize(("one", "other"), DISTINCT)
def test_different_contents_are_never_confused(one: Any, other: Any) -> None:
    assert canonical(one) != canonical(other)
    assert digest(canonical(one)) != digest(canonical(other))


@pytest.mark.parametrize(("one", "other"), SAME)
def test_equal_contents_have_one_spelling(one: Any, other: Any) -> None:
    assert canonical(one) == canonical(other)


def test_a_digest_says_its_algorithm() -> None:
    assert digest(b"{}") == "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"


def test_what_is_not_json_is_a_bug_that_shows() -> None:
    with pytest.raises(TypeError, match="set is not JSON"):
        canonical({"a": {1}})


def test_content_as_deep_as_the_api_server_takes_it_is_canonicalised() -> None:
    """In a process of its own: a stack that overflows ends more than a test."""
    program = (
        "import sys; sys.setrecursionlimit(50_000)\n"  # as `run` does
        "from assistant_operator.api.canonical import canonical\n"
        "content = 1\n"
        "for _ in range(4_990): content = {'a': [content]}\n"
        "print(len(canonical(content)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, f"{4_990 * 8 + 1}\n"), f"ended with {done.returncode}"


NEAR = [2**53, 2**60, 10**21, 10**23, 1152921504606847000, 295147905179352830000, 99999999999999991611392]
NUMBER = st.one_of(
    st.builds(lambda base, step: base + step, st.sampled_from([0, *NEAR]), st.integers(-2, 2)),
    st.builds(lambda base, sign: float(base) * sign, st.sampled_from([0, 1, *NEAR]), st.sampled_from([1, -1])),
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(),
)
LEAF = st.one_of(st.none(), st.booleans(), st.sampled_from(["", "1", "é", "\U0001f600", "\ufb33"]), NUMBER)
JSON = st.recursive(
    LEAF,
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("ab\U0001f600\ufb33"), inner, max_size=2)
    ),
    max_leaves=4,
)


def is_same(one: Any, other: Any) -> bool:
    """Equality of JSON content, said another way: numbers are what their shortest decimal spelling denotes."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(is_same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(is_same, one, other))
    numbers = [each for each in (one, other) if isinstance(each, int | float) and not isinstance(each, bool)]
    if len(numbers) == 2:
        return Decimal(repr(one)) == Decimal(repr(other))
    return type(one) is type(other) and bool(one == other)


@given(NUMBER, NUMBER)
def test_two_numbers_are_equal_exactly_when_their_spellings_are(one: Any, other: Any) -> None:
    assert (canonical(one) == canonical(other)) == is_same(one, other)


@given(JSON, JSON)
def test_two_contents_are_equal_exactly_when_their_spellings_are(one: Any, other: Any) -> None:
    assert (canonical(one) == canonical(other)) == is_same(one, other)


@given(st.dictionaries(st.text(max_size=3), LEAF, max_size=3), st.integers(0, 5))
def test_the_order_of_keys_does_not_show_and_the_spelling_reads_back(content: dict[str, Any], turn: int) -> None:
    orders = [dict(members) for members in permutations(content.items())]
    spelled = canonical(content)
    assert canonical(orders[turn % len(orders)]) == spelled
    assert canonical(json.loads(spelled)) == spelled
