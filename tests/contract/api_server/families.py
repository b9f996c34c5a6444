"""Random families: owners and dependents made, deleted in every way, and let go."""

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from .client import API_VERSION, Api, Reply
from .objects import assistant, graph, version

Json = dict[str, Any]
Step = Callable[["Family"], Awaitable[Reply]]

KINDS = {"graphs": "Graph", "assistants": "Assistant", "assistantversions": "AssistantVersion"}
MEMBERS = (
    *(("graphs", name) for name in ("g1", "g2")),
    *(("assistants", name) for name in ("a1", "a2")),
    *(("assistantversions", f"a1-v{number}") for number in (1, 2)),
)


@dataclass
class Family:
    """What there is of it on one API server."""

    api: Api
    uids: dict[tuple[str, str], str] = field(default_factory=dict)
    """The newest UID of each member, also of one that is gone."""

    def noted(self, plural: str, reply: Reply) -> Reply:
        if reply.status == 201:
            self.uids[plural, reply.meta["name"]] = reply.meta["uid"]
        return reply

    async def view(self) -> dict[str, Json]:
        """Who is there, with what the garbage collector acts on."""
        found = {}
        for plural in KINDS:
            for each in (await self.api.list(plural)).body["items"]:
                meta = each["metadata"]
                owners = [(owner["kind"], owner["name"]) for owner in meta.get("ownerReferences", ())]
                found[f"{plural}/{meta['name']}"] = {
                    "finalizers": meta.get("finalizers", []),
                    "owners": owners,
                    "is_being_deleted": "deletionTimestamp" in meta,
                    "generation": meta["generation"],
                }
        return found


def steps(seed: int, count: int) -> list[tuple[str, Step]]:
    """What is to be done, in words and as a function; all chance is in the seed."""
    chance = random.Random(seed)
    made = [_create(chance, plural, name) for plural, name in MEMBERS]
    return made + [
        chance.choice((_create, _delete, _delete, _let_go))(chance, *chance.choice(MEMBERS)) for _ in range(count)
    ]


def _create(chance: random.Random, plural: str, name: str) -> tuple[str, Step]:
    above = [each for each in MEMBERS if list(KINDS).index(each[0]) < list(KINDS).index(plural)]
    owners = chance.sample(above, min(len(above), chance.choice((0, 1, 1, 2))))
    blocks = [chance.random() < 0.7 for _ in owners]
    is_lost = chance.random() < 0.1
    finalizers = {"finalizers": ["example.com/held"]} if chance.random() < 0.3 else {}

    async def create(family: Family) -> Reply:
        references = [
            {
                "apiVersion": API_VERSION,
                "kind": KINDS[owner[0]],
                "name": owner[1],
                # A UID of nobody is another each time: the garbage collector remembers where it looked for one.
                "uid": str(uuid4()) if is_lost else family.uids.get(owner) or str(uuid4()),
                "blockOwnerDeletion": does_block,
            }
            for owner, does_block in zip(owners, blocks, strict=True)
        ]
        # Two references with one UID are no family, but a warning.
        distinct = list({reference["uid"]: reference for reference in references}.values())
        meta = {**finalizers, **({"ownerReferences": distinct} if distinct else {})}
        return family.noted(plural, await family.api.create(plural, _body(plural, name, meta)))

    return f"create {plural}/{name} of {owners} blocking {blocks} lost={is_lost} {finalizers}", create


def _body(plural: str, name: str, meta: Json) -> Json:
    match plural:
        case "graphs":
            return graph(name, meta=meta)
        case "assistants":
            return assistant(name, meta=meta)
    of, _, number = name.partition("-v")
    return version(int(number), of, meta=meta)


def _delete(chance: random.Random, plural: str, name: str) -> tuple[str, Step]:
    policy = chance.choice((None, "Background", "Foreground", "Orphan"))
    options = {"propagationPolicy": policy} if policy else {}
    return f"delete {plural}/{name} {policy}", lambda family: family.api.delete(plural, name, **options)


def _let_go(_: random.Random, plural: str, name: str) -> tuple[str, Step]:
    body = [{"op": "remove", "path": "/metadata/finalizers"}]

    async def let_go(family: Family) -> Reply:
        """Take off our finalizer, and leave those of the garbage collector."""
        found = await family.api.get(plural, name)
        kept = [each for each in found.body["metadata"].get("finalizers", ()) if not each.startswith("example.com/")]
        if kept or found.status == 404:
            return await family.api.merge(plural, name, {"metadata": {"finalizers": kept or None}})
        return await family.api.json_patch(plural, name, *body)

    return f"let {plural}/{name} go", let_go
