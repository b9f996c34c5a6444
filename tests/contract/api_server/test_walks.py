"""Whatever sequence of writes: the simulated API server answers as the real one."""

import secrets

import pytest
from aiohttp import ClientSession

from . import families
from .families import Family
from .real import Plane, Real
from .simulated import Simulated
from .waiting import eventually
from .walks import Walker, steps

LENGTH = 60


@pytest.mark.parametrize("seed", range(12))
async def test_the_same_writes_have_the_same_answers_events_and_past(
    seed: int, plane: Plane, session: ClientSession
) -> None:
    async with Simulated(session) as simulated:
        name = f"walk-{secrets.token_hex(4)}"
        walkers = [Walker(cluster.api(name)) for cluster in (simulated, Real(session, plane))]
        starts = [await walker.begin() for walker in walkers]
        history: list[str] = []
        for words, step in steps(seed, LENGTH):
            answers = [walker.noted(await step(walker)) for walker in walkers]
            shown, real = (walker.comparable(answer) for walker, answer in zip(walkers, answers, strict=True))
            history.append(f"{words} -> {answers[1].status}")
            assert shown == real, "\n".join(history)
        simulated_events, real_events = [
            await walker.events(start) for walker, start in zip(walkers, starts, strict=True)
        ]
        assert simulated_events == real_events, "\n".join(history)
        simulated_past, real_past = [await walker.past(simulated_events) for walker in walkers]
        assert simulated_past == real_past, "\n".join(history)
        await walkers[1].api.send("DELETE", f"/api/v1/namespaces/{name}")


@pytest.mark.parametrize("seed", range(8))
async def test_families_come_to_the_same_end(seed: int, plane: Plane, session: ClientSession) -> None:
    async with Simulated(session) as simulated:
        name = f"family-{secrets.token_hex(4)}"
        shown, real = (Family(cluster.api(name)) for cluster in (simulated, Real(session, plane)))
        for family in (shown, real):
            await family.api.done("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
        history: list[str] = []
        for words, step in families.steps(seed, 15):
            codes = ((await step(shown)).status, (await step(real)).status)
            history.append(f"{words} -> {codes}")

            async def is_same() -> bool:
                return await shown.view() == await real.view()

            try:
                # The garbage collector looks for new kinds every 30 seconds.
                await eventually(is_same, 90)
            except AssertionError as error:
                history += [f"simulated: {await shown.view()}", f"real: {await real.view()}"]
                raise AssertionError("\n".join(history)) from error
            assert codes[0] == codes[1], "\n".join(history)
        await real.api.send("DELETE", f"/api/v1/namespaces/{name}")
