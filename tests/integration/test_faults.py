"""Every call of the operator fails once, in every way: one version an edit, and the right status in the end."""

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from harness.controlplane import (
    Answer,
    ControlPlane,
    CutStream,
    Delay,
    DropAfter,
    DropBefore,
    Fault,
    FaultProxy,
    Request,
)
from harness.controlplane.waiting import eventually
from harness.support import OperatorProcess, Workspace
from harness.support.histories import a_workspace, assert_history
from harness.support.workspace import GROUP

Json = dict[str, Any]
LIVES = 32
EVERY = {"historyLimit": 1000}
FAULTS: dict[str, Fault] = {
    "the answer lost after it was done": DropAfter(),
    "lost before it arrived": DropBefore(),
    "cut in the middle of the answer": CutStream(10),
    "a second late": Delay(1.0),
    "409, a conflict": Answer(409, "Conflict", "the object has been modified"),
    "409, the name taken": Answer(409, "AlreadyExists", "already exists"),
    "429, come back in a second": Answer(429, "TooManyRequests", "slow down", {"Retry-After": "1"}),
    "500": Answer(500, "InternalError", "etcdserver: leader changed"),
    "503": Answer(503, "ServiceUnavailable", "not now"),
}


@pytest.fixture(scope="module")
def proxy(installed: ControlPlane) -> Iterator[FaultProxy]:
    with FaultProxy(installed) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def proxied(installed: ControlPlane, proxy: FaultProxy) -> Path:
    return installed.kubeconfig_for("assistant-operator", "assistant-operator", server=proxy.url)


class Container:
    """An operator behind the proxy that is started again whenever it ends by itself, as the kubelet does."""

    def __init__(self, process: OperatorProcess) -> None:
        self.process = process
        self.restarts = 0

    def is_ready(self) -> bool:
        if not self.process.is_running:
            self.restarts += 1
            self.process.start(wait=False)
        return self.process.get("/readyz") is not None


@pytest.fixture
def container(proxy: FaultProxy, proxied: Path, tmp_path: Path) -> Iterator[Container]:
    """Not started yet."""
    process = OperatorProcess(proxied, tmp_path / "operator.log")
    yield Container(process)
    process.kill()
    proxy.fault = None


@pytest.fixture(scope="module")
def lives(installed: ControlPlane) -> Iterator[list[Workspace]]:
    """A namespace for each, by which the proxy tells whose call it is."""
    with ExitStack() as stack:
        yield [stack.enter_context(a_workspace(installed)) for _ in range(LIVES)]


class Turns:
    """The n-th namespace meets the fault at the n-th call about it."""

    def __init__(self, fault: Fault, lives: list[Workspace]) -> None:
        self._fault = fault
        self._turn = {life.namespace: number for number, life in enumerate(lives, 1)}
        self._calls: Counter[str] = Counter()

    def __call__(self, request: Request) -> Fault | None:
        namespace = request.path.partition("/namespaces/")[2].partition("/")[0]
        if request.is_watch or namespace not in self._turn:
            return None
        self._calls[namespace] += 1
        return self._fault if self._calls[namespace] == self._turn[namespace] else None

    def met(self) -> list[bool]:
        return [self._calls[namespace] >= turn for namespace, turn in self._turn.items()]


class Crowd:
    """The assistants of one name in all namespaces, looked at all at once."""

    def __init__(self, name: str, lives: list[Workspace]) -> None:
        self.name = name
        self._lives = lives

    def edit(self, **spec: Any) -> None:
        for life in self._lives:
            life.edit(self.name, **spec)

    def until(self, active: int) -> list[Json]:
        """The statuses, once all are ready with that version in force."""

        def statuses() -> list[Json]:
            found = self._all("assistants", f"metadata.name={self.name}")
            return [each["status"] for each in found if _is_settled(each, active)]

        eventually(lambda: len(statuses()) == len(self._lives))
        return statuses()

    def until_marked(self, active: int) -> list[list[Json]]:
        """The versions of each, once they say which one is in force."""

        def versions() -> list[Json]:
            return self._all("assistantversions", f"spec.assistantRef.name={self.name}")

        eventually(lambda: all(_is_marked(each, active) for each in versions()))
        found = sorted(versions(), key=lambda each: int(each["spec"]["number"]))
        return [[each for each in found if each["metadata"]["namespace"] == life.namespace] for life in self._lives]

    def _all(self, plural: str, selector: str) -> list[Json]:
        items: list[Json] = self._lives[0].client.demand("GET", f"{GROUP}/{plural}?fieldSelector={selector}")["items"]
        return items


