"""What an assistant is to be on a LangGraph Server, how far it is that, and what to send to make it so. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid5

from assistant_operator.api.assistant import Assistant, Copy, Snapshot
from assistant_operator.api.graph import Graph
from assistant_operator.api.meta import GROUP, FreeForm, Key
from assistant_operator.api.remote import RemoteAssistant

from .versioning import differences, pointer

OURS = UUID("c539c685-a8a9-52a3-b0e1-f363c0bb106a")
"""The namespace of the UUIDs we give: uuid5 of the DNS name assistant-operator.dev."""
SERVERS = UUID("6ba7b821-9dad-11d1-80b4-00c04fd430c8")
"""The namespace of the UUIDs that a LangGraph Server gives to the default assistants of its graphs."""

OWNER, NUMBER, DIGEST, POLICY = (f"{GROUP}/{name}" for name in ("owner", "version", "digest", "deletion-policy"))
MARKS = (OWNER, NUMBER, DIGEST, POLICY)

# What the server keeps for itself: it drops these from what is sent, so they would be a difference for ever.
_SERVERS_METADATA = {"thread_id", "assistant_id", "run_id", "cron_id", "counters_since_delta_snapshot"}
_SERVERS_CONTEXT = {
    "langgraph_auth_user",
    "langgraph_auth_user_id",
    "langgraph_auth_permissions",
    "langgraph_request_id",
    "__request_start_time_ms__",
    "__after_seconds__",
    "__langsmith_project__",
    "__langsmith_example_id__",
    "__dd_trace_headers__",
    "__pregel_node_finished",
    "__context_provided__",
}
_SERVERS_PREFIX = ("__otel_",)
_SMALLEST_INTEGER, _LARGEST_INTEGER = -(2**63), 2**64 - 1


@dataclass(frozen=True, slots=True)
class Target:
    """Where an assistant belongs: the copy, and what it is a copy for."""

    copy: Copy
    graph_id: str
    is_default: bool
    """Whether it is the server's own assistant of the graph, whose name and description the server writes."""


@dataclass(frozen=True, slots=True)
class DesiredAssistant:
    """What an assistant is to be on a server."""

    graph_id: str
    name: str | None
    """None where the server has the say; the description then too."""
    description: str
    context: FreeForm
    configurable: FreeForm
    config: FreeForm
    """Without what is configurable."""
    metadata: FreeForm


def owner_of(cluster: str, key: Key) -> str:
    """Who owns a copy: cluster, namespace and name."""
    return "/".join((cluster, *key))


def target_of(graph: Graph, assistant: Key, cluster: str) -> Target | None:
    """Where an assistant of this Graph belongs; None if the Graph declares no server."""
    server = graph.spec.server
    if server is None:
        return None
    is_default = graph.default_name == assistant[1]
    owner = owner_of(cluster, assistant)
    identity = default_id(graph.graph_id) if is_default else own_id(owner)
    refs: dict[str, Any] = {"api_key_secret_ref": server.api_key_secret_ref, "ca_bundle_ref": server.ca_bundle_ref}
    address = server.address(graph.metadata.namespace)
    present = {name: ref for name, ref in refs.items() if ref}
    copy = Copy(server=address, assistant_id=identity, owner=owner, **present)
    return Target(copy, graph.graph_id, is_default)


def owners(assistant: Assistant, copy: Copy, current: str) -> frozenset[str]:
    """The identities under which the assistant at the place of `copy` is ours by our own record.

    The status may record the same place under the identity of an earlier cluster name.
    """
    recorded = (each.owner for each in (copy, *assistant.status.copies) if each.site == copy.site)
    return frozenset(owner for owner in recorded if owner) | {current}


def is_ours(there: RemoteAssistant, assistant: Key, copy: Copy, current: str) -> bool:
    """Whether a copy that our status records was created by us, as its server's metadata says.

    A status that does not record the identity: ours is what is marked with the current one, or with one of another
    cluster name for this very Assistant whose UUID is the recorded one.
    """
    marked = there.mark(OWNER)
    if marked is None or copy.owner is not None:
        return marked is not None and marked == copy.owner
    is_namesake = tuple(marked.rsplit("/", 2)[1:]) == assistant and own_id(marked) == copy.assistant_id
    return marked == current or is_namesake


def own_id(owner: str) -> str:
    """The UUID we give to the copy of that owner."""
    return str(uuid5(OURS, owner))


def default_id(graph_id: str) -> str:
    """The UUID of the server's own assistant of a graph."""
    return str(uuid5(SERVERS, graph_id))


def desired(place: Target, assistant: Assistant, number: int, snapshot: Snapshot, owner: str) -> DesiredAssistant:
    """What the version of that number and content is to be on the server."""
    name = assistant.metadata.name
    config = snapshot.config.manifest() if snapshot.config else {}
    renamed = {"tags": "tags", "recursionLimit": "recursion_limit"}
    return DesiredAssistant(
        graph_id=place.graph_id,
        name=None if place.is_default else _stored(snapshot.display_name or name),
        description=_stored(snapshot.description or ""),
        context=_stored(_without(snapshot.context, _SERVERS_CONTEXT, _SERVERS_PREFIX)),
        configurable=_stored(_without(_configurable(snapshot), _SERVERS_CONTEXT, _SERVERS_PREFIX)),
        config={theirs: _stored(config[ours]) for ours, theirs in renamed.items() if config.get(ours) is not None},
        metadata={
            **_kept_metadata(snapshot),
            **({POLICY: "Retain"} if assistant.spec.deletion_policy == "Retain" else {}),
            OWNER: owner,
            NUMBER: number,
            DIGEST: snapshot.digest,
        },
    )


