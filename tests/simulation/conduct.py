"""What the operator may do, beside the laws of history: as a leader, to copies on servers, to what people decided."""

from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from typing import Any

from harness.simulated_api.record import Record
from harness.simulated_api.store import Change
from harness.simulated_world import OPERATOR, World
from harness.simulated_world.history import (
    ALIASES,
    ASSISTANTS,
    GRAPHS,
    VERSIONS,
    Made,
    assistant_of,
    controller_of,
    is_observed,
)
from harness.simulated_world.world import condition
from harness.virtual_http import Seen

Json = dict[str, Any]
PREFIX = "assistant-operator.dev/"
FINALIZER, OWNER, NUMBER = f"{PREFIX}withdraw", f"{PREFIX}owner", f"{PREFIX}version"
DIGEST = f"{PREFIX}digest"
DEFAULT = f"{PREFIX}default"
LABELS = {"app.kubernetes.io/managed-by", f"{PREFIX}assistant"}
LEASES = "coordination.k8s.io/leases"
LEASE_LASTS = 15.0
UNDER_WAY = 0.05
"""Seconds after a freeze in which a request may arrive that the process was about to send before."""
MOST_WRITES, WITHIN = 60, 10.0
"""To one object in so many seconds: more are a loop."""


class Conduct:
    """Listens to the store, to the network and to LangGraph Servers, and tells what must not be."""

    def __init__(self, world: World, broken: Callable[[str], None]) -> None:
        self._world = world
        self._break = broken
        self._leased_at = 0.0
        self._pins: dict[str, set[int]] = defaultdict(set)
        """By UID of an Assistant: the versions that were ever pinned."""
        self._unheld: set[str] = set()
        """Assistants whose finalizer a person took off: a deletion need not wait for their copies."""
        self._copies: set[tuple[str, str]] = set()
        """URL of the server and namespace/name of the Assistant."""
        self._written: dict[tuple[str, str, str], deque[float]] = defaultdict(deque)
        world.cluster.store.listeners.append(self._changed)
        world.faults.listener = self._arrived

    def check_end(self) -> None:
        for name, assistant in self._assistants().items():
            self._check_status(name, assistant)
        for version in self._world.history.existing(VERSIONS).values():
            if controller_of(version) and not version["metadata"].get("labels", {}).keys() >= LABELS:
                self._break(f"version {version['metadata']['name']} lacks labels")
        for url, name in self._copies:
            if name not in self._published() and name not in self._unheld:
                self._break(f"{url} still has a copy of {name}, which is gone")
        if len(self._world.replicas) == 1 and (ended := self._ended()):
            self._break(f"the process ended by itself: {ended[0]}")

    def _assistants(self) -> dict[str, Json]:
        return self._world.history.existing(ASSISTANTS)

    def _published(self) -> dict[str, Json]:
        """What may have copies, by the name under which they are published."""
        aliases = self._world.history.existing(ALIASES).items()
        return {**self._assistants(), **{each.replace("/", "/alias/"): alias for each, alias in aliases}}

    def _ended(self) -> list[str]:
        """Exits that no crash was the cause of."""
        entries = self._world.simulation.trace.entries
        return [str(each) for each in entries if each.node in self._world.replicas and each.text.startswith("exits")]

    def _check_status(self, name: str, assistant: Json) -> None:
        status = assistant.get("status", {})
        active, activations = status.get("activeVersion"), status.get("activations", [])
        if active and (not activations or activations[0]["number"] != active):
            self._break(f"{name} has {active} in force, and its activations are {activations}")
        if condition(assistant, "Published").get("status") == "True" and not assistant["spec"].get("suspend"):
            url = status["copies"][0]["server"].removeprefix("http://")
            if (found := self._published_on(url, name)) != (active, status.get("digest")):
                self._break(f"{name} says it is published, and {url} has {found}")
            if FINALIZER not in assistant["metadata"].get("finalizers", []) and not _is_retained(assistant):
                self._break(f"{name} has copies and no finalizer")

    def _published_on(self, url: str, name: str) -> tuple[int, str] | None:
        """Number and digest of the copy there."""
        marks = (row["metadata"] for row in self._world.servers[url].assistants() if _name_of(row) == name)
        return next(((each[NUMBER], each[DIGEST]) for each in marks), None)

    # As a leader

    def _arrived(self, seen: Seen) -> None:
        is_read = seen.method == "GET" or seen.path.endswith(("/search", "/versions"))
        if is_read or seen.client not in self._world.replicas or "/leases" in seen.path or "/events" in seen.path:
            return
        now, path = self._world.simulation.elapsed(), seen.path.partition("?")[0]
        node = self._world.simulation.node(seen.client)
        is_under_way = 0 <= self._world.simulation.now - node.loop.frozen_until < UNDER_WAY
        if len(self._world.replicas) > 1 and self._world.leader != seen.client and not is_under_way:
            self._break(f"{seen.client} writes while {self._world.leader} leads: {seen.method} {path}")
        if seen.method != "POST":
            times = self._written[seen.client, seen.method, path]
            times.append(now)
            while times[0] < now - WITHIN:
                times.popleft()
            if len(times) == MOST_WRITES:
                self._break(f"{seen.method} {path} {MOST_WRITES} times in {WITHIN:g} s")

    def _leased(self, before: Record | None, after: Record) -> None:
        now, holder = self._world.simulation.elapsed(), after.content["spec"]["holderIdentity"]
        was = before.content["spec"]["holderIdentity"] if before else ""
        if was not in ("", holder) and holder and now - self._leased_at <= LEASE_LASTS:
            self._break(f"{holder} takes the Lease over, which {was} renewed {now - self._leased_at:.1f} s ago")
        self._leased_at = now

    # Each change

    def _changed(self, change: Change) -> None:
        (storage, name), before, after = change.key, change.before, change.after
        is_operators = self._world.audit.author == OPERATOR
        if storage == LEASES and after:
            self._leased(before, after)
        elif storage == ASSISTANTS and is_operators and before:
            self._assistant(name, before, after)
        elif storage == ASSISTANTS and after:
            self._of_person(name, before, after)
        elif storage == VERSIONS and after and before and is_operators:
            self._check_owners(name, before, after)
        elif storage == VERSIONS and after and before is None:
            self._check_told(self._world.history.made[-1])
        elif storage == VERSIONS and is_operators and before:
            self._check_suspended(before.content)

    def _of_person(self, name: str, before: Record | None, after: Record) -> None:
        if pin := after.content["spec"].get("versioning", {}).get("activeVersion"):
            self._pins[after.meta["uid"]].add(pin)
        if before and FINALIZER in before.finalizers and FINALIZER not in after.finalizers:
            self._unheld.add(name)

    def _assistant(self, name: str, before: Record, after: Record | None) -> None:
        if FINALIZER in before.finalizers and (after is None or FINALIZER not in after.finalizers):
            left = [url for url, of in self._copies if of == name]
            if left and not _is_retained(before.content):
                self._break(f"{name} is let go, and its copy is still on {left}")
        if after:
            self._activated(name, before.content, after.content)

    def _activated(self, name: str, before: Json, after: Json) -> None:
        was, number = (each.get("status", {}).get("activeVersion") for each in (before, after))
        if number == was or number is None or was is None:
            return
        pins = self._pins[before["metadata"]["uid"]]
        if number < was and number not in pins and was in self._world.history.versions_of(name):
            self._break(f"{name} falls back from version {was} to {number}, which nobody pinned")
        if not is_observed(after):
            return
        versioning = after["spec"].get("versioning", {})
        if after["spec"].get("suspend"):
            self._break(f"{name} activates version {number} while it is suspended")
        if versioning.get("activation") == "Manual" and number != versioning.get("activeVersion"):
            self._break(f"{name} activates version {number} by itself, and its activation is Manual")

    def _check_suspended(self, version: Json) -> None:
        assistant = self._assistants().get(assistant_of(version))
        if assistant and assistant["spec"].get("suspend") and is_observed(assistant):
            self._break(f"version {version['metadata']['name']} is pruned while its Assistant is suspended")

    def _check_owners(self, name: str, before: Record, after: Record) -> None:
        kept = {each["uid"] for each in after.meta.get("ownerReferences", [])}
        lost = [each["uid"] for each in before.meta.get("ownerReferences", []) if each["uid"] not in kept]
        if lost or (controller_of(before.content) and controller_of(after.content) != controller_of(before.content)):
            self._break(f"the operator takes version {name} from its owners {before.meta['ownerReferences']}")

    def _check_told(self, made: Made) -> None:
        """Of a version that follows one of the same Assistant: what changed, and who changed it."""
        history, change = self._world.history, made.spec["change"]
        of_same = [each for each in history.made[:-1] if each.name == made.name]
        before = next((each for each in reversed(of_same) if each.number == made.number - 1), None)
        is_again = any(each.number == made.number for each in of_same)
        if is_again or before is None or before.uid != made.uid or change["kind"] == "Created":
            return
        paths = sorted(_differences(before.spec["snapshot"], made.spec["snapshot"]))
        if change.get("paths", []) != paths:
            self._break(f"version {made.number} of {made.name} says that {change.get('paths')} changed: {paths}")
        editor = self._world.person.editor_of(made.uid, made.spec["generation"])
        is_default = DEFAULT in self._assistants().get(made.name, {"metadata": {}})["metadata"].get("labels", {})
        if editor and not is_default and change.get("manager") != editor:
            self._break(f"version {made.number} of {made.name} is by {change.get('manager')}, and was by {editor}")

    # Copies on servers

    def copies_changed(self) -> None:
        """A LangGraph Server was written to."""
        rows = {(url, _name_of(row)): row for url, each in self._world.servers.items() for row in each.assistants()}
        now = {place: row for place, row in rows.items() if place[1]}
        for place in now.keys() - self._copies:
            self._check_written_down(*place, now[place]["assistant_id"])
        for url, name in self._copies - now.keys():
            if name not in {of for _, of in now} and self._belongs_on_server(name):
                self._break(f"the copy of {name} on {url} is withdrawn, and there is no other")
        self._copies = set(now)

    def _check_written_down(self, url: str, name: str, assistant_id: str) -> None:
        published = self._published().get(name)
        if published is None:
            self._break(f"{name} is published on {url}, and there is no such object")
            return
        places = [(each["server"], each["assistantId"]) for each in published.get("status", {}).get("copies", [])]
        if (f"http://{url}", assistant_id) not in places:
            self._break(f"{name} is published on {url} before its status says so: {places}")
        is_held = FINALIZER in published["metadata"].get("finalizers", []) or name in self._unheld
        if not is_held and not _is_retained(published):
            self._break(f"{name} is published on {url} while nothing holds its deletion")

    def _belongs_on_server(self, name: str) -> bool:
        published = self._published().get(name)
        if published is None or "deletionTimestamp" in published["metadata"]:
            return False
        is_alias = published["kind"] == "AssistantAlias"
        number = published.get("status", {}).get("version" if is_alias else "activeVersion")
        version = self._world.history.versions_of(assistant_of(published) if is_alias else name).get(number)
        if version is None:
            return False
        graph = f"{name.partition('/')[0]}/{version['spec']['snapshot']['graphRef']['name']}"
        return "server" in self._world.history.existing(GRAPHS).get(graph, {"spec": {}})["spec"]


def _name_of(row: Json) -> str:
    """What a copy is of: namespace/name of an Assistant, namespace/alias/name of an alias; empty if it is nobody's."""
    return str(row["metadata"].get(OWNER, "")).partition("/")[2]


def _is_retained(assistant: Json) -> bool:
    return bool(assistant["spec"].get("deletionPolicy") == "Retain")


def _differences(before: Any, after: Any, at: str = "") -> Iterator[str]:
    """JSON Pointers of what differs, down to the deepest objects. Names need no escapes here."""
    if isinstance(before, dict) and isinstance(after, dict):
        for name in before.keys() | after.keys():
            yield from _differences(before.get(name, _ABSENT), after.get(name, _ABSENT), f"{at}/{name}")
    elif before is not after and before != after:
        yield at


_ABSENT = object()
