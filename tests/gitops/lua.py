"""Argo CD's Lua: a script of its ConfigMap gets the object and no open libraries, and returns a table."""

from typing import Any

from lupa import luajit21  # type: ignore[import-untyped]  # it has no types

CLOSED = (
    "string",
    "os",
    "io",
    "math",
    "debug",
    "package",
    "require",
    "loadfile",
    "dofile",
    "python",
    "jit",
    "ffi",
    "bit",
)
LuaError = luajit21.LuaError


def execute(script: str, found: dict[str, Any]) -> Any:
    """What the script returns, with that object as `obj`, as plain JSON."""
    runtime = luajit21.LuaRuntime(unpack_returned_tuples=True, register_eval=False, register_builtins=False)
    # A string's methods come from its metatable, which outlives the name `string`.
    runtime.execute("for name in pairs(string) do string[name] = nil end")
    runtime.execute("".join(f"{name} = nil " for name in CLOSED))
    runtime.globals().obj = _table(runtime, found)
    return _plain(runtime.execute(script))


def _table(runtime: Any, value: Any) -> Any:
    """As Argo CD's `decodeValue`: Lua has no null, so one is left out of a map and of a list alike."""
    if isinstance(value, dict):
        return runtime.table_from({key: _table(runtime, each) for key, each in value.items() if each is not None})
    if isinstance(value, list):
        return runtime.table_from([_table(runtime, each) for each in value if each is not None])
    # Every number of Lua is a double.
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _plain(value: Any) -> Any:
    """As the encoder that Argo CD uses: a table is a list or a map by its first key, and an empty one is a list."""
    if luajit21.lua_type(value) != "table":
        return value
    keys = list(value.keys())
    if not keys or isinstance(keys[0], int):
        assert keys == list(range(1, len(keys) + 1)), "a list with holes, or with names in it"
        return [_plain(value[key]) for key in keys]
    assert all(isinstance(key, str) for key in keys), "a map with numbers for names"
    return {key: _plain(value[key]) for key in keys}
