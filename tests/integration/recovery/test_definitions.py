"""CustomResourceDefinitions that are missing, are deleted, or are older than the operator."""

import json
import signal
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from assistant_operator.policy.publication import FINALIZER
from harness.controlplane import ControlPlane
from harness.controlplane.waiting import eventually
from harness.support import OperatorProcess, Workspace
from harness.support.histories import assert_history

from .conftest import Start

CRDS = Path(__file__).parents[3] / "crds"
MERGE = "application/merge-patch+json"
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
PLURALS = ("graphs", "assistants", "assistantversions", "assistantaliases")


@pytest.fixture(autouse=True)
def definitions(installed: ControlPlane) -> Iterator[None]:
    yield
    apply(installed)


def apply(plane: ControlPlane) -> None:
    # As is usual with another field manager: the columns are one list, owned as a whole.
    plane.kubectl("apply", "--server-side", "--force-conflicts", "-k", str(CRDS))
    names = [f"crd/{plural}.assistant-operator.dev" for plural in PLURALS]
    plane.kubectl("wait", "--for=condition=Established", "--timeout=60s", *names)


def delete(plane: ControlPlane, plural: str, *, wait: bool = True) -> None:
    plane.kubectl("delete", "crd", f"{plural}.assistant-operator.dev", f"--wait={str(wait).lower()}")


