"""What the pages keep of an object: a few fields each, without the configuration. Pure.

Fields that an older operator does not write are empty.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

from assistant_operator.api.assistant import Assistant
from assistant_operator.api.assistant_alias import AssistantAlias
from assistant_operator.api.assistant_version import KEEP
from assistant_operator.api.graph import Graph
from assistant_operator.api.meta import FreeForm, Key, ObjectMeta, condition
from assistant_operator.api.reason import Reason
from assistant_operator.kubectl.conditions import not_ready_reason, readiness

DEFAULT = "assistant-operator.dev/default"


@dataclass(frozen=True, slots=True)
class AliasRow:
    """An AssistantAlias, without its moves."""

    key: Key
    assistant: str
    version: int = 0
    """Number of the version that it stands for; 0 for none."""
    ready: str = "Unknown"
    reason: str = ""
    """Reason and message while it is not ready."""

    @classmethod
    def of(cls, document: FreeForm) -> Self:
        return cls.from_alias(AssistantAlias.model_validate(document))

    @classmethod
    def from_alias(cls, alias: AssistantAlias) -> Self:
        return cls(
            key=alias.key,
            assistant=alias.spec.assistant_ref.name,
            version=alias.status.version or 0,
            ready=readiness(alias),
            reason=not_ready_reason(alias),
        )

    @property
    def name(self) -> str:
        return self.key[1]

    @property
    def problem(self) -> str:
        """A word for what is wrong; empty if it is ready."""
        words = {"True": "being deleted", "Unknown": "not observed yet"}
        return words.get(self.ready, "not ready") if self.reason else ""

    @property
    def tone(self) -> str:
        return {"False": "bad", "Unknown": "warn"}.get(self.ready, "warn" if self.reason else "good")


@dataclass(frozen=True, slots=True)
class AssistantRow:
    """An Assistant of the overview."""

    key: Key
    graph: str
    display_name: str = ""
    latest: int = 0
    active: int = 0
    pin: int = 0
    ready: str = "Unknown"
    reason: str = ""
    """Reason and message while it is not ready, or suspended."""
    is_suspended: bool = False
    is_manual: bool = False
    is_default: bool = False
    is_stalled: bool = False
    aliases: tuple[AliasRow, ...] = ()
    """By name. They are objects of their own: `of` does not know them."""

    @classmethod
    def of(cls, document: FreeForm) -> Self:
        assistant = Assistant.model_validate(document)
        meta, spec, status = assistant.metadata, assistant.spec, assistant.status
        stalled = condition(status.conditions, "Stalled")
        return cls(
            key=meta.key,
            graph=spec.graph_ref.name,
            display_name=spec.display_name or "",
            latest=status.latest_version or 0,
            active=status.active_version or 0,
            pin=assistant.pin or 0,
            ready=readiness(assistant),
            reason=not_ready_reason(assistant),
            is_suspended=spec.suspend,
            is_manual=spec.versioning.activation == "Manual",
            is_default=meta.labels.get(DEFAULT) == "true",
            is_stalled=stalled is not None and stalled.status == "True",
        )


@dataclass(frozen=True, slots=True)
class GraphRow:
    """A Graph of the overview."""

    key: Key
    graph_id: str = ""
    ready: str = "Unknown"
    reason: str = ""
    server: str = ""
    server_version: str = ""

    @classmethod
    def of(cls, document: FreeForm) -> Self:
        graph = Graph.model_validate(document)
        return cls(
            key=graph.key,
            graph_id=graph.graph_id,
            ready=readiness(graph),
            reason=not_ready_reason(graph),
            server=_server(document),
            server_version=graph.status.server_version or "",
        )


def _server(document: FreeForm) -> str:
    server = _map(_map(document, "spec"), "server")
    reference = _map(server, "serviceRef")
    return str(server.get("url") or (f"service {reference.get('name', '')}" if reference else ""))


@dataclass(frozen=True, slots=True)
class VersionRow:
    """A version without its snapshot."""

    name: str
    number: int
    created: datetime | None = None
    kind: str = ""
    same_as: int = 0
    paths: tuple[str, ...] = ()
    cause: str = ""
    user: str = ""
    """Who made the edit, as the API server authenticated them; empty if the operator does not record that."""
    manager: str = ""
    digest: str = ""
    chain: str = ""
    generation: int = 0
    valid: str = "Unknown"
    reason: str = ""
    message: str = ""
    is_active: bool = False
    """As its own condition says, which is updated after the status of the Assistant."""
    server_version: int = 0
    is_kept: bool = False

    @classmethod
    def of(cls, document: FreeForm) -> Self:
        meta = ObjectMeta.model_validate(document["metadata"])
        spec, status = _map(document, "spec"), _map(document, "status")
        change, conditions = _map(spec, "change"), _by_type(status)
        valid = conditions.get("Valid", {})
        return cls(
            name=meta.name,
            number=int(spec.get("number") or 0),
            created=meta.creation_timestamp,
            kind=str(change.get("kind") or ""),
            same_as=int(change.get("sameAs") or 0),
            paths=tuple(map(str, change.get("paths") or ())),
            cause=str(change.get("cause") or ""),
            user=str(change.get("user") or ""),
            manager=str(change.get("manager") or ""),
            digest=str(spec.get("digest") or ""),
            chain=str(spec.get("chain") or ""),
            generation=int(spec.get("generation") or 0),
            valid=str(valid.get("status") or "Unknown"),
            reason=str(valid.get("reason") or ""),
            message=str(valid.get("message") or ""),
            is_active=conditions.get("Active", {}).get("status") == "True",
            server_version=int(status.get("serverVersion") or 0),
            is_kept=KEEP in meta.labels,
        )

    @property
    def is_refused(self) -> bool:
        return self.valid == "False"

    @property
    def is_altered(self) -> bool:
        """Whether its content does not match its digest."""
        return self.reason == Reason.CONTENT_ALTERED


@dataclass(frozen=True, slots=True)
class EventRow:
    """A Kubernetes event about an Assistant."""

    type: str
    reason: str
    message: str
    last: datetime | None
    count: int = 1

    @classmethod
    def of(cls, document: FreeForm) -> Self:
        series = _map(document, "series")
        times = [series.get("lastObservedTime"), document.get("lastTimestamp"), document.get("eventTime")]
        return cls(
            type=str(document.get("type") or ""),
            reason=str(document.get("reason") or ""),
            message=str(document.get("message") or ""),
            last=next((_time(each) for each in times if each), None),
            count=int(series.get("count") or document.get("count") or 1),
        )


@dataclass(frozen=True, slots=True)
class ActivationRow:
    """Which version came into force when, and, where it is recorded, by whose edit and why."""

    number: int
    since: datetime
    user: str = ""
    cause: str = ""


def activations(document: FreeForm) -> tuple[ActivationRow, ...]:
    """`status.activations` of an Assistant, newest first."""
    found = (_map(document, "status").get("activations") or ()) if document else ()
    return tuple(
        ActivationRow(int(each["number"]), since, str(each.get("user") or ""), str(each.get("cause") or ""))
        for each in found
        if (since := _time(each.get("since")))
    )


def _time(text: Any) -> datetime | None:
    """None for a time that Python cannot represent."""
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _map(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = document.get(name)
    return found if isinstance(found, Mapping) else {}


def _by_type(status: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    return {str(each.get("type")): each for each in status.get("conditions") or ()}