def _conditions(resource: Json) -> dict[str, str]:
    return {each["type"]: each["status"] for each in resource.get("status", {}).get("conditions", [])}


def _is_settled(assistant: Json, active: int) -> bool:
    status, generation = assistant["status"], assistant["metadata"]["generation"]
    said = status["observedGeneration"] == generation and status.get("activeVersion") == active
    return said and _conditions(assistant).get("Ready") == "True"


def _is_marked(version: Json, active: int) -> bool:
    return _conditions(version) == {"Valid": "True", "Active": str(version["spec"]["number"] == active)}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_each_call_of_a_life_may_fail(
    fault: Fault, container: Container, proxy: FaultProxy, lives: list[Workspace]
) -> None:
    container.process.start()
    limiter = Crowd(f"bot-{list(FAULTS.values()).index(fault)}", lives)
    turns = proxy.fault = Turns(fault, lives)
    for life in lives:
        life.assistant(limiter.name, context={"prompt": 0})
    for prompt in (1, 2, 3):
        limiter.edit(context={"prompt": prompt})
    limiter.until(active=4)
    limiter.edit(versioning={"activeVersion": 2})
    limiter.until(active=2)
    limiter.edit(versioning={"activeVersion": None})
    for status in limiter.until(active=4):
        assert (status["latestVersion"], status["versions"], status["observedGeneration"]) == (4, 4, 6)
        assert [each["number"] for each in status["activations"][:2]] == [4, 2]
        assert "missedGenerations" not in status
    for versions in limiter.until_marked(active=4):
        assert_history(versions, range(4), limiter.name)
    met = turns.met()
    assert met.index(False) >= 12, "each life has at least so many calls"
    assert not met[-1], "no life has more calls than there were lives"
    assert container.process.is_running
    assert "Traceback" not in container.process.log.read_text()


class FirstOfEach:
    """Each kind of call meets the fault the first time it is made; those after which the process ended are kept."""

    def __init__(self, fault: Fault) -> None:
        self._fault = fault
        self.met: list[str] = []

    def __call__(self, request: Request) -> Fault | None:
        who = "kopf" if request.user_agent.startswith("kopf") else "ours"
        verb = "WATCH" if request.is_watch else request.method
        what = f"{who} {verb} {request.path.partition('/namespaces/')[0]} {request.path.rpartition('/')[2]}"
        if what in self.met:
            return None
        self.met.append(what)
        return self._fault


ON_READS = {name: fault for name, fault in FAULTS.items() if not name.startswith("409")}


@pytest.mark.parametrize("fault", ON_READS.values(), ids=ON_READS.keys())
def test_each_call_of_a_start_may_fail(
    fault: Fault, container: Container, proxy: FaultProxy, workspace: Workspace
) -> None:
    workspace.graph(defaultAssistant={"policy": "None"})
    workspace.assistant(context={"prompt": 0})
    edit(workspace, range(1, 4))
    calls = proxy.fault = FirstOfEach(fault)
    container.process.start(wait=False)
    eventually(container.is_ready)
    assert_history(workspace.until_versions(4), range(4))
    status = workspace.until_ready()
    assert (status["latestVersion"], status["activeVersion"]) == (4, 4)
    met = {tuple(each.split()[i] for i in (0, 1, -1)) for each in calls.met}
    assert met >= OF_A_START, "the start, the recovery of four edits, the first report"
    assert container.restarts == 0


OF_A_START = {
    *(("kopf", verb, plural) for verb in ("GET", "WATCH") for plural in ("assistants", "graphs")),
    ("ours", "GET", "assistants"),
    ("ours", "GET", "assistantversions"),
    ("ours", "WATCH", "assistantversions"),
    ("ours", "WATCH", "assistants"),
    ("ours", "POST", "assistantversions"),
    ("ours", "PATCH", "status"),
}
"""Who, the verb, and what the path ends in."""


