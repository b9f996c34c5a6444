"""What is measured, each as plain figures; nothing is judged here."""

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from aiohttp import ClientResponse, ClientSession

from harness.langgraph_server import LangGraphServer

from .subjects import MERGE, OURS, Api, Edited, Json, Lookout, Ours, Subject, context

TICK = os.sysconf("SC_CLK_TCK")


@dataclass
class Latencies:
    """Seconds from sending an edit to seeing its record."""

    each: list[float] = field(default_factory=list)

    @property
    def p50(self) -> float:
        return median(self.each)

    @property
    def p99(self) -> float:
        return quantiles(self.each, n=100)[98]


def names(count: int) -> list[str]:
    """Of the objects that a burst edits."""
    return [f"burst-{number}" for number in range(count)]


@contextlib.asynccontextmanager
async def lookout(api: Api, subject: Subject | Edited) -> AsyncIterator[Lookout]:
    watching = Lookout(api, subject)
    await watching.start()
    try:
        yield watching
    finally:
        await watching.stop()


async def spaced(api: Api, subject: Subject, name: str, edits: int, first: int = 1) -> Latencies:
    """One edit after another of one object, each when the one before is recorded."""
    found = Latencies()
    clock = asyncio.get_running_loop().time
    async with lookout(api, subject) as watching:
        for number in range(first, first + edits):
            sent = clock()
            await api.ask("PATCH", f"{subject.objects}/{name}", subject.edit(number), MERGE)
            found.each.append(await watching.until(name, number) - sent)
            # The next edit is one of a person, not of a burst.
            await asyncio.sleep(0.02)
    return found


async def warm_up(api: Api, subject: Subject, name: str) -> None:
    """The first edits open connections and fill caches."""
    await spaced(api, subject, name, 20, first=1_000_001)


@dataclass(frozen=True)
class Shown:
    """From the moment that a watch shows an edit to the moment that another shows its record."""

    latencies: Latencies
    whole: Latencies
    """From sending the edit."""


async def shown(api: Api, subject: Ours, name: str, edits: range) -> Shown:
    """What the operator adds: an API server that is short of processors shows an edit late."""
    found = Shown(Latencies(), Latencies())
    clock = asyncio.get_running_loop().time
    async with lookout(api, subject) as records, lookout(api, Edited(subject)) as objects:
        for number in edits:
            sent = clock()
            await api.ask("PATCH", f"{subject.objects}/{name}", subject.edit(number), MERGE)
            recorded, seen = await records.until(name, number), await objects.until(name, number)
            found.whole.each.append(recorded - sent)
            found.latencies.each.append(max(recorded - seen, 0.0))
            await asyncio.sleep(0.02)
    return found


async def bare(api: Api, subject: Subject, edits: int) -> Latencies:
    """A PATCH and a POST of the same size by the client itself."""
    found = Latencies()
    clock = asyncio.get_running_loop().time
    for number in range(edits):
        sent = clock()
        await api.ask("PATCH", f"{subject.objects}/bare", subject.edit(number), MERGE)
        await api.ask("POST", subject.records, subject.record(number))
        found.each.append(clock() - sent)
        await asyncio.sleep(0.02)
    return found


async def published(api: Api, server: LangGraphServer, subject: Ours, name: str, edits: range) -> Latencies:
    """From sending an edit to the moment that its server holds it: by the server's own clock, which is ours."""
    found = Latencies()
    status = (await api.ask("GET", f"{subject.objects}/{name}"))["status"]
    path = f"{server.url}/assistants/{status['assistantId']}"
    async with ClientSession() as session:
        for number in edits:
            sent = datetime.now(UTC)
            await api.ask("PATCH", f"{subject.objects}/{name}", subject.edit(number), MERGE)
            there: Json = {"context": {}}
            while there["context"].get("edit") != number:
                # Nobody asks the server meanwhile; and the next edit is one of a person, not of a burst.
                await asyncio.sleep(0.5)
                there = await _json(session.get(path))
            found.each.append((datetime.fromisoformat(there["updated_at"]) - sent).total_seconds())
    return found


async def bare_on_server(server: LangGraphServer, edits: int) -> Latencies:
    """A PATCH of an assistant on its server by the client itself."""
    found = Latencies()
    clock = asyncio.get_running_loop().time
    async with ClientSession() as session:
        made = await _json(session.post(f"{server.url}/assistants", json={"graph_id": "writer", "name": "bare"}))
        for number in range(edits):
            sent = clock()
            edit = {"context": context(number), "metadata": {"edit": number}, "name": "bare"}
            await _json(session.patch(f"{server.url}/assistants/{made['assistant_id']}", json=edit))
            found.each.append(clock() - sent)
            await asyncio.sleep(0.02)
    return found


async def _json(asking: AbstractAsyncContextManager[ClientResponse]) -> Json:
    async with asking as answer:
        told: Json = await answer.json()
        if answer.status >= 300:
            raise RuntimeError(f"{answer.method} {answer.url}: {answer.status} {told}")
        return told


