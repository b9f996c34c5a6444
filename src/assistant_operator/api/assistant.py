"""Assistant: a graph with one specific configuration, and the snapshot of it that versions keep."""

import re
from collections.abc import Collection, Iterable
from functools import cached_property
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from .canonical import canonical, digest
from .credentials import Suspicion, suspicions
from .graph import ONE_CONFIGURATION, Config, Description, DisplayName
from .meta import (
    CONDITIONS,
    GROUP,
    Cause,
    Condition,
    Count,
    Digest,
    FreeForm,
    Key,
    Model,
    Name,
    NonNegative,
    Number,
    Resource,
    Time,
    User,
    bounded,
    rules,
)
from .server import BundleRef, SecretKeyRef, canonical_address

EXPORTED_VERSIONS = f"{GROUP}/exported-versions"
"""The annotation of an exported Assistant: the numbers of its versions, such as `2,7-9`."""


class GraphRef(Model):
    """A Graph of the same namespace."""

    name: Name
    """name of the Graph, in this namespace."""


class Snapshot(Model):
    """The versioned part of an Assistant's spec. A field that is absent, empty or null is three different contents."""

    graph_ref: GraphRef
    """graphRef names the Graph this assistant is an instance of."""
    display_name: DisplayName | None = None
    """displayName of the assistant, for people."""
    description: Description | None = None
    """description of the assistant, for people."""
    context: FreeForm | None = None
    """context is free-form JSON, the static context of the assistant's runs: prompt, model, tools. Not together with
    config.configurable.
    """
    config: Config | None = None
    """config is the RunnableConfig of the assistant."""
    metadata: FreeForm | None = None
    """metadata is free-form JSON kept with the assistant."""

    @cached_property
    def canonical(self) -> bytes:
        """The snapshot as canonical JSON (RFC 8785). Snapshots are equal if these bytes are."""
        return canonical(self.manifest())

    def drop_canonical(self) -> None:
        """Free the memory of `canonical`, until it is needed again."""
        self.__dict__.pop("canonical", None)

    @property
    def digest(self) -> str:
        return digest(self.canonical)

    @property
    def suspicions(self) -> tuple[Suspicion, ...]:
        """Where the snapshot has texts that look like credentials, as JSON Pointers into it."""
        return suspicions({name: value for name, value in self.manifest().items() if name != "graphRef"})


class Versioning(Model):
    """Which version is active and how many are kept. A change of these fields creates no version."""

    active_version: Number | None = None
    """activeVersion pins the version with this number; absent, the latest valid one is active (in Manual activation:
    what is in force stays).
    """
    activation: Literal["Automatic", "Manual"] = "Automatic"
    """activation is Automatic (the latest valid version becomes active) or Manual (only a pin activates)."""
    history_limit: int = Field(default=100, json_schema_extra={"minimum": 1, "maximum": 10000, "format": "int32"})
    """historyLimit is how many of the newest versions are kept, 1 to 10000; the active, the pinned and those labelled
    assistant-operator.dev/keep are kept beside them.
    """


class AssistantSpec(Snapshot):
    """The desired state: the snapshot, and the control fields, which are not versioned."""

    model_config = rules(ONE_CONFIGURATION)

    versioning: Versioning = Versioning()
    """versioning says which version is active and how many are kept."""
    deletion_policy: Literal["Delete", "Retain"] = "Delete"
    """deletionPolicy is what becomes of the copy on the LangGraph Server when this object is deleted: Delete or Retain.
    """
    suspend: bool = False
    """suspend true records edits, but activates, publishes and prunes nothing until it is lifted."""

    @cached_property
    def snapshot(self) -> Snapshot:
        """The versioned part, with the fields that are set and no others."""
        written = self.model_fields_set & Snapshot.model_fields.keys()
        return Snapshot.model_construct(written, **{name: getattr(self, name) for name in written})


class Activation(Model):
    """Which version was in force since when, by whose edit, and why."""

    number: Number
    """number of the version that came into force."""
    since: Time
    """since is when it came into force."""
    user: User | None = None
    """user whose edit activated it, as the API server authenticated them; absent if that is not known."""
    cause: Cause | None = None
    """cause is the change-cause annotation of that edit, if it changed with the edit."""


