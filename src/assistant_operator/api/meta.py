"""What all our kinds share: the API group, object metadata, conditions. No behaviour of the product."""

from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from typing import Annotated, Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, ValidatorFunctionWrapHandler, WrapValidator
from pydantic.alias_generators import to_camel

GROUP = "assistant-operator.dev"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"
MANAGER = "assistant-operator"
"""Our field manager, and the value of `app.kubernetes.io/managed-by`."""

Key = tuple[str, str]
"""Namespace and name."""

FreeForm = dict[str, Any]
"""JSON a person wrote and nobody else may touch."""


def bounded(length: int, **schema: Any) -> Any:
    """A field whose text the API server limits; reading stays lenient, so that no stored object is ever unreadable."""
    return Field(json_schema_extra={"maxLength": length, **schema})


def position(resource_version: str) -> int:
    """A resource version as a number: of two objects in one storage, the one with the greater number is newer.

    The only place where a resource version is taken for a number. Kubernetes promises the order since 1.35 (KEP-5504);
    before, it is true because each storage backend uses a counter. No promise covers arithmetic on the numbers, and a
    storage that is restored from a snapshot counts from there again: ResourceVersions finds that out.
    """
    return int(resource_version) if resource_version.isdecimal() else 0


NAME_PATTERN = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"
Name = Annotated[str, bounded(253, minLength=1, pattern=NAME_PATTERN)]
Digest = Annotated[str, bounded(71, pattern="^sha256:[0-9a-f]{64}$")]


class Model(BaseModel):
    """A piece of a resource: camelCase outside, snake_case inside, never changed in place."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, frozen=True, extra="ignore", hide_input_in_errors=True
    )

    def manifest(self) -> dict[str, Any]:
        """What was set, and nothing else, as the JSON the API server takes. Free-form parts are not copied."""
        # Not pydantic's own dump: it gives up on free-form JSON nested deeper than 255.
        written, values = self.model_fields_set, self.__dict__
        return {alias: _plain(values[name]) for name, alias in _aliases(type(self)) if name in written}


@cache
def _aliases(model: type[Model]) -> tuple[tuple[str, str], ...]:
    return tuple((name, field.alias or name) for name, field in model.model_fields.items())


def _plain(value: Any) -> Any:
    if isinstance(value, Model):
        return value.manifest()
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, datetime):
        return f"{value.replace(tzinfo=None).isoformat(timespec='seconds')}Z"
    return value


def _readable(value: Any, parse: ValidatorFunctionWrapHandler) -> datetime:
    try:
        time: datetime = parse(value)
    except ValueError:  # the API server lets through the year 0, or an offset of 99 hours
        return _LONG_AGO
    return time


_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
Time = Annotated[datetime, WrapValidator(_readable)]
"""When something came to be. Reading is lenient, so that no stored object is ever unreadable."""


class OwnerReference(Model):
    """Who an object goes with."""

    api_version: str
    kind: str
    name: str
    uid: str
    controller: bool | None = None
    block_owner_deletion: bool | None = None


class ManagedFields(Model):
    """Which fields a field manager owns, as the API server keeps it."""

    manager: str = ""
    operation: str = ""
    time: datetime | None = None
    subresource: str = ""
    fields_v1: FreeForm = {}


class ObjectMeta(Model):
    """The part of an object's metadata that we read."""

    name: str
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    generation: int = 0
    creation_timestamp: datetime | None = None
    deletion_timestamp: datetime | None = None
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    finalizers: tuple[str, ...] = ()
    owner_references: tuple[OwnerReference, ...] = ()
    managed_fields: tuple[ManagedFields, ...] = ()

    @property
    def key(self) -> Key:
        return self.namespace, self.name

    @property
    def controller(self) -> OwnerReference | None:
        return next((owner for owner in self.owner_references if owner.controller), None)

    @property
    def is_being_deleted(self) -> bool:
        return self.deletion_timestamp is not None


class ConditionStatus(StrEnum):
    """What a condition says; Unknown is not False."""

    TRUE = "True"
    FALSE = "False"
    UNKNOWN = "Unknown"

    @classmethod
    def of(cls, draft: bool | None) -> Self:  # noqa: FBT001 (what is converted)
        return cls.UNKNOWN if draft is None else cls(str(draft))


def rules(*each: dict[str, str]) -> ConfigDict:
    """Model settings: CEL rules by which the API server itself refuses what no model can express."""
    return ConfigDict(json_schema_extra={"x-kubernetes-validations": [dict(rule) for rule in each]})


# As metav1.Condition has it.
_CONDITION_TYPE = (
    r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$"
)


class Condition(Model):
    """One statement about an object, as Kubernetes defines conditions."""

    model_config = ConfigDict(
        json_schema_extra={"required": ["type", "status", "lastTransitionTime", "reason", "message"]}
    )

    type: Annotated[str, bounded(316, pattern=_CONDITION_TYPE)] = Field(
        description="type names what is stated, such as Ready."
    )
    status: str = Field(
        description="status is True, False or Unknown.",
        json_schema_extra={"enum": ["True", "False", "Unknown"]},
    )
    observed_generation: int | None = Field(
        default=None,
        description="observedGeneration is the metadata.generation of this object that the statement is about.",
        json_schema_extra={"minimum": 0},
    )
    last_transition_time: Time | None = Field(
        default=None, description="lastTransitionTime is when status changed last."
    )
    reason: Annotated[str, bounded(1024, minLength=1, pattern="^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$")] = Field(
        description="reason is the cause in one word, from the catalogue in docs/conditions.md."
    )
    message: Annotated[str, bounded(32768)] = Field(
        default="", description="message says what, where and because of which input, in one line."
    )

    def seen(self, generation: int, before: "Condition | None", now: datetime) -> Self:
        """This condition as of `generation`; its time moves only when its status does."""
        kept = before is not None and before.status == self.status
        since = before.last_transition_time if before and kept else now
        return self.model_copy(update={"observed_generation": generation, "last_transition_time": since})


Conditions = tuple[Condition, ...]

CONDITIONS = Field(
    default=(),
    description="conditions are the latest statements about this object, one a type.",
    json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"], "maxItems": 16},
)


def condition(conditions: tuple[Condition, ...], name: str) -> Condition | None:
    """The condition of that type, if it is stated."""
    return next((each for each in conditions if each.type == name), None)


class Resource(Model):
    """An object of one of our kinds."""

    kind_name: ClassVar[str]
    plural: ClassVar[str]

    metadata: ObjectMeta

    @property
    def key(self) -> Key:
        return self.metadata.key

    def owner_reference(self) -> OwnerReference:
        """How a child says that it goes with this object."""
        return OwnerReference(
            api_version=API_VERSION,
            kind=self.kind_name,
            name=self.metadata.name,
            uid=self.metadata.uid,
            controller=True,
            block_owner_deletion=True,
        )
