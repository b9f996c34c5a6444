"""What the control plane promises whoever tests against it."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest

from harness.controlplane import ComponentFailed, ControlPlane
from harness.controlplane.waiting import eventually

HOST = """
import pathlib, signal, sys, time
# Where the tests run in the background of a shell, SIGINT is ignored, and programs that are started inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
from harness.controlplane import ControlPlane
plane = ControlPlane(pathlib.Path(sys.argv[1]))
plane.start()
print("ready", flush=True)
time.sleep(600)
"""


def config_maps(namespace: str, name: str = "") -> str:
    return f"/api/v1/namespaces/{namespace}/configmaps/{name}".rstrip("/")


def make_config_map(plane: ControlPlane, namespace: str, name: str, **metadata: object) -> dict[str, Any]:
    body = {"metadata": {"name": name, **metadata}, "data": {"key": "value"}}
    return plane.admin.create(config_maps(namespace), body)


def status_of(plane: ControlPlane, path: str) -> int:
    return plane.admin.request("GET", path).status


def test_it_is_ready_and_says_its_version(control_plane: ControlPlane) -> None:
    assert control_plane.admin.request("GET", "/readyz").body == "ok"
    said = json.loads(control_plane.kubectl("version", "-o", "json").stdout)
    assert said["serverVersion"]["gitVersion"] == "v1.37.2"


def test_a_stranger_is_refused(control_plane: ControlPlane, tmp_path: Path) -> None:
    kubeconfig = json.loads(control_plane.admin_kubeconfig.read_text())
    kubeconfig["users"][0]["user"]["token"] = "guessed"
    stranger = tmp_path / "stranger.yaml"
    stranger.write_text(json.dumps(kubeconfig))
    refused = control_plane.kubectl("get", "namespaces", check=False, kubeconfig=stranger)
    assert "You must be logged in" in refused.stderr


@pytest.mark.parametrize("end", [ControlPlane.stop_apiserver, ControlPlane.kill_apiserver], ids=["stopped", "killed"])
def test_objects_outlive_the_api_server(
    control_plane: ControlPlane, namespace: str, end: Callable[[ControlPlane], None]
) -> None:
    made = make_config_map(control_plane, namespace, "kept")
    end(control_plane)
    with pytest.raises(ConnectionError, match="refused"):
        control_plane.admin.request("GET", "/readyz")
    control_plane.start_apiserver()
    kept = control_plane.admin.request("GET", config_maps(namespace, "kept")).body
    assert kept["metadata"]["uid"] == made["metadata"]["uid"]


def test_a_service_account_may_what_rbac_allows_it(control_plane: ControlPlane, namespace: str) -> None:
    control_plane.kubectl("create", "serviceaccount", "guest", "-n", namespace)
    kubeconfig = control_plane.kubeconfig_for(namespace, "guest")

    def look() -> subprocess.CompletedProcess[str]:
        return control_plane.kubectl("get", "configmaps", check=False, kubeconfig=kubeconfig)

    assert f'User "system:serviceaccount:{namespace}:guest" cannot list resource "configmaps"' in look().stderr
    subject = f"--serviceaccount={namespace}:guest"
    control_plane.kubectl("create", "rolebinding", "guest", "--clusterrole=view", subject, "-n", namespace)
    eventually(lambda: look().returncode == 0)


def test_after_compaction_the_past_is_gone(control_plane: ControlPlane, namespace: str) -> None:
    then = make_config_map(control_plane, namespace, "old")["metadata"]["resourceVersion"]
    past = f"{config_maps(namespace)}?resourceVersion={then}&resourceVersionMatch=Exact"
    control_plane.kubectl("delete", "configmap", "old", "-n", namespace)
    remembered = control_plane.admin.request("GET", past).body["items"]
    assert "old" in {each["metadata"]["name"] for each in remembered}
    control_plane.compact()
    eventually(lambda: status_of(control_plane, past) == HTTPStatus.GONE)


def test_a_write_is_in_the_audit_log_once(control_plane: ControlPlane, namespace: str) -> None:
    _, before = control_plane.audit_since()
    make_config_map(control_plane, namespace, "audited")

    def writes() -> list[dict[str, Any]]:
        entries, _ = control_plane.audit_since(before)
        return [entry for entry in entries if entry.get("objectRef", {}).get("name") == "audited"]

    (entry,) = eventually(writes)
    assert (entry["verb"], entry["user"]["username"], entry["stage"]) == ("create", "admin", "ResponseComplete")
    _, after = control_plane.audit_since(before)
    assert entry not in control_plane.audit_since(after)[0]


def test_what_is_owned_goes_with_its_owner(control_plane: ControlPlane, namespace: str) -> None:
    owner = make_config_map(control_plane, namespace, "owner")
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner["metadata"]["uid"]}
    make_config_map(control_plane, namespace, "owned", ownerReferences=[reference])
    control_plane.admin.request("DELETE", config_maps(namespace, "owner"))
    eventually(lambda: status_of(control_plane, config_maps(namespace, "owned")) == HTTPStatus.NOT_FOUND)


def test_a_deleted_namespace_ends(control_plane: ControlPlane, namespace: str) -> None:
    make_config_map(control_plane, namespace, "inside")
    control_plane.admin.request("DELETE", f"/api/v1/namespaces/{namespace}")
    eventually(lambda: status_of(control_plane, f"/api/v1/namespaces/{namespace}") == HTTPStatus.NOT_FOUND)


def test_a_stateful_set_gets_its_revision(control_plane: ControlPlane, namespace: str) -> None:
    template = {"metadata": {"labels": {"app": "peer"}}, "spec": {"containers": [{"name": "main", "image": "none"}]}}
    spec = {"serviceName": "peer", "replicas": 0, "selector": {"matchLabels": {"app": "peer"}}, "template": template}
    apps = f"/apis/apps/v1/namespaces/{namespace}"
    control_plane.admin.create(f"{apps}/statefulsets", {"metadata": {"name": "peer"}, "spec": spec})
    eventually(lambda: control_plane.admin.request("GET", f"{apps}/controllerrevisions").body["items"])


def processes_of(directory: Path) -> list[str]:
    listing = subprocess.run(["ps", "-A", "-ww", "-o", "args="], capture_output=True, text=True, check=True)
    return [line for line in listing.stdout.splitlines() if f"{directory}/controlplane" in line]


@pytest.fixture
def host(tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    with subprocess.Popen(
        [sys.executable, "-c", HOST, str(tmp_path)],
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield process
        process.kill()


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT], ids=lambda end: end.name)
def test_nothing_outlives_its_parent(host: "subprocess.Popen[str]", tmp_path: Path, end: signal.Signals) -> None:
    assert host.stdout
    assert host.stdout.readline() == "ready\n"
    assert len(processes_of(tmp_path)) == 2 * 3, "three components, each with its keeper"
    host.send_signal(end)
    eventually(lambda: not processes_of(tmp_path))


def test_a_failed_start_says_why_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "kube-apiserver"
    broken.write_text("#!/bin/sh\necho this is no API server\nexit 3\n")
    broken.chmod(0o755)
    monkeypatch.setenv("TEST_ASSET_KUBE_APISERVER", str(broken))
    with pytest.raises(ComponentFailed, match=r"(?s)kube-apiserver ended.*this is no API server"):
        ControlPlane(tmp_path).start()
    assert processes_of(tmp_path) == []


def test_a_kept_directory_starts_again_with_its_objects(tmp_path: Path) -> None:
    with ControlPlane(tmp_path, keep=True) as plane:
        plane.kubectl("create", "configmap", "kept")
    with ControlPlane(tmp_path) as plane:
        plane.kubectl("get", "configmap", "kept")
    assert list(tmp_path.iterdir()) == []
