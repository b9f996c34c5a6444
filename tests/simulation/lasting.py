"""What is wrong with a cluster for a while, for the operator or for one object, and then is not."""

import asyncio
import random
from collections.abc import Callable
from typing import Any

from harness.simulated_api import Attempt, Grant, Policy, Quota, User
from harness.simulated_world import NAMESPACE, World
from harness.simulated_world.world import TOKEN

Json = dict[str, Any]
End = Callable[[], None]
LAG = 5.0
"""Seconds by which the watch cache of a stale API server is behind at most."""
GROUP = "assistant-operator.dev"
_ANY = frozenset({"*"})
_VERBS = ("create", "delete", "get", "list", "patch", "update", "watch")
_KINDS = ("assistants", "assistantversions", "assistantaliases", "graphs")
_OURS = (*_KINDS, *(f"{kind}/status" for kind in _KINDS))
_LONGEST_PAUSE = 300.0
"""Seconds until a refused write is tried again, at most."""


def during(world: World, seconds: float, end: End) -> End:
    """End it after so many seconds, or when what is returned is called. A write that was refused is tried again later.

    The pause before a retry doubles, so it is no longer than the refusals lasted, and five minutes at most.
    """
    world.trouble(seconds + min(seconds, _LONGEST_PAUSE))
    timer = asyncio.get_running_loop().call_later(seconds, end)

    def end_now() -> None:
        if not timer.cancelled() and timer.when() > asyncio.get_running_loop().time():
            timer.cancel()
            end()

    return end_now


def stale_server(world: World) -> End:
    """Every second connection goes to an API server whose watch cache lags: what it shows is up to `LAG` old."""
    if len(world.cluster.servers) == 1:
        world.add_api_server()
    endpoint, loop = world.cluster.servers[1].endpoint, asyncio.get_running_loop()
    timer: list[asyncio.TimerHandle] = []

    def fall_behind() -> None:
        endpoint.release()
        endpoint.hold()
        timer[:] = [loop.call_later(LAG, fall_behind)]

    def end() -> None:
        timer[0].cancel()
        endpoint.release()

    fall_behind()
    return end


def without_rights(world: World, resource: str, verbs: frozenset[str], *, cuts_watches: bool = False) -> End:
    """The operator's role lacks these verbs of a resource of ours. Watches that run go on, unless they are cut."""
    users = world.cluster.authorizer.users
    kept = [Grant(frozenset({GROUP}), frozenset({each}), frozenset(_VERBS)) for each in _OURS if each != resource]
    lacking = Grant(frozenset({GROUP}), frozenset({resource}), frozenset(_VERBS) - verbs)
    others = Grant(frozenset({"", "coordination.k8s.io", "events.k8s.io"}), _ANY, _ANY)
    users[TOKEN] = User(TOKEN, (*kept, lacking, others))
    world.lets_watch_graphs(is_let=resource != "graphs" or not verbs & {"list", "watch"})
    if cuts_watches:
        for server in world.cluster.servers:
            server.front.cut_watches()

    def end() -> None:
        users[TOKEN] = User(TOKEN, (Grant(_ANY, _ANY, _ANY),))
        world.lets_watch_graphs(is_let=True)

    return end


def refused(world: World, operation: str, name: str, number: int | None = None) -> End:
    """A policy refuses that operation on one version of an Assistant, or on all of them."""
    policies, title = world.cluster.policies, f"no-{operation.lower()}-of-{name}-{number or 'any'}"

    def allows(attempt: Attempt) -> bool:
        spec = (attempt.new or attempt.old or {})["spec"]
        return spec["assistantRef"]["name"] != name or number not in (None, spec["number"])

    policies[title] = Policy(title, "assistantversions", frozenset({operation}), allows, "not in this quarter")

    def end() -> None:
        policies.pop(title, None)

    return end


def unheld(world: World, name: str) -> End:
    """A policy refuses every write of one Assistant that does not change its spec, such as one of its finalizers."""
    policies, title = world.cluster.policies, f"no-finalizer-of-{name}"

    def allows(attempt: Attempt) -> bool:
        assert attempt.new
        assert attempt.old
        return attempt.about.name != name or attempt.new["spec"] != attempt.old["spec"]

    policies[title] = Policy(title, "assistants", frozenset({"UPDATE"}), allows, "finalizers are not allowed")

    def end() -> None:
        policies.pop(title, None)

    return end


def full(world: World, room: int = 0) -> End:
    """A ResourceQuota lets so many more versions be made in the namespace."""
    quotas = world.cluster.quotas
    used = len(world.history.existing(f"{GROUP}/assistantversions"))
    quotas["versions"] = Quota("versions", NAMESPACE, f"assistantversions.{GROUP}", used + room, used)

    def end() -> None:
        quotas.pop("versions", None)

    return end


def compacted(world: World, *, restarts: bool) -> None:
    """etcd forgets all history up to now. `restarts`: so does the API server, whose memory is lost."""
    world.history.is_lossy = True
    world.cluster.compact()
    if restarts:
        world.cluster.server.restart()


def any_of(world: World, chance: random.Random, names: list[str]) -> tuple[str, End]:
    """One of them, in words, and what ends it."""
    name, endings = chance.choice(names), {"create": "CREATE", "update": "UPDATE", "delete": "DELETE"}
    match chance.randrange(5):
        case 0:
            return "an API server whose watch cache lags", stale_server(world)
        case 1:
            resource, verbs = chance.choice(_OURS), frozenset(chance.sample(_VERBS, chance.randint(1, len(_VERBS))))
            cuts = chance.random() < 0.5
            said = f"no rights to {sorted(verbs)} {resource}" + (", watches are cut" if cuts else "")
            return said, without_rights(world, resource, verbs, cuts_watches=cuts)
        case 2:
            operation, number = chance.choice(list(endings.values())), chance.choice((None, 1, 2, 3, 4))
            said = f"a policy refuses {operation} of version {number or 'any'} of {name}"
            return said, refused(world, operation, name, number)
        case 3:
            return f"a policy refuses finalizers of {name}", unheld(world, name)
        case _:
            return "a quota of versions", full(world, chance.randrange(3))