def metadata_keys(snapshot: Snapshot) -> frozenset[str]:
    """The keys of the server's metadata that come from a snapshot."""
    return frozenset(_kept_metadata(snapshot))


def drift(desired: DesiredAssistant, there: RemoteAssistant, former: Iterable[str] = ()) -> tuple[str, ...]:
    """Where the server differs from what is wanted, as JSON Pointers; `former`: keys of ours not wanted now."""
    is_, should_be = _shown(desired, there, frozenset(former)), _should_be(desired)
    found = set(differences(should_be, is_))
    # Where the server mirrors the one in the other, the same difference is told once.
    twins = {path for path in found if path[0] == "configurable" and ("context", *path[1:]) in found}
    return tuple(sorted(pointer(path) for path in found - twins))


def creation(desired: DesiredAssistant, assistant_id: str) -> FreeForm:
    """The body that makes the copy, or gives back the one that is there."""
    return {"assistant_id": assistant_id, "if_exists": "do_nothing", "name": desired.graph_id, **update(desired)}


def update(desired: DesiredAssistant, there: RemoteAssistant | None = None, former: Iterable[str] = ()) -> FreeForm:
    """The body that makes a copy all that is wanted, whatever it was. The server merges metadata: null is no more."""
    config = desired.config if desired.context else {**desired.config, "configurable": desired.configurable}
    named = {} if desired.name is None else {"name": desired.name, "description": desired.description}
    present = (there.metadata or {}).keys() if there else set()
    dropped = dict.fromkeys(({*former, POLICY} & present) - desired.metadata.keys())
    metadata = {**dropped, **desired.metadata}
    return {"graph_id": desired.graph_id, **named, "context": desired.context, "config": config, "metadata": metadata}


def reset_payload(there: RemoteAssistant, keys: Iterable[str]) -> FreeForm:
    """The body by which the server's own assistant of a graph becomes again what it was before us."""
    dropped = {*keys, *MARKS} & (there.metadata or {}).keys()
    return {"context": {}, "config": {"configurable": {}}, "metadata": dict.fromkeys(dropped)}


def _configurable(snapshot: Snapshot) -> FreeForm | None:
    return snapshot.config.configurable if snapshot.config else None


def _kept_metadata(snapshot: Snapshot) -> FreeForm:
    """What the person's metadata is on the server: a null there is the same as nothing."""
    own = _without(snapshot.metadata, {*_SERVERS_METADATA, *MARKS})
    # Whatever says that the system made it, the development server may drop at its next start.
    kept = {key: value for key, value in own.items() if value is not None and (key, value) != ("created_by", "system")}
    return {_stored(key): _stored(value) for key, value in kept.items()}


def _without(content: FreeForm | None, keys: set[str], prefixes: tuple[str, ...] = ()) -> FreeForm:
    return {key: value for key, value in (content or {}).items() if key not in keys and not key.startswith(prefixes)}


def _should_be(desired: DesiredAssistant) -> FreeForm:
    told = {"context": desired.context or desired.configurable, "configurable": desired.context or desired.configurable}
    named = {} if desired.name is None else {"name": desired.name, "description": desired.description}
    return {"graph_id": desired.graph_id, **named, **told, "config": desired.config, "metadata": desired.metadata}


def _shown(desired: DesiredAssistant, there: RemoteAssistant, former: frozenset[str]) -> FreeForm:
    """The server's assistant in the same form; context and configurable are one thing on servers that mirror them."""
    told = {"context": there.context or {}, "configurable": there.configurable}
    mirrored, source = ("configurable", "context") if desired.context else ("context", "configurable")
    if not told[mirrored]:
        told[mirrored] = told[source]
    named = {} if desired.name is None else {"name": there.name, "description": there.description or ""}
    config = {key: value for key, value in (there.config or {}).items() if key != "configurable"}
    compared = desired.metadata.keys() | former | {POLICY}
    metadata = {key: value for key, value in (there.metadata or {}).items() if key in compared and value is not None}
    return {"graph_id": there.graph_id, **named, **told, "config": config, "metadata": metadata}


def _stored(content: Any) -> Any:
    """`content` as the server keeps it: it has no NUL in texts, spelled out or not, and no integer beyond 64 bits."""
    match content:
        case dict():
            return {_stored(key): _stored(value) for key, value in content.items()}
        case list():
            return [_stored(item) for item in content]
        case str():
            return content.replace("\0", "\ufffd").replace(r"\u0000", r"\ufffd")
        case bool() | None | float():
            return content
        case int() if not _SMALLEST_INTEGER <= content <= _LARGEST_INTEGER:
            return float(content)
    return content
