"""What Flux does: it applies every minute and waits, by kstatus or by expressions; no state is misread by either."""

from collections.abc import Callable
from typing import Any

import pytest

from harness.controlplane.waiting import eventually
from harness.support import OperatorProcess, Workspace
from harness.support.histories import writes_since
from harness.support.idle import until_idle
from harness.support.walk import comes_to, marks

from .cel import cel_health_of
from .deliverer import ALIAS, BOT, GRAPH, PLURALS, SHOP, Deliverer, Json, fingerprints, settled
from .examples import objects_of_ours
from .kstatus import kstatus_of

FLUX = "kustomize-controller"
HOLD = {"metadata": {"finalizers": ["tests.assistant-operator.dev/hold"]}}
SCHEMA = {"type": "object", "properties": {"prompt": {"type": "string"}}}
DECLARED: Json = {"defaultAssistant": {"policy": "None"}}
PRODUCTION = ("assistantaliases", "production")


def health(workspace: Workspace, plural: str, name: str) -> str:
    """As kstatus says, and the expressions say the same of every object that any test of this file sees."""
    found = workspace.get(plural, name)
    assert found
    return agreed(found)


def agreed(found: Json) -> str:
    """Expressions have no word for Terminating: they wait, and so does Flux at either word."""
    said = kstatus_of(found)
    assert cel_health_of(found) == ("InProgress" if said == "Terminating" else said)
    return said


def healthy(workspace: Workspace) -> None:
    workspace.graph(contextSchema=SCHEMA)
    workspace.assistant(context={"prompt": "one"})


def invalid_edit(workspace: Workspace) -> None:
    healthy(workspace)
    workspace.until_active(1)
    workspace.edit(context={"prompt": 7})


def graph_missing(workspace: Workspace) -> None:
    workspace.assistant()


def suspended(workspace: Workspace) -> None:
    healthy(workspace)
    workspace.until_active(1)
    workspace.edit(suspend=True)
    eventually(lambda: workspace.condition().get("reason") == "Suspended")


def suspended_at_birth(workspace: Workspace) -> None:
    workspace.graph()
    # The versions that exist when a Graph is first seen are validated, also of what is suspended.
    workspace.until_ready("support", "graphs")
    workspace.assistant(suspend=True)


def awaiting_activation(workspace: Workspace) -> None:
    workspace.graph()
    workspace.assistant(versioning={"activation": "Manual"})


def pinned_beyond(workspace: Workspace) -> None:
    workspace.graph()
    workspace.assistant(versioning={"activeVersion": 7})


def held_in_deletion(workspace: Workspace) -> None:
    healthy(workspace)
    workspace.until_active(1)
    for plural, name in (("graphs", "support"), ("assistants", "bot"), ("assistantversions", "bot-v1")):
        workspace.patch(plural, name, HOLD)
        workspace.delete(plural, name)


def server_away(workspace: Workspace) -> None:
    workspace.graph(server={"url": "http://127.0.0.1:9"}, **DECLARED)


def name_taken(workspace: Workspace) -> None:
    workspace.graph("other", **DECLARED)
    workspace.assistant("support", "other")
    workspace.graph()


def schema_unusable(workspace: Workspace) -> None:
    workspace.graph(contextSchema={"type": "no such type"}, **DECLARED)


def default_refused(workspace: Workspace) -> None:
    workspace.graph(contextSchema=SCHEMA, defaults={"context": {"prompt": 7}})


def aliased(workspace: Workspace) -> None:
    healthy(workspace)
    workspace.alias(version=1)


def alias_ahead(workspace: Workspace) -> None:
    healthy(workspace)
    workspace.alias(version=7)


def alias_refused(workspace: Workspace) -> None:
    invalid_edit(workspace)
    workspace.alias(version=2)


def alias_of_nothing(workspace: Workspace) -> None:
    workspace.alias(version=1)


def alias_of_one_suspended(workspace: Workspace) -> None:
    suspended_at_birth(workspace)
    workspace.alias(version=1)


def alias_in_deletion(workspace: Workspace) -> None:
    aliased(workspace)
    workspace.until_ready("production", "assistantaliases")
    workspace.patch("assistantaliases", "production", HOLD)
    workspace.delete("assistantaliases", "production")


def server_of_alias_away(workspace: Workspace) -> None:
    schemas: Json = {"contextSchema": {}, "configSchema": {}}  # or nothing is valid before the server answers
    workspace.graph(server={"url": "http://127.0.0.1:9"}, **schemas, **DECLARED)
    workspace.assistant()
    workspace.alias(version=1)


