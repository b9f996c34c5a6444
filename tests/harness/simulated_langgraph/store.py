"""Assistants and their versions, and what a start of the server does to them."""

import copy
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from .bodies import Refused
from .contents import contains
from .graphs import DeployedGraph, Json, default_id

_SNAPSHOT = ("assistant_id", "version", "graph_id", "config", "context", "metadata", "name", "description")
_RESTORED = ("config", "metadata", "name", "description", "version")
_BOTH = (
    "Cannot specify both configurable and context. Prefer setting context alone. Context was introduced in "
    "LangGraph 0.6.0 and is the long term planned replacement for configurable."
)


class Store:
    """The rows of the server, in the order in which they were made."""

    def __init__(self, now: Callable[[], str]) -> None:
        """`now`: the time as the server writes it."""
        self._now = now
        self.graphs: Mapping[str, DeployedGraph] = {}
        self._rows: list[Json] = []
        self._versions: list[Json] = []

    def start(self, graphs: Mapping[str, DeployedGraph]) -> None:
        """Serve these graphs from now on: see to their default assistants."""
        self.graphs = graphs
        # Those of graphs that are gone are to go. But the server removes from the list that it iterates over, so
        # that the one behind each removed one stays, and nothing restricts it to the default assistants.
        for row in self._rows:
            if row["metadata"].get("created_by") == "system":
                self._rows.remove(row)
        for graph_id, graph in graphs.items():
            named = {"name": graph.name, "description": graph.description}
            system = {"graph_id": graph_id, "metadata": {"created_by": "system"}, "if_exists": "do_nothing", **named}
            row = self.create(default_id(graph_id), system)
            if {name: row[name] for name in named} != named:
                self.update(row["assistant_id"], {key: value for key, value in named.items() if value is not None})

    def state(self) -> tuple[list[Json], list[Json]]:
        """All that a restart keeps."""
        return copy.deepcopy(self._rows), copy.deepcopy(self._versions)

    def restore(self, state: tuple[list[Json], list[Json]]) -> None:
        self._rows, self._versions = copy.deepcopy(state[0]), copy.deepcopy(state[1])

    def check_graph(self, graph_id: str) -> None:
        """Raises Refused if no such graph is deployed."""
        if graph_id not in self.graphs:
            raise Refused(404, f"Graph '{graph_id}' not found. Expected one of: {sorted(self.graphs)}")

    def read(self, assistant_id: str) -> Json:
        """Raises Refused if there is none, or if its graph is not deployed."""
        row = self._row(assistant_id, "Not Found")
        if row["graph_id"] not in self.graphs:
            raise Refused(404, f"assistant {assistant_id} not found")
        return copy.deepcopy(row)

    def schemas(self, assistant_id: str) -> Json:
        graph_id = self._row(assistant_id, "Not Found")["graph_id"]
        self.check_graph(graph_id)
        return {"graph_id": graph_id, **copy.deepcopy(self.graphs[graph_id].schemas)}

    def create(self, assistant_id: str, body: Json) -> Json:
        self.check_graph(body["graph_id"])
        content = _mirrored(body)
        found = next((row for row in self._rows if row["assistant_id"] == assistant_id), None)
        if found and body.get("if_exists") == "do_nothing":
            return copy.deepcopy(found)
        if found:
            raise Refused(409, f"Assistant {assistant_id} already exists")
        now = self._now()
        empty: Json = {"config": {}, "context": {}, "metadata": {}, "description": None}
        row = {"assistant_id": assistant_id, "graph_id": body["graph_id"], **empty, **content, "version": 1}
        row |= {"name": body.get("name") or "Untitled", "created_at": now, "updated_at": now}
        self._rows.append(row)
        self._snapshot(row)
        return copy.deepcopy(row)

    def update(self, assistant_id: str, body: Json) -> Json:
        if "graph_id" in body:
            self.check_graph(body["graph_id"])
        content = _mirrored(body)
        row = self._row(assistant_id, f"Assistant {assistant_id} not found")
        metadata = {**row["metadata"], **content.pop("metadata", {})}
        highest = max(each["version"] for each in self._versions_of(assistant_id))
        row |= {**content, "metadata": metadata, "version": highest + 1, "updated_at": self._now()}
        self._snapshot(row)
        return copy.deepcopy(row)

    def delete(self, assistant_id: str) -> None:
        self._rows.remove(self._row(assistant_id, f"Assistant with ID {assistant_id} not found"))
        self._versions = [each for each in self._versions if each["assistant_id"] != assistant_id]

    def search(self, body: Json) -> list[Json]:
        """All that match, sorted."""
        if "graph_id" in body:
            self.check_graph(body["graph_id"])
        found = [row for row in self._rows if _matches(row, body)]
        by, order = body.get("sort_by", "created_at"), body.get("sort_order", "desc")
        folded = by in ("name", "graph_id")
        found.sort(
            key=lambda row: row[by].lower() if folded else row[by], reverse="sort_by" not in body or order == "desc"
        )
        return copy.deepcopy(found)

    def versions(self, assistant_id: str, body: Json) -> list[Json]:
        """One page, newest first. Raises Refused if it is empty, or if only the versions are left."""
        self._row(assistant_id, f"Assistant {assistant_id} not found")
        found = [
            each for each in self._versions_of(assistant_id) if contains(each["metadata"], body.get("metadata", {}))
        ]
        found.sort(key=lambda each: each["version"], reverse=True)
        first = int(body.get("offset", 0))
        page = found[first : first + int(body.get("limit", 10))]
        if not page:
            raise Refused(404, f"Assistant {assistant_id} not found")
        return copy.deepcopy(page)

    def roll_back(self, assistant_id: str, version: Any) -> Json:
        """Make a version the latest. It keeps the present context and graph."""
        row = self._row(assistant_id, f"Assistant {assistant_id} not found")
        snapshot = next((each for each in self._versions_of(assistant_id) if each["version"] == version), None)
        if snapshot is None:
            raise Refused(404, f"Version {version} not found for assistant {assistant_id}")
        row |= copy.deepcopy({key: snapshot[key] for key in _RESTORED}) | {"updated_at": self._now()}
        return copy.deepcopy(row)

    def _row(self, assistant_id: str, otherwise: str) -> Json:
        found = next((row for row in self._rows if row["assistant_id"] == assistant_id), None)
        if found is None:
            raise Refused(404, otherwise)
        return found

    def _versions_of(self, assistant_id: str) -> Iterable[Json]:
        return [each for each in self._versions if each["assistant_id"] == assistant_id]

    def _snapshot(self, row: Json) -> None:
        snapshot = copy.deepcopy({key: row[key] for key in _SNAPSHOT})
        self._versions.append({**snapshot, "created_at": row["updated_at"]})


def _mirrored(body: Json) -> Json:
    """The content that a body changes. Context and configurable are one thing, unless one of them is empty."""
    named = ("graph_id", "name", "description", "metadata")
    content: Json = {key: copy.deepcopy(body[key]) for key in named if key in body}
    context, config = body.get("context"), body.get("config") or {}
    configurable = config.get("configurable")
    if context and configurable:
        raise Refused(400, _BOTH)
    if config:
        content["config"] = config
    if context is not None:
        content["context"] = context
    if context:
        content["config"] = {**config, "configurable": context}
    elif configurable:
        content["context"] = configurable
    return copy.deepcopy(content)


def _matches(row: Json, body: Json) -> bool:
    return (
        body.get("graph_id", row["graph_id"]) == row["graph_id"]
        and body.get("name", "").lower() in row["name"].lower()
        and contains(row["metadata"], body.get("metadata", {}))
    )
