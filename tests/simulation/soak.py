"""An hour of edits in virtual time: what the operator holds in memory must not grow.

python -m simulation.soak --minutes 60 --rate 20
"""

import argparse
import asyncio
import gc
import sys
from collections.abc import Callable
from dataclasses import dataclass

from rich.console import Console
from rich.progress import Progress

from harness.simulated_world import World, simulated
from harness.simulated_world.leftovers import weight
from simulation.parallel import quiet

ASSISTANTS, LIMIT = 40, 10
"""How many are edited in turn, and how many versions of each are kept."""
MOST = 1.02
"""What is held at the end, beside half of the time: by then all that is bounded has filled up."""
SCHEMA = {"type": "object", "properties": {"prompt": {"type": "string"}, "edit": {"type": "integer"}}}
_PACKAGES = ("assistant_operator", "kopf", "aiohttp")
_MINUTE = 60.0
_WINDOW = 1_000
"""Changes in a watch cache."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What the process of the operator held after so many edits."""

    edits: int
    size: int
    """Bytes of all that its manager refers to."""
    objects: int
    """Of the classes of the operator, kopf and aiohttp, whoever refers to them."""


def soak(minutes: int, rate: float, sampled: Callable[[Sample], None]) -> list[Sample]:
    """Edit `rate` times a second. Returns a sample of each minute, which is also given to `sampled`.

    Raises Unsettled if an edit is not recorded.
    """
    samples: list[Sample] = []

    async def story(world: World) -> None:
        world.person.graph("writer", contextSchema=SCHEMA, defaultAssistant={"policy": "None"})
        names = [f"bot{number}" for number in range(ASSISTANTS)]
        for name in names:
            world.person.assistant(name, context={"prompt": "a"}, versioning={"historyLimit": LIMIT})
        edits = 0
        for _ in range(minutes):
            for _ in range(round(_MINUTE * rate)):
                edits += 1
                world.person.edit("Assistant", names[edits % ASSISTANTS], context={"edit": edits})
                await asyncio.sleep(1 / rate)
            _forget_the_past(world)
            samples.append(_sample(world, edits))
            sampled(samples[-1])
        await world.until(lambda: _made(world) == edits + ASSISTANTS)

    with simulated() as world:
        world.run(story(world), limit=minutes * _MINUTE + 600)
    return samples


def _made(world: World) -> int:
    existing = world.history.existing("assistant-operator.dev/assistants").values()
    return sum(each.get("status", {}).get("latestVersion", 0) for each in existing)


def _forget_the_past(world: World) -> None:
    """What is kept to judge a run would be most of what is in memory after an hour."""
    world.cluster.compact()
    for server in world.cluster.servers:
        server.endpoint.trim(_WINDOW)
    world.simulation.trace.entries.clear()
    world.audit.writes.clear()
    world.faults.seen.clear()
    world.history.made.clear()
    world.history.edits.clear()
    world.history.gone.clear()
    world.history.ended.clear()
    world.person.forget()


def _sample(world: World, edits: int) -> Sample:
    gc.collect()
    (process,) = world.operators.processes.values()
    theirs = sum(type(each).__module__.startswith(_PACKAGES) for each in gc.get_objects())
    return Sample(edits, weight(process), theirs)


def growth(samples: list[Sample]) -> float:
    """What was held last, beside half of the time: of bytes and objects, what grew more."""
    half, last = samples[len(samples) // 2 - 1], samples[-1]
    return max(last.size / half.size, last.objects / half.objects)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m simulation.soak", description=__doc__)
    parser.add_argument("--minutes", type=int, default=60, help="virtual ones")
    parser.add_argument("--rate", type=float, default=20, help="edits a second")
    asked = parser.parse_args()
    quiet()
    with Progress(console=Console(stderr=True)) as progress:
        task = progress.add_task("edits", total=asked.minutes)

        def show(sample: Sample) -> None:
            progress.advance(task)
            minute = round(sample.edits / asked.rate / _MINUTE)
            if minute % max(1, asked.minutes // 12) == 0:
                line = f"minute {minute:3}: {sample.edits:6} edits, {sample.size / 1024:8.0f} KB"
                print(f"{line} in {sample.objects} objects", flush=True)

        samples = soak(asked.minutes, asked.rate, show)
    grown = growth(samples)
    print(f"at the end {grown:.3f} x what was held after half of the time (at most {MOST:g})")
    return int(grown > MOST)


if __name__ == "__main__":
    sys.exit(main())
