"""What many settled Assistants cost: the start, memory, a change of schemas, a new LangGraph Server."""

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from aiohttp import ClientSession

from assistant_operator.clients.kubernetes.objects import PAGE
from assistant_operator.clients.kubernetes.transport import JSON
from assistant_operator.clients.kubernetes.version_table import TABLE
from assistant_operator.clients.langgraph.transport import AT_ONCE
from harness.controlplane import ControlPlane
from harness.langgraph_server import LangGraphServer
from harness.support import OperatorProcess

from . import measures, planes
from .report import Row
from .settled import Settled
from .subjects import MERGE, OURS, Api, Ours, context
from .writes import Writes, calm

_LISTS = (("assistants", JSON), ("graphs", JSON), ("assistantversions", TABLE))
"""As the operator lists them."""
_STRICTER = {"type": "object", "properties": {"edit": {"type": "number"}, "prompt": {"type": "string"}}}


@dataclass
class Place:
    """A control plane with settled Assistants, and the operator, which is not running."""

    plane: ControlPlane
    api: Api
    subject: Ours
    operator: OperatorProcess
    directory: Path
    names: list[str]

    async def calm(self, seconds: float = 3) -> None:
        await calm(self.plane, seconds)

    async def make_namespace(self, name: str) -> Ours:
        await measures.make_namespace(self.api, name)
        return Ours(name)


def at_place(count: int, versions: int, work: Callable[[Place], Awaitable[list[Row]]]) -> list[Row]:
    """Measure on a fresh control plane with so many settled Assistants. The operator is not running at first."""

    async def whole(plane: ControlPlane, directory: Path) -> list[Row]:
        api, subject = Api(plane.admin_kubeconfig), Ours("many")
        operator = OperatorProcess(planes.kubeconfig(plane), directory / "operator.log", "--log-level=warning")
        place = Place(plane, api, subject, operator, directory, [])
        try:
            await place.make_namespace(subject.namespace)
            if count:
                settled = Settled(plane, subject)
                with operator:
                    await settled.prepare(api, versions)
                    await place.calm()
                place.names = settled.write(count)
                await measures.until(partial(_is_caught_up, api), 1.0)
            return await work(place)
        finally:
            operator.kill()
            await api.session.close()

    with planes.fresh() as (plane, directory):
        return asyncio.run(whole(plane, directory))


async def _is_caught_up(api: Api) -> bool:
    """Whether the watch caches of the API server have read what was written into etcd."""
    try:
        await lists(api)
    except RuntimeError:
        return False
    return True


async def lists(api: Api) -> float:
    """Seconds for the pages of all objects, the kinds at the same time, parsed as JSON."""

    async def pages(plural: str, accept: str) -> None:
        onward = ""
        while True:
            page = await api.ask("GET", f"{OURS}/{plural}?limit={PAGE}{onward}", accept=accept)
            if not (token := page["metadata"].get("continue")):
                return
            onward = f"&continue={token}"

    clock = asyncio.get_running_loop().time
    started = clock()
    await asyncio.gather(*(pages(*each) for each in _LISTS))
    return clock() - started


def start(count: int, versions: int, rounds: int) -> list[Row]:
    """How long a start over settled objects takes, what it writes and needs, and what becomes of an edit meanwhile."""

    async def work(place: Place) -> list[Row]:
        ratios: list[float] = []
        late: list[float] = []
        writes: list[float] = []
        memory: list[float] = []
        for number in range(1, rounds + 1):
            bare = await lists(place.api)
            counting = Writes(place.plane)
            ready, after = await _started(place, number)
            ratios.append(ready / bare)
            late.append(after)
            await place.calm(15)  # all that was listed is reconciled first, the edited one among it
            # The edit costs a version and a status, and the conditions of two versions.
            writes.append(float(counting.so_far()))
            memory.append(measures.resident_megabytes(place.operator.pid))
            place.operator.terminate()
            print(f"  start over {count} × {versions}: bare lists {bare:.2f} s, ready after {ready:.2f} s", flush=True)
        what = f"start over {count} assistants × {versions} versions"
        return [
            Row(f"{what}, beside bare paged lists", ratios, "×", 1.5),
            Row(f"{what}: writes beside the four of an edit", [each - 4 for each in writes], "", 0),
            Row(f"{what}: an edit meanwhile → its version, after ready", late, "ms", 1000),
            Row(f"{what}: memory", memory, "MB", _most_memory(count, versions)),
        ]

    return at_place(count, versions, work)


