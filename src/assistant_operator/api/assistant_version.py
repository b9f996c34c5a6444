"""AssistantVersion: an immutable snapshot of an Assistant, and its record without the snapshot."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from .assistant import Snapshot
from .meta import (
    CONDITIONS,
    GROUP,
    MANAGER,
    Cause,
    Condition,
    Digest,
    Key,
    Model,
    Name,
    NonNegative,
    Number,
    ObjectMeta,
    Resource,
    User,
    bounded,
    position,
    rules,
)

KEEP = f"{GROUP}/keep"
CREATED_AT = f"{GROUP}/created-at"
"""The annotation of an imported version: when the version that was exported was created."""
_NAME = re.compile(r"(?P<assistant>.+)-v(?P<number>[1-9][0-9]*)", re.DOTALL)
_LABEL_LENGTH = 63


class AssistantRef(Model):
    """The Assistant whose edit the version records."""

    name: Name
    """name of the Assistant, in this namespace."""
    uid: Annotated[str, bounded(64)]
    """uid of the Assistant the version was taken from."""


class Change(Model):
    """How a version differs from the previous one, who made the change, and why."""

    kind: Literal["Created", "Edited", "Reverted"]
    """kind is Created (the first version), Edited, or Reverted (an older version's content came back)."""
    same_as: Number | None = None
    """sameAs is the number of the newest older version with equal content."""
    paths: tuple[Annotated[str, bounded(256)], ...] = Field(
        default=(), json_schema_extra={"maxItems": 64, "x-kubernetes-list-type": "atomic"}
    )
    """paths are JSON Pointers into snapshot of what changed since the previous version: at most 64, each cut at 256
    characters.
    """
    cause: Cause | None = None
    """cause is the change-cause annotation, if it changed with this edit."""
    manager: Annotated[str, bounded(128)] | None = None
    """manager is the field manager that owns the changed paths; of several, the newest."""
    user: User | None = None
    """user who made the change, as the API server authenticated them; absent unless the policy record-user is installed
    and the operator runs with --record-user.
    """

    @property
    def author(self) -> str | None:
        """The user who made the change; the field manager, if the user is not known."""
        return self.user or self.manager


class AssistantVersionSpec(Model):
    """One edit of an Assistant. Immutable."""

    model_config = rules(
        {"rule": "self == oldSelf", "message": "a version is immutable: edit the Assistant to make a new one"}
    )

    assistant_ref: AssistantRef
    """assistantRef says which Assistant the version was taken from."""
    number: Number
    """number of the version: 1, 2, 3 and so on, never reused."""
    generation: NonNegative
    """generation is the metadata.generation of the Assistant it was taken from."""
    digest: Digest
    """digest of the snapshot: sha256 of its canonical JSON (RFC 8785)."""
    snapshot: Snapshot
    """snapshot is the versioned part of the Assistant's spec."""
    chain: Digest
    """chain is the sha256 of the previous version's chain, this number and this digest, a line each: a version that was
    dropped, altered or reordered is found by computing it again.
    """
    change: Change
    """change says what changed since the previous version."""


class AssistantVersionStatus(Model):
    """The observed state of an AssistantVersion."""

    conditions: tuple[Condition, ...] = CONDITIONS
    server_version: Number | None = None
    """serverVersion is the LangGraph Server's own number of this content."""


class AssistantVersion(Resource):
    """An immutable snapshot of an Assistant, made by the operator at an edit."""

    kind_name: ClassVar[str] = "AssistantVersion"
    plural: ClassVar[str] = "assistantversions"

    spec: AssistantVersionSpec
    """spec is the edit as it was; it can never be changed."""
    status: AssistantVersionStatus = AssistantVersionStatus()
    """status is what the operator reports."""

    @property
    def number(self) -> int:
        return self.spec.number

    @property
    def created_at(self) -> datetime | None:
        """When the edit was recorded: an imported version is younger than that."""
        try:
            return datetime.fromisoformat(self.metadata.annotations[CREATED_AT])
        except (KeyError, ValueError):
            return self.metadata.creation_timestamp

    @property
    def is_intact(self) -> bool:
        """Whether the snapshot still matches its digest."""
        return self.spec.snapshot.digest == self.spec.digest

    def as_record_of(self, record: "VersionRecord") -> "VersionRecord":
        """`record` with the metadata and the conditions of this version."""
        statuses = {condition.type: condition.status for condition in self.status.conditions}
        return replace(record.as_of(self.metadata), active=statuses.get("Active", ""), valid=statuses.get("Valid", ""))

    def record(self) -> "VersionRecord":
        """The record of this version."""
        key = (self.metadata.namespace, self.spec.assistant_ref.name)
        record = VersionRecord(key, self.number, uid=self.metadata.uid, digest=self.spec.digest)
        return self.as_record_of(record)


@dataclass(frozen=True, slots=True)
class VersionRecord:
    """What the store keeps of a version: all that decisions need, without the snapshot."""

    key: Key
    """Namespace and name of the Assistant."""
    number: int
    uid: str = ""
    resource_version: str = ""
    digest: str = ""
    owner: str | None = None
    """UID of the controller owner; None after `--cascade=orphan` or a restore from a backup."""
    is_labelled: bool = True
    """Whether it has all of `version_labels`."""
    is_labelled_keep: bool = False
    is_being_deleted: bool = False
    active: str = ""
    valid: str = ""

    @property
    def name(self) -> str:
        return version_name(self.key[1], self.number)

    @property
    def address(self) -> Key:
        """Namespace and name of the version itself."""
        return self.key[0], self.name

    @property
    def position(self) -> int:
        """Of the version, as ObjectMeta has it."""
        return position(self.resource_version)

    def belongs_to(self, uid: str) -> bool:
        """Whether the Assistant with that UID owns it, or may adopt it because it has no owner."""
        return self.owner in (uid, None)

    @property
    def is_settled(self) -> bool:
        """Whether nothing is due to it while it is not active and no schema changes."""
        is_ours = self.owner is not None and self.is_labelled and not self.is_being_deleted
        return is_ours and self.active == "False" and bool(self.valid)

    def as_of(self, meta: ObjectMeta) -> "VersionRecord":
        """This record with the resource version, owner, labels and deletion of `meta`."""
        return replace(
            self,
            resource_version=meta.resource_version,
            owner=meta.controller.uid if meta.controller else None,
            is_labelled=has_version_labels(meta.labels, self.key[1]),
            is_labelled_keep=KEEP in meta.labels,
            is_being_deleted=meta.is_being_deleted,
        )


def version_name(assistant: str, number: int) -> str:
    """The name of the AssistantVersion: `<assistant>-v<number>`."""
    return f"{assistant}-v{number}"


def parse_version_name(name: str) -> tuple[str, int] | None:
    """Assistant and number in the name of a version; None if `version_name` cannot have returned that name."""
    match = _NAME.fullmatch(name)
    return (match["assistant"], int(match["number"])) if match else None


def chained(previous: str, number: int, digest: str) -> str:
    """The `spec.chain` of a version. `previous`: the chain of the previous version, empty for the first."""
    return "sha256:" + hashlib.sha256(f"{previous}\n{number}\n{digest}".encode()).hexdigest()


def version_labels(assistant: str) -> dict[str, str]:
    """All labels of a version: none is copied from the Assistant. A name that is too long for a value is hashed."""
    value = assistant
    if len(assistant) > _LABEL_LENGTH:
        value = f"{assistant[:52].rstrip('-.')}-{hashlib.sha256(assistant.encode()).hexdigest()[:10]}"
    return {"app.kubernetes.io/managed-by": MANAGER, f"{GROUP}/assistant": value}


def has_version_labels(labels: Mapping[str, str], assistant: str) -> bool:
    """Whether `labels` contains all of `version_labels(assistant)`."""
    return version_labels(assistant).items() <= labels.items()
