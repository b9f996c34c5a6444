"""Which version an alias stands for, its moves, and its status. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from assistant_operator.api.assistant import Assistant, Copy, copies_without
from assistant_operator.api.assistant_alias import MOST_MOVES, AssistantAlias, AssistantAliasStatus, Move
from assistant_operator.api.assistant_version import VersionRecord, version_name
from assistant_operator.api.meta import Condition, ConditionStatus
from assistant_operator.api.reason import Reason

from .aliased_versions import AliasEdit
from .conditions import Finding, conditions, with_progress
from .deletion import conditions_of_deletion
from .desired_copy import Target
from .kept_versions import NO_VERSIONS, KeptVersions
from .publication import PublishResult, publication_finding, recorded_copies
from .stored import Unstored


@dataclass(frozen=True, slots=True, kw_only=True)
class AliasInput:
    """All facts that a decision about one alias may use."""

    alias: AssistantAlias
    edits: tuple[AliasEdit, ...]
    """The edits that its status does not record yet, oldest first; the last one is that of the present spec."""
    now: datetime
    assistant: Assistant | None = None
    """None if it does not exist."""
    kept: KeptVersions = NO_VERSIONS
    """The versions of its Assistant."""
    findings: Mapping[int, Finding] = field(default_factory=dict)
    """By number: whether that version is valid, if that is known beside its condition Valid."""
    is_revalidating: bool = False
    """Whether a schema changed, so that the condition Valid of the versions may be outdated."""
    is_user_protected: bool = False
    """Whether the API server protects the annotation that names the user of an edit."""
    target: Target | None = None
    """Where the version that the alias stands for is published to; None if its Graph declares no server."""
    publish_result: PublishResult | None = None
    """The result of the last attempt to publish."""
    withdrawn: frozenset[Copy] = frozenset()
    """Copies that are deleted on their servers."""
    unstored: Unstored[AssistantAliasStatus] | None = None
    """The status that was written last, if the API server did not store all of its fields."""

    @property
    def before(self) -> AssistantAliasStatus:
        """The status that decisions start from: what was sent, while the API server does not store all of it."""
        is_latest = self.unstored is not None and self.unstored.stored == self.alias.status
        return self.unstored.sent if self.unstored and is_latest else self.alias.status

    def found(self, edit: AliasEdit) -> VersionRecord | None:
        """The version that the edit asks for; None if it does not exist."""
        return edit.found(self.kept, self.before)

    @property
    def copies(self) -> tuple[Copy, ...]:
        """The recorded copies that may exist on a server."""
        return copies_without(self.alias.status.copies, self.withdrawn)

    def name(self, number: int | None) -> str:
        return version_name(self.alias.spec.assistant_ref.name, number) if number else "no version"

    def is_valid(self, record: VersionRecord) -> bool | None:
        """Whether that version is valid; None if that is not known."""
        if known := self.findings.get(record.number):
            return known.holds
        if self.is_revalidating:
            return None
        return {"True": True, "False": False}.get(record.valid)


@dataclass(frozen=True, slots=True)
class ReadVersion:
    """Read why a version is not valid, from its condition Valid."""

    number: int


@dataclass(frozen=True, slots=True)
class UpdateAliasStatus:
    """Write the status of the alias. This also moves it."""

    status: AssistantAliasStatus


@dataclass(frozen=True, slots=True)
class MoveDecision:
    """The version that the alias should stand for, and the moves that lead there."""

    version: int | None
    digest: str | None
    moves: tuple[Move, ...]

    def is_at(self, record: VersionRecord) -> bool:
        """Whether that is the version already. An older CustomResourceDefinition has no column with the digest."""
        return self.version == record.number and record.digest in {"", self.digest}


AliasStep = ReadVersion | UpdateAliasStatus


def step(input: AliasInput) -> AliasStep | None:
    """The step that is due; None if there is none."""
    present = input.alias.status
    if input.alias.metadata.is_being_deleted:
        desired = _status_of_deletion(input)
    elif _is_undecided(input):
        return None
    elif (number := _unexplained(input)) is not None:
        return ReadVersion(number)
    else:
        desired = status(input, decide(input))
    if desired == present or (input.unstored and input.unstored.settles(desired, present)):
        return None
    return UpdateAliasStatus(desired)


def _is_undecided(input: AliasInput) -> bool:
    """Whether the version that is asked for is about to be validated again. The alias is enqueued after that.

    So is one that the alias stands for already, if it has no condition: the operator ended before it wrote that.
    """
    record, present = input.found(input.edits[-1]), input.before
    if record is None or record.number in input.findings:
        return False
    return input.is_revalidating or (not record.valid and record.number == present.version)


def _unexplained(input: AliasInput) -> int | None:
    """The number of the version that is asked for, if it is refused and it is not known why."""
    record = input.found(input.edits[-1])
    if record is None or record.number in input.findings:
        return None
    return record.number if record.valid in {ConditionStatus.FALSE, ConditionStatus.UNKNOWN} else None


def decide(input: AliasInput) -> MoveDecision:
    """Follow each edit in turn: one that asks for a version that exists and is valid moves the alias."""
    before = input.before
    decision = MoveDecision(before.version, before.digest, before.moves)
    if input.assistant is None:
        return decision
    for edit in input.edits:
        record = input.found(edit)
        if record and input.is_valid(record) and not decision.is_at(record):
            decision = _moved(input, decision, edit, record)
    return decision


def _moved(input: AliasInput, decision: MoveDecision, edit: AliasEdit, record: VersionRecord) -> MoveDecision:
    # A version that appears later, with the same content, moves the alias without an edit.
    by = AliasEdit(edit.generation) if edit.is_honoured(input.before) else edit
    move = Move.of(
        from_=decision.version,
        to=record.number,
        since=input.now,
        user=by.user if input.is_user_protected else None,
        manager=by.manager,
        cause=by.cause,
    )
    return MoveDecision(record.number, record.digest, (move, *decision.moves)[:MOST_MOVES])


def status(input: AliasInput, decision: MoveDecision) -> AssistantAliasStatus:
    """The desired status. It is written only if it differs from the present one."""
    copies = recorded_copies(input.copies, input.target)
    return AssistantAliasStatus.of(
        conditions=_conditions(input, decision),
        observed_generation=input.edits[-1].generation,
        version=decision.version,
        digest=decision.digest,
        assistant_id=copies[0].assistant_id if copies else None,
        copies=copies or None,
        moves=decision.moves or None,
    )


def _conditions(input: AliasInput, decision: MoveDecision) -> tuple[Condition, ...]:
    found = _version_found(input)
    ready, published = _ready(input, decision, found), None
    if input.target and decision.version:
        published = publication_finding(
            input.alias,
            decision.version,
            input.name(decision.version),
            input.target,
            input.publish_result,
            input.copies,
        )
    if ready.holds and published and not published.holds:
        ready = published
    if input.unstored:
        ready = replace(ready, message=f"{ready.message}; {input.unstored.message(AssistantAlias.plural)}")
    others = {"VersionFound": found, **({"Published": published} if published else {})}
    before, generation = input.alias.status.conditions, input.edits[-1].generation
    return conditions(with_progress(ready, others), before, generation, input.now)


def _version_found(input: AliasInput) -> Finding:
    edit, assistant = input.edits[-1], input.alias.spec.assistant_ref.name
    if input.assistant is None:
        return Finding(False, Reason.ASSISTANT_NOT_FOUND, f"there is no Assistant '{assistant}' in this namespace")
    if record := input.found(edit):
        return Finding(True, Reason.VERSION_FOUND, f"{record.name} exists")
    message = f"spec.digest: no version of '{assistant}' has the digest {edit.digest}"
    if edit.version is not None:
        message = f"spec.version: {input.name(edit.version)} does not exist"
        if edit.requested(input.kept):
            message = f"spec.version: {input.name(edit.version)} has other content: its Assistant was created anew"
    # The version may be one of an edit that is being recorded.
    is_transient = input.assistant.status.observed_generation != input.assistant.metadata.generation
    return Finding(False, Reason.VERSION_NOT_FOUND, message, is_transient)


def _ready(input: AliasInput, decision: MoveDecision, found: Finding) -> Finding:
    stays = f"the alias {'stays at' if decision.version else 'stands for'} {input.name(decision.version)}"
    record = input.found(input.edits[-1])
    if not found.holds or record is None:
        return replace(found, message=f"{found.message}; {stays}")
    if input.is_valid(record):
        return Finding(True, Reason.ACTIVE, f"the alias stands for {record.name}")
    if known := input.findings.get(record.number):
        return replace(known, holds=False, message=f"{record.name} is not valid: {known.message}; {stays}")
    if input.assistant and input.assistant.spec.suspend:
        message = f"{record.name} is not validated while Assistant '{input.assistant.metadata.name}' is suspended"
        return Finding(False, Reason.SUSPENDED, f"{message}; {stays}")
    return Finding(False, Reason.VALIDATING, f"{record.name} is not validated yet; {stays}")


def new_moves(before: AssistantAliasStatus, after: AssistantAliasStatus) -> int:
    """How many moves `after` records that `before` does not.

    Two moves may be equal: there, back and there again, within one second.
    """
    most = len(after.moves)
    return next(count for count in range(most + 1) if after.moves[count:] == before.moves[: most - count])


def _status_of_deletion(input: AliasInput) -> AssistantAliasStatus:
    """Unchanged, but Ready has the reason why it still exists."""
    before = input.alias.status
    found = conditions_of_deletion(before.conditions, input.alias.metadata.generation, input.publish_result, input.now)
    return before if found is None else before.model_copy(update={"conditions": found})
