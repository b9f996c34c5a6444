"""`show`: the manifest of an Assistant and of a version."""

from typing import Any

import pytest

from assistant_operator.kubectl.client import Found
from assistant_operator.kubectl.patch import CAUSE
from assistant_operator.kubectl.show import has_null, manifest
from harness.worlds import KEY, an_assistant

SNAPSHOT = {"graphRef": {"name": "support"}, "context": {"prompt": "one"}}


def found(**meta: Any) -> Found[Any]:
    document = {
        "metadata": {"name": "bot", "namespace": "team", "uid": "u", "resourceVersion": "7", **meta},
        "spec": {
            "graphRef": {"name": "support"},
            "context": {"prompt": "three"},
            "displayName": "Bot",
            "deletionPolicy": "Delete",
            "suspend": False,
            "versioning": {"historyLimit": 5, "activation": "Automatic"},
        },
        "status": {},
    }
    return Found(an_assistant(), document)


def test_a_version_with_the_control_fields_of_the_assistant() -> None:
    assert manifest(KEY, found(), SNAPSHOT) == {
        "apiVersion": "assistant-operator.dev/v1alpha1",
        "kind": "Assistant",
        "metadata": {"name": "bot", "namespace": "team"},
        "spec": {**SNAPSHOT, "versioning": {"historyLimit": 5}},
    }


def test_the_present_spec() -> None:
    shown = manifest(KEY, found(), found().document["spec"])
    assert shown["spec"] == {
        **SNAPSHOT,
        "context": {"prompt": "three"},
        "displayName": "Bot",
        "versioning": {"historyLimit": 5},
    }


def test_labels_and_annotations_stay_but_for_those_of_one_edit() -> None:
    annotations = {CAUSE: "x", "kubernetes.io/change-cause": "y", "assistant-operator.dev/changed-by": "jane", "a": "b"}
    shown = manifest(KEY, found(labels={"team": "x"}, annotations=annotations), SNAPSHOT)
    assert shown["metadata"] == {"name": "bot", "namespace": "team", "labels": {"team": "x"}, "annotations": {"a": "b"}}
    alone = manifest(KEY, found(annotations={CAUSE: "x"}), SNAPSHOT)
    assert "annotations" not in alone["metadata"]


def test_a_version_of_an_assistant_that_is_gone() -> None:
    assert manifest(KEY, None, SNAPSHOT) == {
        "apiVersion": "assistant-operator.dev/v1alpha1",
        "kind": "Assistant",
        "metadata": {"name": "bot", "namespace": "team"},
        "spec": SNAPSHOT,
    }


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ({"a": {"b": None}}, True),
        ({"a": None}, True),
        ({"a": {"b": 0, "c": "", "d": {}, "e": False}}, False),
        ({"a": [None, {"b": None}]}, False),  # a list is replaced as a whole
    ],
)
def test_null_values_are_noticed(content: Any, *, found: bool) -> None:
    assert has_null(content) is found
