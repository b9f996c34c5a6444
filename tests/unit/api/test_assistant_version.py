"""What a version is called, labelled and chained by."""

import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from assistant_operator.api.assistant_version import chained, parse_version_name, version_labels, version_name
from harness.worlds import KEY, NOW, UID, a_record, a_version

LABEL = re.compile(r"[A-Za-z0-9]([-._A-Za-z0-9]{0,61}[A-Za-z0-9])?")


@pytest.mark.parametrize(("assistant", "number"), [("bot", 1), ("a-v1", 23), ("a.b-c", 10**9), ("x" * 200, 1)])
def test_a_versions_name_tells_assistant_and_number(assistant: str, number: int) -> None:
    assert parse_version_name(version_name(assistant, number)) == (assistant, number)


@pytest.mark.parametrize(
    "name", ["bot", "bot-v", "bot-v0", "bot-v01", "bot-v1x", "-v1", "bot-v-1", "botv1", "bot-v\u0661"]
)
def test_a_name_we_would_never_give_tells_nothing(name: str) -> None:
    assert parse_version_name(name) is None


@pytest.mark.parametrize("length", [1, 62, 63, 64, 200])
def test_a_label_is_the_name_as_long_as_it_fits(length: int) -> None:
    name = "a" * length
    label = version_labels(name)["assistant-operator.dev/assistant"]
    assert (label == name) is (length <= 63)
    assert LABEL.fullmatch(label)


def test_long_names_that_begin_alike_have_different_labels() -> None:
    names = [f"{'a' * 51}-{'b' * 100}{end}" for end in "xyz"] + [f"{'a' * 51}.{'b' * 100}x"]
    labels = {version_labels(name)["assistant-operator.dev/assistant"] for name in names}
    assert len(labels) == 4
    assert all(LABEL.fullmatch(label) for label in labels)


def test_a_version_has_those_labels_and_no_others() -> None:
    labels = {"app.kubernetes.io/managed-by": "assistant-operator", "assistant-operator.dev/assistant": "bot"}
    assert version_labels("bot") == labels


def test_the_chain_is_the_digest_the_contract_describes() -> None:
    first = chained("", 1, "sha256:a")
    assert first == "sha256:cdf87a034fe048e7606473b095a00cc478072650d14561898e6168a6a7325686"
    assert chained(first, 2, "sha256:b") == "sha256:e5246d5ad63f42f6f1ca978821d9ae40cc7bc9fd6384a74a86682bc6f6c0857f"


HISTORY = [(1, "a"), (2, "b"), (3, "c")]


@pytest.mark.parametrize(
    "altered",
    [
        pytest.param([(1, "a"), (3, "c")], id="dropped"),
        pytest.param([(1, "a"), (2, "x"), (3, "c")], id="altered"),
        pytest.param([(2, "b"), (1, "a"), (3, "c")], id="reordered"),
        pytest.param([(1, "a"), (3, "b"), (3, "c")], id="renumbered"),
    ],
)
def test_the_chain_finds_out_a_history_that_was(altered: list[tuple[int, str]]) -> None:
    def end(history: list[tuple[int, str]]) -> str:
        link = ""
        for number, digest in history:
            link = chained(link, number, digest)
        return link

    assert end(altered) != end(HISTORY)


def test_altered_content_is_not_intact() -> None:
    version = a_version(1)
    other = a_version(1, context={"prompt": "forged"})
    forged = version.model_copy(update={"spec": version.spec.model_copy(update={"snapshot": other.spec.snapshot})})
    assert version.is_intact
    assert not forged.is_intact


def test_a_new_versions_record_is_what_a_listing_would_show() -> None:
    version = a_version(1)
    listed = a_record(1, uid="", resource_version="", digest=version.spec.digest, owner=UID, active="", valid="")
    assert version.record() == listed
    assert version.record().key == KEY
    assert version.metadata.name == listed.name == "bot-v1"
    assert replace(listed, number=12).name == "bot-v12"


@pytest.mark.parametrize(
    ("annotation", "time"),
    [
        pytest.param(None, NOW, id="of a version that the operator created"),
        pytest.param("2025-01-02T03:04:05Z", datetime(2025, 1, 2, 3, 4, 5, tzinfo=UTC), id="of one that was imported"),
        pytest.param("yesterday", NOW, id="an annotation that is no time"),
    ],
)
def test_the_time_of_the_edit(annotation: str | None, time: datetime) -> None:
    annotations = {"assistant-operator.dev/created-at": annotation} if annotation else {}
    version = a_version()
    meta = version.metadata.model_copy(update={"creation_timestamp": NOW, "annotations": annotations})
    assert version.model_copy(update={"metadata": meta}).created_at == time
