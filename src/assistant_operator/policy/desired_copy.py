"""The copy of an assistant on a LangGraph Server: id, owner, desired content, drift and request bodies. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid5

from assistant_operator.api.assistant import Copy, Snapshot
from assistant_operator.api.assistant_alias import AssistantAlias, Published
from assistant_operator.api.graph import Graph
from assistant_operator.api.meta import GROUP, FreeForm, Key
from assistant_operator.api.remote import RemoteAssistant

from .versioning import differences, pointer

OURS = UUID("c539c685-a8a9-52a3-b0e1-f363c0bb106a")
"""The namespace of the UUIDs of copies: uuid5 of the DNS name assistant-operator.dev."""
SERVERS = UUID("6ba7b821-9dad-11d1-80b4-00c04fd430c8")
"""The namespace of the UUIDs of a LangGraph Server's own default assistants."""

OWNER, NUMBER, DIGEST, POLICY = (f"{GROUP}/{name}" for name in ("owner", "version", "digest", "deletion-policy"))
ALIAS, ASSISTANT = f"{GROUP}/alias", f"{GROUP}/assistant"
MARKS = (OWNER, NUMBER, DIGEST, POLICY, ALIAS, ASSISTANT)

# The server drops these keys from requests. If they were sent, they would be reported as drift on each resync.
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
    """Where an assistant is published to."""

    copy: Copy
    graph_id: str
    is_default: bool
    """Whether it is the server's own default assistant of the graph. Its name and description are the server's."""


@dataclass(frozen=True, slots=True)
class DesiredAssistant:
    """The desired content of a copy."""

    graph_id: str
    name: str | None
    """None if name and description are the server's."""
    description: str
    context: FreeForm
    configurable: FreeForm
    config: FreeForm
    """Without `configurable`."""
    metadata: FreeForm


def owner_of(cluster: str, key: Key) -> str:
    """The owner of a copy: `<cluster>/<namespace>/<name>`, and for an alias `<cluster>/<namespace>/alias/<name>`.

    `key`: the copy key.
    """
    return "/".join((cluster, *key))


def target_of(graph: Graph, copy_key: Key, cluster: str) -> Target | None:
    """Where what has that copy key is published to by this Graph; None if the Graph declares no server."""
    server = graph.spec.server
    if server is None:
        return None
    is_default = graph.default_name == copy_key[1]
    owner = owner_of(cluster, copy_key)
    identity = default_id(graph.graph_id) if is_default else own_id(owner)
    copy = Copy.of(
        server=server.address(graph.metadata.namespace),
        assistant_id=identity,
        owner=owner,
        api_key_secret_ref=server.api_key_secret_ref,
        ca_bundle_ref=server.ca_bundle_ref,
    )
    return Target(copy, graph.graph_id, is_default)


def owners(published: Published, copy: Copy, current: str) -> frozenset[str]:
    """The owners under which this object may have published `copy`: the current one and those that are recorded.

    After a change of --cluster-name, the status records the same copy with the owner of the earlier name.
    """
    recorded = (each.owner for each in (copy, *published.status.copies) if each.site == copy.site)
    return frozenset(owner for owner in recorded if owner) | {current}


def is_ours(remote: RemoteAssistant, copy_key: Key, copy: Copy, current: str) -> bool:
    """Whether the operator created the copy that the status records: whether its metadata names the recorded owner.

    Statuses of earlier releases record no owner. Then the metadata must name the current owner, or an owner of the same
    namespace and name in another cluster, from which the recorded UUID is derived.
    """
    owner = remote.mark(OWNER)
    if owner is None or copy.owner is not None:
        return owner is not None and owner == copy.owner
    is_of_earlier_cluster_name = owner.endswith(f"/{'/'.join(copy_key)}") and own_id(owner) == copy.assistant_id
    return owner == current or is_of_earlier_cluster_name


def own_id(owner: str) -> str:
    """The UUID of the copy of that owner."""
    return str(uuid5(OURS, owner))


def default_id(graph_id: str) -> str:
    """The UUID of the server's own default assistant of a graph."""
    return str(uuid5(SERVERS, graph_id))


def desired(target: Target, published: Published, number: int, snapshot: Snapshot, owner: str) -> DesiredAssistant:
    """The desired content of the copy while the version `number` with this snapshot is in force."""
    name, marks = snapshot.display_name or published.metadata.name, {}
    if isinstance(published, AssistantAlias):
        name = published.spec.display_name or published.metadata.name
        marks = {ALIAS: published.metadata.name, ASSISTANT: published.spec.assistant_ref.name}
    config = snapshot.config.manifest() if snapshot.config else {}
    renamed = {"tags": "tags", "recursionLimit": "recursion_limit"}
    return DesiredAssistant(
        graph_id=target.graph_id,
        name=None if target.is_default else _stored(name),
        description=_stored(snapshot.description or ""),
        context=_stored(_without(snapshot.context, _SERVERS_CONTEXT, _SERVERS_PREFIX)),
        configurable=_stored(_without(config.get("configurable"), _SERVERS_CONTEXT, _SERVERS_PREFIX)),
        config={theirs: _stored(config[ours]) for ours, theirs in renamed.items() if config.get(ours) is not None},
        metadata={
            **_kept_metadata(snapshot),
            **({POLICY: "Retain"} if published.spec.deletion_policy == "Retain" else {}),
            **marks,
            OWNER: owner,
            NUMBER: number,
            DIGEST: snapshot.digest,
        },
    )


