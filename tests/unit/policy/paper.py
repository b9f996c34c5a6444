"""An Assistant on paper: what people do to it, and the steps of the operator taken by hand. No API server."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from assistant_operator.api.assistant import AssistantStatus, Snapshot
from assistant_operator.api.assistant_version import VersionRecord
from assistant_operator.api.meta import ConditionStatus
from assistant_operator.api.schema_result import Invalid, Valid
from assistant_operator.policy import validation
from assistant_operator.policy.assistant_input import (
    Adopt,
    AssistantInput,
    Captured,
    Prune,
    Restore,
    Step,
    UpdateStatus,
    UpdateVersionStatus,
    Validate,
    ValidationResult,
)
from assistant_operator.policy.kept_versions import KeptVersions
from harness.worlds import NAMESPACE, NOW, a_digest, a_graph, a_record, an_assistant, steps

Content = tuple[str, int]
"""Which graph, and at which temperature."""


class Paper:
    """One Assistant of a graph that takes temperatures up to 2, just made at temperature 0."""

    def __init__(self) -> None:
        self.graphs: dict[str, int] = {"support": 2}
        """The greatest temperature that the schema of each Graph lets through; absent: no such Graph."""
        self.now, self.life = NOW, 0
        self.pinned: int | None = None
        self.manual = self.suspended = self.too_large = False
        self.history_limit = 100
        self.contents: dict[int, Content] = {}
        self.kept: dict[int, VersionRecord] = {}
        self.forgotten: set[int] = set()
        self.lost: set[int] = set()
        self.validation_results: dict[int, ValidationResult] = {}
        self.is_revalidating = False
        self.generation = self.latest = 0
        self.status = AssistantStatus()
        self.edit(0)

    # What people do

    def edit(self, temperature: int, graph: str = "support") -> None:
        self._edited()
        self.too_large = False
        if self.latest in self.lost or self.contents.get(self.latest) != (graph, temperature):
            self.latest += 1
            self.contents[self.latest] = (graph, temperature)
            self._make(self.latest)

    def outgrow_storage(self) -> None:
        self._edited()
        self.too_large = True

    def pin(self, number: int) -> None:
        self._edited()
        self.pinned = number

    def unpin(self) -> None:
        self._edited()
        self.pinned = None

    def set_manual(self, manual: bool) -> None:  # noqa: FBT001 (drawn by hypothesis)
        self._edited()
        self.manual = manual

    def suspend(self, suspended: bool) -> None:  # noqa: FBT001 (drawn by hypothesis)
        self._edited()
        self.suspended = suspended

    def limit(self, most: int) -> None:
        self._edited()
        self.history_limit = most

    def keep(self, number: int) -> None:
        if number in self.kept:
            self.kept[number] = replace(self.kept[number], is_labelled_keep=True)

    def delete(self, number: int, is_forgotten: bool = False) -> None:  # noqa: FBT001, FBT002 (drawn by hypothesis)
        if self.kept.pop(number, None) and is_forgotten:
            self.forgotten.add(number)

    def schema(self, graph: str, most: int) -> None:
        """The Graph comes, or its schema changes."""
        self.now += timedelta(minutes=1)
        self.graphs[graph] = most
        self.validation_results, self.is_revalidating = {}, True

    def graph_goes(self, graph: str) -> None:
        self.now += timedelta(minutes=1)
        self.graphs.pop(graph, None)
        self.validation_results = {}

    def orphan(self) -> None:
        """Deleted with --cascade=orphan and made again as it was: a new object with a new UID."""
        self.life += 1
        self.generation, self.status, self.lost = 0, AssistantStatus(), set()
        self.kept = {number: replace(record, owner=None) for number, record in self.kept.items()}
        self.validation_results, self.too_large = {}, False
        content, self.latest = self.contents[self.latest], max(self.kept, default=0)
        self.edit(content[1], content[0])

    # What the operator sees and does

    @property
    def world(self) -> AssistantInput:
        meta = {"uid": f"life-{self.life}", "generation": self.generation}
        control: dict[str, Any] = {"pin": self.pinned, "manual": self.manual, "suspend": self.suspended}
        too_large = "it is larger than the API server can store" if self.too_large else None
        return AssistantInput(
            an_assistant(**control, limit=self.history_limit, status=self.status, meta=meta),
            Captured(self.generation, self.latest, too_large=too_large),
            now=self.now,
            kept=KeptVersions.of(self.kept.values()),
            validation_results=dict(self.validation_results),
            lost=frozenset(self.lost),
            is_revalidating=self.is_revalidating,
        )

    def step(self) -> Step | None:
        return next(steps(self.world), None)

    def act(self, step: Step) -> None:
        match step:
            case Adopt(record):
                self.kept[record.number] = replace(record, owner=f"life-{self.life}")
            case Restore(number) if number in self.forgotten:
                self.lost.add(number)
            case Restore(number):
                self._make(number)
            case Validate(number):
                self.validation_results[number] = self.validation_result(number)
            case UpdateStatus(status):
                self.status = status
            case Prune(record):
                del self.kept[record.number]
            case UpdateVersionStatus(record, is_active, validation_result):
                said = ConditionStatus.of(validation_result.holds).value if validation_result else record.valid
                self.kept[record.number] = replace(record, active=str(is_active), valid=said)

    def rest(self) -> None:
        """Nothing is due any more: what was found out is forgotten, as the operator does."""
        self.validation_results, self.is_revalidating = {}, False

    def validation_result(self, number: int) -> ValidationResult:
        graph, temperature = self.contents[number]
        if graph not in self.graphs:
            return validation.graph_missing(Snapshot.model_validate({"graph_ref": {"name": graph}}), NAMESPACE)
        most = self.graphs[graph]
        problem = Invalid(f"/context/temperature: {temperature} is greater than the maximum of {most}")
        schema = {"properties": {"temperature": {"maximum": most}}}
        return validation.validation_result(
            a_graph(meta={"name": graph}, context_schema=schema), problem if temperature > most else Valid()
        )

    def _make(self, number: int) -> None:
        self.forgotten.discard(number)
        digest = a_digest(hash_of(self.contents[number]))
        self.kept[number] = a_record(number, owner=f"life-{self.life}", digest=digest, active="", valid="")

    def _edited(self) -> None:
        self.now += timedelta(minutes=1)
        self.generation += 1


def hash_of(content: Content) -> int:
    """One number for one content."""
    graph, temperature = content
    return 100 * len(graph) + temperature
