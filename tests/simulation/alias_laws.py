"""The contract's laws of aliases, as code that judges each change of the store."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

from harness.simulated_world import World
from harness.simulated_world.history import ALIASES, ASSISTANTS, assistant_of, controller_of
from harness.simulated_world.world import condition

Json = dict[str, Any]
MOST_MOVES = 50


class AliasLaws:
    """`check` looks at one status that the operator wrote, `check_end` at all of them."""

    def __init__(self, world: World, was_valid: Callable[[str, Json], bool], broken: Callable[[str], None]) -> None:
        """`was_valid`: whether a schema accepts a snapshot that the operator may still believe to be declared."""
        self._history = world.history
        self._was_valid = was_valid
        self._broken = broken

    def check(self, name: str, before: Json, after: Json) -> None:
        """The operator wrote a status of that alias."""
        was, now = before.get("status", {}), after.get("status", {})
        self._check_moves(name, was.get("moves", []), now)
        number, digest = now.get("version"), now.get("digest")
        if (number, digest) == (was.get("version"), was.get("digest")):
            return
        same = [each for each in self._history.made if each.name == assistant_of(after) and each.number == number]
        spec = next((each.spec for each in reversed(same) if each.spec["digest"] == digest), None)
        if spec is None:
            self._broken(f"alias {name} stands for version {number}, which never was")
        elif not self._was_valid(name.partition("/")[0], spec["snapshot"]):
            self._broken(f"alias {name} is moved to version {number}, which the schema refuses")
        is_edited = now.get("observedGeneration") != was.get("observedGeneration")
        is_by_digest = {"digest": digest} in self._history.asked[after["metadata"]["uid"]]
        if number == was.get("version") and digest != was.get("digest") and not (is_edited or is_by_digest):
            self._broken(f"alias {name} is moved to other content of version {number} without an edit")
        if not [each for each in self._history.asked[after["metadata"]["uid"]] if _is_asked(each, number, digest)]:
            self._broken(f"alias {name} is moved to version {number}, which no edit asked for")

    def _check_moves(self, name: str, was: list[Json], now: Json) -> None:
        moves: list[Json] = now.get("moves", [])
        # A move whose answer was lost is written again, a moment later.
        before, after = _without_times(was), _without_times(moves)
        if not any(after[new:] == before[: MOST_MOVES - new] for new in range(len(after) + 1)):
            self._broken(f"alias {name} had the moves {was}, and has {moves}")
        if moves and moves[0]["to"] != now.get("version"):
            self._broken(f"alias {name} stands for version {now.get('version')}, and moved last to {moves[0]['to']}")
        for newer, older in pairwise(moves):
            if newer.get("from") != older["to"]:
                self._broken(f"alias {name} moved to {older['to']}, and then from {newer.get('from')}")

    def check_end(self) -> None:
        for name, alias in self._history.existing(ALIASES).items():
            if "deletionTimestamp" not in alias["metadata"]:
                self._check_settled(name, alias)

    def _check_settled(self, name: str, alias: Json) -> None:
        """At the end an alias stands for what its spec asks for, if that exists and is valid."""
        status, assistant = alias.get("status", {}), self._history.existing(ASSISTANTS).get(assistant_of(alias))
        if status.get("observedGeneration") != alias["metadata"]["generation"]:
            self._broken(f"alias {name} is at generation {alias['metadata']['generation']}, and its status at {status}")
        ready = condition(alias, "Ready")
        if assistant is None:
            if ready.get("reason") != "AssistantNotFound":
                self._broken(f"alias {name} has no Assistant, and Ready says {ready.get('reason')}")
            return
        kept = {
            number: each
            for number, each in self._history.versions_of(assistant_of(alias)).items()
            if controller_of(each) in (None, assistant["metadata"]["uid"])
        }
        asked = {n: each for n, each in kept.items() if _is_asked(alias["spec"], n, each["spec"]["digest"])}
        wanted = max(asked, default=None)
        if wanted and wanted == status.get("version") and asked[wanted]["spec"]["digest"] != status.get("digest"):
            wanted = None  # its Assistant was created anew
        is_valid = wanted is not None and condition(kept[wanted], "Valid").get("status") == "True"
        if is_valid and status.get("version") != wanted:
            self._broken(f"alias {name} asks for version {wanted} and stands for {status.get('version')}")
        if is_valid != (ready.get("status") == "True") and ready.get("reason") != "Publishing":
            self._broken(f"alias {name} asks for version {wanted}, and Ready is {ready}")


def _without_times(moves: list[Json]) -> list[Json]:
    return [{name: value for name, value in move.items() if name != "since"} for move in moves]


def _is_asked(asked: Json, number: int | None, digest: str | None) -> bool:
    return bool(asked["version"] == number if "version" in asked else asked["digest"] == digest)
