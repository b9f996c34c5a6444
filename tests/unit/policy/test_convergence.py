"""Whatever people do in whatever order, taking one step after another ends, and then the contract holds."""

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assistant_operator.api.assistant import AssistantStatus
from assistant_operator.api.meta import condition
from assistant_operator.policy.assistant_input import (
    Adopt,
    Prune,
    Restore,
    Step,
    UpdateStatus,
    UpdateVersionStatus,
    Validate,
)
from harness.worlds import a_digest
from unit.policy.kstatus import kstatus
from unit.policy.paper import Paper, hash_of

GRAPHS = st.sampled_from(["support", "support", "triage"])
NUMBERS = st.integers(1, 4)
ALWAYS = (
    st.tuples(st.just("edit"), st.integers(0, 3), GRAPHS),
    st.tuples(st.just("schema"), GRAPHS, st.integers(0, 3)),
)
SOMETIMES = (
    st.tuples(st.just("unpin")),
    st.tuples(st.just("pin"), NUMBERS),
    st.tuples(st.just("set_manual"), st.booleans()),
    st.tuples(st.just("suspend"), st.booleans()),
    st.tuples(st.just("limit"), st.integers(1, 3)),
    st.tuples(st.just("keep"), NUMBERS),
    st.tuples(st.just("delete"), NUMBERS, st.booleans()),
    st.tuples(st.just("graph_goes"), GRAPHS),
    st.tuples(st.just("outgrow_storage")),
    st.tuples(st.just("orphan")),
)
STEPS = st.sampled_from([99, 99, 0, 2])
"""How many steps the operator gets before the next event; 99 is to rest."""


@st.composite
def histories(draw: st.DrawFn) -> list[tuple[tuple[Any, ...], int]]:
    """Each of a few kinds of events only: where everything happens at once, little of it has time to show."""
    kinds = draw(st.lists(st.sampled_from(SOMETIMES), unique=True))
    return draw(st.lists(st.tuples(st.one_of(*ALWAYS, *kinds), STEPS), min_size=12, max_size=24))


