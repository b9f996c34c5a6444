"""Reads and watches of one namespace or one kind fail, in every way: the process and everything else go on."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from harness.controlplane import Answer, ControlPlane, DropBefore, Fault, FaultProxy, Hang, Page, Request
from harness.controlplane.waiting import eventually
from harness.support import OperatorProcess, Workspace
from harness.support.histories import a_workspace, assert_history

KINDS = {
    "assistants": "Assistant",
    "graphs": "Graph",
    "assistantversions": "AssistantVersion",
    "assistantaliases": "AssistantAlias",
}
FAILURES: dict[str, Fault] = {
    "401": Answer(401, "Unauthorized", "Unauthorized"),
    "403, its Role is gone": Answer(403, "Forbidden", "assistants is forbidden"),
    "404, its definition is gone": Answer(404, "NotFound", "the server could not find the requested resource"),
    "410 as an HTTP status": Answer(410, "Expired", "too old resource version"),
    "429 with Retry-After": Answer(429, "TooManyRequests", "slow down", {"Retry-After": "1"}),
    "500": Answer(500, "InternalError", "etcdserver: leader changed"),
    "503": Answer(503, "ServiceUnavailable", "not now"),
    "504, a resource version from the future": Answer(504, "Timeout", "Too large resource version: 99, current: 1"),
    "HTML with 200": Page("<html><body>Please sign in</body></html>", content_type="text/html"),
    "HTML that says it is JSON": Page("<html>\n<body>\n"),
    "JSON of something else": Page('{"hello": "world"}\n'),
    "a list of something else": Page('{"metadata": {"resourceVersion": "1"}, "items": [{"a": 1}], "rows": [{"b": 2}]}'),
    "a truncated line": Page('{"type": "MODIFIED", "object": {"metadata": {"nam'),
    "a list instead of an object": Page("[1, 2]\n"),
    "an ERROR event with 410": Page('{"type": "ERROR", "object": {"kind": "Status", "code": 410}}\n'),
    "an ERROR event with 500": Page('{"type": "ERROR", "object": {"kind": "Status", "code": 500}}\n'),
    "an ERROR event without a code": Page('{"type": "ERROR", "object": {}}\n'),
    "an empty answer": Page(""),
    "a closed connection": DropBefore(),
}


@dataclass
class Trial:
    """An operator in two namespaces, behind a proxy."""

    process: OperatorProcess
    proxy: FaultProxy
    one: Workspace
    two: Workspace
    prompts: dict[str, int]

    def edit(self, workspace: Workspace) -> int:
        """One more edit; the number of versions there are to be."""
        number = self.prompts[workspace.namespace] = self.prompts[workspace.namespace] + 1
        workspace.edit(context={"prompt": number})
        return number + 1

    def is_failing(self, kind: str, workspace: Workspace) -> bool:
        series = f'assistant_operator_watch_failing{{kind="{KINDS[kind]}",namespace="{workspace.namespace}"}} 1.0'
        return series in (self.process.get("/metrics") or "")


@pytest.fixture(scope="module")
def trial(installed: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    with ExitStack() as stack:
        proxy = stack.enter_context(FaultProxy(installed))
        one, two = (stack.enter_context(a_workspace(installed)) for _ in range(2))
        kubeconfig = installed.kubeconfig_for("assistant-operator", "assistant-operator", server=proxy.url)
        flags = [f"--namespace={each.namespace}" for each in (one, two)]
        log = tmp_path_factory.mktemp("operator") / "operator.log"
        process = stack.enter_context(OperatorProcess(kubeconfig, log, *flags))
        for each in (one, two):
            each.assistant(context={"prompt": 0}, versioning={"historyLimit": 1000})
            each.until_ready()
        yield Trial(process, proxy, one, two, {each.namespace: 0 for each in (one, two)})


@pytest.fixture(autouse=True)
def healed(trial: Trial) -> Iterator[None]:
    """Each test begins and ends with everything at work."""
    yield
    trial.proxy.fault = None
    for kind in KINDS:
        eventually(lambda kind=kind: not trial.is_failing(kind, trial.one))  # type: ignore[misc]
    assert trial.process.is_running
    log = trial.process.log.read_text()
    assert "Traceback" not in log
    assert " ERROR " not in log


class Broken:
    """Collections of some kinds in one namespace fail; `watches_only`: they can be listed."""

    def __init__(self, fault: Fault, kinds: tuple[str, ...], workspace: Workspace, *, watches_only: bool) -> None:
        self._fault = fault
        self._ends = tuple(f"/namespaces/{workspace.namespace}/{kind}" for kind in kinds)
        self._watches_only = watches_only
        self.met: set[str] = set()

    def __call__(self, request: Request) -> Fault | None:
        if request.method != "GET" or not request.path.endswith(self._ends):
            return None
        if self._watches_only and not request.is_watch:
            return None
        self.met.add(request.path.rpartition("/")[2])
        return self._fault


OF_WATCHES = [name for name in FAILURES if name.startswith(("403", "410", "504", "a truncated", "an ERROR"))]


@pytest.mark.parametrize(
    ("name", "watches_only"),
    [
        *(pytest.param(name, False, id=f"lists and watches: {name}") for name in FAILURES),
        *(pytest.param(name, True, id=f"watches: {name}") for name in OF_WATCHES),
    ],
)
def test_what_fails_in_one_namespace_stops_nothing_in_another(trial: Trial, name: str, *, watches_only: bool) -> None:
    fault = FAILURES[name]
    broken = trial.proxy.fault = Broken(fault, tuple(KINDS), trial.one, watches_only=watches_only)
    trial.proxy.cut_watches()
    eventually(lambda: broken.met == KINDS.keys())
    affected, unaffected = trial.edit(trial.one), trial.edit(trial.two)
    assert_history(trial.two.until_versions(unaffected), range(unaffected))
    trial.proxy.fault = None
    assert_history(trial.one.until_versions(affected), range(affected))
    trial.one.until_ready()


@pytest.mark.parametrize("kind", KINDS)
def test_what_fails_is_named_by_kind_and_namespace_and_heals(trial: Trial, kind: str) -> None:
    forbidden = Answer(403, "Forbidden", f"{kind} is forbidden")
    trial.proxy.fault = Broken(forbidden, (kind,), trial.one, watches_only=False)
    trial.proxy.cut_watches()
    eventually(lambda: trial.is_failing(kind, trial.one))
    others = [(each, where) for each in KINDS for where in (trial.one, trial.two) if (each, where) != (kind, trial.one)]
    eventually(lambda: not any(trial.is_failing(*each) for each in others))  # their watches were cut, too
    refused = f"{kind} in namespace '{trial.one.namespace}': Kubernetes refused GET"
    # Until it is tried again, what is named is the connection that was cut.
    said = eventually(lambda: refused in (text := trial.process.get("/readyz") or "") and text)
    assert str(said).startswith("ok\n"), "it may pass: a minute is not long"
    assert "(are the roles of deploy/ applied?)" in str(said)
    warned = f"failed watch of {kind} in namespace '{trial.one.namespace}'"
    assert warned in trial.process.log.read_text()
    # Graphs and aliases are not needed to record.
    if kind in {"graphs", "assistantaliases"}:
        assert_history(trial.one.until_versions(count := trial.edit(trial.one)), range(count))
    trial.proxy.fault = None
    eventually(lambda: trial.process.get("/readyz") == "ok\n")
    assert_history(trial.one.until_versions(count := trial.edit(trial.one)), range(count))


def test_no_answer_at_all_is_waited_for_and_others_are_not_kept_waiting(trial: Trial) -> None:
    trial.proxy.fault = Broken(Hang(), tuple(KINDS), trial.one, watches_only=True)
    trial.proxy.cut_watches()
    affected, unaffected = trial.edit(trial.one), trial.edit(trial.two)
    assert_history(trial.two.until_versions(unaffected), range(unaffected))
    eventually(lambda: trial.is_failing("assistants", trial.one))
    trial.proxy.fault = None
    assert_history(trial.one.until_versions(affected), range(affected))


class OnPath:
    """Requests of one kind fail for everybody."""

    def __init__(self, fault: Fault, part: str) -> None:
        self._fault = fault
        self._part = part
        self.met = 0

    def __call__(self, request: Request) -> Fault | None:
        if self._part not in f"{request.method} {request.path}":
            return None
        self.met += 1
        return self._fault


OF_WRITES = [name for name in FAILURES if name.startswith(("403", "410", "HTML with", "a closed"))]


@pytest.mark.parametrize("name", OF_WRITES)
def test_events_that_cannot_be_posted_stop_nothing(trial: Trial, name: str) -> None:
    broken = trial.proxy.fault = OnPath(FAILURES[name], "/events")
    # In the same words it would be told once only.
    trial.two.edit(versioning={"activeVersion": 9_000 + OF_WRITES.index(name)})
    trial.two.until_not_ready("PinnedVersionNotFound")
    trial.two.edit(versioning={"activeVersion": None})
    trial.two.until_ready()
    eventually(lambda: broken.met)
