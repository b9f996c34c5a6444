"""Argo CD's health scripts, run as Argo CD runs a script of its ConfigMap: by Lua, without the open libraries."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lupa import luajit21  # type: ignore[import-untyped]  # it has no types

ROOT = Path(__file__).parent.parent.parent
GROUP = "assistant-operator.dev"
CUSTOMIZATIONS = ROOT / "deploy" / "argocd" / "resource_customizations" / GROUP
KINDS = ("Graph", "Assistant", "AssistantVersion")
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


@dataclass(frozen=True)
class Health:
    status: str
    message: str


def script(kind: str) -> str:
    return (CUSTOMIZATIONS / kind / "health.lua").read_text()


def health_of(found: dict[str, Any]) -> Health:
    """What Argo CD shows for that object."""
    return run(script(found["kind"]), found)


def run(lua: str, found: dict[str, Any]) -> Health:
    runtime = luajit21.LuaRuntime(unpack_returned_tuples=True, register_eval=False, register_builtins=False)
    # A string's methods come from its metatable, which outlives the name `string`.
    runtime.execute("for name in pairs(string) do string[name] = nil end")
    runtime.execute("".join(f"{name} = nil " for name in CLOSED))
    table = runtime.table_from(found, recursive=True)
    runtime.globals().obj = table
    told = runtime.execute(lua)
    return Health(told.status, told.message)