async def _started(place: Place, number: int) -> tuple[float, float]:
    """Seconds until ready; and milliseconds from then to the version of an edit that was made meanwhile."""
    clock, name = asyncio.get_running_loop().time, place.names[number]
    async with measures.lookout(place.api, place.subject) as watching:
        started = clock()
        place.operator.start(wait=False)
        await asyncio.sleep(1)
        await place.api.ask("PATCH", f"{place.subject.objects}/{name}", place.subject.edit(1_000 + number), MERGE)
        await measures.until(lambda: asyncio.to_thread(place.operator.is_ready), 0.02)
        ready = clock()
        seen = await watching.until(name, 1_000 + number)
    return ready - started, max(0.0, seen - ready) * 1000


def _most_memory(count: int, versions: int) -> float:
    """The goal, in MB: 60 MB, 20 KB an Assistant and 0.3 KB a version."""
    return 60 + count * 0.02 + count * versions * 0.0003


def memory(count: int, versions: int) -> list[Row]:
    """Memory after all edits were made beside that of a fresh start over the same objects."""

    async def work(place: Place) -> list[Row]:
        names = measures.names(count)
        place.operator.start()
        await measures.make(place.api, place.subject, names)
        for edit in range(1, versions):
            await measures.burst(place.api, place.plane.admin_kubeconfig, place.subject, count, edit)
        await place.calm()
        grown = measures.resident_megabytes(place.operator.pid)
        place.operator.terminate()
        place.operator.start()
        await place.calm()
        fresh = measures.resident_megabytes(place.operator.pid)
        print(f"  {count} × {versions}: {grown:.0f} MB after the edits, {fresh:.0f} MB after a start", flush=True)
        what = f"memory after {count * versions} edits of {count} assistants"
        return [
            Row(f"{what}, beside a fresh start", [grown / fresh], "×", 1.2),
            Row(f"{what}: after a fresh start", [fresh], "MB", _most_memory(count, versions)),
        ]

    return at_place(0, versions, work)


def revalidation(count: int, versions: int, edits: int, rounds: int) -> list[Row]:
    """A change of schemas until all Assistants of its Graph are validated; edits of another namespace meanwhile."""

    async def work(place: Place) -> list[Row]:
        other = await place.make_namespace("other")
        place.operator.start()
        await measures.make(place.api, other, ["one"])
        await measures.warm_up(place.api, other, "one")
        await place.calm()
        quiet = await measures.spaced(place.api, other, "one", edits)
        seconds: list[float] = []
        slower: list[float] = []
        for number in range(1, rounds + 1):
            schema = {**_STRICTER, "title": f"round {number}"}
            path, clock = f"{OURS}/namespaces/many/graphs/bench", asyncio.get_running_loop().time
            begun = clock()
            await place.api.ask("PATCH", path, {"spec": {"contextSchema": schema}}, MERGE)
            busy = await measures.spaced(place.api, other, "one", edits, 1 + number * edits)
            await measures.until(partial(_is_observed, place.api, path), 0.1)
            seconds.append(clock() - begun)
            slower.append(busy.p99 / quiet.p99)
            await place.calm()
            print(f"  {count} validated within {seconds[-1]:.1f} s", flush=True)
        what = f"a schema change of a graph with {count} assistants"
        return [
            Row(f"{what}: all validated", seconds, "s", 30),
            Row(f"{what}: an edit elsewhere meanwhile, p99, beside quiet", slower, "×", 2),
        ]

    return at_place(count, versions, work)


async def _is_observed(api: Api, path: str) -> bool:
    """Whether all Assistants of that Graph are validated: only then its status has the generation."""
    graph = await api.ask("GET", path)
    generation: int = graph["metadata"]["generation"]
    return bool(graph["status"].get("observedGeneration") == generation)


def publication(count: int) -> list[Row]:
    """Publish all to an empty server, beside the same calls made bare, as many at a time."""

    async def work(place: Place) -> list[Row]:
        with LangGraphServer(place.directory / "server") as server:
            place.operator.start()
            await place.calm()
            bare = await _published_bare(place, server, place.names)
            clock, path = asyncio.get_running_loop().time, f"{OURS}/namespaces/many/graphs/bench"
            begun = clock()
            await place.api.ask("PATCH", path, {"spec": {"graphId": "writer", "server": {"url": server.url}}}, MERGE)
            await measures.until(lambda: _are_published(place), 0.5)
            taken = clock() - begun
        print(f"  {count} published within {taken:.1f} s, bare {bare:.1f} s", flush=True)
        what = f"publishing {count} assistants to an empty server, beside the same calls made bare"
        return [Row(what, [taken / bare], "×", 1.3)]

    return at_place(count, 2, work)


async def _are_published(place: Place) -> bool:
    page = await place.api.ask("GET", f"{place.subject.objects}?resourceVersion=0")
    return all(map(_is_published, page["items"]))


def _is_published(assistant: dict[str, Any]) -> bool:
    conditions = assistant["status"].get("conditions", ())
    return any(each["type"] == "Published" and each["status"] == "True" for each in conditions)


