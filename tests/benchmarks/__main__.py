"""`make bench`, or `python -m benchmarks --help`: all of it, on a control plane of its own, as one table."""

import argparse
import asyncio
import tempfile
from pathlib import Path
from typing import Any

from harness.controlplane import ControlPlane
from harness.controlplane.waiting import eventually
from harness.langgraph_server import LangGraphServer
from harness.support import OperatorProcess

from . import measures
from .report import Row, table
from .subjects import Api, Ours, Peer
from .writes import Writes

PARTS = ["latency", "bursts", "row_of_edits", "depth", "tenants", "publication", "start"]
ROOT = Path(__file__).parent.parent.parent


class Bench:
    """One run: the same control plane, the same client, the same hour for all that is compared."""

    def __init__(self, plane: ControlPlane, directory: Path, *, rounds: int, size: float, parts: list[str]) -> None:
        self._plane = plane
        self._directory = directory
        self._rounds = rounds
        self._size = size
        self._parts = parts
        self._namespaces = 0
        self.rows: list[Row] = []

    async def run(self) -> None:
        self._api = Api(self._plane.admin_kubeconfig)
        kubeconfig = self._plane.kubeconfig_for("assistant-operator", "assistant-operator")
        self._operator = OperatorProcess(kubeconfig, self._directory / "operator.log", "--log-level=warning")
        for part in self._parts:
            with self._operator:
                await getattr(self, f"_{part}")()
        await self._api.session.close()

    def _count(self, number: int) -> int:
        return max(10, int(number * self._size))

    async def _namespace(self, graph: dict[str, Any] | None = None) -> str:
        self._namespaces += 1
        name = f"bench-{self._namespaces}"
        await self._api.ask("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
        await measures.make_graph(self._api, name, **(graph or {}))
        return name

    async def _latency(self) -> None:
        namespace = await self._namespace()
        ours, peer = Ours(namespace), Peer(namespace)
        for subject in (ours, peer):
            await measures.make(self._api, subject, ["one", "bare"])
        edits = self._count(200)
        against_peer: dict[str, list[float]] = {"p50": [], "p99": []}
        against_bare: list[float] = []
        kinds: list[float] = []
        cpu: list[float] = []
        for number in range(self._rounds):
            before = measures.processor_seconds(self._operator)
            mine = await measures.spaced(self._api, ours, "one", edits, 1 + number * edits)
            cpu.append((measures.processor_seconds(self._operator) - before) / edits * 1000)
            theirs = await measures.spaced(self._api, peer, "one", edits, 1 + number * edits)
            nobody = await measures.bare(self._api, ours, edits)
            builtin = await measures.bare(self._api, peer, edits)
            against_peer["p50"].append(mine.p50 / theirs.p50)
            against_peer["p99"].append(mine.p99 / theirs.p99)
            against_bare.append(mine.p50 / nobody.p50)
            kinds.append(nobody.p50 / builtin.p50)
            print(
                f"  round {number + 1}: ours {mine.p50 * 1000:.1f} / {mine.p99 * 1000:.1f} ms,"
                f" peer {theirs.p50 * 1000:.1f} / {theirs.p99 * 1000:.1f} ms,"
                f" bare {nobody.p50 * 1000:.1f} ms, of the peer's kinds {builtin.p50 * 1000:.1f} ms (p50 / p99)"
            )
        self.rows += [
            Row("one edit → version visible, p50, beside the peer", against_peer["p50"], "× peer", 1.0),
            Row("one edit → version visible, p99, beside the peer", against_peer["p99"], "× peer", 1.0),
            Row("one edit → version visible, p50, beside a bare PATCH + POST", against_bare, "× bare", 1.4),
            Row("a bare PATCH + POST of our kinds beside one of the peer's kinds, p50", kinds, "×"),
            Row("the operator's processor time an edit, marks and all", cpu, "ms", 3.0),
        ]

    async def _bursts(self) -> None:
        count = self._count(500)
        namespace = await self._namespace()
        ours, peer = Ours(namespace), Peer(namespace)
        names = [f"burst-{number}" for number in range(count)]
        for subject in (ours, peer):
            await measures.make(self._api, subject, names)
        await self._calm()
        rates: list[float] = []
        lags: list[float] = []
        most: list[float] = []
        for number in range(1, self._rounds + 1):
            mine = await measures.burst(self._api, self._plane.admin_kubeconfig, ours, count, number)
            await self._calm()
            theirs = await measures.burst(self._api, self._plane.admin_kubeconfig, peer, count, number)
            self._operator.terminate()
            nobody = await measures.bare_burst(self._plane.admin_kubeconfig, ours, count, 1000 + number)
            self._operator.start()
            await self._calm()
            rates.append(mine.per_second / theirs.per_second)
            lags.append(mine.lag / max(theirs.lag, 0.001))
            most.append(nobody / theirs.per_second)
            print(
                f"  round {number}: ours {mine.per_second:.0f}/s, {mine.lag:.2f} s behind;"
                f" peer {theirs.per_second:.0f}/s, {theirs.lag:.2f} s behind; bare {nobody:.0f}/s"
            )
        self.rows += [
            Row(f"{count} objects edited at once: captured a second", rates, "× peer", 1.2, more_is_better=True),
            Row(f"{count} objects edited at once: last edit → last version", lags, "× peer", 0.5),
            Row(f"{count} bare PATCHes + POSTs of our kinds at once, no operator: a second", most, "× peer"),
        ]

    async def _row_of_edits(self) -> None:
        edits = self._count(1000)
        kept: list[float] = []
        writes: list[float] = []
        for number in range(self._rounds):
            ours = Ours(await self._namespace())
            name = f"row-{number}"
            await measures.make(self._api, ours, [name])
            await self._calm()
            counting = Writes(self._plane)
            kept.append(await measures.in_a_row(self._api, ours, name, edits))
            writes.append(counting.so_far() / edits)
            await self._calm()
            print(
                f"  round {number + 1}: {kept[-1]:.0f} versions, {writes[-1]:.2f} writes an edit,"
                f" {counting.so_far() / edits:.2f} with the marks that follow"
            )
        self.rows += [
            Row(f"{edits} edits in a row on one object: versions", kept, "", edits, more_is_better=True),
            Row("writes an edit in such a burst, until the last version is there", writes, "", 1.2),
        ]

    async def _depth(self) -> None:
        ours = Ours(await self._namespace())
        deep = self._count(1000)
        await measures.make(self._api, ours, ["shallow", "deep"])
        await measures.in_a_row(self._api, ours, "deep", deep)
        await self._calm()
        ratios: list[float] = []
        edits = self._count(100)
        for number in range(self._rounds):
            shallow = await measures.spaced(self._api, ours, "shallow", edits, 1 + number * edits)
            at_depth = await measures.spaced(self._api, ours, "deep", edits, 1 + deep + number * edits)
            ratios.append(at_depth.p50 / shallow.p50)
        self.rows.append(Row(f"one edit, p50, at {deep} versions beside a short history", ratios, "×", 1.1))

    async def _tenants(self) -> None:
        """One edits as people do, while another namespace is edited as fast as the API server takes it."""
        theirs, ours = Ours(await self._namespace()), Ours(await self._namespace())
        count, edits = self._count(200), self._count(50)
        await measures.make(self._api, theirs, [f"burst-{number}" for number in range(count)])
        await measures.make(self._api, ours, ["one", "bare"])
        for what, size in (("small edits", 100), ("edits of 100 KB", 100_000)):
            worst: list[float] = []
            for number in range(self._rounds):
                await self._calm()
                async with measures.flood(self._plane.admin_kubeconfig, theirs, count, size, at_once=4):
                    first = 1 + number * edits
                    mine = await measures.shown(self._api, ours, "one", range(first, first + edits))
                    nobody = await measures.bare(self._api, ours, edits)
                worst.append(max(mine.latencies.each) * 1000)
                print(
                    f"  round {number + 1}, {what}: shown → recorded {mine.latencies.p50 * 1000:.1f} ms,"
                    f" sent → recorded {mine.whole.p50 * 1000:.1f} ms, bare {nobody.p50 * 1000:.1f} ms (p50)"
                )
            title = f"another namespace is flooded with {what}: an edit shown → its version, the slowest"
            self.rows.append(Row(title, worst, "ms", 1000))

    async def _publication(self) -> None:
        edits = self._count(50)
        with LangGraphServer(self._directory / "server") as server:
            ours = Ours(await self._namespace({"graphId": "writer", "server": {"url": server.url}}))
            await measures.make(self._api, ours, ["one"])
            await self._calm()
            ratios: list[float] = []
            for number in range(self._rounds):
                first = 1 + 2 * number * edits
                recorded = await measures.spaced(self._api, ours, "one", edits, first)
                bare = await measures.bare_on_server(server, edits)
                there = await measures.published(
                    self._api, server, ours, "one", range(first + edits, first + 2 * edits)
                )
                ratios.append(there.p50 / (bare.p50 + recorded.p50))
                print(
                    f"  round {number + 1}: on the server after {there.p50 * 1000:.1f} ms,"
                    f" recorded after {recorded.p50 * 1000:.1f} ms, a bare PATCH there {bare.p50 * 1000:.1f} ms (p50)"
                )
        self.rows.append(
            Row(
                "one edit → on its LangGraph Server, p50, beside a bare PATCH there + a recorded edit", ratios, "×", 2.0
            )
        )

    async def _start(self) -> None:
        count = self._count(2000)
        ours = Ours(await self._namespace())
        names = [f"burst-{number}" for number in range(count)]
        await measures.make(self._api, ours, names)
        for edit in range(1, 5):
            await measures.burst(self._api, self._plane.admin_kubeconfig, ours, count, edit)
        await self._calm()
        self._operator.terminate()
        counting = Writes(self._plane)
        clock = asyncio.get_running_loop().time
        started = clock()
        self._operator.start()
        ready = clock() - started
        await self._calm()
        print(f"  ready after {ready:.1f} s, {measures.processor_seconds(self._operator):.1f} s of processor time")
        self.rows += [
            Row(f"start over {count} settled assistants × 5 versions: writes", [float(counting.so_far())], "", 0),
            Row("memory after that start", [measures.resident_megabytes(self._operator)], "MB", 200),
        ]

    async def _calm(self) -> None:
        """Until the operator has written nothing for a while."""
        quiet, counting = 0, Writes(self._plane)
        while quiet < 6:
            before = counting.so_far()
            await asyncio.sleep(0.5)
            quiet = quiet + 1 if counting.so_far() == before else 0


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="benchmarks")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--quick", action="store_true", help="a tenth of the sizes: to try the benchmark, not to quote it"
    )
    parser.add_argument("--only", choices=PARTS, nargs="*", default=PARTS, help="parts of it")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory, ControlPlane(Path(directory)) as plane:
        plane.kubectl("apply", "--server-side", "-k", str(ROOT / "crds"))
        plane.kubectl("apply", "--server-side", "-k", str(ROOT / "deploy"))
        eventually(lambda: plane.kubectl("get", "langgraph", check=False).returncode == 0)
        bench = Bench(plane, Path(directory), rounds=asked.rounds, size=0.1 if asked.quick else 1.0, parts=asked.only)
        asyncio.run(bench.run())
    print(table(bench.rows))
    print(f"\nmedian (least to most) of {asked.rounds} rounds; each ratio is of two measurements in the same round")


if __name__ == "__main__":
    main()
