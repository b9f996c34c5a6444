"""`python -m demo`: the tour, then, on a terminal, everything stays up until Ctrl-C."""

import argparse
import os
import signal
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import NoReturn

from harness.controlplane import BuildFailed, ComponentFailed, ControlPlane, KubectlFailed
from harness.controlplane.waiting import eventually
from harness.langgraph_server import LangGraphServer
from harness.support import OperatorProcess

from .scenes import SCENES, Scene, server_scenes
from .stage import DemoFailed, Stage

ROOT = Path(__file__).parent.parent.parent
YOURS = """
That was the tour. Everything stays up for you to play with; Ctrl-C ends it. In another terminal:

    export KUBECONFIG={kubeconfig}
    export PATH={programs}:$PATH        # has a kubectl of the right age
    kubectl get langgraph
    kubectl edit assistant terse        # then: kubectl get assistantversions
    kubectl explain assistant.spec
    curl {metrics}
    tail -f {log}
"""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m demo", description=__doc__)
    parser.add_argument("--langgraph", action="store_true", help="the half with a LangGraph Server")
    asked = parser.parse_args()
    os.chdir(ROOT)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    try:
        with tempfile.TemporaryDirectory(prefix="demo-") as directory:
            _tour(Path(directory), with_server=asked.langgraph)
    except KeyboardInterrupt:
        return 0
    except (BuildFailed, ComponentFailed, DemoFailed, KubectlFailed) as failure:
        print(f"\nthe demo failed: {failure}", file=sys.stderr)
        return 1
    print("\nThat was the tour: every step did what it says.")
    return 0


def _tour(directory: Path, *, with_server: bool) -> None:
    print("Starting a Kubernetes API server, etcd and a controller manager on this machine …", flush=True)
    with ControlPlane(directory) as plane, ExitStack() as running:
        _install(plane)
        kubeconfig = plane.kubeconfig_for("assistant-operator", "assistant-operator")
        operator = running.enter_context(OperatorProcess(kubeconfig, directory / "operator.log"))
        server: LangGraphServer | None = None
        scenes: tuple[Scene, ...] = SCENES
        if with_server:
            server = running.enter_context(LangGraphServer(directory / "server", {"support": "writer"}))
            scenes = server_scenes(server.url)
        stage = Stage(plane, operator, server)
        for number, scene in enumerate(scenes, start=1):
            stage.play(number, scene)
        if sys.stdin.isatty():
            _stay(plane, operator)


def _install(plane: ControlPlane) -> None:
    """As a cluster's administrator would; the operator then runs beside it, with the rights of its ServiceAccount."""
    plane.kubectl("apply", "--server-side", "-k", "crds")
    plane.kubectl("apply", "--server-side", "-k", "deploy")
    eventually(lambda: plane.kubectl("get", "langgraph", check=False).returncode == 0)


def _stay(plane: ControlPlane, operator: OperatorProcess) -> NoReturn:
    told = {"kubeconfig": plane.admin_kubeconfig, "programs": Path(sys.executable).parent, "log": operator.log}
    print(YOURS.format(**told, metrics=f"http://127.0.0.1:{operator.port}/metrics"), flush=True)
    while True:
        time.sleep(1)
        plane.check()
        if not operator.is_running:
            raise DemoFailed(f"the operator ended by itself:\n{operator.log.read_text()[-4000:]}")


def _interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
