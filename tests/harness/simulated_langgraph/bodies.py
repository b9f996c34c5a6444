"""Request bodies: parsed as the server's JSON parser does, and checked by JSON Schemas with the server's messages."""

import json
import math
from typing import Any

import jsonschema_rs

from .graphs import Json

INVALID_JSON = "Invalid JSON in request body"
_MOST_LEVELS, _MOST_PARSED_LEVELS = 253, 1_024
_SMALLEST, _LARGEST = -(2**63), 2**64 - 1
_STRING = {"type": "string"}
_WITHOUT_NUL = {"pattern": r"^(?!.*\\[uU]0000)[^\u0000]*$"}
_OBJECT: Json = {"type": "object"}
_KEYED: Json = {"type": "object", "propertyNames": _WITHOUT_NUL}
_PAGE: Json = {
    "limit": {"type": "integer", "minimum": 1, "maximum": 1000},
    "offset": {"type": "integer", "minimum": 0},
}
SORTABLE = ["assistant_id", "created_at", "updated_at", "name", "graph_id"]
_KEYS = ["assistant_id", "graph_id", "config", "context", "metadata", "name", "created_at", "updated_at", "version"]
_CONTENT: Json = {
    "graph_id": _STRING,
    "config": _KEYED,
    "context": _KEYED,
    "metadata": _OBJECT,
    "name": _STRING,
}


class Refused(Exception):
    """The server's answer to a request that it does not carry out."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(f"{status}: {detail}")
        self.status = status
        self.detail = detail


def _object(properties: Json, *required: str) -> Any:
    return jsonschema_rs.Draft202012Validator(
        {"type": "object", "properties": properties, **({"required": list(required)} if required else {})}
    )


CREATE = _object(
    {
        **_CONTENT,
        "assistant_id": _STRING,
        "description": {"type": ["string", "null"]},
        "if_exists": {"type": "string", "enum": ["raise", "do_nothing"]},
    },
    "graph_id",
)
UPDATE = _object({**_CONTENT, "description": _STRING})
CONFIG = _object(
    {
        "tags": {"type": "array", "items": _STRING},
        "recursion_limit": {"type": "integer"},
        "configurable": _KEYED,
    }
)
SEARCH = _object(
    {
        **_PAGE,
        "graph_id": _STRING,
        "name": _STRING,
        "metadata": _OBJECT,
        "sort_by": {"type": "string", "enum": SORTABLE},
        "sort_order": {"type": "string", "enum": ["asc", "desc"]},
        "select": {"type": "array", "items": {"type": "string", "enum": [*_KEYS, "description"]}},
    }
)
VERSIONS = _object({**_PAGE, "metadata": _OBJECT})
LATEST = _object({"version": {"type": "integer"}})


def parsed(raw: bytes, schema: Any) -> Json:
    """The body. Raises Refused with 422."""
    body: Json = _json(raw)
    _check(schema, body)
    if _levels(body) > _MOST_LEVELS:
        raise Refused(400, "Recursion limit reached")
    return body


def check_config(body: Json) -> None:
    """The server checks what is in `config` later than all else. Raises Refused with 422."""
    if "config" in body:
        _check(CONFIG, body["config"])


def _check(schema: Any, body: Any) -> None:
    errors = sorted(schema.iter_errors(body), key=lambda error: [str(step) for step in error.instance_path])
    if errors:
        raise Refused(422, str(errors[0]))


def _json(raw: bytes) -> Any:
    try:
        body = json.loads(raw, parse_int=_integer, parse_float=_finite, parse_constant=_finite)
        raw.decode()
        # A lone surrogate is no text.
        json.dumps(body, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise Refused(422, INVALID_JSON) from error
    if _levels(body) > _MOST_PARSED_LEVELS:
        raise Refused(422, INVALID_JSON)
    return body


def _integer(text: str) -> int | float:
    number = int(text)
    return number if _SMALLEST <= number <= _LARGEST else _finite(text)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def _levels(body: Any) -> int:
    levels, layer = 0, [body]
    while layer:
        levels += 1
        inner = [each.values() if isinstance(each, dict) else each for each in layer if isinstance(each, dict | list)]
        layer = [value for values in inner for value in values]
    return levels