class Copy(Model):
    """Where a copy of the assistant is, and how to get there."""

    server: Annotated[str, bounded(2048)]
    """server is the URL of the LangGraph Server."""
    assistant_id: Annotated[str, bounded(64)]
    """assistantId is the UUID of the copy there."""
    api_key_secret_ref: SecretKeyRef | None = None
    """apiKeySecretRef names the Secret with the key for that server."""
    ca_bundle_ref: BundleRef | None = None
    """caBundleRef names what that server's certificate is checked against."""

    owner: Annotated[str, bounded(1024)] | None = None
    """owner is the identity, <cluster>/<namespace>/<name>, under which the copy is created there; absent in statuses of
    operators that did not record it.
    """

    @property
    def site(self) -> tuple[str, str]:
        """Server and assistant id, equal for all spellings of one address and for all credentials."""
        return canonical_address(self.server), self.assistant_id

    def is_same(self, other: "Copy") -> bool:
        """Whether both name the same assistant on the same server, with the same owner if both record one."""
        return self.site == other.site and (None in (self.owner, other.owner) or self.owner == other.owner)

    def is_equal(self, other: "Copy") -> bool:
        """Whether all fields are equal. The owner is compared only if both record it: an older CRD drops that field."""
        is_recorded = self.owner is not None and other.owner is not None
        return self == (other if is_recorded else other.model_copy(update={"owner": self.owner}))


COPIES = Field(default=(), json_schema_extra={"maxItems": 8, "x-kubernetes-list-type": "atomic"})


def copies_without(recorded: Iterable[Copy], withdrawn: Collection[Copy]) -> tuple[Copy, ...]:
    """The recorded copies that may exist on a server. `withdrawn`: copies that are known to be deleted."""
    return tuple(copy for copy in recorded if copy not in withdrawn)


class AssistantStatus(Model):
    """The observed state of an Assistant."""

    conditions: tuple[Condition, ...] = CONDITIONS
    observed_generation: int = -1
    """observedGeneration is the metadata.generation up to which every edit is recorded; -1 before the first look."""
    latest_version: NonNegative | None = None
    """latestVersion is the number of the newest version ever made."""
    active_version: Number | None = None
    """activeVersion is the number of the version in force; absent while there is none."""
    versions: Count = 0
    """versions is how many versions are kept."""
    assistant_id: Annotated[str, bounded(64)] | None = None
    """assistantId is the UUID of the copy on the LangGraph Server."""
    copies: tuple[Copy, ...] = COPIES
    """copies are where the assistant is on LangGraph Servers: first where it is published to, then those that must
    still be withdrawn, at most 8.
    """
    digest: Digest | None = None
    """digest of the active version's snapshot."""
    missed_generations: NonNegative = 0
    """missedGenerations is how many edits were never seen and so are in no version, since the beginning."""
    activations: tuple[Activation, ...] = Field(
        default=(), json_schema_extra={"maxItems": 20, "x-kubernetes-list-type": "atomic"}
    )
    """activations are the versions that came into force, newest first, at most 20."""


class Assistant(Resource):
    """A graph with one specific configuration: prompt, model, tools. Every edit of it is a version."""

    kind_name: ClassVar[str] = "Assistant"
    plural: ClassVar[str] = "assistants"

    spec: AssistantSpec
    """spec is what a person says of the assistant."""
    status: AssistantStatus = AssistantStatus()
    """status is what the operator reports."""

    @property
    def assistant_key(self) -> Key:
        """Namespace and name of the Assistant that has its versions: its own."""
        return self.key

    @property
    def copy_key(self) -> Key:
        """What its copies are published under."""
        return self.key

    @property
    def in_force(self) -> int | None:
        """Number of the active version."""
        return self.status.active_version

    @property
    def is_suspended(self) -> bool:
        return self.spec.suspend

    @property
    def pin(self) -> int | None:
        return self.spec.versioning.active_version

    @property
    def newest_exported(self) -> int:
        """Number of the newest version that was exported with it; 0 if it was not imported."""
        last = re.split("[-,]", self.metadata.annotations.get(EXPORTED_VERSIONS, ""))[-1]
        return int(last) if re.fullmatch("[0-9]{1,18}", last) else 0
