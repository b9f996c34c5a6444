"""What the server keeps of what it is sent."""

from typing import Any

from .graphs import Json

_RESERVED_METADATA = {"thread_id", "assistant_id", "run_id", "cron_id", "counters_since_delta_snapshot"}
_RESERVED_CONTEXT = {
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


def kept(content: Any) -> Any:
    """`content` without NUL, which becomes U+FFFD, also where its escape stands in a text as six characters."""
    match content:
        case dict():
            return {kept(key): kept(value) for key, value in content.items()}
        case list():
            return [kept(item) for item in content]
        case str():
            return content.replace("\0", "\ufffd").replace(r"\u0000", r"\ufffd")
    return content


def kept_body(body: Json) -> Json:
    """The body of a create or update as it is stored: without the keys that the server keeps for itself."""
    body = {key: kept(value) for key, value in body.items()}
    if "metadata" in body:
        body["metadata"] = _without(body["metadata"], _RESERVED_METADATA)
    if "context" in body:
        body["context"] = _without(body["context"], _RESERVED_CONTEXT)
    if "configurable" in body.get("config", {}):
        configurable = _without(body["config"]["configurable"], _RESERVED_CONTEXT)
        body["config"] = {**body["config"], "configurable": configurable}
    return body


def contains(content: Any, wanted: Any) -> bool:
    """Whether each key of `wanted`, at each level, is in `content` with that value."""
    if isinstance(wanted, dict):
        return isinstance(content, dict) and all(
            key in content and contains(content[key], value) for key, value in wanted.items()
        )
    return bool(content == wanted)


def _without(content: Json, keys: set[str]) -> Json:
    return {key: value for key, value in content.items() if key not in keys}
