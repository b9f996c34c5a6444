"""What changed → whose key is enqueued: the rows of the table in manager/triggers.py."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from assistant_operator.api.assistant import Assistant, AssistantStatus, Copy
from assistant_operator.api.assistant_alias import AssistantAlias, AssistantAliasSpec, AssistantAliasStatus
from assistant_operator.api.graph import Graph
from assistant_operator.api.meta import Key, ObjectMeta
from assistant_operator.manager.triggers import LISTED_FROM, LISTING_PATIENCE, MOST_LISTED, Queues, Triggers
from assistant_operator.runtime.workqueue import WorkQueue
from assistant_operator.store.store import Store
from harness.support.timeless import timeless
from harness.worlds import KEY, a_graph, a_record, an_assistant

GRAPH = a_graph().key
SCHEMA = {"type": "object"}
COPIES = (Copy(server="http://s", assistant_id="1"),)
ASSISTANT, PUBLISHED = an_assistant(), an_assistant(status=AssistantStatus(copies=COPIES))
NOTHING: dict[str, set[Key]] = {}


class Enqueued(WorkQueue):
    """Notes each key."""

    def __init__(self) -> None:
        super().__init__(interval=0)
        self.keys: set[Key] = set()
        self.delays: set[float] = set()

    def add(self, key: Any, delay: float = 0.0) -> None:
        assert delay >= 0
        self.keys.add(key)
        self.delays.add(delay)


def enqueued(
    change: Callable[[Triggers], None], assistant: Assistant, graph: Graph, kept: int = 0, others: int = 0
) -> dict[str, set[Key]]:
    """By queue, what one change enqueues where there are that Assistant, so many versions of it, and that Graph.

    `others`: versions in the namespace of Assistants of other Graphs.
    """

    async def story() -> dict[str, set[Key]]:
        await asyncio.sleep(0)
        store, queues = (
            Store(),
            {
                name: Enqueued()
                for name in ("assistant", "graph", "version", "publication", "probe", "revalidation", "alias")
            },
        )
        store.upsert_assistant(assistant)
        store.assistants[KEY].capture_up_to(assistant)
        store.upsert_graph(graph)
        store.synced.add("")
        for number in range(1, kept + 1):
            store.versions.put(a_record(number))
        for number in range(1, others + 1):
            store.versions.put(replace(a_record(number), key=(KEY[0], "other")))
        store.versions.set_read(KEY[0])
        change(Triggers(store, Queues(**queues)))
        return {name: queue.keys for name, queue in queues.items() if queue.keys}

    return timeless(story())


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        pytest.param(
            lambda it: it.enqueue_assistants_of(a_graph(), a_graph()), NOTHING, id="a Graph that differs in nothing"
        ),
        pytest.param(
            lambda it: it.enqueue_graphs_of(ASSISTANT, ASSISTANT), NOTHING, id="an Assistant that differs in nothing"
        ),
        pytest.param(lambda it: it.enqueue_assistant(KEY), {"assistant": {KEY}}, id="an edit was captured"),
        pytest.param(lambda it: it.enqueue_publication(KEY), NOTHING, id="it was reconciled, and has no copies"),
        pytest.param(lambda it: it.enqueue_versions(KEY), {"version": {KEY}}, id="its versions are out of date"),
        pytest.param(lambda it: it.enqueue_graphs_of(None, ASSISTANT), {"graph": {GRAPH}}, id="an Assistant appeared"),
        pytest.param(lambda it: it.enqueue_graphs_of(ASSISTANT, None), {"graph": {GRAPH}}, id="it was deleted"),
        pytest.param(
            lambda it: it.enqueue_graphs_of(ASSISTANT, an_assistant(graphRef={"name": "other"})),
            {"graph": {GRAPH}},
            id="it left its Graph for one that does not exist",
        ),
        pytest.param(
            lambda it: it.enqueue_assistants_of(a_graph(), a_graph(graphId="other")),
            {"assistant": {KEY}},
            id="the Graph has another target",
        ),
        pytest.param(
            lambda it: it.enqueue_assistants_of(a_graph(), a_graph(contextSchema=SCHEMA)),
            {"assistant": {KEY}},
            id="the Graph has other schemas",
        ),
        pytest.param(
            lambda it: it.enqueue_revalidation(GRAPH, include_kept_versions=False),
            {"assistant": {KEY}},
            id="the Graph was deleted",
        ),
        pytest.param(lambda it: it.enqueue_probe(GRAPH), {"probe": {GRAPH}}, id="its server was never probed"),
        pytest.param(lambda it: it.enqueue_after_probe(GRAPH), {"graph": {GRAPH}}, id="its server answers otherwise"),
        pytest.param(lambda it: it.enqueue_awaiting_graphs(KEY), NOTHING, id="validated, and no Graph waits for that"),
        pytest.param(
            lambda it: (it.enqueue_revalidation(GRAPH, include_kept_versions=True), it.enqueue_awaiting_graphs(KEY)),
            {"assistant": {KEY}, "graph": {GRAPH}},
            id="validated, and its Graph waited for that",
        ),
    ],
)
def test_of_an_assistant_without_copies(change: Callable[[Triggers], None], expected: dict[str, set[Key]]) -> None:
    assert enqueued(change, ASSISTANT, a_graph()) == expected


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        pytest.param(lambda it: it.enqueue_publication(KEY), {"publication": {KEY}}, id="it was reconciled or drifted"),
        pytest.param(
            lambda it: it.enqueue_after_probe(GRAPH),
            {"graph": {GRAPH}, "publication": {KEY}},
            id="the server of its Graph answers otherwise",
        ),
    ],
)
def test_of_an_assistant_with_copies(change: Callable[[Triggers], None], expected: dict[str, set[Key]]) -> None:
    assert enqueued(change, PUBLISHED, a_graph()) == expected


ALIAS = (KEY[0], "production")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        pytest.param(lambda it: it.enqueue_aliases(KEY), {"alias": {ALIAS}}, id="its Assistant appeared or went"),
        pytest.param(lambda it: it.enqueue_aliases((KEY[0], "other")), NOTHING, id="another Assistant appeared"),
        pytest.param(lambda it: it.enqueue_awaiting_graphs(KEY), {"alias": {ALIAS}}, id="the versions were reconciled"),
        pytest.param(
            lambda it: it.enqueue_aliased(KEY), {"assistant": {KEY}, "version": {KEY}}, id="it appeared, moved or went"
        ),
        pytest.param(lambda it: it.enqueue_aliased((KEY[0], "other")), NOTHING, id="it moved, and has no Assistant"),
        pytest.param(
            lambda it: it.enqueue_assistants_of(a_graph(), a_graph(graphId="other")),
            {"assistant": {KEY}, "alias": {ALIAS}},
            id="the Graph has another target",
        ),
        pytest.param(
            lambda it: it.enqueue_after_probe(GRAPH),
            {"graph": {GRAPH}, "publication": {(KEY[0], "alias/production")}},
            id="the server of the Graph answers otherwise",
        ),
        pytest.param(
            lambda it: it.enqueue_published((KEY[0], "alias/production")), {"alias": {ALIAS}}, id="it was published"
        ),
        pytest.param(lambda it: it.enqueue_published(KEY), {"assistant": {KEY}}, id="its Assistant was published"),
    ],
)
def test_of_an_alias_with_copies(change: Callable[[Triggers], None], expected: dict[str, set[Key]]) -> None:
    alias = AssistantAlias(
        metadata=ObjectMeta(name="production", namespace=KEY[0], uid="uid-of-alias", generation=1),
        spec=AssistantAliasSpec.model_validate({"assistant_ref": {"name": KEY[1]}, "version": 1}),
        status=AssistantAliasStatus(copies=COPIES),
    )

    def of_alias(triggers: Triggers) -> None:
        triggers._store.upsert_alias(alias)  # noqa: SLF001 (the store of this test)
        change(triggers)

    assert enqueued(of_alias, ASSISTANT, a_graph()) == expected


@pytest.mark.parametrize(
    ("include_kept_versions", "kept", "others", "is_listed"),
    [
        pytest.param(True, LISTED_FROM, 0, True, id="many versions, and all there are"),
        pytest.param(True, LISTED_FROM - 1, 0, False, id="few versions"),
        pytest.param(True, LISTED_FROM, LISTED_FROM * (MOST_LISTED - 1), True, id="just enough of those there are"),
        pytest.param(True, LISTED_FROM, LISTED_FROM * (MOST_LISTED - 1) + 1, False, id="too few of those there are"),
        pytest.param(False, LISTED_FROM, 0, False, id="the kept versions are not validated again"),
    ],
)
def test_versions_are_listed_where_that_costs_less_than_to_read_each(
    include_kept_versions: Any, kept: int, others: int, is_listed: Any
) -> None:
    def change(it: Triggers) -> None:
        it.enqueue_revalidation(GRAPH, include_kept_versions=include_kept_versions)
        queue = it._queues.assistant  # noqa: SLF001 (the queues of this test)
        assert isinstance(queue, Enqueued)
        assert queue.delays == {LISTING_PATIENCE if is_listed else 0.0}

    found = enqueued(change, ASSISTANT, a_graph(), kept, others)
    assert found == {"assistant": {KEY}, **({"revalidation": {GRAPH}} if is_listed else {})}


def read(it: Triggers, *, of_graph: bool) -> None:
    """The schemas change while no version of the namespace is read; then all are. `of_graph`: one is of that Graph."""
    store = it._store  # noqa: SLF001 (the store of this test)
    another = an_assistant(meta={"name": "other", "uid": "other"}, graphRef={"name": "writer"})
    store.upsert_assistant(another)
    store.versions.set_unread(KEY[0])
    it.enqueue_revalidation(GRAPH, include_kept_versions=True)
    assert store.graphs[GRAPH].is_revalidating
    store.finish_validation(store.assistants[KEY])
    assert store.graphs[GRAPH].is_revalidating
    if of_graph:
        store.add_validating_graph(store.assistants[another.key], GRAPH)
    it.enqueue_former_assistants(GRAPH)
    assert store.graphs[GRAPH].is_revalidating is of_graph
    assert store.assistants[another.key].validation.is_revalidating is of_graph


@pytest.mark.parametrize(
    ("of_graph", "expected"),
    [
        pytest.param(True, {KEY, (KEY[0], "other")}, id="a version of an Assistant that references another Graph now"),
        pytest.param(False, {KEY}, id="no other version"),
    ],
)
def test_versions_of_former_assistants_are_found_by_reading_all_once(of_graph: Any, expected: set[Key]) -> None:
    found = enqueued(lambda it: read(it, of_graph=of_graph), ASSISTANT, a_graph(), kept=1)
    assert found == {"assistant": expected, "revalidation": {GRAPH}, "graph": {GRAPH}}


@pytest.mark.parametrize("event", ["the Graph was deleted", "its schemas did not change since"])
def test_nothing_is_enqueued_of_a_graph_whose_versions_were_known(event: str) -> None:
    def change(it: Triggers) -> None:
        if event == "the Graph was deleted":
            it._store.drop_graph(GRAPH)  # noqa: SLF001 (the store of this test)
        it.enqueue_former_assistants(GRAPH)

    assert enqueued(change, ASSISTANT, a_graph(), kept=1) == NOTHING
