"""What all kinds share: the API group, object metadata and conditions."""

from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from typing import Annotated, Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, GetCoreSchemaHandler, GetPydanticSchema, WithJsonSchema
from pydantic.alias_generators import to_camel
from pydantic_core import CoreSchema, core_schema

GROUP = "assistant-operator.dev"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"
MANAGER = "assistant-operator"
"""The operator's field manager, and the value of the label `app.kubernetes.io/managed-by`."""

Key = tuple[str, str]
"""Namespace and name."""

FreeForm = Annotated[dict[str, Any], Field(json_schema_extra={"x-kubernetes-preserve-unknown-fields": True})]
"""JSON that a user wrote. The operator never changes it."""

Number = Annotated[int, Field(json_schema_extra={"minimum": 1, "format": "int64"})]
"""The number of a version."""
Count = Annotated[int, Field(json_schema_extra={"minimum": 0, "format": "int32"})]
NonNegative = Annotated[int, Field(json_schema_extra={"minimum": 0, "format": "int64"})]
"""An integer from 0 on, such as a generation."""


def bounded(length: int, **schema: Any) -> Any:
    """A field of limited length, which only the API server checks: the model must be able to read any stored object."""
    return Field(json_schema_extra={"maxLength": length, **schema})


def position(resource_version: str) -> int:
    """A resource version as an integer; 0 if it is not one. Of two objects in one storage, the greater one is newer.

    No other code converts a resource version to a number. Kubernetes guarantees the order since 1.35 (KEP-5504);
    before, it holds because each storage backend uses a counter. Arithmetic on the numbers is not guaranteed. After a
    restore of the storage, numbers are used again: ResourceVersions detects that.
    """
    return int(resource_version) if resource_version.isdecimal() else 0


NAME_PATTERN = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"
Name = Annotated[str, bounded(253, minLength=1, pattern=NAME_PATTERN)]
Digest = Annotated[str, bounded(71, pattern="^sha256:[0-9a-f]{64}$")]
User = Annotated[str, bounded(1024)]
"""The name of a user, as the API server authenticated them."""
Cause = Annotated[str, bounded(1024)]
"""The value of a change-cause annotation."""


_FIELD_SETS: dict[frozenset[str], set[str]] = {}
"""Each set of field names that a model has. No model changes it."""


