"""The CRDs of this code against those of each release: nobody's object, manifest or script stops working."""

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from .compatibility import breaks
from .record import PLURALS

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
RELEASES = sorted(each.name for each in HERE.iterdir() if (each / "crds").is_dir())
Json = dict[str, Any]


def crd(file: Path) -> Json:
    found: Json = yaml.safe_load(file.read_text())
    return found


def released(release: str, plural: str) -> Json:
    return crd(HERE / release / "crds" / f"{plural}.yaml")


HARMLESS = {
    # In 0.1.0 nobody could take spec away: it was required.
    "v1alpha1: rule is new: has(self.spec) || !has(oldSelf.spec) || !has(oldSelf.spec.graphId)",
    # The column By shows .spec.change['user','manager']: the manager, wherever the user is not known.
    "v1alpha1: additionalPrinterColumns .spec.change.manager is gone",
}


@pytest.mark.parametrize("plural", PLURALS)
@pytest.mark.parametrize("release", RELEASES)
def test_whatever_a_release_took_is_taken(release: str, plural: str) -> None:
    assert set(breaks(released(release, plural), crd(ROOT / "crds" / f"{plural}.yaml"))) <= HARMLESS


def test_every_kind_of_the_first_release_is_compared() -> None:
    assert "0.1.0" in RELEASES
    for plural in PLURALS:
        assert released("0.1.0", plural)["metadata"]["name"] == f"{plural}.assistant-operator.dev"


OLD: Json = {
    "spec": {
        "group": "example.dev",
        "scope": "Namespaced",
        "names": {"kind": "Thing", "plural": "things", "shortNames": ["th"], "categories": ["all-things"]},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "subresources": {"status": {}},
                "selectableFields": [{"jsonPath": ".spec.size"}],
                "additionalPrinterColumns": [{"name": "Size", "jsonPath": ".spec.size"}],
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "required": ["spec"],
                        "properties": {
                            "spec": {
                                "type": "object",
                                "properties": {
                                    "size": {"type": "integer", "minimum": 1, "maximum": 9, "default": 3},
                                    "mode": {"type": "string", "enum": ["A", "B"], "maxLength": 9},
                                    "any": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
                                    "maybe": {"type": "string", "nullable": True, "pattern": "^a$"},
                                    "many": {
                                        "type": "array",
                                        "maxItems": 9,
                                        "x-kubernetes-list-type": "atomic",
                                        "items": {"type": "string", "minLength": 1},
                                    },
                                    "map": {"type": "object", "additionalProperties": {"type": "string"}},
                                },
                                "x-kubernetes-validations": [{"rule": "self == oldSelf"}],
                            }
                        },
                    }
                },
            }
        ],
    }
}
NEWER = {"name": "v2", "served": True, "storage": True, "schema": {"openAPIV3Schema": {"type": "object"}}}
V1 = ("versions", 0)
SPEC = (*V1, "schema", "openAPIV3Schema", "properties", "spec")
FIELD = (*SPEC, "properties")
GONE = object()


def changed(*changes: tuple[tuple[Any, ...], Any]) -> Json:
    """OLD with other values at those places of its spec."""
    new = copy.deepcopy(OLD)
    for (*path, last), value in changes:
        place: Any = new["spec"]
        for step in path:
            place = place[step]
        if value is GONE:
            del place[last]
        else:
            place[last] = value
    return new


