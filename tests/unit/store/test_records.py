"""What is known of one object: the newest state, and what was written since until the watch shows it."""

import asyncio
from typing import Any

import pytest

from assistant_operator.api.assistant import Assistant, AssistantStatus, Copy
from assistant_operator.api.assistant_alias import AssistantAlias, AssistantAliasStatus
from assistant_operator.policy.stored import Unstored
from assistant_operator.store.records import AliasRecord, AssistantRecord, strip_managed_fields
from assistant_operator.store.store import Store
from harness.support.credentials import CREDENTIALS
from harness.support.timeless import timeless
from harness.worlds import BOT, EARLIER, GRAPH, a_default, a_status, an_assistant, managed

WRITTEN = a_status(active_version=2)
HELD_BY = "operator/finalizer"


def at(position: int, name: str = BOT, graph: str = GRAPH, **different: Any) -> Assistant:
    """An Assistant as it was at that resource version."""
    meta = {"name": name, "resource_version": str(position), **different.pop("meta", {})}
    return an_assistant(meta=meta, graph_ref={"name": graph}, **different)


def captured_at(position: int) -> AssistantRecord:
    record = AssistantRecord(at(position))
    record.capture_up_to(at(position))
    return record


def captured(record: AssistantRecord) -> Assistant:
    assert record.captured
    return record.captured


def test_of_captured_states_the_newest_stays() -> None:
    record = captured_at(10)
    for state, kept in ((at(12), at(12)), (at(11), at(12)), (at(12), at(12))):
        record.capture_up_to(state)
        assert record.captured == kept


def test_states_from_before_a_write_have_the_status_that_was_written() -> None:
    record = captured_at(10)
    record.assume_status(WRITTEN, 20)
    assert captured(record).status == WRITTEN
    record.capture_up_to(at(15))
    assert captured(record).status == WRITTEN, "seen before the write"
    record.capture_up_to(at(20, status=a_status(versions=9)))
    assert captured(record).status == a_status(versions=9), "what is stored is what counts"


def test_what_is_captured_is_kept_once_where_it_is_the_newest_state() -> None:
    seen = at(10)
    record = AssistantRecord(strip_managed_fields(seen))
    record.capture_up_to(seen)
    assert record.captured is record.latest


def test_what_is_captured_of_an_earlier_state_leaves_the_newest_alone() -> None:
    record = AssistantRecord(at(20))
    record.capture_up_to(at(10))
    assert (captured(record).metadata.resource_version, record.latest.metadata.resource_version) == ("10", "20")


def test_a_status_that_was_written_since_leaves_the_newest_state_alone() -> None:
    record = captured_at(20)
    record.assume_status(AssistantStatus(latest_version=99), at=30)
    record.capture_up_to(record.latest)
    assert (captured(record).status.latest_version, record.latest) == (99, at(20))


def test_other_metadata_of_the_newest_state_leaves_it_alone() -> None:
    record = AssistantRecord(at(20))
    meta = record.latest.metadata.model_copy(update={"generation": 7})
    record.capture_up_to(record.latest.model_copy(update={"metadata": meta}))
    assert (captured(record).metadata.generation, record.latest) == (7, at(20))


@pytest.mark.parametrize("is_present", [True, False])
def test_states_from_before_a_write_have_the_finalizer_that_was_added_or_removed(*, is_present: bool) -> None:
    others = ("another/finalizer",)
    before, after = (others, (*others, HELD_BY)) if is_present else ((*others, HELD_BY), others)
    record = AssistantRecord(at(10))
    record.capture_up_to(at(10, meta={"finalizers": before}))
    record.assume_finalizer(HELD_BY, is_present=is_present, at=20)
    assert captured(record).metadata.finalizers == after
    record.capture_up_to(at(15, meta={"finalizers": before}))
    assert captured(record).metadata.finalizers == after, "seen before the write"
    record.capture_up_to(at(21, meta={"finalizers": before}))
    assert captured(record).metadata.finalizers == before, "another writer changed it since"


def test_a_status_that_another_writer_wrote_since_is_not_overlaid() -> None:
    record = captured_at(10)
    record.assume_status(WRITTEN, 20)
    record.writes.discard_status()
    record.capture_up_to(at(15))
    assert captured(record).status == a_status()


