"""What kube-score calls critical in the chart and the kustomize folders: two deliberate choices, and nothing else."""

import json
import subprocess

import pytest
import yaml

from harness.tools import kubescore
from harness.tools.rendering import CHART, ROOT, Json, charted, kustomized

CRITICAL = 1
# Throttling would delay the renewal of the Lease and the recording of a burst of edits.
CPU_LIMIT = ("container-resources", "CPU limit is not set")
# A release's image never changes. A pod can then start while the registry does not answer.
PULL_POLICY = ("container-image-pull-policy", "ImagePullPolicy is not set to Always")
STORAGE = {
    ("container-ephemeral-storage-request-and-limit", f"Ephemeral Storage {which} is not set")
    for which in ("limit", "request")
}
UNGUARDED = ("pod-networkpolicy", "The pod does not have a matching NetworkPolicy")


def criticals(things: list[Json]) -> set[tuple[str, str]]:
    """The name of each check that found something critical, and what it found."""
    command = [str(kubescore()), "score", "--kubernetes-version=v1.34", "--output-format=json", "-"]
    text = yaml.safe_dump_all(things)
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    checks = [check for each in json.loads(done.stdout) for check in each["checks"] if not check["skipped"]]
    assert len(checks) > 10, done.stderr
    return {
        (check["check"]["id"], comment["summary"])
        for check in checks
        if check["grade"] == CRITICAL
        for comment in check["comments"]
    }


@pytest.mark.parametrize(
    ("values", "found"),
    [
        pytest.param((), {CPU_LIMIT, PULL_POLICY}, id="by default"),
        pytest.param(("--values={ci}/namespaces-values.yaml",), {CPU_LIMIT, PULL_POLICY}, id="with Roles only"),
        pytest.param(("--set=image.pullPolicy=Always",), {CPU_LIMIT}, id="another pull policy"),
        pytest.param(("--set=resources.limits.cpu=1",), {PULL_POLICY}, id="a CPU limit"),
        # Without these three the others would show nothing.
        pytest.param(
            ("--set=networkPolicy.enabled=false",), {CPU_LIMIT, PULL_POLICY, UNGUARDED}, id="no NetworkPolicy"
        ),
        pytest.param(
            ("--set=resources.limits.ephemeral-storage=null", "--set=resources.requests.ephemeral-storage=null"),
            {CPU_LIMIT, PULL_POLICY, *STORAGE},
            id="no ephemeral storage",
        ),
        pytest.param(
            ("--set=securityContext.readOnlyRootFilesystem=false",),
            {
                CPU_LIMIT,
                PULL_POLICY,
                (
                    "container-security-context-readonlyrootfilesystem",
                    "The pod has a container with a writable root filesystem",
                ),
            },
            id="a writable root",
        ),
    ],
)
def test_the_chart(values: tuple[str, ...], found: set[tuple[str, str]]) -> None:
    assert criticals(charted(*(each.format(ci=CHART / "ci") for each in values))) == found


@pytest.mark.parametrize("folder", ["deploy", "deploy/operator", "deploy/namespaced"])
def test_the_kustomize_folders(folder: str) -> None:
    assert criticals(kustomized(ROOT / folder)) == {CPU_LIMIT, PULL_POLICY}