BREAKING: list[Any] = [
    ("another group", ("group",), "other.dev", "group changed from example.dev to other.dev"),
    ("another scope", ("scope",), "Cluster", "scope changed from Namespaced to Cluster"),
    ("another plural", ("names", "plural"), "stuff", "names.plural changed from things to stuff"),
    ("a lost short name", ("names", "shortNames"), [], "names.shortNames: th is gone"),
    ("a lost category", ("names", "categories"), GONE, "names.categories: all-things is gone"),
    ("a lost version", ("versions",), [NEWER], "v1: the version is gone"),
    ("a version no longer served", (*V1, "served"), False, "v1: is no longer served"),
    ("another stored version", (*V1, "storage"), False, "v1: is no longer the stored version"),
    ("a lost subresource", (*V1, "subresources"), {}, "v1: subresource status is gone"),
    ("a lost selectable field", (*V1, "selectableFields"), GONE, "v1: selectableFields .spec.size is gone"),
    ("a lost column", (*V1, "additionalPrinterColumns"), [], "v1: additionalPrinterColumns .spec.size is gone"),
    ("a lost field", (*FIELD, "size"), GONE, "v1.spec.size: is gone"),
    ("another type", (*FIELD, "size", "type"), "number", "v1.spec.size: type changed from integer to number"),
    ("another format", (*FIELD, "size", "format"), "int32", "v1.spec.size: format changed from None to int32"),
    ("another default", (*FIELD, "size", "default"), 4, "v1.spec.size: default changed from 3 to 4"),
    ("a lost default", (*FIELD, "size", "default"), GONE, "v1.spec.size: default changed from 3 to None"),
    ("a new default", (*FIELD, "mode", "default"), "A", "v1.spec.mode: default changed from None to A"),
    ("a higher floor", (*FIELD, "size", "minimum"), 2, "v1.spec.size: minimum rose from 1 to 2"),
    ("a lower ceiling", (*FIELD, "size", "maximum"), 8, "v1.spec.size: maximum fell from 9 to 8"),
    ("a new floor", (*FIELD, "mode", "minLength"), 1, "v1.spec.mode: minLength rose from None to 1"),
    ("a new ceiling", (*FIELD, "maybe", "maxLength"), 5, "v1.spec.maybe: maxLength fell from None to 5"),
    ("a shorter list", (*FIELD, "many", "maxItems"), 8, "v1.spec.many: maxItems fell from 9 to 8"),
    ("a narrowed enum", (*FIELD, "mode", "enum"), ["A", "C"], "v1.spec.mode: enum lost B"),
    ("a new enum", (*FIELD, "maybe", "enum"), ["a"], "v1.spec.maybe: enum is new"),
    ("another pattern", (*FIELD, "maybe", "pattern"), "^b$", "v1.spec.maybe: pattern changed from ^a$ to ^b$"),
    ("no null any more", (*FIELD, "maybe", "nullable"), GONE, "v1.spec.maybe: nullable is gone"),
    (
        "unknown fields dropped",
        (*FIELD, "any", "x-kubernetes-preserve-unknown-fields"),
        GONE,
        "v1.spec.any: x-kubernetes-preserve-unknown-fields is gone",
    ),
    ("a newly required field", (*SPEC, "required"), ["mode"], "v1.spec.mode: is newly required"),
    (
        "an item that is narrower",
        (*FIELD, "many", "items", "minLength"),
        2,
        "v1.spec.many[]: minLength rose from 1 to 2",
    ),
    (
        "another type of list",
        (*FIELD, "many", "x-kubernetes-list-type"),
        "set",
        "v1.spec.many: x-kubernetes-list-type changed from atomic to set",
    ),
    (
        "another type in a map",
        (*FIELD, "map", "additionalProperties", "type"),
        "integer",
        "v1.spec.map{}: type changed from string to integer",
    ),
    ("a map that is none any more", (*FIELD, "map", "additionalProperties"), GONE, "v1.spec.map{}: is gone"),
    (
        "a lost rule",
        (*SPEC, "x-kubernetes-validations"),
        [],
        "v1.spec: rule is gone: self == oldSelf",
    ),
    (
        "a new rule",
        (*FIELD, "size", "x-kubernetes-validations"),
        [{"rule": "self > 1"}],
        "v1.spec.size: rule is new: self > 1",
    ),
    ("a word no rule reads", (*FIELD, "size", "oneOf"), [{}], "v1.spec.size: no rule reads oneOf"),
]


@pytest.mark.parametrize(("path", "value", "told"), [pytest.param(*row, id=name) for name, *row in BREAKING])
def test_the_checker_finds(path: tuple[Any, ...], value: Any, told: str) -> None:
    assert breaks(OLD, changed((path, value))) == [told]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        pytest.param((*FIELD, "new"), {"type": "string", "default": "x"}, id="a new optional field with a default"),
        pytest.param((*FIELD, "mode", "enum"), ["A", "B", "C"], id="one more value of an enum"),
        pytest.param((*FIELD, "mode", "enum"), GONE, id="any value instead of an enum"),
        pytest.param((*FIELD, "size", "maximum"), 10, id="a higher ceiling"),
        pytest.param((*FIELD, "size", "minimum"), GONE, id="no floor any more"),
        pytest.param((*FIELD, "size", "description"), "words", id="other words"),
        pytest.param((*V1, "schema", "openAPIV3Schema", "required"), [], id="nothing required any more"),
        pytest.param((*FIELD, "size", "nullable"), True, id="null as well"),
        pytest.param(("versions",), [*OLD["spec"]["versions"], {**NEWER, "storage": False}], id="one more version"),
    ],
)
def test_the_checker_lets_through(path: tuple[Any, ...], value: Any) -> None:
    assert breaks(OLD, changed((path, value))) == []


def test_all_that_breaks_is_told_at_once() -> None:
    new = changed(((*FIELD, "size"), GONE), (("scope",), "Cluster"))
    assert breaks(OLD, new) == ["scope changed from Namespaced to Cluster", "v1.spec.size: is gone"]
