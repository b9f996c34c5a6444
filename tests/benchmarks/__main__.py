"""`make bench`, or `python -m benchmarks --help`: all of it, on a control plane of its own, as one table."""

import argparse
import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from harness.controlplane import ControlPlane
from harness.langgraph_server import LangGraphServer
from harness.support import OperatorProcess

from . import contest, measures, planes, scale
from .report import Row, contest_rows, table, write
from .subjects import Api, Ours
from .writes import Writes, calm

PARTS = [
    "contest",
    "writes",
    "tenants",
    "publication",
    "publications",
    "start",
    "revalidation",
    "memory",
    "depth",
    "sharding",
]


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
        kubeconfig = planes.kubeconfig(self._plane)
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
        await measures.make_namespace(self._api, name, **(graph or {}))
        return name

    async def _writes(self) -> None:
        edits = self._count(1000)
        writes: list[float] = []
        for number in range(self._rounds):
            ours = Ours(await self._namespace())
            name = f"row-{number}"
            await measures.make(self._api, ours, [name])
            await calm(self._plane)
            counting = Writes(self._plane)
            await measures.in_a_row(self._api, ours, name, edits)
            writes.append(counting.so_far() / edits)
            await calm(self._plane)
            print(
                f"  round {number + 1}: {writes[-1]:.2f} writes an edit,"
                f" {counting.so_far() / edits:.2f} with the conditions of versions that follow"
            )
        title = f"{edits} edits of one object in a row: writes an edit, until the last version is there"
        self.rows.append(Row(title, writes, "", 1.2))

    async def _tenants(self) -> None:
        """One edits as people do, while another namespace is edited as fast as the API server takes it."""
        theirs, ours = Ours(await self._namespace()), Ours(await self._namespace())
        count, edits = self._count(200), self._count(50)
        await measures.make(self._api, theirs, measures.names(count))
        await measures.make(self._api, ours, ["one", "bare"])
        for what, size in (("small edits", 100), ("edits of 100 KB", 100_000)):
            worst: list[float] = []
            for number in range(self._rounds):
                await calm(self._plane)
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
            await calm(self._plane)
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


def main() -> None:
    """Print the table, and keep the results if asked to."""
    parser = argparse.ArgumentParser(prog="benchmarks")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--quick", action="store_true", help="a tenth of the sizes: to try the benchmark, not to quote it"
    )
    parser.add_argument("--only", choices=PARTS, nargs="*", default=PARTS, help="parts of it")
    parser.add_argument("--results", type=Path, help="write the rows of these parts into that JSON file, too")
    asked = parser.parse_args()
    size = 0.1 if asked.quick else 1.0
    for part in asked.only:
        rows = _measured(part, asked.rounds, size)
        print(f"\n{table(rows)}\n", flush=True)
        if asked.results:
            write(asked.results, part, rows, asked.rounds)
    print(f"median (least to most) of {asked.rounds} rounds; each ratio is of two measurements in the same round")


def _measured(part: str, rounds: int, size: float) -> list[Row]:
    def reduced(number: int) -> int:
        return max(10, int(number * size))

    def compared() -> list[Row]:
        sizes = contest.Sizes().reduced(size)
        return contest_rows(contest.compare(rounds, sizes), sizes.objects, sizes.row)

    at_scale: dict[str, Callable[[], list[Row]]] = {
        "contest": compared,
        "start": lambda: [
            *scale.start(reduced(5_000), 5, rounds),
            *scale.start(reduced(10_000), 20, rounds),
        ],
        "memory": lambda: scale.memory(reduced(5_000), 5),
        "revalidation": lambda: scale.revalidation(reduced(5_000), 5, reduced(200), rounds),
        "publications": lambda: scale.publication(reduced(1_000)),
        "sharding": lambda: scale.sharding(reduced(200), rounds),
        "depth": lambda: scale.depth(reduced(10_000), reduced(100), rounds),
    }
    if part in at_scale:
        return at_scale[part]()
    with planes.fresh() as (plane, directory):
        bench = Bench(plane, directory, rounds=rounds, size=size, parts=[part])
        asyncio.run(bench.run())
        return bench.rows


if __name__ == "__main__":
    main()
