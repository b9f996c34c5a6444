"""JSON merge patch (RFC 7396) and JSON Patch (RFC 6902), as far as they are used."""

from typing import Any

from .json_values import copied, is_unchanged
from .statuses import ApiError, NotSimulated, bad_request

Json = dict[str, Any]


def merged(target: Any, patch: Any) -> Any:
    """A new value; neither argument is changed. What replaces no object loses its nulls, those in lists included."""
    if not isinstance(target, dict):
        return _without_nulls(patch)
    if not isinstance(patch, dict):
        return copied(patch)
    result = dict(target)
    for name, each in patch.items():
        if each is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), each)
    return result


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_nulls(each) for name, each in value.items() if each is not None}
    return [_without_nulls(each) for each in value] if isinstance(value, list) else value


def patched(target: Json, operations: Any) -> Json:
    """A new value. A failed `test` is a 422 without causes, as any operation that cannot be carried out."""
    if not isinstance(operations, list):
        raise bad_request("json: cannot unmarshal object into Go value of type jsonpatch.Patch")
    result = dict(target)
    for operation in operations:
        _carry_out(result, operation)
    return result


def _carry_out(root: Any, operation: Json) -> None:
    parent, last = _located(root, operation["path"])
    match operation["op"]:
        case "test":
            if not is_unchanged(_value(parent, last), operation.get("value")):
                raise _failed()
        case "remove":
            _value(parent, last, must_exist=True)
            del parent[last]
        case "add" if isinstance(parent, list):
            parent.insert(len(parent) if last == "-" else last, copied(operation["value"]))
        case "add" | "replace" if isinstance(parent, dict):
            # Also where nothing is: the library that the API server uses does not mind.
            parent[last] = copied(operation["value"])
        case other:
            raise NotSimulated(f"the JSON Patch operation {other!r}")


def _located(root: Any, pointer: str) -> tuple[Any, Any]:
    """What holds the value that is pointed at, and its name or index there; all on the way to it is copied."""
    if not pointer.startswith("/"):
        raise _failed()
    *way, last = [part.replace("~1", "/").replace("~0", "~") for part in pointer[1:].split("/")]
    place = root
    for part in way:
        name = _index(place, part)
        below = _value(place, name, must_exist=True)
        place[name] = dict(below) if isinstance(below, dict) else list(below) if isinstance(below, list) else below
        place = place[name]
    if not isinstance(place, dict | list):
        raise _failed()
    return place, _index(place, last)


def _index(place: Any, part: str) -> Any:
    if isinstance(place, list) and part != "-":
        if not part.isdecimal():
            raise _failed()
        return int(part)
    return part


def _value(place: Any, last: Any, *, must_exist: bool = False) -> Any:
    if isinstance(place, dict):
        if must_exist and last not in place:
            raise _failed()
        return place.get(last)
    if isinstance(place, list) and isinstance(last, int) and last < len(place):
        return place[last]
    raise _failed()


def _failed() -> ApiError:
    return ApiError(422, "Invalid", "the server rejected our request due to an error in our request", {})
