"""Argo CD's health scripts, run as Argo CD runs them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .lua import execute

ROOT = Path(__file__).parent.parent.parent
GROUP = "assistant-operator.dev"
CUSTOMIZATIONS = ROOT / "deploy" / "argocd" / "resource_customizations" / GROUP
KINDS = ("Graph", "Assistant", "AssistantAlias", "AssistantVersion")
WITH_ACTIONS = ("Assistant", "AssistantAlias")


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
    return Health(**execute(lua, found))
