"""The CEL rules of our CustomResourceDefinitions as Python predicates, found by their text."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from .json_values import same
from .statuses import NotSimulated

Json = dict[str, Any]
Holds = Callable[[Any, Any], bool]
"""Whether the rule holds of a value, given the value before (None for none)."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One of x-kubernetes-validations."""

    holds: Holds
    message: str
    field_path: str
    needs_old: bool
    """A transition rule: it is asked of an update only."""


def _name_is_short(value: Json, _: Any) -> bool:
    return len(value["metadata"]["name"]) <= 200


def _name_is_of_version(value: Json, _: Any) -> bool:
    spec = value["spec"]
    return bool(value["metadata"]["name"] == f"{spec['assistantRef']['name']}-v{spec['number']}")


def _not_both(value: Json, _: Any) -> bool:
    configurable = (value.get("config") or {}).get("configurable")
    return not value.get("context") or not configurable


def _one_address(value: Json, _: Any) -> bool:
    return ("url" in value) != ("serviceRef" in value)


def _one_selection(value: Json, _: Any) -> bool:
    return ("version" in value) != ("digest" in value)


def _has_host(value: Json, _: Any) -> bool:
    return "url" not in value or bool(urlsplit(value["url"]).hostname)


def _graph_id_stays(value: Json, old: Json) -> bool:
    return "graphId" not in old or ("graphId" in value and bool(value["graphId"] == old["graphId"]))


def _graph_id_outlives_spec(value: Json, old: Json) -> bool:
    return value.get("spec") is not None or "graphId" not in (old.get("spec") or {})


_HOLDS: dict[str, tuple[Holds, bool]] = {
    "self.metadata.name.size() <= 200": (_name_is_short, False),
    "self.metadata.name.startsWith(self.spec.assistantRef.name + '-v') && "
    "self.metadata.name.substring(self.spec.assistantRef.name.size() + 2) == string(self.spec.number)": (
        _name_is_of_version,
        False,
    ),
    "!has(self.context) || !has(self.config) || !has(self.config.configurable) || size(dyn(self.context)) == 0 "
    "|| size(dyn(self.config.configurable)) == 0": (_not_both, False),
    "has(self.url) != has(self.serviceRef)": (_one_address, False),
    "has(self.version) != has(self.digest)": (_one_selection, False),
    "!has(self.url) || (isURL(self.url) && url(self.url).getHostname() != '')": (_has_host, False),
    "self == oldSelf": (same, True),
    "has(self.spec) || !has(oldSelf.spec) || !has(oldSelf.spec.graphId)": (_graph_id_outlives_spec, True),
    "!has(oldSelf.graphId) || (has(self.graphId) && self.graphId == oldSelf.graphId)": (_graph_id_stays, True),
}


def rule_of(said: Json) -> Rule:
    """Raises NotSimulated for a rule that has no predicate here."""
    text = " ".join(said["rule"].split())
    if text not in _HOLDS:
        raise NotSimulated(f"the rule {text!r}")
    holds, needs_old = _HOLDS[text]
    return Rule(holds, said["message"], said.get("fieldPath", ""), needs_old)