@contextlib.asynccontextmanager
async def flood(kubeconfig: Path, subject: Subject, count: int, size: int, at_once: int) -> AsyncIterator[None]:
    """Objects of that subject are edited as fast as it goes, each edit so many bytes, while the block runs."""
    told = (str(kubeconfig), subject.objects, str(count), str(at_once), str(size))
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "benchmarks.flood", *told)
    try:
        await asyncio.sleep(3)
        yield
        if process.returncode is not None:
            raise RuntimeError("the flood dried up")
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


@dataclass(frozen=True)
class Burst:
    """Many objects edited at once by another process."""

    per_second: float
    lag: float
    """Seconds from the answer to the last edit to the last record."""


async def burst(api: Api, kubeconfig: Path, subject: Subject, count: int, edit: int) -> Burst:
    async with lookout(api, subject) as watching:
        said = await _edited(kubeconfig, subject, count, edit)
        await asyncio.gather(*(watching.until(f"burst-{number}", edit) for number in range(count)))
        last = max(watching.times(edit).values())
    return Burst(count / (last - said["started"]), max(0.0, last - said["ended"]))


async def bare_burst(kubeconfig: Path, subject: Ours, count: int, edit: int) -> float:
    """As many a second as can be captured at all: whoever edits writes the record, too, and nobody watches."""
    said = await _edited(kubeconfig, subject, count, edit, subject.namespace)
    return count / (said["ended"] - said["started"])


async def _edited(kubeconfig: Path, subject: Subject, count: int, edit: int, *namespace: str) -> dict[str, float]:
    """When another process began to edit so many objects, and when the last edit was answered."""
    editor = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "benchmarks.editor", str(kubeconfig), subject.objects, str(count), "32"),
        *(json.dumps(subject.edit(edit)), *namespace),
        stdout=asyncio.subprocess.PIPE,
    )
    told, _ = await editor.communicate()
    said: dict[str, float] = json.loads(told)
    return said


async def in_a_row(api: Api, subject: Subject, name: str, edits: int) -> int:
    """Edits of one object as fast as they can be sent: how many records there are in the end."""
    async with lookout(api, subject) as watching:
        for number in range(1, edits + 1):
            await api.ask("PATCH", f"{subject.objects}/{name}", subject.edit(number), MERGE)
        await watching.until(name, edits)
    records = (await api.ask("GET", subject.records))["items"]
    return sum(subject.sighted(record, 0).name == name for record in records) - 1


async def until(holds: Callable[[], Awaitable[object]], pause: float, within: float = 600) -> None:
    """Ask again and again, with pauses of so many seconds. Raises RuntimeError if it does not hold within that time."""
    for _ in range(int(within / pause)):
        if await holds():
            return
        await asyncio.sleep(pause)
    raise RuntimeError(f"not within {within:.0f} s: {holds}")


async def make(api: Api, subject: Subject, names: list[str], at_once: int = 16) -> None:
    left = iter(names)

    async def work() -> None:
        for name in left:
            await api.ask("POST", subject.objects, subject.made(name))

    async with lookout(api, subject) as watching:
        await asyncio.gather(*(work() for _ in range(at_once)))
        await asyncio.gather(*(watching.until(name, 0, 300) for name in names))


async def make_namespace(api: Api, namespace: str, **spec: Any) -> None:
    """Make a namespace with the Graph `bench`. `spec`: further fields of it."""
    await api.ask("POST", "/api/v1/namespaces", {"metadata": {"name": namespace}})
    graph = {"apiVersion": "assistant-operator.dev/v1alpha1", "kind": "Graph", "metadata": {"name": "bench"}}
    told = {"defaultAssistant": {"policy": "None"}, **spec}
    await api.ask("POST", f"{OURS}/namespaces/{namespace}/graphs", graph | {"spec": told})


class Usage:
    """Processor time and memory of one process; of none, there are no figures."""

    def __init__(self, pid: int | None) -> None:
        self._pid = pid
        self._before = self._processor_seconds()

    def _processor_seconds(self) -> float:
        return 0.0 if self._pid is None else processor_seconds(self._pid)

    async def settle(self, within: float = 60.0) -> None:
        """Wait until the process uses less than 3 % of a processor."""
        for _ in range(int(within)):
            before = self._processor_seconds()
            await asyncio.sleep(1)
            if self._processor_seconds() - before < 0.03:
                return
        raise RuntimeError(f"the process is still busy after {within:.0f} s")

    def per(self, name: str, count: int) -> dict[str, float]:
        """Processor seconds since the last call, by piece of work."""
        before, self._before = self._before, self._processor_seconds()
        return {} if self._pid is None else {name: (self._before - before) / count}

    def memory(self) -> dict[str, float]:
        return {} if self._pid is None else {"memory": resident_megabytes(self._pid)}


def processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def resident_megabytes(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS"))
