"""Names that Kustomize changes are changed in what refers to them; and lists of our kinds need no OpenAPI file."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parent.parent.parent
Json = dict[str, Any]
OBJECTS = """\
apiVersion: assistant-operator.dev/v1alpha1
kind: Graph
metadata: {name: support}
spec:
  server:
    serviceRef: {name: langgraph, port: 8123}
    apiKeySecretRef: {name: api-key, key: key}
    caBundleRef: {kind: ConfigMap, name: ca, key: ca.crt}
---
apiVersion: assistant-operator.dev/v1alpha1
kind: Graph
metadata: {name: private}
spec:
  server:
    url: https://langgraph.example
    caBundleRef: {kind: Secret, name: api-key, key: ca.crt}
---
apiVersion: assistant-operator.dev/v1alpha1
kind: Assistant
metadata: {name: bot}
spec:
  graphRef: {name: support}
  context: {prompt: hello, tools: [a, b]}
  config: {tags: [x, y]}
---
apiVersion: assistant-operator.dev/v1alpha1
kind: Assistant
metadata: {name: elsewhere}
spec:
  graphRef: {name: not-of-this-overlay}
---
apiVersion: assistant-operator.dev/v1alpha1
kind: AssistantAlias
metadata: {name: production}
spec:
  assistantRef: {name: bot}
  version: 1
---
apiVersion: v1
kind: Service
metadata: {name: langgraph}
spec:
  ports: [{port: 8123}]
"""
GENERATORS: Json = {
    "secretGenerator": [{"name": "api-key", "literals": ["key=secret"]}],
    "configMapGenerator": [{"name": "ca", "literals": ["ca.crt=pem"]}],
}


def built(folder: Path, **more: Any) -> dict[tuple[str, str], Json]:
    """What `kubectl kustomize` makes of the objects, by kind and by the name each had in the file."""
    shutil.copy(ROOT / "deploy" / "kustomize" / "name-reference.yaml", folder)
    (folder / "objects.yaml").write_text(OBJECTS)
    said = {"resources": ["objects.yaml"], "configurations": ["name-reference.yaml"], **GENERATORS, **more}
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(said))
    program = Path(sys.executable).with_name("kubectl")
    done = subprocess.run([program, "kustomize", folder], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    names = ("support", "private", "bot", "elsewhere", "production", "langgraph", "api-key", "ca")
    objects = list(yaml.safe_load_all(done.stdout))
    return {(each["kind"], original(each["metadata"]["name"], names)): each for each in objects}


def original(name: str, names: tuple[str, ...]) -> str:
    (found,) = [each for each in names if each in name]
    return found


@pytest.mark.parametrize(
    ("change", "support"),
    [
        pytest.param({}, "support", id="nothing but generated hashes"),
        pytest.param({"namePrefix": "staging-"}, "staging-support", id="a prefix"),
        pytest.param({"nameSuffix": "-v2"}, "support-v2", id="a suffix"),
        pytest.param({"namePrefix": "a-", "nameSuffix": "-z", "namespace": "team"}, "a-support-z", id="all of it"),
    ],
)
def test_a_changed_name_is_changed_wherever_it_is_referred_to(tmp_path: Path, change: Json, support: str) -> None:
    objects = built(tmp_path, **change)
    names = {key: each["metadata"]["name"] for key, each in objects.items()}
    assert names["Graph", "support"] == support
    assert objects["Assistant", "bot"]["spec"]["graphRef"] == {"name": support}
    assert objects["AssistantAlias", "production"]["spec"]["assistantRef"] == {"name": names["Assistant", "bot"]}
    server = objects["Graph", "support"]["spec"]["server"]
    assert server["serviceRef"] == {"name": names["Service", "langgraph"], "port": 8123}
    assert server["apiKeySecretRef"] == {"name": names["Secret", "api-key"], "key": "key"}
    assert server["caBundleRef"] == {"kind": "ConfigMap", "name": names["ConfigMap", "ca"], "key": "ca.crt"}
    private = objects["Graph", "private"]["spec"]["server"]["caBundleRef"]
    assert private == {"kind": "Secret", "name": names["Secret", "api-key"], "key": "ca.crt"}
    assert names["Secret", "api-key"] not in {"api-key", "staging-api-key"}, "the generator adds its hash"
    assert objects["Assistant", "elsewhere"]["spec"]["graphRef"] == {"name": "not-of-this-overlay"}


def test_without_the_configuration_the_reference_would_dangle(tmp_path: Path) -> None:
    objects = built(tmp_path, configurations=[], namePrefix="staging-")
    assert objects["Graph", "support"]["metadata"]["name"] == "staging-support"
    assert objects["Assistant", "bot"]["spec"]["graphRef"] == {"name": "support"}
    assert objects["AssistantAlias", "production"]["spec"]["assistantRef"] == {"name": "bot"}


def test_a_patch_merges_a_free_form_object_by_key_and_replaces_a_list(tmp_path: Path) -> None:
    change = {"context": {"model": "large", "tools": ["c"]}, "config": {"tags": ["z"]}}
    body = {"apiVersion": "assistant-operator.dev/v1alpha1", "kind": "Assistant", "metadata": {"name": "bot"}}
    objects = built(tmp_path, patches=[{"patch": yaml.safe_dump({**body, "spec": change})}])
    spec = objects["Assistant", "bot"]["spec"]
    assert spec["context"] == {"prompt": "hello", "model": "large", "tools": ["c"]}
    assert spec["config"] == {"tags": ["z"]}


def test_no_list_that_a_person_writes_has_a_merge_key_so_no_openapi_file_is_needed() -> None:
    for plural in ("graphs", "assistants", "assistantaliases"):
        crd = yaml.safe_load((ROOT / "crds" / f"{plural}.yaml").read_text())
        spec = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
        assert lists(spec) <= {"atomic"}


def lists(schema: Json) -> set[str]:
    """The list types of all lists of a schema."""
    of = {schema["x-kubernetes-list-type"]} if schema.get("type") == "array" else set()
    return of.union(*(lists(each) for each in schema.get("properties", {}).values()))
