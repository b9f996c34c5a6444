"""The fields that are read of a listing. All others, above all managed fields, never become Python objects."""

from pydantic_core import CoreSchema, SchemaValidator, core_schema

Shape = SchemaValidator

_ANY = core_schema.any_schema()


def _object(**fields: CoreSchema) -> CoreSchema:
    """A JSON object with these fields; any of them may be absent. The reader checks what it needs."""
    known = {name: core_schema.typed_dict_field(schema, required=False) for name, schema in fields.items()}
    return core_schema.typed_dict_schema(known)


def _list(item: CoreSchema) -> CoreSchema:
    """A list; Go writes an empty one as null, too."""
    return core_schema.nullable_schema(core_schema.list_schema(item))


_LIST_METADATA = _object(resourceVersion=_ANY, **{"continue": _ANY})
_HEAD = _object(namespace=_ANY, name=_ANY, uid=_ANY, resourceVersion=_ANY, generation=_ANY)
_OWNER = _object(uid=_ANY, controller=_ANY)
_VERSION = _object(
    namespace=_ANY,
    name=_ANY,
    uid=_ANY,
    resourceVersion=_ANY,
    labels=_ANY,
    ownerReferences=_list(_OWNER),
    deletionTimestamp=_ANY,
)

HEADS = Shape(_object(metadata=_LIST_METADATA, items=_list(_object(metadata=_HEAD))))
"""A PartialObjectMetadataList, of which ObjectHeads are made."""
VERSION_TABLE = Shape(
    _object(
        metadata=_LIST_METADATA,
        columnDefinitions=_list(_object(name=_ANY)),
        rows=_list(_object(cells=_ANY, object=_object(metadata=_VERSION))),
    )
)
"""A Table of AssistantVersions, of which VersionRecords are made."""