def test_a_status_is_compared_with_what_was_sent_once_the_watch_shows_it() -> None:
    record = captured_at(10)
    record.assume_status(WRITTEN, 20)
    assert not record.writes.unstored, "the watch has not shown it yet"
    stored = a_status(active_version=2, digest=None)
    assert record.capture_up_to(at(20, status=stored)), "that is to be reported"
    assert record.writes.unstored == Unstored(WRITTEN, stored)
    assert not record.capture_up_to(at(21, status=stored))
    record.assume_status(WRITTEN, 30)
    assert record.capture_up_to(at(30, status=WRITTEN)), "it is stored now, which is to be reported"
    assert record.writes.unstored is None


def test_a_write_that_changed_nothing_has_the_resource_version_of_what_was_there() -> None:
    record = captured_at(10)
    record.assume_status(WRITTEN, 10)
    assert record.writes.unstored == Unstored(WRITTEN, a_status())
    assert captured(record).status == a_status()


def test_nothing_is_done_to_what_is_gone() -> None:
    record = captured_at(10)
    record.mark_gone()
    assert (record.captured, record.is_gone) == (None, True)


def test_a_pause_between_two_tries_ends_when_the_assistant_is_gone() -> None:
    async def scenario() -> float:
        record, loop = captured_at(10), asyncio.get_running_loop()
        record.capture.end_pause()  # there is none
        loop.call_later(3, record.mark_gone)
        started = loop.time()
        await record.capture.pause(60)
        await record.capture.pause(2)
        return loop.time() - started

    assert timeless(scenario()) == pytest.approx(5)


@pytest.mark.parametrize(
    ("different", "is_shared"),
    [
        pytest.param({"status": WRITTEN}, True, id="the status alone"),
        pytest.param({"metadata": {"labels": {"a": "b"}}}, True, id="a label alone"),
        pytest.param({"metadata": {"generation": 4}}, False, id="another generation of the same content"),
        pytest.param({"metadata": {"uid": "another"}}, False, id="another object of that name"),
        pytest.param({"spec": {"context": {"prompt": "defaulted"}}}, False, id="another content of that generation"),
    ],
)
def test_a_spec_that_is_known_is_kept_once(different: dict[str, Any], *, is_shared: bool) -> None:
    record = captured_at(10)
    state = at(20)
    meta = state.metadata.model_copy(update=different.get("metadata", {}))
    spec = state.spec.model_copy(update=different.get("spec", {}))
    state = Assistant(metadata=meta, spec=spec.model_copy(deep=True), status=different.get("status", state.status))
    shared = record.sharing_spec(state)
    assert shared == state
    assert (shared.spec is record.latest.spec) is is_shared


def test_the_canonical_form_is_dropped_and_can_be_computed_again() -> None:
    record = captured_at(10)
    before = record.latest.spec.snapshot.canonical
    record.drop_canonical_forms()
    assert "canonical" not in record.latest.spec.snapshot.__dict__
    assert record.latest.spec.snapshot.canonical == before


KUBECTL = (managed("kubectl", "context.prompt"),)


@pytest.mark.parametrize(
    ("assistant", "kept"),
    [
        pytest.param(at(1, meta={"managed_fields": KUBECTL}), False, id="captured: who owns what is not needed"),
        pytest.param(at(1, meta={"managed_fields": KUBECTL, "generation": 4}), True, id="an edit is to be captured"),
        pytest.param(a_default(), True, id="its Graph follows its fields"),
    ],
)
def test_who_owns_which_field_is_kept_only_where_it_is_needed(assistant: Assistant, *, kept: bool) -> None:
    slimmed = strip_managed_fields(assistant)
    assert bool(slimmed.metadata.managed_fields) is kept
    assert (slimmed.spec, slimmed.status, slimmed.key) == (assistant.spec, assistant.status, assistant.key)


DELETED = {"deletion_timestamp": EARLIER, "finalizers": ("orphan",)}
HELD = AssistantStatus(copies=(Copy(server="http://one", assistant_id="a"),))


@pytest.mark.parametrize(
    "live",
    [
        pytest.param(at(9, meta=DELETED), id="its deletion is known, and its content as it is captured"),
        pytest.param(at(9, meta=DELETED, status=HELD), id="its copies as the status names them"),
    ],
)
@pytest.mark.parametrize("late", [None, 5], ids=["nothing else", "an earlier edit captured since"])
def test_a_deletion_that_was_read_is_known_before_its_news(live: Assistant, late: int | None) -> None:
    record = captured_at(1)
    record.assume_deletion(live)
    if late:
        record.capture_up_to(at(late))
    kept, before = captured(record), at(late or 1)
    assert kept.metadata.is_being_deleted
    assert (kept.spec, kept.metadata.resource_version) == (before.spec, before.metadata.resource_version)
    assert kept.status == live.status


