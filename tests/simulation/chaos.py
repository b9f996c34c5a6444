"""A seed: many edits of many objects by a person, while whatever can fail fails at random; then all is repaired."""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from harness.simulated_api import ApiError
from harness.simulated_world import World, simulated
from harness.simulated_world.history import snapshot_of
from harness.virtual_http import Fault, Seen
from simulation import lasting
from simulation.faults import KINDS
from simulation.invariants import Laws, digest_of
from simulation.runs import REPLAY, Found
from simulation.scenarios import SCHEMA, copies

GRAPHS = ("writer", "router")
STRICTER = {"type": "object", "properties": {"prompt": {"type": "string", "maxLength": 3}}}
_VALID, _INVALID = ("a", "b", "c", "ab", "abcdef"), 5
_KEEP = "assistant-operator.dev/keep"
_ALIASED = 0.1
"""How many of the steps are those of an alias."""
_RESYNC = 300.0
"""Seconds between two comparisons of a server's copies with what they should be."""


@dataclass(frozen=True, slots=True)
class Size:
    """Of a run. Most faults of an operator are found in a small one, where a call in twenty fails."""

    weight: int
    """How many of a thousand seeds are of this size."""
    assistants: tuple[int, ...]
    steps: tuple[int, ...]
    pauses: tuple[float, ...]
    """Seconds between two steps, on average."""
    rates: tuple[float, ...]
    """How often a call fails."""


SIZES = (
    Size(957, (1, 1, 2, 3), (6, 12, 24), (0.02, 0.2, 1.0), (0.01, 0.03, 0.1, 0.2)),
    Size(40, (3, 6, 12), (40, 80), (0.05, 0.5, 3.0), (0.0, 0.01, 0.03, 0.1)),
    Size(3, (12, 24, 36), (150, 300), (0.05, 0.5, 3.0), (0.0, 0.01, 0.03)),
)


