"""What the chart and the kustomize folders come to: objects, as the API server would get them."""

import os
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from harness.controlplane.kubectl import kubectl

from .programs import helm

ROOT = Path(__file__).parents[3]
CHART = ROOT / "deploy/chart"
NAME = "assistant-operator"
Json = dict[str, Any]
# `helm template` asks no API server what it serves.
POLICY_API = "admissionregistration.k8s.io/v1/MutatingAdmissionPolicy"
SERVED = f"--api-versions={POLICY_API}"
# What only Helm says of an object.
HELMS = ("app.kubernetes.io/instance", "app.kubernetes.io/version", "app.kubernetes.io/managed-by", "helm.sh/chart")


def run_helm(*arguments: str, kubeconfig: Path | None = None) -> subprocess.CompletedProcess[str]:
    """With nothing of what this user has set up for a helm of his own."""
    with tempfile.TemporaryDirectory() as home:
        own = {f"HELM_{each}_HOME": f"{home}/{each}" for each in ("CACHE", "CONFIG", "DATA")}
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("HELM_", "KUBE"))}
        reach = [f"--kubeconfig={kubeconfig or os.devnull}"]
        command = [str(helm()), *arguments, *reach]
        return subprocess.run(command, env=environment | own, capture_output=True, text=True, check=False)


def demand_helm(*arguments: str, kubeconfig: Path | None = None) -> str:
    """What it printed; it must have worked."""
    done = run_helm(*arguments, kubeconfig=kubeconfig)
    assert done.returncode == 0, f"helm {' '.join(arguments)}\n{done.stderr}{done.stdout}"
    return done.stdout


def charted(*arguments: str, release: str = NAME, namespace: str = NAME) -> list[Json]:
    return objects(demand_helm("template", release, str(CHART), f"--namespace={namespace}", SERVED, *arguments))


def kustomized(folder: Path) -> list[Json]:
    with tempfile.TemporaryDirectory() as cache:
        done = kubectl(Path(os.devnull), Path(cache), ["kustomize", str(folder)], None)
    assert done.returncode == 0, done.stderr
    return objects(done.stdout)


def objects(text: str) -> list[Json]:
    return [each for each in yaml.safe_load_all(text) if each]


def of_kind(kind: str, among: Sequence[Json]) -> list[Json]:
    return [each for each in among if each["kind"] == kind]


def identity(thing: Json) -> str:
    """Kind, namespace and name."""
    meta = thing["metadata"]
    return "/".join(filter(None, (thing["kind"], meta.get("namespace"), meta["name"])))


def without_helm(thing: Any) -> Any:
    """An object without what Helm alone says of it, wherever it stands."""
    if isinstance(thing, dict):
        left = {
            key: without_helm(value) for key, value in thing.items() if key not in (*HELMS, "helm.sh/resource-policy")
        }
        return {key: value for key, value in left.items() if value or key not in ("annotations", "labels")}
    return [without_helm(each) for each in thing] if isinstance(thing, list) else thing
