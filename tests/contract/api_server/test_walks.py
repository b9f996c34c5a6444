"""Whatever sequence of writes: the simulated API server answers as the real one."""

import secrets

import pytest
from aiohttp import ClientSession

from .real import Plane, Real
from .simulated import Simulated
from .walks import Walker, steps

LENGTH = 60


@pytest.mark.parametrize("seed", range(12))
async def test_the_same_writes_have_the_same_answers_and_events(
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
        await walkers[1].api.send("DELETE", f"/api/v1/namespaces/{name}")
