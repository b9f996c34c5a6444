"""What can go wrong at one call of the operator, by name."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

from harness.simulated_api.statuses import expired
from harness.simulated_world import World
from harness.virtual_http import Answered, Crash, Delay, Fault, Reset, Seen, Silence

Inject = Callable[[World, Seen], Fault | None]
LONGER_THAN_LEASE = 20.0
HELD = 15.0
"""Seconds for which watches show nothing new."""
GIVEN_UP = 75.0
"""Seconds after which any request is given up if it is never answered."""
_HTML = b"<html><body>502 Bad Gateway</body></html>"


def _said(code: int, reason: str, **headers: str) -> Inject:
    """An answer in the words of the server that is asked."""

    def inject(_: World, seen: Seen) -> Fault:
        body = _status(code, reason) if seen.server == "api" else {"detail": f"injected: {reason}"}
        return Answered(code, body, headers)

    return inject


def _status(code: int, reason: str) -> dict[str, Any]:
    told = {"message": f"injected: {reason}", "reason": reason, "code": code}
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", **told}


def _late(*, handled: bool) -> Inject:
    def inject(world: World, _: Seen) -> Fault:
        world.trouble(LONGER_THAN_LEASE)
        return Delay(LONGER_THAN_LEASE, handled=handled)

    return inject


def _silent(*, handled: bool) -> Inject:
    def inject(world: World, _: Seen) -> Fault:
        world.trouble(GIVEN_UP)
        return Silence(handled=handled)

    return inject


def _not_found(world: World, seen: Seen) -> Fault | None:
    """Of a LangGraph Server, the answer of what stands before it: its own would say that the assistant is gone.

    A deletion is not answered so: that would be no fault, but a statement that the object is gone.
    """
    if seen.method == "DELETE":
        return None
    if seen.server == "api":
        return Answered(404, _status(404, "NotFound"))
    return Answered(404, b"404 page not found\n", {"Content-Type": "text/plain"})


def _always(fault: Fault) -> Inject:
    return lambda world, seen: fault


def withhold(world: World, _: Seen) -> None:
    """Watches tell nothing new for a while; the call itself succeeds."""
    world.trouble(HELD)
    endpoint = world.cluster.server.endpoint
    endpoint.hold()
    asyncio.get_running_loop().call_later(HELD, endpoint.release)


def _expired(world: World, seen: Seen) -> Fault | None:
    """The API server says that it holds that past no longer: what was in it may be counted as missed."""
    world.history.is_lossy = True
    return _said(410, "Expired")(world, seen)


def _watches_expire(world: World, seen: Seen) -> Fault | None:
    """Each watch that is running, and the one that begins, ends with an event that says 410."""
    world.history.is_lossy = True
    error = expired("too old resource version: 1 (2)")
    world.cluster.server.endpoint.interrupt(error)
    if "watch=true" not in seen.path:
        return None
    event = json.dumps({"type": "ERROR", "object": error.manifest()})
    return Answered(200, f"{event}\n".encode(), {"Content-Type": "application/json"})


def _stale(world: World, seen: Seen) -> Fault:
    """The replica is started anew, and what it reads from the watch cache is as of now for a while."""
    withhold(world, seen)
    return Crash(handled=True)


def _restart(world: World, _: Seen) -> None:
    world.cluster.server.restart()


KINDS: dict[str, Inject] = {
    "crash before": _always(Crash(handled=False)),
    "crash after": _always(Crash(handled=True)),
    "answer lost": _always(Reset(handled=True)),
    "connection closed": _always(Reset(handled=False)),
    "no answer": _silent(handled=False),
    "no answer to what is done": _silent(handled=True),
    "late answer": _late(handled=True),
    "late effect": _late(handled=False),
    "stale read": _stale,
    "withheld events": withhold,
    "API server restarts": _restart,
    "401": _said(401, "Unauthorized"),
    "403": _said(403, "Forbidden"),
    "404": _not_found,
    "409": _said(409, "Conflict"),
    "410": _expired,
    "410 as watch events": _watches_expire,
    "422": _said(422, "Invalid"),
    "429": _said(429, "TooManyRequests", **{"Retry-After": "3"}),
    "500": _said(500, "InternalError"),
    "503": _said(503, "ServiceUnavailable"),
    "HTML": _always(Answered(502, _HTML, {"Content-Type": "text/html"})),
    "HTML as 200": _always(Answered(200, _HTML, {"Content-Type": "text/html"})),
    "truncated": _always(Answered(200, b'{"kind": "List", "meta', {"Content-Type": "application/json"})),
}


def inject(world: World, number: int, kind: str) -> None:
    """Let that call fail so, and note its words in the trace."""

    def plan(seen: Seen) -> Fault | None:
        if seen.number != number:
            return None
        world.simulation.trace.add("faults", f"{kind} at {seen}")
        return KINDS[kind](world, seen)

    world.faults.plan = plan