class Chaos:
    """What happens in one run."""

    def __init__(self, world: World, chance: random.Random) -> None:
        self._world = world
        self._chance = chance
        self._person = world.person
        self._is_over = False
        self._endings: list[Callable[[], None]] = []
        size = chance.choices(SIZES, [each.weight for each in SIZES])[0]
        self._rate = chance.choice(size.rates)
        self._names = [f"bot{number}" for number in range(chance.choice(size.assistants))]
        self._steps = chance.choice(size.steps)
        self._pause = chance.choice(size.pauses)
        self._edits: tuple[Callable[[str], None], ...] = (
            *[self._edit] * 8,
            *(self._break_content, self._pin, self._unpin, self._limit, self._suspend, self._resume),
            *(self._label, self._delete, self._orphan, self._delete_version, self._keep),
            *(self._let_go, self._unlabel, self._be_manual, self._be_automatic),
        )

    async def run(self) -> None:
        """Everything until all is settled again."""
        world, chance = self._world, self._chance
        await world.serve()
        for name in GRAPHS:
            served = {"server": {"url": "http://langgraph"}} if chance.random() < 0.5 else {}
            self._person.graph(name, contextSchema=SCHEMA, defaultAssistant={"policy": "None"}, **served)
        world.faults.plan = self._plan
        for _ in range(self._steps):
            await asyncio.sleep(chance.expovariate(1 / self._pause))
            self._step()
        self._repair()
        await world.settle()

    def _plan(self, seen: Seen) -> Fault | None:
        if self._is_over or self._chance.random() >= self._rate:
            return None
        kind = self._chance.choice(list(KINDS))
        self._say(f"{kind} at {seen}")
        return KINDS[kind](self._world, seen)

    def _step(self) -> None:
        if self._chance.random() < self._rate:
            self._disturb()
        edit, name = self._chance.choice(self._edits), self._chance.choice(self._names)
        if self._chance.random() < 0.03:
            self._change_schema()
        elif self._chance.random() < _ALIASED:
            self._touch_alias(name)
        elif self._person.get("Assistant", name) is None:
            self._make(name)
        else:
            self._say(f"{edit.__name__.strip('_')} {name}")
            try:
                edit(name)
            except ApiError as error:  # such as an edit of what is being deleted
                self._say(str(error))

    def _say(self, text: str) -> None:
        self._world.simulation.trace.add("chaos", text)

    # What befalls processes

    def _disturb(self) -> None:
        world, chance = self._world, self._chance
        replica = chance.choice(world.replicas)
        node = world.simulation.node(replica)
        match chance.randrange(6):
            case 0:
                seconds = chance.uniform(1, 40)
                node.freeze(seconds)
                world.trouble(seconds)
            case 1:
                node.skew = chance.uniform(-300, 300)
                self._say(f"the clock of {replica} is {node.skew:+.0f} s off")
            case 2:
                world.simulation.network.cut(replica, chance.choice(("api", "langgraph")))
            case 3 | 4:
                self._begin_lasting()
            case _:
                if node.is_alive:
                    node.crash()

    def _begin_lasting(self) -> None:
        seconds = self._chance.uniform(1, 200)
        said, end = lasting.any_of(self._world, self._chance, self._names)
        self._say(f"for {seconds:.0f} s: {said}")
        self._endings.append(lasting.during(self._world, seconds, end))

    # What a person does

    def _make(self, name: str) -> None:
        self._say(f"make {name}")
        self._person.assistant(name, self._chance.choice(GRAPHS), **self._content())

    def _content(self) -> dict[str, Any]:
        return {"context": {"prompt": self._chance.choice(_VALID)}}

    def _edit(self, name: str) -> None:
        for _ in range(self._chance.choice((1, 1, 1, 3))):
            manager = self._chance.choice(("ann", "zoe"))
            self._person.patch("Assistant", name, {"spec": self._content()}, manager)

    def _break_content(self, name: str) -> None:
        self._person.edit("Assistant", name, context={"prompt": _INVALID})

    def _pin(self, name: str) -> None:
        self._person.edit("Assistant", name, versioning={"activeVersion": self._chance.randint(1, 6)})

    def _unpin(self, name: str) -> None:
        self._person.edit("Assistant", name, versioning={"activeVersion": None})

    def _limit(self, name: str) -> None:
        self._person.edit("Assistant", name, versioning={"historyLimit": self._chance.randint(1, 6)})

    def _suspend(self, name: str) -> None:
        self._person.edit("Assistant", name, suspend=True)

    def _resume(self, name: str) -> None:
        self._person.edit("Assistant", name, suspend=False)

    def _label(self, name: str) -> None:
        self._person.patch("Assistant", name, {"metadata": {"labels": {"team": self._chance.choice(_VALID)}}})

    def _delete(self, name: str) -> None:
        self._person.delete("Assistant", name)

    def _orphan(self, name: str) -> None:
        self._person.delete("Assistant", name, "Orphan")

    def _delete_version(self, name: str) -> None:
        if versions := sorted(self._world.history.versions_of(f"team/{name}")):
            self._person.delete("AssistantVersion", f"{name}-v{self._chance.choice(versions)}")

    def _keep(self, name: str) -> None:
        if versions := sorted(self._world.history.versions_of(f"team/{name}")):
            number = self._chance.choice(versions)
            self._person.patch("AssistantVersion", f"{name}-v{number}", {"metadata": {"labels": {_KEEP: ""}}})

    def _let_go(self, name: str) -> None:
        """As `kubectl replace` does with a manifest that has no finalizers."""
        if "deletionTimestamp" not in (self._person.get("Assistant", name) or {})["metadata"]:
            self._person.patch("Assistant", name, {"metadata": {"finalizers": None}})

    def _unlabel(self, name: str) -> None:
        if versions := sorted(self._world.history.versions_of(f"team/{name}")):
            number = self._chance.choice(versions)
            self._person.patch("AssistantVersion", f"{name}-v{number}", {"metadata": {"labels": None}})

    def _be_manual(self, name: str) -> None:
        self._person.edit("Assistant", name, versioning={"activation": "Manual"})

    def _be_automatic(self, name: str) -> None:
        self._person.edit("Assistant", name, versioning={"activation": "Automatic"})

    def _touch_alias(self, assistant: str) -> None:
        """Make, move or delete the alias of that Assistant."""
        name = f"alias-of-{assistant}"
        self._say(f"touch {name}")
        if (found := self._person.get("AssistantAlias", name)) is None:
            spec = {"assistantRef": {"name": assistant}, **self._asked(assistant)}
            self._person.create("AssistantAlias", name, spec)
        elif "deletionTimestamp" in found["metadata"]:
            return
        elif self._chance.random() < 0.15:
            self._person.delete("AssistantAlias", name)
        else:
            for _ in range(self._chance.choice((1, 1, 3))):
                self._person.edit("AssistantAlias", name, **{"version": None, "digest": None, **self._asked(assistant)})

    def _asked(self, assistant: str) -> dict[str, Any]:
        kept = self._world.history.versions_of(f"team/{assistant}")
        if kept and self._chance.random() < 0.3:
            return {"digest": kept[self._chance.choice(sorted(kept))]["spec"]["digest"]}
        return {"version": self._chance.randint(1, 6)}

    def _mend_aliases(self) -> None:
        """Each alias asks for the content of its Assistant, or is deleted like it."""
        for name in self._names:
            alias = f"alias-of-{name}"
            if self._person.get("AssistantAlias", alias) is None:
                continue
            found = self._person.get("Assistant", name)
            if found is None or "deletionTimestamp" in found["metadata"]:
                self._person.delete("AssistantAlias", alias)
                continue
            digest = digest_of(snapshot_of(found))
            self._person.edit("AssistantAlias", alias, version=None, digest=digest)

    def _change_schema(self) -> None:
        name, schema = self._chance.choice(GRAPHS), self._chance.choice((SCHEMA, STRICTER))
        self._say(f"change the schema of {name} to {schema}")
        told = {**schema, "$comment": str(self._world.cluster.store.revision)}
        self._person.replace("Graph", name, contextSchema=told)

    def _repair(self) -> None:
        """End all faults, and put right what people did wrong."""
        self._is_over = True
        self._say("all faults end")
        for end in self._endings:
            end()
        left = {name for server in self._world.servers for name in copies(self._world, server)}
        if any(self._person.get("Assistant", name) is None for name in left):
            # A person took the finalizer off and deleted the Assistant: the next resync finds its copy.
            self._world.trouble(_RESYNC)
        for name in self._names:
            if self._person.get("Assistant", name):
                versioning = {"activeVersion": None, "activation": "Automatic"}
                whole = {"versioning": versioning, "suspend": False, "context": {"prompt": "z"}}
                self._person.edit("Assistant", name, **whole)
        self._mend_aliases()


def run_seed(seed: int, last: int | None = 60) -> World:
    """The world at the end. Raises Found, with the `last` lines of the trace and the command that repeats it."""
    chance = random.Random(f"{seed} chaos")
    with simulated(seed, replicas=chance.choice((1, 1, 2))) as world:
        laws = Laws(world)

        async def story() -> None:
            await Chaos(world, chance).run()
            laws.check_end()

        try:
            world.run(story(), limit=20_000)
        except Exception as error:
            words = [str(each) for each in world.simulation.trace.entries if each.node in ("chaos", "laws", "network")]
            told = [f"seed {seed}:", str(error) or repr(error), *laws.broken[:5]]
            told += [f"replay: {REPLAY} --seed {seed}", *words, world.simulation.trace.text(last)]
            raise Found("\n".join(told)) from error
    return world