class Watched(Paper):
    """A Paper on which each step is checked against the contract before it is taken."""

    def __init__(self) -> None:
        super().__init__()
        self.journal: list[int] = []
        """The versions that came into force, newest first."""

    def steps(self, most: int) -> bool:
        """As many steps as that; whether it came to rest. One report says all that is to be said."""
        reports = 0
        for _ in range(most):
            step = self.step()
            if step is None:
                self.rest()
                return True
            self.check(step)
            self.act(step)
            reports += isinstance(step, UpdateStatus)
            assert reports <= 1, "what was reported is reported again"
        return False

    def settle(self) -> None:
        """Each version can be adopted, judged, marked and pruned, two restored, and what that changes be reported."""
        assert self.steps(4 * len(self.kept) + 12), "it does not come to rest"

    def orphan(self) -> None:
        super().orphan()
        self.journal = []

    # The contract, step by step

    def check(self, step: Step) -> None:
        match step:
            case Adopt(record):
                assert record.owner is None
            case Restore(number):
                assert number not in self.kept
                assert number in (self.latest, self.status.active_version)
            case Validate(number):
                assert number in self.kept
            case UpdateStatus(status):
                self.check_activation(self.status.active_version, status.active_version)
                self.check_times(status)
            case Prune(record):
                assert record.number not in self.needed
                assert not self.suspended
            case UpdateVersionStatus(record, is_active, validation_result):
                assert is_active == (record.number == self.status.active_version)
                assert validation_result is None or validation_result.holds == self.is_valid(record.number)

    def check_activation(self, before: int | None, after: int | None) -> None:
        if after == before:
            return
        if after is None:
            assert before in self.lost, "what is in force stays"
            return
        self.journal.insert(0, after)
        assert not self.suspended
        assert self.is_valid(after), "nothing becomes active that is not valid"
        if self.pinned:
            assert after == self.pinned
        else:
            assert not self.manual
            assert after == max(self.valid)
            assert after > (before or 0) or before in self.lost, "last known good stays in force"

    def check_times(self, status: AssistantStatus) -> None:
        for each in status.conditions:
            before = condition(self.status.conditions, each.type)
            stays = before is not None and before.status == each.status
            assert each.last_transition_time == (before.last_transition_time if before and stays else self.now)

    # The contract, at rest

    def check_rest(self) -> None:
        active = self.status.active_version
        if not self.suspended:
            self.check_right_one(active)
            assert self.kept.keys() <= self.needed, "nothing prunable is left"
            self.check_marks(active)
        assert {record.owner for record in self.kept.values()} <= {f"life-{self.life}"}
        assert {self.latest, active or self.latest} <= self.kept.keys() | self.lost
        self.check_status(active)

    def check_restart(self) -> None:
        """An operator that knows nothing any more finds it out again, and writes nothing."""
        self.lost = set()
        for _ in range(len(self.kept) + 3):
            step = self.step()
            if step is None:
                return
            assert isinstance(step, Validate) or (isinstance(step, Restore) and step.number in self.forgotten)
            self.act(step)
        raise AssertionError("a restarted operator does not come to rest")

    def check_right_one(self, active: int | None) -> None:
        if self.pinned:
            assert active == self.pinned or not (self.pinned in self.kept and self.is_valid(self.pinned))
        elif not self.manual:
            assert (active or 0) >= max(self.valid, default=0), "the latest valid version waits"

    def check_marks(self, active: int | None) -> None:
        assert {number: record.active for number, record in self.kept.items()} == {
            number: str(number == active) for number in self.kept
        }
        for number, record in self.kept.items():
            assert record.valid == str(self.is_valid(number)) or self.is_valid(number) is None

    def check_status(self, active: int | None) -> None:
        status, ready = self.status, condition(self.status.conditions, "Ready")
        assert ready is not None
        assert ready.reason == self.reason
        assert self.suspended or (ready.status == "True") == (self.reason == "Active")
        if ready.status == "True":
            assert kstatus(self.world.assistant) == "Current"
        else:
            assert kstatus(self.world.assistant) == ("InProgress" if self.is_waiting else "Failed")
        counted = (status.observed_generation, status.latest_version, status.versions)
        assert counted == (self.generation, self.latest, len(self.kept))
        assert status.digest == (a_digest(hash_of(self.contents[active])) if active else None)
        assert [each.number for each in status.activations] == self.journal[:20]

    # The contract, in the test's own words

    @property
    def valid(self) -> list[int]:
        return [number for number in self.kept if self.is_valid(number)]

    @property
    def needed(self) -> set[int | None]:
        newest = sorted(self.kept)[-self.history_limit :]
        labelled = [number for number, record in self.kept.items() if record.is_labelled_keep]
        return {*newest, *labelled, self.pinned, self.status.active_version}

    def is_valid(self, number: int) -> bool | None:
        graph, temperature = self.contents[number]
        return temperature <= self.graphs[graph] if graph in self.graphs else None

    @property
    def wanted(self) -> int:
        """The version a person would expect in force, going by the spec alone."""
        return self.pinned or (self.manual and self.status.active_version) or self.latest

    @property
    def reason(self) -> str:
        if self.suspended:
            return "Suspended"
        if self.too_large:
            return "SnapshotTooLarge"
        if self.wanted not in self.kept:
            return "PinnedVersionNotFound" if self.pinned else "VersionLost"
        if not (valid := self.is_valid(self.wanted)):
            refused = "PinnedVersionInvalid" if self.pinned else "SchemaRefused"
            return "GraphNotFound" if valid is None else refused
        return "Active" if self.status.active_version else "AwaitingActivation"

    @property
    def is_waiting(self) -> bool:
        """Whether it goes on by itself; a suspended one keeps what was said."""
        if self.suspended:
            return condition(self.status.conditions, "Reconciling") is not None
        return self.reason == "GraphNotFound"


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(histories())
def test_every_history_comes_to_rest_as_the_contract_says(history: list[tuple[tuple[Any, ...], int]]) -> None:
    paper = Watched()
    for (event, *details), most in history:
        getattr(paper, event)(*details)
        if paper.steps(most):
            paper.check_rest()
    paper.settle()
    paper.check_rest()
    paper.check_restart()
