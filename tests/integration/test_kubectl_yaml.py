"""What the plugin writes as YAML, read by kubectl, a Go program, is the same content."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from assistant_operator.api.canonical import canonical
from assistant_operator.kubectl.text import as_yaml
from harness.controlplane import ControlPlane
from harness.support import Workspace
from harness.support.workspace import API_VERSION
from unit.kubectl.test_text import LIKE_SOMETHING_ELSE, PLAIN

ALMOST_NUMBERS = st.text("0123456789.+-_eExXoObBnNaAiIfF:TZ ", max_size=8)
WORDS = ("y", "yes", "true", "on", "n", "no", "false", "off", "null", "nil", "none", "nan", "inf", "~", "=", "<<")
ALMOST_WORDS = st.sampled_from(WORDS).flatmap(
    lambda word: st.sampled_from([word, word.upper(), word.title(), f"{word} ", f".{word}", f"-{word}", f"{word}\n"])
)
LINES = st.lists(st.text(" -:#|>?\tab\u00a0\u2028\u0085\r\x00\x9b\ufeff\u200d💻", max_size=6), max_size=6).map(
    "\n".join
)
TEXTS = st.one_of(st.text(max_size=12), ALMOST_NUMBERS, ALMOST_WORDS, LINES)
# What the API server can hold: integers of 64 bits, and doubles.
NUMBERS = st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
SCALARS = TEXTS | NUMBERS | st.booleans() | st.none()
CONTENT = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4), max_leaves=20
)
MANY = st.dictionaries(TEXTS, CONTENT, min_size=10, max_size=60)


def an_assistant(context: dict[str, Any]) -> dict[str, Any]:
    spec = {"graphRef": {"name": "support"}, "context": context}
    return {"apiVersion": API_VERSION, "kind": "Assistant", "metadata": {"name": "bot"}, "spec": spec}


def read_by_kubectl(plane: ControlPlane, text: str) -> Any:
    """The JSON that kubectl makes of it, before any server sees it."""
    words = ("create", "--dry-run=client", "--validate=false", "-o", "json", "-f", "-")
    return json.loads(plane.kubectl(*words, input=text).stdout)["spec"]["context"]


@given(context=MANY)
@example(context={text: [text] for text in [*LIKE_SOMETHING_ELSE, *PLAIN]})
@example(context={"large": [2**53 + 1, 2**63 - 1, -(2**63), 10**20, 1e16, 1e21, 1e-7, 5e-324, 1.7976931348623157e308]})
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_whatever_the_plugin_writes_kubectl_reads(installed: ControlPlane, context: dict[str, Any]) -> None:
    told = read_by_kubectl(installed, as_yaml(an_assistant(context)))
    assert exactly(told) == exactly(context)


def exactly(content: Any) -> str:
    """For Python 1 and True are equal, and 1 and 1.0 are for everybody."""
    return canonical(content).decode("utf-8")


@pytest.mark.parametrize("words", [("apply", "--server-side"), ("apply",), ("create",)], ids=" ".join)
def test_what_the_plugin_writes_is_stored_as_it_was(workspace: Workspace, words: tuple[str, ...]) -> None:
    context = {text: [text, {"in": text}] for text in [*LIKE_SOMETHING_ELSE, *PLAIN, "one\ntwo\n", "\n\n x\n\n"]}
    text = as_yaml(an_assistant(context))
    workspace.plane.kubectl(*words, "-n", workspace.namespace, "-f", "-", input=text)
    stored = workspace.get("assistants", "bot")
    assert stored
    assert exactly(stored["spec"]["context"]) == exactly(context)
