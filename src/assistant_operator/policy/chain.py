"""Verifies the versions of one Assistant: their digests, and the chain from each version to the next. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from assistant_operator.api.assistant_version import AssistantVersion, chained


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A version that does not match its digest or the version before it."""

    number: int
    reason: str


def first_mismatch(versions: Sequence[AssistantVersion]) -> Mismatch | None:
    """The first version that does not match; None if all do. `versions`: of one Assistant, in order of number.

    The chain of a version after a gap, and of a first version whose number is not 1, cannot be verified: the version
    before it is not there. A chain may begin again with a version that was taken from another Assistant of that name.
    """
    before: AssistantVersion | None = None
    for version in versions:
        if reason := _mismatch(version, before):
            return Mismatch(version.number, reason)
        before = version
    return None


def _mismatch(version: AssistantVersion, before: AssistantVersion | None) -> str | None:
    if before and before.number == version.number:
        return "it exists twice"
    if not version.is_intact:
        return "its content does not match its digest"
    if version.number == 1:
        return None if _continues("", version) else "its chain is not that of a first version"
    if before is None or before.number < version.number - 1 or _continues(before.spec.chain, version):
        return None
    is_of_another = before.spec.assistant_ref.uid != version.spec.assistant_ref.uid
    if is_of_another and _continues("", version):
        return None
    return f"its chain does not continue that of version {before.number}"


def _continues(chain: str, version: AssistantVersion) -> bool:
    return version.spec.chain == chained(chain, version.number, version.spec.digest)


def ranges(numbers: Iterable[int]) -> str:
    """The numbers as `2,7-9`: ascending, runs as first and last."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][-1] + 1:
            runs[-1][1:] = [number]
        else:
            runs.append([number])
    return ",".join("-".join(map(str, run)) for run in runs)


def gaps(numbers: Sequence[int]) -> list[int]:
    """The numbers that are missing between the first and the last. `numbers`: ascending."""
    return [missing for before, after in pairwise(numbers) for missing in range(before + 1, after)]
