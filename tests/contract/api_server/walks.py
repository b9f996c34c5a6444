"""Random walks of writes, the same on two API servers, and their answers in a form that can be compared."""

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from .client import API_VERSION, Api, Reply
from .objects import assistant, condition

Json = dict[str, Any]
Step = Callable[["Walker"], Awaitable[Reply]]

NAMES = ("one", "two")
MANAGERS = ("ann", "ben", "operator")
KEYS = ("a", "b", "c.d/e")


@dataclass
class Walker:
    """One API server, and the objects that were seen there."""

    api: Api
    seen: dict[str, list[Json]] = field(default_factory=dict)
    """States of each name, oldest first."""
    _ordinals: dict[str, int] = field(default_factory=dict)

    async def begin(self) -> int:
        """Make the namespace; the resource version from which on to watch."""
        await self.api.done("POST", "/api/v1/namespaces", {"metadata": {"name": self.api.namespace}})
        return (await self.api.list("assistants")).position

    async def past(self, events: list[tuple[str, Json]]) -> list[list[Json]]:
        """What a list showed at the resource version of every seventh event."""
        named = {number: said for said, number in self._ordinals.items()}
        shown = []
        for _, content in events[::7]:
            position = named[content["metadata"]["resourceVersion"]].removeprefix("resourceVersion ")
            query = {"resourceVersion": position, "resourceVersionMatch": "Exact"}
            found = await self.api.list("assistants", **query)
            shown.append([self.object(each) for each in found.body["items"]])
        return shown

    async def events(self, since: int) -> list[tuple[str, Json]]:
        """All events since then."""
        last = await self.api.done("POST", self.api.path("assistants"), assistant("last"))
        found = []
        async with self.api.watch("assistants", resourceVersion=since) as watch:
            while (event := await watch.event()) and event["object"]["metadata"]["name"] != last.meta["name"]:
                found.append((event["type"], self.object(event["object"])))
        return found

    def state(self, name: str, back: int) -> Json:
        """A state that was seen; the oldest, where there are not so many."""
        states = self.seen.get(name) or [assistant(name)]
        return states[max(0, len(states) - 1 - back)]

    def noted(self, reply: Reply) -> Reply:
        if reply.status < 300 and reply.body.get("kind") == "Assistant":
            states = self.seen.setdefault(reply.meta["name"], [])
            if states[-1:] != [reply.body]:
                states.append(reply.body)
        return reply

    def comparable(self, reply: Reply) -> Any:
        """The answer with UIDs and resource versions as ordinals, without times, in an order that is none of chance."""
        body = dict(reply.body)
        if body.get("kind") == "Status":
            return reply.status, body.get("reason"), self._status(body)
        return reply.status, self.object(body)

    def object(self, body: Json) -> Json:
        meta = dict(body["metadata"])
        for name in ("uid", "resourceVersion"):
            if name in meta:
                meta[name] = self._ordinals.setdefault(f"{name} {meta[name]}", len(self._ordinals))
        for name in ("creationTimestamp", "deletionTimestamp"):
            if name in meta:
                meta[name] = "a time"
        entries = [{**entry, "time": "time" in entry} for entry in meta.get("managedFields", ())]
        meta["managedFields"] = sorted(entries, key=lambda entry: (entry["operation"], entry["manager"], str(entry)))
        return {**body, "metadata": meta}

    def _status(self, body: Json) -> Any:
        details = dict(body.get("details") or {})
        causes = [(each.get("reason"), each.get("field"), each["message"]) for each in details.pop("causes", ())]
        details.pop("uid", None)
        masked = [each if "UID" not in str(each) else each[:2] for each in causes]
        message = body.get("message", "") if len(causes) < 2 else ""
        about_a_precondition = "recondition" in message or "uid" in message
        return details, sorted(masked, key=str), "" if about_a_precondition else message


def steps(seed: int, count: int) -> list[tuple[str, Step]]:
    """What is to be done, in words and as a function; all chance is in the seed."""
    chance = random.Random(seed)
    return [_step(chance) for _ in range(count)]


def _step(chance: random.Random) -> tuple[str, Step]:
    makers = (_create, _merge, _merge, _json_patch, _apply, _apply, _apply, _status, _replace, _delete, _finalizers)
    return chance.choice(makers)(chance, chance.choice(NAMES), chance.choice(MANAGERS))


def _create(chance: random.Random, name: str, manager: str) -> tuple[str, Step]:
    body = assistant(name, **_spec(chance))
    return f"create {body} as {manager}", lambda at: at.api.create("assistants", body, fieldManager=manager)


def _merge(chance: random.Random, name: str, manager: str) -> tuple[str, Step]:
    body: Json = {"spec": _spec(chance)} if chance.random() < 0.8 else {}
    if chance.random() < 0.3:
        body["metadata"] = {"labels": {chance.choice(KEYS): chance.choice(("x", "y", None))}}
    return f"merge {name} {body} as {manager}", lambda at: at.api.merge("assistants", name, body, fieldManager=manager)