def readyz(process: OperatorProcess) -> tuple[int, str]:
    """Status and text, whatever they are."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{process.port}/readyz", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, refused.read().decode()
    except urllib.error.URLError:
        return 0, "it does not listen yet"


def is_failing(process: OperatorProcess, kind: str) -> bool:
    series = f'assistant_operator_watch_failing{{kind="{kind}",namespace=""}} 1.0'
    return series in (process.get("/metrics") or "")


def made(place: Workspace, name: str = "bot") -> None:
    """Make an Assistant, as soon as its kind is served again."""

    def is_made() -> bool:
        body = {"apiVersion": "assistant-operator.dev/v1alpha1", "kind": "Assistant", "metadata": {"name": name}}
        spec = {"graphRef": {"name": "support"}, "context": {"prompt": 0}}
        return place.client.ask("POST", place.path("assistants"), {**body, "spec": spec})[0] == 201

    eventually(is_made)


@pytest.mark.parametrize("missing", [PLURALS, ("graphs",), ("assistantversions",)], ids=" ".join)
def test_at_the_start_they_are_waited_for(place: Workspace, start: Start, missing: tuple[str, ...]) -> None:
    for plural in missing:
        delete(place.plane, plural)
    process = start(wait=False)
    for plural in missing:
        eventually(lambda plural=plural: f"{plural} in all namespaces: Kubernetes refused" in readyz(process)[1])  # type: ignore[misc]
    status, said = readyz(process)
    assert status == 503
    assert "(are the CustomResourceDefinitions of crds/ applied?)" in said
    for plural in missing:
        assert process.log.read_text().count(f"failed watch of {plural} in all namespaces") == 1, "told once"
    apply(place.plane)
    made(place)
    place.graph(defaultAssistant={"policy": "None"})
    place.edit(context={"prompt": 1})
    assert_history(place.until_versions(2), range(2))
    place.until_ready()
    eventually(lambda: readyz(process) == (200, "ok\n"))


def test_without_that_of_graphs_edits_are_recorded(place: Workspace, start: Start) -> None:
    process = start()
    place.graph(defaultAssistant={"policy": "None"})
    place.assistant(context={"prompt": 0})
    place.until_ready()
    delete(place.plane, "graphs")
    eventually(lambda: is_failing(process, "Graph"))
    place.edit(context={"prompt": 1})
    assert_history(place.until_versions(2), range(2))
    place.until_not_ready("GraphNotFound")
    apply(place.plane)
    eventually(lambda: not is_failing(process, "Graph"))
    eventually(lambda: place.client.ask("GET", place.path("graphs"))[0] == 200)
    place.graph(defaultAssistant={"policy": "None"})
    place.until_ready()


def test_without_that_of_aliases_edits_are_recorded_and_aliases_are_found_again(place: Workspace, start: Start) -> None:
    process = start()
    place.graph(defaultAssistant={"policy": "None"})
    place.assistant(context={"prompt": 0})
    place.alias(version=1)
    place.until_ready("production", "assistantaliases")
    delete(place.plane, "assistantaliases")
    eventually(lambda: is_failing(process, "AssistantAlias"))
    place.edit(context={"prompt": 1})
    assert_history(place.until_versions(2), range(2))
    place.until_active(2)
    apply(place.plane)
    eventually(lambda: not is_failing(process, "AssistantAlias"))
    eventually(lambda: place.client.ask("GET", place.path("assistantaliases"))[0] == 200)
    place.alias(version=2)
    assert place.until_ready("production", "assistantaliases")["version"] == 2


def test_one_that_is_deleted_while_finalizers_are_pending(place: Workspace, start: Start) -> None:
    process = start()
    place.graph(defaultAssistant={"policy": "None"})
    place.assistant(context={"prompt": 0})
    place.until_ready()
    place.patch("assistants", "bot", {"metadata": {"finalizers": ["example.com/held"]}})
    delete(place.plane, "assistants", wait=False)
    eventually(lambda: (place.get("assistants", "bot") or {})["metadata"].get("deletionTimestamp"))
    place.patch("assistants", "bot", {"metadata": {"finalizers": None}})
    eventually(lambda: place.client.ask("GET", place.path("assistants"))[0] == 404)
    eventually(lambda: is_failing(process, "Assistant"))
    apply(place.plane)
    eventually(lambda: not place.versions())
    made(place)
    place.edit(context={"prompt": 1})
    assert_history(place.until_versions(2), range(2))
    eventually(lambda: readyz(process) == (200, "ok\n"))


def test_one_that_is_deleted_while_our_finalizer_is_pending(place: Workspace, start: Start) -> None:
    """A copy has nothing to do with the definition: the finalizer is removed, and the definition goes."""
    process = start()
    place.graph(defaultAssistant={"policy": "None"})
    place.assistant(context={"prompt": 0})
    place.until_ready()
    process.send(signal.SIGSTOP)  # so that it does not remove the finalizer before
    place.patch("assistants", "bot", {"metadata": {"finalizers": [FINALIZER]}})
    delete(place.plane, "assistants", wait=False)
    eventually(lambda: (place.get("assistants", "bot") or {})["metadata"].get("deletionTimestamp"))
    process.send(signal.SIGCONT)
    eventually(lambda: place.client.ask("GET", place.path("assistants"))[0] == 404)
    eventually(lambda: is_failing(process, "Assistant"))
    apply(place.plane)
    eventually(lambda: not place.versions())
    made(place)
    assert_history(place.until_versions(1), range(1))
    eventually(lambda: readyz(process) == (200, "ok\n"))


def without_columns(place: Workspace, *names: str) -> None:
    path = f"{DEFINITIONS}/assistantversions.assistant-operator.dev"
    spec = place.client.demand("GET", path)["spec"]
    for version in spec["versions"]:
        columns = version["additionalPrinterColumns"]
        version["additionalPrinterColumns"] = [each for each in columns if each["name"] not in names]
    place.client.demand("PATCH", path, {"spec": spec}, MERGE)


def shown_columns(place: Workspace) -> set[str]:
    said = place.plane.kubectl("get", "assistantversions", "-n", place.namespace, "-o", "wide").stdout
    return set(said.splitlines()[0].split()) if said else set()


def test_one_that_is_older_than_the_operator_is_named(place: Workspace, start: Start) -> None:
    place.graph(defaultAssistant={"policy": "None"})
    place.assistant(context={"prompt": 0})
    without_columns(place, "Digest", "Valid")
    process = start()
    place.until_versions(1)
    eventually(lambda: "DIGEST" not in shown_columns(place))
    told = "the CustomResourceDefinition of assistantversions is older than this operator, it lacks the columns "
    eventually(lambda: told in readyz(process)[1])
    assert readyz(process)[0] == 200
    assert told in process.log.read_text()
    assert "kubectl apply --server-side -k crds" in readyz(process)[1]
    assert "assistant_operator_crd_missing_columns 2.0" in (process.get("/metrics") or "")
    for prompt in (1, 0):
        place.edit(context={"prompt": prompt})
    versions = place.until_versions(3)
    change = versions[2]["spec"]["change"]
    assert (change["kind"], change.get("sameAs")) == ("Reverted", 1), "an unknown digest is not another digest"
    status = place.until_ready()
    assert (status["activeVersion"], status["versions"]) == (3, 3), json.dumps(status)
    apply(place.plane)
    eventually(lambda: readyz(process) == (200, "ok\n"))
