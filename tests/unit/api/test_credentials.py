"""Texts that look like credentials are found, by path, and others are not."""

import json

import pytest

from assistant_operator.api.assistant import GraphRef, Snapshot
from assistant_operator.api.credentials import FORMATS, MOST_MENTIONS, MOST_SUSPICIONS, Suspicion, suspicions
from assistant_operator.api.graph import Config, Defaults
from harness.support.credentials import CREDENTIALS, NEAR_MISSES

TOKEN = CREDENTIALS["a GitHub token"]


def paths(content: object) -> list[str]:
    return [each.path for each in suspicions(content)]


@pytest.mark.parametrize(("name", "text"), CREDENTIALS.items(), ids=CREDENTIALS.keys())
def test_a_credential_is_found_alone_and_in_other_text(name: str, text: str) -> None:
    surroundings = [
        text,
        f"key={text}",
        f"Use '{text}'.",
        f"one\n{text}",
        f'{{"key": "{text}"}}',
        json.dumps(f"a\n{text}\t"),
    ]
    for each in surroundings:
        (found,) = suspicions(each, "/context")
        assert found.path == "/context"
        assert name.startswith(found.format)


def test_each_format_has_an_example() -> None:
    found = {
        number for number, each in enumerate(FORMATS) for text in CREDENTIALS.values() if list(each.positions(text))
    }
    assert found == set(range(len(FORMATS)))


@pytest.mark.parametrize("text", NEAR_MISSES.values(), ids=NEAR_MISSES.keys())
def test_what_only_resembles_a_credential_is_not_suspected(text: str) -> None:
    assert suspicions({"prompt": text, text: "prompt"}) == ()


@pytest.mark.parametrize(
    ("content", "found"),
    [
        pytest.param({}, [], id="nothing"),
        pytest.param({"n": None, "b": True, "i": 1, "f": 0.5, "t": ""}, [], id="no text"),
        pytest.param({"a": TOKEN}, ["/a"], id="a value"),
        pytest.param({"a": {"b": [0, {"c": TOKEN}]}}, ["/a/b/1/c"], id="a value inside lists and objects"),
        pytest.param({"b": TOKEN, "a": [TOKEN, TOKEN]}, ["/a/0", "/a/1", "/b"], id="several, in order"),
        pytest.param({"a/b": {"c~d": TOKEN}}, ["/a~1b/c~0d"], id="keys that a pointer escapes"),
        pytest.param({"a": f"{TOKEN} and {TOKEN}"}, ["/a"], id="the same twice in one text"),
        pytest.param({"a": {TOKEN: 1}}, ["/a"], id="a key: the object around it"),
        pytest.param({"a": {TOKEN: {"b": TOKEN}}}, ["/a"], id="a value below such a key: the object around it"),
        pytest.param({"a": {rf"x\n{TOKEN}": {"b": TOKEN}}}, ["/a"], id="such a key, quoted"),
        pytest.param({"a": {"b" * 240: {TOKEN: 1}}}, ["/a/" + "b" * 240], id="such a key after a long one"),
        pytest.param({"a": {"b" * 240 + f" {TOKEN}": {"c": TOKEN}}}, ["/a"], id="such a key where the path is cut"),
        pytest.param({"a": [TOKEN[:20], TOKEN[20:]]}, [], id="two halves"),
    ],
)
def test_the_path_is_that_of_the_text(content: object, found: list[str]) -> None:
    assert paths(content) == found


def test_the_parts_of_a_snapshot_are_all_searched() -> None:
    snapshot = Snapshot(
        graph_ref=GraphRef(name="support"),
        display_name=TOKEN,
        description=TOKEN,
        context={"a": TOKEN},
        config=Config(tags=("a", TOKEN), configurable={"b": TOKEN}),
        metadata={"c": TOKEN},
    )
    assert [each.path for each in snapshot.suspicions] == [
        "/config/configurable/b",
        "/config/tags/1",
        "/context/a",
        "/description",
        "/displayName",
        "/metadata/c",
    ]


def test_defaults_have_the_paths_of_their_graph() -> None:
    assert Defaults(context={"a": TOKEN}).suspicions == (Suspicion("/defaults/context/a", "a GitHub token"),)
    assert Defaults().suspicions == ()


def test_several_formats_in_one_text_are_all_named() -> None:
    text = f"{TOKEN} {CREDENTIALS['a GitLab token']}"
    assert [each.format for each in suspicions({"a": text})] == ["a GitHub token", "a GitLab token"]


def test_deep_content_is_searched_to_the_end() -> None:
    content: object = TOKEN
    for _ in range(20_000):
        content = [content]
    (path,) = paths(content)
    assert path == ("/0" * 128)  # cut at 256 characters


def test_what_is_reported_is_bounded() -> None:
    assert len(suspicions([TOKEN] * 1_000)) == MOST_SUSPICIONS
    (found,) = suspicions({"k" * 1_000: TOKEN})
    assert found.path == "/" + "k" * 255


def test_a_text_full_of_mentions_is_searched_up_to_a_bound() -> None:
    mentions = "ghp_ " * MOST_MENTIONS
    assert paths({"a": mentions[5:] + TOKEN}) == ["/a"]
    assert paths({"a": mentions + TOKEN}) == []
