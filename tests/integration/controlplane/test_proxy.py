"""What the proxy breaks, and that it breaks nothing else."""

import http.client
import json
import ssl
import time
from collections.abc import Iterator
from http import HTTPStatus

import pytest

from harness.controlplane import Answer, ControlPlane, CutStream, Delay, DropAfter, DropBefore, Fault, FaultProxy
from harness.controlplane.api import Api, Reply
from harness.controlplane.credentials import Access
from harness.controlplane.faults import Trouble
from harness.controlplane.waiting import eventually


class Client:
    """An admin who goes through the proxy."""

    def __init__(self, plane: ControlPlane, proxy: FaultProxy, namespace: str) -> None:
        self.path = f"/api/v1/namespaces/{namespace}/configmaps"
        self._token = json.loads(plane.admin_kubeconfig.read_text())["users"][0]["user"]["token"]
        self._plane = plane
        self._proxy = proxy
        self._api = Api(Access(proxy.url, plane.ca_file, "admin", self._token))

    def make(self, name: str) -> Reply:
        return self._api.request("POST", self.path, {"metadata": {"name": name}})

    def names(self) -> set[str]:
        """As the server has it, asked past the proxy."""
        items = self._plane.admin.request("GET", self.path).body["items"]
        return {item["metadata"]["name"] for item in items}

    def watch(self) -> http.client.HTTPResponse:
        trust = ssl.create_default_context(cafile=str(self._plane.ca_file))
        connection = http.client.HTTPSConnection(self._proxy.url.removeprefix("https://"), context=trust, timeout=30)
        connection.request("GET", f"{self.path}?watch=true", headers={"Authorization": f"Bearer {self._token}"})
        return connection.getresponse()


@pytest.fixture
def proxy(control_plane: ControlPlane) -> Iterator[FaultProxy]:
    with FaultProxy(control_plane) as proxy:
        yield proxy


@pytest.fixture
def client(control_plane: ControlPlane, proxy: FaultProxy, namespace: str) -> Client:
    return Client(control_plane, proxy, namespace)


def on_writes(fault: Fault) -> Trouble:
    return lambda request: fault if request.method == "POST" else None


def test_without_a_fault_it_only_counts(client: Client, proxy: FaultProxy) -> None:
    assert client.make("one").status == HTTPStatus.CREATED
    (seen,) = proxy.requests
    assert (seen.method, seen.path, seen.number, seen.is_watch) == ("POST", client.path, 1, False)
    assert seen.user_agent.startswith("Python-urllib")


def test_kubectl_goes_through_as_a_service_account(
    control_plane: ControlPlane, proxy: FaultProxy, namespace: str
) -> None:
    control_plane.kubectl("create", "serviceaccount", "guest", "-n", namespace)
    kubeconfig = control_plane.kubeconfig_for(namespace, "guest", server=proxy.url)
    said = control_plane.kubectl("auth", "whoami", kubeconfig=kubeconfig)
    assert f"system:serviceaccount:{namespace}:guest" in said.stdout
    assert any(request.user_agent.startswith("kubectl/") for request in proxy.requests)


@pytest.mark.parametrize("status", [409, 429, 500, 503])
def test_an_answer_is_given_and_the_server_never_asked(client: Client, proxy: FaultProxy, status: int) -> None:
    proxy.fault = on_writes(Answer(status, "Trouble", "not today", {"Retry-After": "1"}))
    reply = client.make("refused")
    assert (reply.status, reply.body["kind"], reply.body["reason"]) == (status, "Status", "Trouble")
    assert "refused" not in client.names()


def test_dropped_before_the_server_saw_it(client: Client, proxy: FaultProxy) -> None:
    proxy.fault = on_writes(DropBefore())
    with pytest.raises(ConnectionError):
        client.make("lost")
    assert "lost" not in client.names()


def test_dropped_after_the_server_did_it(client: Client, proxy: FaultProxy) -> None:
    proxy.fault = on_writes(DropAfter())
    with pytest.raises(ConnectionError):
        client.make("done")
    assert "done" in client.names()


def test_only_the_request_that_was_meant(client: Client, proxy: FaultProxy) -> None:
    proxy.fault = lambda request: DropBefore() if request.number == 1 else None
    with pytest.raises(ConnectionError):
        client.make("first")
    assert client.make("second").status == HTTPStatus.CREATED


def test_delayed(client: Client, proxy: FaultProxy) -> None:
    delay = Delay(0.5)
    proxy.fault = on_writes(delay)
    started = time.monotonic()
    assert client.make("late").status == HTTPStatus.CREATED
    assert time.monotonic() - started >= delay.seconds


def test_events_pass_as_they_come(client: Client, proxy: FaultProxy) -> None:
    watch = client.watch()
    for name in ("one", "two"):
        client.make(name)
        assert name in _seen(watch, name)
    assert any(request.is_watch for request in proxy.requests)


def test_a_stream_cut_after_some_bytes(client: Client, proxy: FaultProxy) -> None:
    proxy.fault = lambda request: CutStream(10) if request.is_watch else None
    watch = client.watch()
    client.make("one")
    with pytest.raises(http.client.IncompleteRead) as cut:
        watch.read()
    assert cut.value.partial == b'{"type":"A'


def test_watches_cut_at_once(client: Client, proxy: FaultProxy) -> None:
    watches = [client.watch(), client.watch()]
    assert eventually(proxy.cut_watches) == len(watches)
    for watch in watches:
        with pytest.raises(http.client.IncompleteRead):
            watch.read()
    assert proxy.cut_watches() == 0
    assert client.make("alive").status == HTTPStatus.CREATED


def test_a_dead_server_is_a_dropped_connection(client: Client, control_plane: ControlPlane) -> None:
    watch = client.watch()
    control_plane.kill_apiserver()
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        watch.read()
    with pytest.raises(ConnectionError):
        client.make("nobody-home")
    control_plane.start_apiserver()
    assert client.make("back").status == HTTPStatus.CREATED


def _seen(watch: http.client.HTTPResponse, name: str) -> str:
    while name not in (line := watch.readline().decode()):
        assert line, f"the watch ended before {name}"
    return line