def _json_patch(chance: random.Random, name: str, manager: str) -> tuple[str, Step]:
    paths = ("/spec/context", "/spec/context/a", "/spec/context/a/b", "/spec/context/c.d~1e", "/spec/displayName")
    operations = []
    for _ in range(chance.randint(1, 3)):
        path = chance.choice(paths)
        value = _object(chance) if path == "/spec/context" else "x" if path == "/spec/displayName" else _value(chance)
        operations.append({"op": chance.choice(("add", "replace", "remove", "test")), "path": path, "value": value})

    def carry_out(at: Walker) -> Awaitable[Reply]:
        return at.api.json_patch("assistants", name, *operations, fieldManager=manager)

    return f"patch {name} {operations} as {manager}", carry_out


def _apply(chance: random.Random, name: str, manager: str) -> tuple[str, Step]:
    meta: Json = {"name": name}
    if chance.random() < 0.3:
        meta["labels"] = {chance.choice(KEYS): chance.choice(("x", "y"))}
    if chance.random() < 0.2:
        meta["finalizers"] = [chance.choice(("example.com/a", "example.com/b"))]
    body = {"apiVersion": API_VERSION, "kind": "Assistant", "metadata": meta, "spec": _spec(chance, applied=True)}
    force = chance.choice(("true", "false"))
    said = f"apply {body} as {manager} with force={force}"
    return said, lambda at: at.api.apply("assistants", name, body, manager, force=force)


def _status(chance: random.Random, name: str, manager: str) -> tuple[str, Step]:
    kinds = chance.sample(("Ready", "Valid", "Published"), chance.randint(0, 3))
    conditions = [condition(kind, chance.choice(("True", "False"))) for kind in kinds]
    status: Json = {"observedGeneration": chance.randint(0, 3)}
    if chance.random() < 0.7:
        status["conditions"] = conditions
    if chance.random() < 0.3:
        status["latestVersion"] = chance.choice((1, 2, None))

    def write(at: Walker) -> Awaitable[Reply]:
        return at.api.merge("assistants", name, {"status": status}, "status", fieldManager=manager)

    return f"status of {name} {status} as {manager}", write


def _replace(chance: random.Random, name: str, manager: str) -> tuple[str, Step]:
    back, spec = chance.choice((0, 0, 0, 1)), _spec(chance)
    is_same = chance.random() < 0.3

    def replace(at: Walker) -> Awaitable[Reply]:
        state = at.state(name, back)
        body = state if is_same else {**state, "spec": {**spec, "graphRef": {"name": "support"}}}
        return at.api.put("assistants", name, body, fieldManager=manager)

    return f"replace {name} of {back} states ago by {'the same' if is_same else spec} as {manager}", replace


def _delete(chance: random.Random, name: str, _: str) -> tuple[str, Step]:
    back = chance.choice((None, 0, 5))

    def delete(at: Walker) -> Awaitable[Reply]:
        uid = None if back is None else at.state(name, back)["metadata"].get("uid", "none")
        options = {} if uid is None else {"preconditions": {"uid": uid}}
        return at.api.delete("assistants", name, **options)

    return f"delete {name} with the uid of {back} states ago", delete


def _finalizers(chance: random.Random, name: str, manager: str) -> tuple[str, Step]:
    listed = chance.choice((None, [], ["example.com/a"], ["example.com/b", "example.com/a"]))
    body = {"metadata": {"finalizers": listed}}
    return f"finalizers of {name} {listed}", lambda at: at.api.merge("assistants", name, body, fieldManager=manager)


def _spec(chance: random.Random, *, applied: bool = False) -> Json:
    spec: Json = {"graphRef": {"name": chance.choice(("support", "sales"))}} if applied or chance.random() < 0.3 else {}
    if chance.random() < 0.8:
        spec["context"] = _object(chance)
    if chance.random() < 0.3:
        spec["displayName"] = chance.choice(("x", "y") if applied else ("x", "y", None))
    if chance.random() < 0.2:
        spec["config"] = {"tags": chance.choice(([], ["a"], ["a", "b"])), "recursionLimit": chance.choice((1, 0, 5))}
    if chance.random() < 0.2:
        spec["versioning"] = chance.choice(({}, {"historyLimit": 5}, {"activation": "Manual"}))
    if chance.random() < 0.2:
        spec["suspend"] = chance.choice((True, False))
    return spec


def _object(chance: random.Random, depth: int = 2) -> Json:
    return {key: _value(chance, depth) for key in chance.sample(KEYS, chance.randint(0, 3))}


def _value(chance: random.Random, depth: int = 2) -> Any:
    simple: tuple[Any, ...] = (None, True, 0, 1, 1.0, 2.5, "text", [], [1, {"x": None}], {})
    return _object(chance, depth - 1) if depth and chance.random() < 0.5 else chance.choice(simple)
