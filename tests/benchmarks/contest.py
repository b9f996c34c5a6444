"""The same work by several controllers, in turns: each time on a fresh control plane."""

import asyncio
import contextlib
import os
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from harness.controlplane import ControlPlane
from harness.support import OperatorProcess
from harness.tools import peer

from . import measures, planes
from .subjects import Api, Ours, StatefulSets, Subject

NAMESPACE = "bench"
Figures = dict[str, float]
"""What was measured of one controller in one round, by name. Seconds, megabytes, or objects."""


@dataclass(frozen=True)
class Contestant:
    """A controller, and the objects that it works on."""

    name: str
    subject: Subject
    run: Callable[[ControlPlane, Path], AbstractContextManager[int | None]]
    """Runs it; the process whose processor time and memory count, None for none."""


@dataclass(frozen=True)
class Sizes:
    """How much work one measurement is."""

    edits: int = 300
    """One at a time, of one object."""
    objects: int = 400
    """Edited at once."""
    row: int = 1000
    """Edits of one object as fast as the API server takes them."""

    def reduced(self, factor: float) -> "Sizes":
        return Sizes(*(max(20, int(each * factor)) for each in (self.edits, self.objects, self.row)))


@contextlib.contextmanager
def _operator(plane: ControlPlane, directory: Path) -> Iterator[int]:
    with OperatorProcess(planes.kubeconfig(plane), directory / "operator.log", "--log-level=warning") as process:
        yield process.pid


@contextlib.contextmanager
def _peer(plane: ControlPlane, directory: Path) -> Iterator[int]:
    environment = os.environ | {"KUBECONFIG": str(plane.admin_kubeconfig)}
    with (
        (directory / "peer.log").open("ab") as log,
        subprocess.Popen([peer()], stdout=log, stderr=log, env=environment) as process,
    ):
        try:
            yield process.pid
        finally:
            process.kill()


@contextlib.contextmanager
def _no_process(_: ControlPlane, __: Path) -> Iterator[None]:
    yield None


OPERATOR = Contestant("operator", Ours(NAMESPACE), _operator)
PEER = Contestant("peer", Ours(NAMESPACE), _peer)
"""A controller-runtime controller in Go that does the least of the same job on the same kinds."""
STATEFULSETS = Contestant("statefulsets", StatefulSets(NAMESPACE), _no_process)
"""Built in: StatefulSet → ControllerRevision by kube-controller-manager with its limits removed."""
BARE = Contestant("bare", Ours(NAMESPACE), _no_process)
"""No controller: the client writes the record itself after each edit."""
CONTESTANTS = (OPERATOR, PEER, STATEFULSETS, BARE)


def compare(rounds: int, sizes: Sizes, contestants: Sequence[Contestant] = CONTESTANTS) -> dict[str, list[Figures]]:
    """Return the figures of each contestant by round. Another one begins each round."""
    found: dict[str, list[Figures]] = {each.name: [] for each in contestants}
    for number in range(rounds):
        first = number % len(contestants)
        for contestant in (*contestants[first:], *contestants[:first]):
            figures = _measured(contestant, sizes)
            found[contestant.name].append(figures)
            shown = ", ".join(f"{name} {figure:.4g}" for name, figure in figures.items())
            print(f"  round {number + 1}, {contestant.name}: {shown}", flush=True)
    return found


def _measured(contestant: Contestant, sizes: Sizes) -> Figures:
    with planes.fresh() as (plane, directory), contestant.run(plane, directory) as pid:
        return asyncio.run(_figures(contestant, plane, sizes, pid))


async def _figures(contestant: Contestant, plane: ControlPlane, sizes: Sizes, pid: int | None) -> Figures:
    api, subject, names = Api(plane.admin_kubeconfig), contestant.subject, measures.names(sizes.objects)
    try:
        await measures.make_namespace(api, NAMESPACE)
        if contestant is BARE:
            return await _bare(api, plane, sizes)
        await measures.make(api, subject, ["one", "row", *names])
        await measures.warm_up(api, subject, "one")
        # What is still to be done for the objects that were made is not work of an edit.
        await measures.Usage(pid).settle()
        usage = measures.Usage(pid)
        latencies = await measures.spaced(api, subject, "one", sizes.edits)
        await usage.settle()
        figures = {"p50": latencies.p50, "p99": latencies.p99, **usage.per("cpu_edit", sizes.edits)}
        burst = await measures.burst(api, plane.admin_kubeconfig, subject, sizes.objects, 1)
        await usage.settle()
        figures |= {"burst_rate": burst.per_second, "burst_lag": burst.lag, **usage.per("cpu_burst", sizes.objects)}
        figures["kept"] = await measures.in_a_row(api, subject, "row", sizes.row)
        return figures | usage.memory()
    finally:
        await api.session.close()


async def _bare(api: Api, plane: ControlPlane, sizes: Sizes) -> Figures:
    subject = Ours(NAMESPACE)
    for name in ("bare", *measures.names(sizes.objects)):
        await api.ask("POST", subject.objects, subject.made(name))
    latencies = await measures.bare(api, subject, sizes.edits)
    rate = await measures.bare_burst(plane.admin_kubeconfig, subject, sizes.objects, 1)
    return {"p50": latencies.p50, "p99": latencies.p99, "burst_rate": rate}