STATES: list[tuple[str, Callable[[Workspace], None], str, str, str]] = [
    ("a healthy graph is Current", healthy, "graphs", "support", "Current"),
    ("a healthy assistant is Current", healthy, "assistants", "bot", "Current"),
    ("its default assistant is Current", healthy, "assistants", "support", "Current"),
    ("a version in force is Current", healthy, "assistantversions", "bot-v1", "Current"),
    ("a refused edit is Failed", invalid_edit, "assistants", "bot", "Failed"),
    ("a refused version is Current, for it is history", invalid_edit, "assistantversions", "bot-v2", "Current"),
    ("the graph of a refused edit is Current", invalid_edit, "graphs", "support", "Current"),
    ("a missing graph is InProgress", graph_missing, "assistants", "bot", "InProgress"),
    ("a suspended assistant keeps what it was", suspended, "assistants", "bot", "Current"),
    ("one born suspended is Failed", suspended_at_birth, "assistants", "bot", "Failed"),
    ("one that awaits activation is Failed", awaiting_activation, "assistants", "bot", "Failed"),
    ("a pin to nothing is Failed", pinned_beyond, "assistants", "bot", "Failed"),
    ("a graph in deletion is Terminating", held_in_deletion, "graphs", "support", "Terminating"),
    ("an assistant in deletion is Terminating", held_in_deletion, "assistants", "bot", "Terminating"),
    ("a version in deletion is Terminating", held_in_deletion, "assistantversions", "bot-v1", "Terminating"),
    ("a server that is away is InProgress", server_away, "graphs", "support", "InProgress"),
    ("a default's name that is taken is Failed", name_taken, "graphs", "support", "Failed"),
    ("a schema that is none is Failed", schema_unusable, "graphs", "support", "Failed"),
    ("a default that its graph refuses is Failed", default_refused, "graphs", "support", "Failed"),
    ("an alias that stands for what it asks for is Current", aliased, *PRODUCTION, "Current"),
    ("an alias of a number that does not exist is Failed", alias_ahead, *PRODUCTION, "Failed"),
    ("an alias of a refused version is Failed", alias_refused, *PRODUCTION, "Failed"),
    ("an alias of a missing assistant is InProgress", alias_of_nothing, *PRODUCTION, "InProgress"),
    ("an alias of one born suspended is Failed", alias_of_one_suspended, *PRODUCTION, "Failed"),
    ("an alias in deletion is Terminating", alias_in_deletion, *PRODUCTION, "Terminating"),
    ("an alias whose server is away is InProgress", server_of_alias_away, *PRODUCTION, "InProgress"),
]


def finalizers(found: Json | None) -> Json:
    """Those of an object, as in HOLD."""
    return {"finalizers": found["metadata"].get("finalizers")} if found else {}


@pytest.mark.parametrize(("make", "plural", "name", "expected"), [pytest.param(*row, id=told) for told, *row in STATES])
def test_kstatus(
    operator: OperatorProcess,
    workspace: Workspace,
    make: Callable[[Workspace], None],
    plural: str,
    name: str,
    expected: str,
) -> None:
    make(workspace)
    eventually(lambda: workspace.get(plural, name))
    comes_to(lambda: health(workspace, plural, name), expected)
    if expected == "Terminating":
        for each, of in (("graphs", "support"), ("assistants", "bot"), ("assistantversions", "bot-v1"), PRODUCTION):
            if HOLD.items() <= {"metadata": finalizers(workspace.get(each, of))}.items():
                workspace.patch(each, of, {"metadata": {"finalizers": None}})
        return
    if expected == "InProgress":
        # Not merely unseen: the operator has looked, and says that it goes on by itself.
        eventually(lambda: workspace.condition(name, "Reconciling", plural).get("status") == "True")
        assert health(workspace, plural, name) == "InProgress"


def test_without_an_operator_what_is_new_is_in_progress(workspace: Workspace) -> None:
    # No operator of this test looks here: what is made is as the API server makes it.
    for kind in (GRAPH, BOT, ALIAS):
        body, plural = {**kind, "metadata": {"name": "new"}}, PLURALS[kind["kind"]]
        path = workspace.path(plural) + "?dryRun=All"
        made = workspace.client.demand("POST", path, body)
        assert made["status"] == {"observedGeneration": -1}
        assert agreed(made) == "InProgress"


def test_an_edit_that_is_not_looked_at_yet_is_in_progress(operator: OperatorProcess, workspace: Workspace) -> None:
    healthy(workspace)
    workspace.until_active(1)
    before = workspace.edit(context={"prompt": "two"})
    assert agreed(before) == "InProgress", "the answer to the edit, older than any look at it"
    workspace.until_active(2)
    assert health(workspace, "assistants", "bot") == "Current"


def test_an_interval_makes_no_version_and_no_write(operator: OperatorProcess, workspace: Workspace) -> None:
    flux = Deliverer(workspace, FLUX)
    labels = {"kustomize.toolkit.fluxcd.io/name": "shop", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}
    shop: list[Any] = [{**each, "metadata": {**each["metadata"], "labels": labels}} for each in SHOP]
    flux.apply_all(shop)
    settled(workspace)
    for name in ("support", "bot", "pinned"):
        comes_to(lambda name=name: marks(workspace, name), {1: "VA"})  # type: ignore[misc]
    before, position = fingerprints(workspace), workspace.plane.audit_since()[1]
    for _ in range(20):
        assert [flux.drift(each) for each in shop] == [None] * len(SHOP)
        flux.apply_all(shop)
    # Looked at after all that came before it.
    workspace.graph("sentinel", **DECLARED)
    workspace.until_ready("sentinel", "graphs")
    until_idle(workspace.plane)
    ours = [each for each in writes_since(workspace.plane, position, workspace.namespace) if "sentinel" not in each]
    assert ours == []
    after = fingerprints(workspace)
    assert {key: after[key] for key in before} == before
    assert set(after) - set(before) == {("graphs", "sentinel")}


def test_the_example_delivered_part_by_part_is_healthy_part_by_part(
    operator: OperatorProcess, workspace: Workspace
) -> None:
    flux = Deliverer(workspace, FLUX)
    for folder in ("flux/graphs", "flux/assistants", "flux/aliases"):
        objects = objects_of_ours(folder)
        assert objects
        flux.apply_all(objects)
        for each in objects:
            name, plural = each["metadata"]["name"], PLURALS[each["kind"]]
            comes_to(lambda plural=plural, name=name: health(workspace, plural, name), "Current")  # type: ignore[misc]
    assert workspace.status("terse")["activeVersion"] == 1
    assert workspace.status("production", "assistantaliases")["version"] == 1
