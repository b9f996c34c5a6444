"""AssistantAlias: a name that callers use, which stands for one version of one Assistant and is moved by an edit."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from .assistant import COPIES, Assistant, Copy
from .graph import DisplayName
from .meta import CONDITIONS, Cause, Condition, Digest, Key, Model, Name, Number, Resource, Time, User, bounded, rules

MOST_MOVES = 50
ALIAS_PREFIX = "alias/"
"""Begins the name in the copy key of an alias. No name of an Assistant has a slash."""
ASSISTANT_STAYS = "assistantRef must not change once set; make another alias for another assistant"


class AliasedAssistant(Model):
    """An Assistant of the same namespace."""

    model_config = rules({"rule": "self == oldSelf", "message": ASSISTANT_STAYS})

    name: Name
    """name of the Assistant, in this namespace."""


class AssistantAliasSpec(Model):
    """Which version of which Assistant the alias stands for."""

    model_config = rules(
        {
            "rule": "has(self.version) != has(self.digest)",
            "message": "exactly one of version and digest must be set: the number of a version, or its content",
        }
    )

    assistant_ref: AliasedAssistant
    """assistantRef names the Assistant, in this namespace."""
    version: Number | None = None
    """version is the number of the version that the alias stands for. Not together with digest."""
    digest: Digest | None = None
    """digest selects the newest version with this content: the same manifest then works in every cluster. Not together
    with version.
    """
    display_name: DisplayName | None = None
    """displayName of the copy on the LangGraph Server; the alias's own name when absent."""
    deletion_policy: Literal["Delete", "Retain"] = "Delete"
    """deletionPolicy is what becomes of the copy on the LangGraph Server when this object is deleted: Delete or Retain.
    """


class Move(Model):
    """From which version to which the alias was moved, when, by whose edit, and why."""

    from_: Number | None = Field(default=None, alias="from")
    """from is the number of the version that it stood for before; absent in the first move."""
    to: Number
    """to is the number of the version that it stands for since."""
    since: Time
    """since is when it was moved."""
    user: User | None = None
    """user whose edit moved it, as the API server authenticated them; absent if that is not known."""
    manager: Annotated[str, bounded(128)] | None = None
    """manager is the field manager that owns the moved field."""
    cause: Cause | None = None
    """cause is the change-cause annotation of that edit, if it changed with the edit."""


class AssistantAliasStatus(Model):
    """The observed state of an AssistantAlias."""

    conditions: tuple[Condition, ...] = CONDITIONS
    observed_generation: int = -1
    """observedGeneration is the metadata.generation that this status is about; -1 before the first look."""
    version: Number | None = None
    """version is the number of the version that the alias stands for; absent while there is none."""
    digest: Digest | None = None
    """digest of that version's snapshot."""
    assistant_id: Annotated[str, bounded(64)] | None = None
    """assistantId is the UUID of the alias on the LangGraph Server."""
    copies: tuple[Copy, ...] = COPIES
    """copies are where the alias is on LangGraph Servers: first where it is published to, then those that must still be
    withdrawn, at most 8.
    """
    moves: tuple[Move, ...] = Field(
        default=(), json_schema_extra={"maxItems": MOST_MOVES, "x-kubernetes-list-type": "atomic"}
    )
    """moves are the moves of the alias, newest first, at most 50."""


class AssistantAlias(Resource):
    """A name that callers use, production for example. It stands for one version of one Assistant."""

    kind_name: ClassVar[str] = "AssistantAlias"
    plural: ClassVar[str] = "assistantaliases"

    spec: AssistantAliasSpec
    """spec is what a person says of the alias."""
    status: AssistantAliasStatus = AssistantAliasStatus()
    """status is what the operator reports."""

    @property
    def assistant_key(self) -> Key:
        """Namespace and name of the Assistant that has its versions."""
        return self.metadata.namespace, self.spec.assistant_ref.name

    @property
    def copy_key(self) -> Key:
        """What its copies are published under. `alias_of` is the reverse."""
        return self.metadata.namespace, f"{ALIAS_PREFIX}{self.metadata.name}"

    @property
    def in_force(self) -> int | None:
        """Number of the version that it stands for."""
        return self.status.version

    @property
    def is_suspended(self) -> bool:
        return False


def alias_of(copy_key: Key) -> Key | None:
    """Namespace and name of the alias that is published under that copy key; None if it is that of an Assistant."""
    namespace, name = copy_key
    return (namespace, name.removeprefix(ALIAS_PREFIX)) if name.startswith(ALIAS_PREFIX) else None


Published = Assistant | AssistantAlias
"""What has a version in force, and copies of it on LangGraph Servers."""
