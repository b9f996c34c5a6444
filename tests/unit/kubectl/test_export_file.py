"""The file of an export: what it has and has not, and which file is refused because of what."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from assistant_operator.api.assistant import Assistant
from assistant_operator.api.assistant_version import AssistantVersion
from assistant_operator.api.meta import API_VERSION
from assistant_operator.kubectl.client import Found
from assistant_operator.kubectl.export import export_notes, own_versions
from assistant_operator.kubectl.export_file import BrokenExport, History, histories
from harness.worlds import a_version

Json = dict[str, Any]
OF_CLUSTER: Json = {"uid": "u", "resourceVersion": "9", "generation": 3, "managedFields": [], "finalizers": ["x/y"]}
OWNER = {"apiVersion": API_VERSION, "kind": "Assistant", "name": "bot", "uid": "u", "controller": True}
LABELS = {"app.kubernetes.io/managed-by": "assistant-operator", "assistant-operator.dev/assistant": "bot"}
CREATED = "2026-03-01T12:00:00Z"
APPLIED = {"kubectl.kubernetes.io/last-applied-configuration": "{}"}


def stored_versions(*numbers: int, **meta: Any) -> list[Json]:
    """Versions as the API server shows them."""
    chain: list[AssistantVersion] = []
    for number in range(1, max(numbers, default=0) + 1):
        chain.append(a_version(number, chain[-1] if chain else None, context={"n": number}))
    added = {**OF_CLUSTER, "creationTimestamp": CREATED, "labels": LABELS, "ownerReferences": [OWNER], **meta}
    return [
        {
            "apiVersion": API_VERSION,
            "kind": "AssistantVersion",
            "metadata": {"name": each.metadata.name, "namespace": "team", **added},
            "spec": copy.deepcopy(each.spec.manifest()),
            "status": {"conditions": []},
        }
        for each in chain
        if each.number in numbers
    ]


def a_stored(spec: Json | None = None, status: Json | None = None, **meta: Any) -> Json:
    """The Assistant as the API server shows it, at the content of version 3."""
    return {
        "apiVersion": API_VERSION,
        "kind": "Assistant",
        "metadata": {"name": "bot", "namespace": "team", **OF_CLUSTER, "creationTimestamp": CREATED, **meta},
        "spec": {"graphRef": {"name": "support"}, "context": {"n": 3}, "suspend": False, **(spec or {})},
        "status": {"observedGeneration": 3, "latestVersion": 3, "activeVersion": 3, **(status or {})},
    }


def a_history(assistant: Json | None = None, versions: list[Json] | None = None) -> History:
    of = stored_versions(1, 2, 3) if versions is None else versions
    document = assistant or a_stored()
    return History(
        Found(Assistant.model_validate(document), document),
        tuple(Found(AssistantVersion.model_validate(each), each) for each in of),
    )


def exported(*numbers: int, **different: Any) -> list[Json]:
    """The objects of a file."""
    return a_history(a_stored(**different), stored_versions(*numbers)).manifests()


def test_a_file_has_the_versions_and_then_the_assistant_without_what_is_of_the_cluster() -> None:
    first, assistant = exported(1)
    assert first == {
        "apiVersion": API_VERSION,
        "kind": "AssistantVersion",
        "metadata": {"name": "bot-v1", "annotations": {"assistant-operator.dev/created-at": CREATED}},
        "spec": stored_versions(1)[0]["spec"],
    }
    assert assistant == {
        "apiVersion": API_VERSION,
        "kind": "Assistant",
        "metadata": {"name": "bot", "annotations": {"assistant-operator.dev/exported-versions": "1"}},
        "spec": {"graphRef": {"name": "support"}, "context": {"n": 3}},
    }


def test_a_file_keeps_what_people_wrote_into_metadata() -> None:
    labels, annotations = {**LABELS, "assistant-operator.dev/keep": "", "team": "x"}, {"why": "y", **APPLIED}
    (version,) = stored_versions(1, labels=labels, annotations=annotations)
    changed_by = {"assistant-operator.dev/changed-by": "jo"}
    assistant = a_stored(labels={"team": "x"}, annotations={**annotations, **changed_by})
    first, last = a_history(assistant, [version]).manifests()
    assert first["metadata"]["labels"] == {"assistant-operator.dev/keep": "", "team": "x"}
    assert first["metadata"]["annotations"] == {"why": "y", "assistant-operator.dev/created-at": CREATED}
    assert last["metadata"]["labels"] == {"team": "x"}
    assert last["metadata"]["annotations"] == {"why": "y", "assistant-operator.dev/exported-versions": "1"}


def test_the_export_of_an_import_is_the_same_file() -> None:
    once = exported(1, 2, 3, spec={"versioning": {"activeVersion": 2, "historyLimit": 100, "activation": "Manual"}})
    (history,) = histories(once)
    assert history.manifests() == once


@pytest.mark.parametrize(
    ("assistant", "versions", "notes"),
    [
        pytest.param(a_stored(), None, [], id="a settled history"),
        pytest.param(
            a_stored({"context": {"n": 4}}),
            None,
            ["the newest edit of bot is not recorded as a version"],
            id="an edit that is not recorded",
        ),
        pytest.param(
            a_stored({"versioning": {"activation": "Manual"}}),
            None,
            ["activation of bot is Manual, and version 3 is active without a pin: pin it after import"],
            id="what is active without a pin",
        ),
        pytest.param(
            a_stored({"versioning": {"activation": "Manual", "activeVersion": 3}}), None, [], id="what is pinned"
        ),
        pytest.param(
            a_stored(),
            [{**stored_versions(1)[0], "spec": {**stored_versions(1)[0]["spec"], "number": 1, "chain": "sha256:0"}}],
            [
                "bot-v1: its chain is not that of a first version: import refuses this history",
                "the newest edit of bot is not recorded as a version",
            ],
            id="a history that import refuses",
        ),
        pytest.param(
            a_stored(
                labels={"assistant-operator.dev/default": "true"},
                managedFields=[
                    {
                        "manager": "assistant-operator",
                        "operation": "Apply",
                        "fieldsV1": {"f:spec": {"f:graphRef": {"f:name": {}}}},
                    },
                    {
                        "manager": "kubectl-edit",
                        "operation": "Update",
                        "fieldsV1": {"f:spec": {"f:context": {"f:n": {}}}},
                    },
                ],
            ),
            None,
            ["bot is a default assistant: import does not restore its own fields: spec.context.n"],
            id="fields of a default assistant that do not follow its graph",
        ),
    ],
)
def test_notes_of_an_export(assistant: Json, versions: list[Json] | None, notes: list[str]) -> None:
    assert export_notes(a_history(assistant, versions)) == notes


def test_versions_of_a_deleted_predecessor_are_not_exported() -> None:
    history = a_history(versions=[*stored_versions(2), *stored_versions(3, ownerReferences=[])])
    predecessors = a_history(versions=stored_versions(1, ownerReferences=[{**OWNER, "uid": "another"}]))
    own = own_versions(history.assistant.resource, (*predecessors.versions, *history.versions))
    assert [version.resource.number for version in own] == [2, 3]


Damage = Callable[[list[Json]], Any]


def put(value: Any, *path: Any) -> Damage:
    """Replace the value at that path of the file."""

    def damage(objects: list[Json]) -> None:
        place: Any = objects
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = value

    return damage


def swap(objects: list[Json]) -> None:
    """Version 1 gets the content of version 2, with its digest, and the reverse."""
    for field in ("digest", "snapshot"):
        one, two = objects[0]["spec"], objects[1]["spec"]
        one[field], two[field] = two[field], one[field]


KIND = "is not an Assistant or an AssistantVersion of assistant-operator.dev/v1alpha1"


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        pytest.param(
            put("x", 1, "spec", "snapshot", "context", "n"),
            "bot-v2: its content does not match its digest",
            id="an edited content",
        ),
        pytest.param(
            put(a_version().spec.digest, 1, "spec", "digest"),
            "bot-v2: its content does not match its digest",
            id="an edited digest",
        ),
        pytest.param(
            put(a_version().spec.chain, 1, "spec", "chain"),
            "bot-v2: its chain does not continue that of version 1",
            id="an edited chain",
        ),
        pytest.param(swap, "bot-v1: its chain is not that of a first version", id="two that are swapped"),
        pytest.param(
            lambda objects: objects.pop(0),
            "the versions of 'bot' are 2-3, and those that were exported 1-3",
            id="without the first version",
        ),
        pytest.param(
            lambda objects: objects.pop(1),
            "the versions of 'bot' are 1,3, and those that were exported 1-3",
            id="without one in the middle",
        ),
        pytest.param(
            lambda objects: objects.pop(2),
            "the versions of 'bot' are 1-2, and those that were exported 1-3",
            id="without the last version",
        ),
        pytest.param(lambda objects: objects.append(objects[0]), "bot-v1: it exists twice", id="a version twice"),
        pytest.param(
            lambda objects: objects.append(objects[3]), "assistant 'bot' exists twice", id="an assistant twice"
        ),
        pytest.param(
            lambda objects: objects.pop(3),
            "it has versions of assistant 'bot', and not the assistant",
            id="without the assistant",
        ),
        pytest.param(
            put("other", 3, "metadata", "name"),
            "it has versions of assistant 'bot', and not the assistant",
            id="another assistant",
        ),
        pytest.param(
            put("bot-v9", 1, "metadata", "name"), "bot-v9 is not the name of version 2", id="a name of another number"
        ),
        pytest.param(put(0, 0, "spec", "number"), "bot-v1 is not the name of version 0", id="no number"),
        pytest.param(put("ConfigMap", 1, "kind"), f"object 2 (ConfigMap of {API_VERSION}) {KIND}", id="another kind"),
        pytest.param(put("v1", 0, "apiVersion"), f"object 1 (AssistantVersion of v1) {KIND}", id="another group"),
        pytest.param(put("text", 1), "object 2 is no object", id="no object"),
        pytest.param(
            put({}, 1, "metadata"), "object 2 (AssistantVersion): metadata.name: Field required", id="no name"
        ),
        pytest.param(
            put("a secret", 1, "spec", "number"),
            "object 2 (AssistantVersion): spec.number: Input should be a valid integer, unable to parse string as an"
            " integer",
            id="a number that is none, and is not repeated",
        ),
        pytest.param(
            put("x", 0, "spec", "snapshot", "unknown"),
            "bot-v1: its snapshot has a field, or a null, that this release does not know",
            id="a field that no release has",
        ),
        pytest.param(
            put(None, 0, "spec", "snapshot", "displayName"),
            "bot-v1: its content does not match its digest",
            id="a null more",
        ),
        pytest.param(
            put("../bot", 3, "metadata", "name"),
            "object 4 (Assistant): '../bot' is not a valid name",
            id="a name that is a path",
        ),
        pytest.param(
            put({"name": "bot", "namespace": "other"}, 3, "metadata"),
            None,
            id="a namespace in one object and none in the others",
        ),
    ],
)
def test_which_file_is_broken(damage: Damage, reason: str | None) -> None:
    objects = copy.deepcopy(exported(1, 2, 3))
    damage(objects)
    if reason is None:
        assert histories(objects)[0].namespaces == {"other"}
        return
    with pytest.raises(BrokenExport) as error:
        histories(objects)
    assert str(error.value) == reason


def test_the_order_of_objects_is_of_no_importance() -> None:
    objects = exported(1, 2, 3)
    (history,) = histories([*reversed(objects)])
    assert history.manifests() == objects


def test_a_file_of_several_assistants() -> None:
    other = {**a_stored(), "metadata": {"name": "another"}}
    found = histories([*exported(1, 2), other])
    assert [(each.assistant.resource.metadata.name, each.numbers) for each in found] == [
        ("another", []),
        ("bot", [1, 2]),
    ]


def test_what_kubectl_gets_is_read_as_well_but_a_gap_is_not_believed() -> None:
    (history,) = histories([a_stored(), *stored_versions(2, 3)])
    assert history.manifests() == exported(2, 3)
    with pytest.raises(BrokenExport, match=r"^bot-v2 is missing, and the file is not from `export`$"):
        histories([a_stored(), *stored_versions(1, 3)])
    assert histories(exported(1, 3))[0].numbers == [1, 3]


def test_an_empty_list_is_refused() -> None:
    with pytest.raises(BrokenExport, match=r"^it has no objects$"):
        histories([])


def test_a_file_of_two_namespaces_is_refused() -> None:
    objects = [*stored_versions(1), a_stored()]
    objects[1]["metadata"]["namespace"] = "other"
    with pytest.raises(BrokenExport, match=r"^it has objects of the namespaces other and team: import one at a time$"):
        histories(objects)