async def _published_bare(place: Place, server: LangGraphServer, names: list[str]) -> float:
    """The calls that one publication needs: a finalizer, two statuses, the version's; and three of the server."""
    left, objects, content = iter(names), place.subject.objects, context(1)

    async def work(session: ClientSession) -> None:
        for name in left:
            for number in range(4):
                change = {"metadata": {"annotations": {"bench": str(number)}}}
                await place.api.ask("PATCH", f"{objects}/{name}", change, MERGE)
            body = {"graph_id": "writer", "name": name, "context": content, "metadata": {"bench": name}}
            async with session.post(f"{server.url}/assistants", json=body) as answer:
                made = await answer.json()
            one = f"{server.url}/assistants/{made['assistant_id']}"
            async with session.get(one) as answer:
                await answer.read()
            async with session.patch(one, json={"context": content, "metadata": {"bench": name}}) as answer:
                await answer.read()

    clock = asyncio.get_running_loop().time
    begun = clock()
    async with ClientSession() as session:
        await asyncio.gather(*(work(session) for _ in range(AT_ONCE)))
    return clock() - begun


def sharding(count: int, rounds: int) -> list[Row]:
    """Edits of two namespaces at once, with one operator for both, and with one for each."""

    async def work(place: Place) -> list[Row]:
        teams = [await place.make_namespace(name) for name in ("one", "two")]
        both = [f"--namespace={team.namespace}" for team in teams]
        rates: dict[int, list[float]] = {1: [], 2: []}
        memory: dict[int, list[float]] = {1: [], 2: []}
        with _sharded(place, [both]):
            for team in teams:
                await measures.make(place.api, team, measures.names(count))
        for number in range(1, 2 * rounds + 1):
            shards = 1 + number % 2
            with _sharded(place, [both] if shards == 1 else [[each] for each in both]) as operators:
                await place.calm()
                edited = [
                    measures.burst(place.api, place.plane.admin_kubeconfig, team, count, number) for team in teams
                ]
                rates[shards].append(sum(burst.per_second for burst in await asyncio.gather(*edited)))
                await place.calm()
                memory[shards].append(max(measures.resident_megabytes(each.pid) for each in operators))
            print(f"  {shards} operators: {rates[shards][-1]:.0f} captured a second", flush=True)
        what = f"2 × {count} objects edited at once, two operators beside one"
        return [
            Row(f"{what}: captured a second", _ratios(rates), "×", more_is_better=True),
            Row(f"{what}: memory of each", _ratios(memory), "×"),
        ]

    return at_place(0, 1, work)


def _ratios(found: dict[int, list[float]]) -> list[float]:
    return [two / one for one, two in zip(found[1], found[2], strict=True)]


@contextlib.contextmanager
def _sharded(place: Place, flags: list[list[str]]) -> Iterator[list[OperatorProcess]]:
    """Run one operator for each list of flags."""
    kubeconfig = planes.kubeconfig(place.plane)
    with contextlib.ExitStack() as stack:
        yield [
            stack.enter_context(
                OperatorProcess(kubeconfig, place.directory / f"{number}.log", "--log-level=warning", *each)
            )
            for number, each in enumerate(flags)
        ]


def depth(deep: int, edits: int, rounds: int) -> list[Row]:
    """An edit of an Assistant with a long history, beside one with a short one; and how fast its history is shown."""

    async def work(place: Place) -> list[Row]:
        subject = place.subject
        place.operator.start()
        await measures.make(place.api, subject, ["shallow", "deep"])
        await measures.in_a_row(place.api, subject, "deep", deep)
        await place.calm()
        ratios: list[float] = []
        shown: list[float] = []
        for number in range(rounds):
            shallow = await measures.spaced(place.api, subject, "shallow", edits, 1 + number * edits)
            at_depth = await measures.spaced(place.api, subject, "deep", edits, 1 + deep + number * edits)
            ratios.append(at_depth.p50 / shallow.p50)
            shown.append(await _history_shown(place))
        return [
            Row(f"one edit, p50, at {deep} versions beside a short history", ratios, "×", 1.1),
            Row(f"kubectl assistants history of the newest 20 of {deep}", shown, "s", 1),
        ]

    return at_place(0, 1, work)


async def _history_shown(place: Place) -> float:
    clock = asyncio.get_running_loop().time
    begun = clock()
    process = await asyncio.create_subprocess_exec(
        *(str(planes.PLUGIN), "history", "deep", "-n", place.subject.namespace, "--limit", "20"),
        env={"KUBECONFIG": str(place.plane.admin_kubeconfig), "PATH": "/usr/bin:/bin"},
        stdout=asyncio.subprocess.PIPE,
    )
    lines, _ = await process.communicate()
    if process.returncode or len(lines.splitlines()) < 20:
        raise RuntimeError(f"history ended with {process.returncode}: {json.dumps(lines.decode())}")
    return clock() - begun