def metadata_keys(snapshot: Snapshot) -> frozenset[str]:
    """The keys of the copy's metadata that come from the snapshot."""
    return frozenset(_kept_metadata(snapshot))


def drift(desired: DesiredAssistant, remote: RemoteAssistant, former: Iterable[str] = ()) -> tuple[str, ...]:
    """Where the copy differs from the desired content, as JSON Pointers.

    `former`: keys of the metadata that the operator published before and that are no longer desired.
    """
    found = set(differences(_comparable(desired), _comparable_copy(desired, remote, frozenset(former))))
    # Servers that mirror context in configurable have the same difference twice.
    mirrored = {path for path in found if path[0] == "configurable" and ("context", *path[1:]) in found}
    return tuple(sorted(pointer(path) for path in found - mirrored))


def creation(desired: DesiredAssistant, assistant_id: str) -> FreeForm:
    """The request body that creates the copy, or returns it if it exists."""
    return {"assistant_id": assistant_id, "if_exists": "do_nothing", "name": desired.graph_id, **update(desired)}


def update(desired: DesiredAssistant, remote: RemoteAssistant | None = None, former: Iterable[str] = ()) -> FreeForm:
    """The request body that gives the copy the desired content. The server merges metadata, and null removes a key."""
    config = desired.config if desired.context else {**desired.config, "configurable": desired.configurable}
    named = {} if desired.name is None else {"name": desired.name, "description": desired.description}
    present = (remote.metadata or {}).keys() if remote else set()
    dropped = dict.fromkeys(({*former, POLICY} & present) - desired.metadata.keys())
    metadata = {**dropped, **desired.metadata}
    return {"graph_id": desired.graph_id, **named, "context": desired.context, "config": config, "metadata": metadata}


def reset_payload(remote: RemoteAssistant, keys: Iterable[str]) -> FreeForm:
    """The request body that removes all that the operator published to the server's own default assistant.

    `keys`: the keys of the metadata that come from the snapshot.
    """
    dropped = {*keys, *MARKS} & (remote.metadata or {}).keys()
    return {"context": {}, "config": {"configurable": {}}, "metadata": dict.fromkeys(dropped)}


def _kept_metadata(snapshot: Snapshot) -> FreeForm:
    """The user's metadata without keys that the server or the operator sets, and without nulls, which remove a key."""
    own = _without(snapshot.metadata, {*_SERVERS_METADATA, *MARKS})
    # The development server may delete an assistant with `created_by: system` when it starts.
    kept = {key: value for key, value in own.items() if value is not None and (key, value) != ("created_by", "system")}
    return {_stored(key): _stored(value) for key, value in kept.items()}


def _without(content: FreeForm | None, keys: set[str], prefixes: tuple[str, ...] = ()) -> FreeForm:
    return {key: value for key, value in (content or {}).items() if key not in keys and not key.startswith(prefixes)}


def _comparable(desired: DesiredAssistant) -> FreeForm:
    """The desired content in the form in which drift is computed."""
    values = desired.context or desired.configurable
    named = {} if desired.name is None else {"name": desired.name, "description": desired.description}
    return {
        "graph_id": desired.graph_id,
        **named,
        "context": values,
        "configurable": values,
        "config": desired.config,
        "metadata": desired.metadata,
    }


def _comparable_copy(desired: DesiredAssistant, remote: RemoteAssistant, former: frozenset[str]) -> FreeForm:
    """The copy in the same form. Some servers mirror context in configurable: an absent one has the other's value."""
    values = {"context": remote.context or {}, "configurable": remote.configurable}
    mirrored, source = ("configurable", "context") if desired.context else ("context", "configurable")
    if not values[mirrored]:
        values[mirrored] = values[source]
    named = {} if desired.name is None else {"name": remote.name, "description": remote.description or ""}
    config = {key: value for key, value in (remote.config or {}).items() if key != "configurable"}
    compared = desired.metadata.keys() | former | {POLICY}
    metadata = {key: value for key, value in (remote.metadata or {}).items() if key in compared and value is not None}
    return {"graph_id": remote.graph_id, **named, **values, "config": config, "metadata": metadata}


def _stored(content: Any) -> Any:
    """`content` as the server stores it: without NUL in strings, escaped or not, and without integers over 64 bits."""
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
