"""Which history is verified, and which version is the first that does not match."""

from typing import Any

import pytest

from assistant_operator.api.assistant_version import AssistantRef, AssistantVersion
from assistant_operator.policy.chain import Mismatch, first_mismatch, gaps, ranges
from harness.worlds import a_version

ALTERED = "its content does not match its digest"


def linked(count: int) -> list[AssistantVersion]:
    """That many versions, each chained to the one before."""
    versions: list[AssistantVersion] = []
    for number in range(1, count + 1):
        versions.append(a_version(number, versions[-1] if versions else None, context={"n": number}))
    return versions


ONE, TWO, THREE, FOUR = linked(4)


def with_spec(version: AssistantVersion, **different: Any) -> AssistantVersion:
    return version.model_copy(update={"spec": version.spec.model_copy(update=different)})


ANEW = with_spec(a_version(2, context={"n": 2}), assistant_ref=AssistantRef(name="bot", uid="another"))


@pytest.mark.parametrize(
    ("versions", "mismatch"),
    [
        pytest.param([], None, id="nothing"),
        pytest.param([ONE, TWO, THREE, FOUR], None, id="a whole history"),
        pytest.param([TWO, THREE], None, id="a pruned beginning"),
        pytest.param([ONE, THREE, FOUR], None, id="a gap, after which the chain begins again"),
        pytest.param([ONE, ANEW], None, id="a chain that begins again, of another assistant"),
        pytest.param(
            [ONE, with_spec(ANEW, assistant_ref=ONE.spec.assistant_ref)],
            Mismatch(2, "its chain does not continue that of version 1"),
            id="of the same assistant",
        ),
        pytest.param(
            [ONE, with_spec(TWO, snapshot=THREE.spec.snapshot), THREE], Mismatch(2, ALTERED), id="another content"
        ),
        pytest.param([ONE, with_spec(TWO, digest=THREE.spec.digest), THREE], Mismatch(2, ALTERED), id="another digest"),
        pytest.param(
            [ONE, with_spec(TWO, digest=THREE.spec.digest, snapshot=THREE.spec.snapshot), THREE],
            Mismatch(2, "its chain does not continue that of version 1"),
            id="another content with its digest",
        ),
        pytest.param(
            [ONE, with_spec(THREE, number=2), with_spec(TWO, number=3)],
            Mismatch(2, "its chain does not continue that of version 1"),
            id="two that are swapped",
        ),
        pytest.param(
            [ONE, with_spec(TWO, chain=THREE.spec.chain), THREE],
            Mismatch(2, "its chain does not continue that of version 1"),
            id="another chain",
        ),
        pytest.param(
            [with_spec(TWO, number=1), THREE], Mismatch(1, "its chain is not that of a first version"), id="a first one"
        ),
        pytest.param([ONE, TWO, TWO, THREE], Mismatch(2, "it exists twice"), id="one that exists twice"),
        pytest.param(
            [TWO, with_spec(THREE, snapshot=ONE.spec.snapshot), with_spec(FOUR, snapshot=ONE.spec.snapshot)],
            Mismatch(3, ALTERED),
            id="the first of several",
        ),
    ],
)
def test_the_first_mismatch(versions: list[AssistantVersion], mismatch: Mismatch | None) -> None:
    assert first_mismatch(versions) == mismatch


@pytest.mark.parametrize(
    ("numbers", "text", "missing"),
    [
        pytest.param([], "", [], id="none"),
        pytest.param([3], "3", [], id="one"),
        pytest.param([1, 2], "1-2", [], id="a run"),
        pytest.param([2, 7, 8, 9, 11], "2,7-9,11", [3, 4, 5, 6, 10], id="runs and single ones"),
    ],
)
def test_numbers_as_ranges(numbers: list[int], text: str, missing: list[int]) -> None:
    assert ranges(reversed(numbers)) == text
    assert gaps(numbers) == missing
