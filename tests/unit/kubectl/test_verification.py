"""Whether a history is as it was recorded: what is found, what is only explained."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant_operator.api.assistant import Assistant
from assistant_operator.api.assistant_version import KEEP, AssistantVersion, chained
from assistant_operator.kubectl.verification import Link, Verification, link_of, verify
from harness.worlds import KEY, UID, a_status, a_version, an_assistant

OLD = "uid-of-a-predecessor"


def history(last: int, uid: str = UID, first: int = 1, chain: str = "", **different: Any) -> list[Link]:
    """The links of a history, each chained to the one before."""
    links = []
    for number in range(first, last + 1):
        digest = f"sha256:{number:064x}"
        chain = chained(chain, number, digest)
        links.append(Link(f"bot-v{number}", number, uid, digest, chain, digest, **different))
    return links


def without(*numbers: int, last: int = 6, held: Sequence[int] = ()) -> list[Link]:
    links = [link for link in history(last) if link.number not in numbers]
    return [replace(link, is_held=link.number in held) for link in links]


def altered(number: int, **different: Any) -> list[Link]:
    return [replace(link, **different) if link.number == number else link for link in history(4)]


def forged(number: int) -> list[Link]:
    """Another content under that number, with a digest and a chain that fit."""
    links = history(4)
    before = links[number - 2].chain if number > 1 else ""
    digest = f"sha256:{99:064x}"
    link = replace(links[number - 1], digest=digest, computed=digest, chain=chained(before, number, digest))
    return [*links[: number - 1], link, *links[number:]]


def an_owner(latest: int, limit: int = 100, **status: Any) -> Assistant:
    told = {"latest_version": latest, "active_version": latest, "digest": f"sha256:{latest:064x}", **status}
    return an_assistant(limit=limit, status=a_status(**told))


GONE_BEFORE = "no longer kept: the chain is verified from"
DELETED = "missing before it: deleted, or pruned under a lower historyLimit"


@pytest.mark.parametrize(
    ("links", "assistant", "notes"),
    [
        pytest.param(history(3), an_owner(3), [], id="all from the first"),
        pytest.param([], an_owner(0, digest=None), [], id="no version yet"),
        pytest.param(history(3), an_owner(2), [], id="the status is behind"),
        pytest.param(history(3)[::-1], an_owner(3), [], id="in any order"),
        pytest.param(history(11), an_owner(11), [], id="10 comes after 9"),
        pytest.param(history(3), None, [], id="the assistant is gone"),
        pytest.param(history(6)[3:], an_owner(6), [f"versions 1-3 are {GONE_BEFORE} 4 on"], id="a pruned beginning"),
        pytest.param(history(2)[1:], an_owner(2), [f"version 1 is {GONE_BEFORE} 2 on"], id="one is pruned"),
        pytest.param(
            without(1, 3, held=[2]),
            an_owner(6, limit=3),
            [f"version 1 is {GONE_BEFORE} 2 on", "version 3 is pruned: the chain between 2 and 4 cannot be verified"],
            id="pruned around a version that is kept by its label",
        ),
        pytest.param(
            without(2, 3, held=[1]),
            None,
            ["versions 2-3 are pruned: the chain between 1 and 4 cannot be verified"],
            id="the same where the limit is not known",
        ),
        pytest.param(
            history(6, first=4),
            an_owner(6),
            ["the chain begins with 4: lower numbers were those of an earlier assistant of that name"],
            id="a new assistant of that name",
        ),
        pytest.param(
            [*history(3, OLD), *history(5, first=4)],
            an_owner(5),
            ["the chain begins again with 4: lower numbers are those of an earlier assistant of that name"],
            id="the old versions are not collected yet",
        ),
        pytest.param(
            [*history(2, OLD), *history(5, first=4)],
            an_owner(5),
            ["the chain begins again with 4: lower numbers are those of an earlier assistant of that name"],
            id="nor is one of them",
        ),
        pytest.param(
            [*history(3, OLD), *history(5, first=4, chain=history(3)[-1].chain)],
            an_owner(5),
            [],
            id="adopted versions: the chain goes on",
        ),
    ],
)
def test_a_history_that_is_as_it_was_recorded(links: list[Link], assistant: Any, notes: list[str]) -> None:
    found = verify(KEY, links, assistant)
    assert (found.result, found.problems, list(found.notes)) == ("Verified", (), notes)
    assert found.chain == (max(links, key=lambda link: link.number).chain if links else "")


NOT_FROM = "its chain does not follow from {}: one of the two was altered or replaced"


@pytest.mark.parametrize(
    ("links", "result", "problems"),
    [
        pytest.param(
            altered(2, computed="sha256:other"),
            "Mismatch",
            [("bot-v2", "its content does not match its digest")],
            id="another content",
        ),
        pytest.param(
            altered(2, computed="x", digest="x"),
            "Mismatch",
            [("bot-v2", NOT_FROM.format("bot-v1"))],
            id="another content and digest",
        ),
        pytest.param(forged(2), "Mismatch", [("bot-v3", NOT_FROM.format("bot-v2"))], id="and another chain"),
        pytest.param(
            forged(4),
            "Mismatch",
            [("bot-v4", "its digest is not the one in the status of the Assistant")],
            id="the active version, with all three",
        ),
        pytest.param(
            altered(1, chain="x"),
            "Mismatch",
            [("bot-v1", "its chain is not that of a first version"), ("bot-v2", NOT_FROM.format("bot-v1"))],
            id="the first version",
        ),
        pytest.param(
            [
                replace(history(4)[0], number=2, name="bot-v2"),
                replace(history(4)[1], number=1, name="bot-v1"),
                *history(4)[2:],
            ],
            "Mismatch",
            [
                ("bot-v1", "its chain is not that of a first version"),
                ("bot-v2", NOT_FROM.format("bot-v1")),
                ("bot-v3", NOT_FROM.format("bot-v2")),
            ],
            id="two in another order",
        ),
        pytest.param(
            altered(2, name="bot-v9"),
            "Mismatch",
            [("bot-v3", f"version 2 is {DELETED}"), ("bot-v9", "it has the number 2, so its name should be bot-v2")],
            id="another name",
        ),
        pytest.param(
            altered(2, unreadable="spec.digest"),
            "Mismatch",
            [("bot-v2", "it cannot be read: it has no spec.digest")],
            id="what is no version",
        ),
        pytest.param(
            [*history(2), *history(4, first=3)],
            "Mismatch",
            [("bot-v3", NOT_FROM.format("bot-v2"))],
            id="a chain that begins again in one assistant",
        ),
        pytest.param(without(2, last=4), "Gap", [("bot-v3", f"version 2 is {DELETED}")], id="one is missing"),
        pytest.param(without(2, 3, last=4), "Gap", [("bot-v4", f"versions 2-3 are {DELETED}")], id="two are"),
        pytest.param(
            history(3),
            "Gap",
            [("bot-v4", "version 4 is missing: the status of the Assistant names 4 as the latest")],
            id="the latest is missing",
        ),
        pytest.param(
            [],
            "Gap",
            [("bot-v4", "versions 1-4 are missing: the status of the Assistant names 4 as the latest")],
            id="all are missing",
        ),
        pytest.param(
            [*history(1), *history(4, first=3)],
            "Gap",
            [("bot-v3", f"version 2 is {DELETED}")],
            id="the operator lost the version before",
        ),
    ],
)
def test_a_history_that_is_not(links: list[Link], result: str, problems: list[tuple[str, str]]) -> None:
    found = verify(KEY, links, an_owner(4))
    assert [(each.name, each.message) for each in found.problems] == problems
    assert found.result == result


def test_a_gap_of_an_assistant_that_is_gone_is_pruned_only_around_what_is_kept() -> None:
    assert verify(KEY, without(3), None).result == "Gap"
    assert verify(KEY, without(3, held=[1, 2]), None).result == "Verified"


def documents(versions: Sequence[AssistantVersion]) -> list[dict[str, Any]]:
    return [version.model_dump(by_alias=True, exclude_unset=True, mode="json") for version in versions]


def test_the_links_of_versions_as_the_operator_makes_them() -> None:
    first = a_version(1, context={"prompt": "one", "n": 2**53 + 1, "x": None, "1": 1.0})
    second = a_version(2, first, context={"prompt": "two"})
    links = [link_of(each) for each in documents([first, second])]
    assert [link.computed for link in links] == [first.spec.digest, second.spec.digest]
    assert verify(KEY, links, None) == Verification(KEY, (1, 2), second.spec.chain)


@pytest.mark.parametrize(
    ("meta", "status", "is_held"),
    [
        ({}, {}, False),
        ({"labels": {KEEP: ""}}, {}, True),
        ({}, {"conditions": [{"type": "Active", "status": "True"}]}, True),
        ({}, {"conditions": [{"type": "Active", "status": "False"}, {"type": "Valid", "status": "True"}]}, False),
    ],
)
def test_pruning_leaves_out_what_is_labelled_or_active(meta: Any, status: Any, *, is_held: bool) -> None:
    (document,) = documents([a_version(1)])
    assert link_of({**document, "metadata": {**document["metadata"], **meta}, "status": status}).is_held is is_held


@pytest.mark.parametrize("field", ["digest", "chain", "snapshot", "assistantRef"])
def test_a_version_without_a_field_is_reported_and_does_not_end_the_command(field: str) -> None:
    (document,) = documents([a_version(2)])
    del document["spec"][field]
    assert link_of(document) == Link("bot-v2", 2, unreadable=f"spec.{field}")
    assert link_of({"metadata": {"name": "bot-v2"}}) == Link("bot-v2", 2, unreadable="spec.number")
    assert link_of({"metadata": {"name": "x"}, "spec": None}) == Link("x", 0, unreadable="spec.number")


@given(st.integers(2, 12), st.data())
def test_whatever_is_dropped_altered_or_swapped_is_found(last: int, data: st.DataObject) -> None:
    links = history(last)
    at = data.draw(st.integers(1, last - 1))
    how = data.draw(st.sampled_from(["drop", "digest", "swap"]))
    other = replace(links[at], digest="x", computed="x")
    swapped = {links[at].number: links[at - 1].digest, links[at - 1].number: links[at].digest}
    if how == "drop":
        links = [link for link in links if link.number != at]
        links = links if at > 1 else [*links[:-1]]
    elif how == "digest":
        links[at] = other
    else:
        links = [
            replace(link, digest=swapped.get(link.number, link.digest), computed=swapped.get(link.number, link.digest))
            for link in links
        ]
    assert verify(KEY, links, an_owner(last)).problems
