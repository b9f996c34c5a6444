"""Argo CD's actions on an object: which it offers, what a script makes of the object, and the patch it sends then."""

import copy
from typing import Any

from .health import CUSTOMIZATIONS
from .lua import execute

Json = dict[str, Any]
# Argo CD's own field manager, of the server where the buttons are.
ARGO_CD_SERVER = "argocd-server"


def discovery(kind: str) -> str:
    return (CUSTOMIZATIONS / kind / "actions" / "discovery.lua").read_text()


def definitions(kind: str) -> dict[str, str]:
    """The script of each action."""
    scripts = sorted((CUSTOMIZATIONS / kind / "actions").glob("*/action.lua"))
    return {each.parent.name: each.read_text() for each in scripts}


def offered(found: Json) -> dict[str, Json]:
    """The actions by name, as Argo CD's API tells them: `disabled`, `displayName`, `iconClass`."""
    told: dict[str, Json] = execute(discovery(found["kind"]), found)
    return told


def enabled(found: Json) -> set[str]:
    return {name for name, each in offered(found).items() if not each["disabled"]}


def performed(action: str, found: Json) -> Json:
    """The object as the action leaves it, before it is sent."""
    told: Json = _cleaned(execute(definitions(found["kind"])[action], found), found)
    return told


def patch_of(action: str, found: Json) -> Json:
    """The JSON merge patch that Argo CD sends to the API server; empty: it sends none."""
    return _difference(found, performed(action, found))


def _cleaned(new: Any, old: Any) -> Any:
    """As Argo CD's `cleanReturnedObj`: an empty table came out as a list, and where a map was it is that map again."""
    if isinstance(old, dict):
        if new == []:
            return copy.deepcopy(old)
        if isinstance(new, dict):
            return {key: _cleaned(each, old.get(key)) for key, each in new.items()}
    if isinstance(old, list) and isinstance(new, list):
        return [_cleaned(each, old[place] if place < len(old) else None) for place, each in enumerate(new)]
    return new


def _difference(old: Json, new: Json) -> Json:
    """As `CreateMergePatch` of the library that Argo CD uses: what is gone is null, and numbers are doubles."""
    changed: Json = {key: None for key in old if key not in new}
    for key, value in new.items():
        before = old.get(key)
        if isinstance(before, dict) and isinstance(value, dict):
            if inner := _difference(before, value):
                changed[key] = inner
        elif key not in old or typed(before) != typed(value):
            changed[key] = value
    return changed


def typed(value: Any) -> Any:
    """Comparable as Go compares what it read from JSON: 1 is 1.0 and is not true."""
    if isinstance(value, dict):
        return {key: typed(each) for key, each in value.items()}
    if isinstance(value, list):
        return [typed(each) for each in value]
    return (bool, value) if isinstance(value, bool) else (float, float(value)) if isinstance(value, int) else value