ENDED = at(9, meta=DELETED)


def test_a_later_state_of_what_is_being_deleted_is_as_it_is() -> None:
    record = AssistantRecord(at(1))
    record.assume_deletion(ENDED)
    last = at(10, meta={**DELETED, "finalizers": ()})
    record.capture_up_to(last)
    assert record.captured == last


@pytest.mark.parametrize(
    ("since", "is_dropped"),
    [
        pytest.param(at(1), True, id="nothing came since"),
        pytest.param(at(2), True, id="a later state"),
        pytest.param(ENDED, False, id="its deletion, which is to be acted upon"),
    ],
)
def test_a_state_is_dropped_unless_something_else_is_to_be_done(since: Assistant, *, is_dropped: bool) -> None:
    record = AssistantRecord(since)
    record.capture_up_to(since)
    record.ignore(at(1))
    assert (record.captured is None) is is_dropped


def test_each_generation_is_searched_for_credentials_once() -> None:
    plain, leaky = an_assistant(), an_assistant(context={"key": CREDENTIALS["a GitHub token"]})
    edited = an_assistant(context={"other": CREDENTIALS["a GitHub token"]}, meta={"generation": 4})
    record = AssistantRecord(plain)
    assert record.suspicions(leaky) == leaky.spec.snapshot.suspicions != ()
    assert record.suspicions(plain) == leaky.spec.snapshot.suspicions  # of the same generation: it is not searched
    assert record.suspicions(edited) == edited.spec.snapshot.suspicions != leaky.spec.snapshot.suspicions


# Aliases


def alias_at(generation: int, observed: int = -1, version: int = 1) -> AssistantAlias:
    meta = {"name": "production", "namespace": "team", "uid": "uid-of-alias", "resourceVersion": str(10 * generation)}
    spec = {"assistant_ref": {"name": BOT}, "version": version}
    status = AssistantAliasStatus(observed_generation=observed)
    return AssistantAlias.model_validate(
        {"metadata": {**meta, "generation": generation}, "spec": spec, "status": status}
    )


def observed(*states: AssistantAlias) -> AliasRecord:
    record = AliasRecord(states[0])
    for state in states:
        record.observe(state)
    return record


@pytest.mark.parametrize(
    ("states", "generations"),
    [
        pytest.param([alias_at(1, 1)], [1], id="one that is recorded"),
        pytest.param([alias_at(1), alias_at(2), alias_at(3)], [1, 2, 3], id="three within a second"),
        pytest.param([alias_at(1), alias_at(1)], [1], id="a state that is seen twice"),
        pytest.param([alias_at(1), alias_at(2), alias_at(3, 2)], [3], id="the status records two"),
        pytest.param([alias_at(1), alias_at(2, 2)], [2], id="the status records all: the newest stays"),
    ],
)
def test_each_edit_of_an_alias_is_kept_until_its_status_records_it(
    states: list[AssistantAlias], generations: list[int]
) -> None:
    assert [edit.generation for edit in observed(*states).edits] == generations


def test_a_written_status_of_an_alias_is_read_until_the_watch_shows_it() -> None:
    record = observed(alias_at(1), alias_at(2))
    record.assume_status(AssistantAliasStatus(observed_generation=2, version=1), 25)
    assert (record.latest.status.version, [edit.generation for edit in record.edits]) == (1, [2])


@pytest.mark.parametrize(("seen", "is_unsure"), [(alias_at(1), True), (alias_at(1, 1), False)])
def test_the_copy_of_an_alias_is_compared_after_each_edit(seen: AssistantAlias, *, is_unsure: bool) -> None:
    """An edit may change the display name alone."""
    assert observed(seen).publication.is_unsure is is_unsure


def test_a_write_to_an_alias_that_is_gone_meanwhile_is_let_go() -> None:
    record = Store().alias_record_of(alias_at(1))
    record.assume_finalizer("f", is_present=False, at=12)
    record.assume_status(AssistantAliasStatus(observed_generation=1), 13)
    assert record.is_gone