def edit(workspace: Workspace, prompts: range) -> None:
    for prompt in prompts:
        workspace.edit(context={"prompt": prompt})


class ErrorEvent(Answer):
    """What a watch says instead of an event, and then nothing more."""

    def body(self) -> dict[str, object]:
        return {"type": "ERROR", "object": super().body() | {"code": int(self.reason)}}


GONE = Answer(410, "Expired", "too old resource version")
TROUBLES = [
    pytest.param("assistants", GONE, id="the watch of assistants is refused with 410"),
    pytest.param("assistants", ErrorEvent(200, "410", "too old"), id="the watch of assistants tells of 410"),
    pytest.param("assistants", ErrorEvent(200, "500", "no leader"), id="the watch of assistants tells of 500"),
    pytest.param("assistantversions", GONE, id="the watch of versions is refused with 410"),
    pytest.param("assistantversions", ErrorEvent(200, "410", "too old"), id="the watch of versions tells of 410"),
    pytest.param("assistantversions", ErrorEvent(200, "500", "no leader"), id="the watch of versions tells of 500"),
]


@pytest.fixture
def edited(container: Container, workspace: Workspace) -> Workspace:
    """An operator behind the proxy, and an assistant with its first version."""
    container.process.start()
    workspace.graph(defaultAssistant={"policy": "None"})
    workspace.assistant(context={"prompt": 0}, versioning=EVERY)
    workspace.until_ready()
    return workspace


def assert_complete(workspace: Workspace, count: int) -> None:
    assert_history(workspace.until_versions(count), range(count))
    status = workspace.until_ready()
    assert (status["latestVersion"], status["activeVersion"], status["versions"]) == (count, count, count)
    assert "missedGenerations" not in status


def calls_of_kopf(proxy: FaultProxy, *, watch: bool) -> int:
    """How often it listed, or began to watch, assistants."""
    ours = [each for each in proxy.requests if each.user_agent.startswith("kopf") and each.is_watch == watch]
    return sum(each.path.endswith("/assistants") for each in ours)


def test_watches_cut_fifty_times_lose_nothing(container: Container, proxy: FaultProxy, edited: Workspace) -> None:
    for cut in range(50):
        edit(edited, range(4 * cut + 1, 4 * cut + 5))
        before = calls_of_kopf(proxy, watch=True)
        eventually(lambda before=before: proxy.cut_watches() >= 0 and calls_of_kopf(proxy, watch=True) > before)  # type: ignore[misc]
    assert_complete(edited, 201)
    assert container.restarts == 0


@pytest.mark.parametrize(("kind", "answer"), TROUBLES)
def test_a_watch_that_cannot_go_on_loses_nothing(
    kind: str, answer: Answer, container: Container, proxy: FaultProxy, edited: Workspace
) -> None:
    told: list[Request] = []

    def once(request: Request) -> Fault | None:
        if told or not request.is_watch or not request.path.endswith(f"/{kind}"):
            return None
        told.append(request)
        return answer

    edit(edited, range(1, 11))
    proxy.fault = once
    proxy.cut_watches()
    edit(edited, range(11, 21))
    eventually(lambda: told)
    edit(edited, range(21, 31))
    eventually(container.is_ready)
    assert_complete(edited, 31)
    assert container.restarts == 0


def test_the_api_server_killed_in_a_burst_loses_nothing(
    container: Container, proxy: FaultProxy, edited: Workspace
) -> None:
    """Its watches are held back until it forgot what they missed, so that they are answered 410 by itself."""
    proxy.fault = lambda request: DropBefore() if request.is_watch else None
    edit(edited, range(1, 31))
    proxy.cut_watches()
    edit(edited, range(31, 61))
    edited.plane.kill_apiserver()
    edited.plane.start_apiserver()
    edit(edited, range(61, 91))
    lists = calls_of_kopf(proxy, watch=False)
    proxy.fault = None
    assert_complete(edited, 91)
    assert calls_of_kopf(proxy, watch=False) > lists, "it was told 410 and listed anew"
    assert container.restarts == 0