class Model(BaseModel):
    """Base of the models: camelCase in JSON, snake_case in Python, frozen."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        frozen=True,
        extra="ignore",
        hide_input_in_errors=True,
        use_attribute_docstrings=True,
    )

    def model_post_init(self, _: Any) -> None:
        """Share the set of the names of its fields with other models: it takes more memory than most models have in it.

        Pydantic calls this for each model that is parsed.
        """
        fields_set = self.__pydantic_fields_set__
        object.__setattr__(self, "__pydantic_fields_set__", _FIELD_SETS.setdefault(frozenset(fields_set), fields_set))

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """As pydantic has it, and the copy shares the set of its field names, too."""
        copied = super().model_copy(update=update, deep=deep)
        copied.model_post_init(None)
        return copied

    @classmethod
    def of(cls, **fields: Any) -> Self:
        """The model with those of the fields that are not None. The others are not set."""
        return cls(**{name: value for name, value in fields.items() if value is not None})

    def manifest(self) -> dict[str, Any]:
        """The fields that are set, as JSON for the API server. Free-form JSON is not copied."""
        # Not model_dump: it raises for free-form JSON of more than 255 levels.
        fields_set, values = self.model_fields_set, self.__dict__
        return {alias: _plain(values[name]) for name, alias in _aliases(type(self)) if name in fields_set}


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


def _lenient(_: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
    """First a time, then any text: the API server accepts the year 0, or an offset of 99 hours."""
    text = core_schema.no_info_after_validator_function(lambda _: _EPOCH, core_schema.str_schema())
    return core_schema.union_schema([handler(datetime), text], mode="left_to_right")


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Time = Annotated[datetime, GetPydanticSchema(_lenient), WithJsonSchema({"type": "string", "format": "date-time"})]
"""A time. One that Python cannot represent is read as 1970, so that any stored object can be read."""


class OwnerReference(Model):
    """An owner of an object, as metav1.OwnerReference."""

    api_version: str
    kind: str
    name: str
    uid: str
    controller: bool | None = None
    block_owner_deletion: bool | None = None


class ManagedFields(Model):
    """The fields that a field manager owns, as metav1.ManagedFieldsEntry."""

    manager: str = ""
    operation: str = ""
    time: datetime | None = None
    subresource: str = ""
    fields_v1: FreeForm = Field(default_factory=dict)  # a default of {} is deep-copied for each object


class ObjectMeta(Model):
    """The part of metav1.ObjectMeta that the operator reads."""

    name: str
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    generation: int = 0
    creation_timestamp: datetime | None = None
    deletion_timestamp: datetime | None = None
    labels: dict[str, str] = Field(default_factory=dict)
    annotations: dict[str, str] = Field(default_factory=dict)
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

    @property
    def position(self) -> int:
        """See the function `position`."""
        return position(self.resource_version)


class ConditionStatus(StrEnum):
    """The status of a condition. Unknown is not False."""

    TRUE = "True"
    FALSE = "False"
    UNKNOWN = "Unknown"

    @classmethod
    def of(cls, value: bool | None) -> Self:  # noqa: FBT001 (the converted value)
        return cls.UNKNOWN if value is None else cls(str(value))


def rules(*validations: dict[str, str]) -> ConfigDict:
    """The model_config with CEL rules, which the API server evaluates."""
    return ConfigDict(json_schema_extra={"x-kubernetes-validations": [dict(rule) for rule in validations]})


# The pattern of metav1.Condition.
_CONDITION_TYPE = (
    r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$"
)


class Condition(Model):
    """One statement about an object, as Kubernetes defines conditions."""

    model_config = ConfigDict(
        json_schema_extra={"required": ["type", "status", "lastTransitionTime", "reason", "message"]}
    )

    type: Annotated[str, bounded(316, pattern=_CONDITION_TYPE)]
    """type names what is stated, such as Ready."""
    status: str = Field(json_schema_extra={"enum": ["True", "False", "Unknown"]})
    """status is True, False or Unknown."""
    observed_generation: int | None = Field(default=None, json_schema_extra={"minimum": 0})
    """observedGeneration is the metadata.generation of this object that the statement is about."""
    last_transition_time: Time | None = None
    """lastTransitionTime is when status changed last."""
    reason: Annotated[str, bounded(1024, minLength=1, pattern="^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$")]
    """reason is the cause in one word, from the catalogue in docs/conditions.md."""
    message: Annotated[str, bounded(32768)] = ""
    """message says what, where and because of which input, in one line."""

    def with_transition_time(self, generation: int, before: "Condition | None", now: datetime) -> Self:
        """This condition for `generation`. The time of `before`, the condition to replace, is kept if its status is."""
        is_kept = before is not None and before.status == self.status
        since = before.last_transition_time if before and is_kept else now
        return self.model_copy(update={"observed_generation": generation, "last_transition_time": since})


Conditions = tuple[Condition, ...]

CONDITIONS = Field(
    default=(),
    description="conditions are the latest statements about this object, one a type.",
    json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"], "maxItems": 16},
)


def condition(conditions: tuple[Condition, ...], name: str) -> Condition | None:
    """The condition of the type `name`, if there is one."""
    return next((found for found in conditions if found.type == name), None)


class Resource(Model):
    """Base of the kinds."""

    kind_name: ClassVar[str]
    plural: ClassVar[str]

    metadata: ObjectMeta

    @property
    def key(self) -> Key:
        return self.metadata.key

    def owner_reference(self) -> OwnerReference:
        """The controller reference for an object that this one owns."""
        return OwnerReference(
            api_version=API_VERSION,
            kind=self.kind_name,
            name=self.metadata.name,
            uid=self.metadata.uid,
            controller=True,
            block_owner_deletion=True,
        )
