"""What really happened to Assistants and versions: read off the store, change by change."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from ..simulated_api.store import Change, Store

Json = dict[str, Any]
T = TypeVar("T")
ASSISTANTS, VERSIONS, GRAPHS, ALIASES = (
    f"assistant-operator.dev/{plural}" for plural in ("assistants", "assistantversions", "graphs", "assistantaliases")
)
VERSIONED = ("graphRef", "displayName", "description", "context", "config", "metadata")


@dataclass(frozen=True, slots=True)
class Edit:
    """A state of an Assistant's spec."""

    generation: int
    snapshot: Json
    time: float


@dataclass(frozen=True, slots=True)
class Made:
    """An AssistantVersion as it was created. `existed`: the numbers of its name that existed just before."""

    name: str
    """Namespace and name of the Assistant, with a slash between."""
    uid: str
    spec: Json
    time: float
    existed: dict[int, Json]

    @property
    def number(self) -> int:
        return int(self.spec["number"])


@dataclass(frozen=True, slots=True)
class Past:
    """What a History knew at one moment."""

    edits: dict[str, list[Edit]]
    made: list[Made]
    schemas: dict[str, list[tuple[float, Any]]]
    gone: dict[str, str]
    ended: dict[tuple[str, int], float]
    recorded: dict[str, int]
    asked: dict[str, list[Json]]


class History:
    """Every edit, by UID of the Assistant, and every version that was ever made, in order."""

    def __init__(self, store: Store, clock: Callable[[], float]) -> None:
        self.store = store
        self.clock = clock
        self.edits: dict[str, list[Edit]] = defaultdict(list)
        self.made: list[Made] = []
        self.schemas: dict[str, list[tuple[float, Any]]] = defaultdict(list)
        """By Graph: since when which schema of contexts was declared; None for none."""
        self.gone: dict[str, str] = {}
        """By UID: kind and name of what was deleted."""
        self.ended: dict[tuple[str, int], float] = {}
        """By name of the Assistant and number: when that version was deleted last."""
        self.recorded: dict[str, int] = {}
        """By UID of the Assistant: the highest number that its status ever named."""
        self.asked: dict[str, list[Json]] = defaultdict(list)
        """By UID of an alias: which versions its edits asked for, by number or digest."""
        self.is_lossy = False
        """Whether edits may be lost, because the API server forgot some of its history."""
        store.listeners.append(self._changed)

    def past(self) -> Past:
        edits, schemas = _lists(self.edits), _lists(self.schemas)
        return Past(
            edits, list(self.made), schemas, dict(self.gone), dict(self.ended), dict(self.recorded), _lists(self.asked)
        )

    def rewind(self, past: Past) -> None:
        """The storage was put back: what came after that moment never happened."""
        self.edits = defaultdict(list, _lists(past.edits))
        self.schemas = defaultdict(list, _lists(past.schemas))
        self.made, self.gone, self.ended = list(past.made), dict(past.gone), dict(past.ended)
        self.recorded, self.asked = dict(past.recorded), defaultdict(list, _lists(past.asked))

    def existing(self, storage: str) -> dict[str, Json]:
        """Objects by namespace/name."""
        return {key[1]: record.content for key, record in self.store.current.items() if key[0] == storage}

    def versions_of(self, name: str) -> dict[int, Json]:
        """The versions of an Assistant that exist now, by number."""
        found = [each for each in self.existing(VERSIONS).values() if assistant_of(each) == name]
        return {each["spec"]["number"]: each for each in found}

    def _changed(self, change: Change) -> None:
        storage, name = change.key
        last = change.after or change.before
        assert last
        if storage not in (ASSISTANTS, VERSIONS, GRAPHS, ALIASES):
            return
        if change.after is None:
            self.gone[last.meta["uid"]] = f"{storage} {name}"
            if storage == VERSIONS:
                self.ended[assistant_of(last.content), last.content["spec"]["number"]] = self.clock()
            if storage == GRAPHS:
                self.schemas[name].append((self.clock(), "gone"))
            return
        self._stored(storage, name, change.after.content, is_new=change.before is None)

    def _stored(self, storage: str, name: str, content: Json, *, is_new: bool) -> None:
        if storage == ASSISTANTS:
            self._assistant(content)
        elif storage == GRAPHS:
            self._graph(name, content)
        elif storage == ALIASES:
            self._alias(content)
        elif is_new:
            self._version(content)

    def _assistant(self, content: Json) -> None:
        meta, edits = content["metadata"], self.edits[content["metadata"]["uid"]]
        number = content.get("status", {}).get("latestVersion", 0)
        self.recorded[meta["uid"]] = max(number, self.recorded.get(meta["uid"], 0))
        if not edits or edits[-1].generation != meta["generation"]:
            edits.append(Edit(meta["generation"], snapshot_of(content), self.clock()))

    def _alias(self, content: Json) -> None:
        asked = {each: content["spec"][each] for each in ("version", "digest") if each in content["spec"]}
        known = self.asked[content["metadata"]["uid"]]
        if not known or known[-1] != asked:
            known.append(asked)

    def _graph(self, name: str, content: Json) -> None:
        schema, known = content["spec"].get("contextSchema"), self.schemas[name]
        if not known or known[-1][1] != schema:
            known.append((self.clock(), schema))

    def _version(self, content: Json) -> None:
        name, spec = assistant_of(content), content["spec"]
        existed = {number: each["spec"] for number, each in self.versions_of(name).items() if number != spec["number"]}
        self.made.append(Made(name, spec["assistantRef"]["uid"], spec, self.clock(), existed))


def aliases_of(history: History, assistant: str) -> list[Json]:
    """The aliases of an Assistant that exist now. `assistant`: namespace and name, with a slash between."""
    return [each for each in history.existing(ALIASES).values() if assistant_of(each) == assistant]


def _lists(of: dict[str, list[T]]) -> dict[str, list[T]]:
    return {name: list(each) for name, each in of.items()}


def assistant_of(version: Json) -> str:
    return f"{version['metadata']['namespace']}/{version['spec']['assistantRef']['name']}"


def snapshot_of(assistant: Json) -> Json:
    return {name: assistant["spec"][name] for name in VERSIONED if name in assistant["spec"]}


def controller_of(content: Json) -> str | None:
    """The UID of the owner that controls the object; None if there is none."""
    owners = content["metadata"].get("ownerReferences", [])
    return next((each["uid"] for each in owners if each.get("controller")), None)


def is_observed(assistant: Json) -> bool:
    """Whether the operator's status is of the present spec."""
    return bool(assistant.get("status", {}).get("observedGeneration") == assistant["metadata"]["generation"])
