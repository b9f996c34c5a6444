"""The formats of an answer: the object itself, its metadata alone, or a Table."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .record import Record, encode
from .resources import Resource
from .statuses import NotSimulated
from .times import age

Json = dict[str, Any]

_META = {"apiVersion": "meta.k8s.io/v1"}
_ACCEPT = re.compile(r"application/json;as=(?P<kind>\w+);g=meta\.k8s\.io;v=v1")
_CONDITION = re.compile(r"\.(?P<way>[\w.]+)\[\?\(@\.(?P<key>\w+)==\"(?P<value>\w+)\"\)\]\.(?P<field>\w+)")
_UNION = re.compile(r"\.(?P<way>[\w.]+)\['(?P<names>\w+(','\w+)+)'\]")
_NAME_COLUMN = {
    "name": "Name",
    "type": "string",
    "format": "name",
    "description": "Name must be unique within a namespace. Is required when creating resources, although some "
    "resources may allow a client to request the generation of an appropriate name automatically. Name is primarily "
    "intended for creation idempotence and configuration definition. Cannot be updated. More info: "
    "https://kubernetes.io/docs/concepts/overview/working-with-objects/names#names",
    "priority": 0,
}


def wanted(accept: str) -> str:
    """What the client asks for: Object, PartialObjectMetadata, PartialObjectMetadataList or Table."""
    for each in accept.replace(" ", "").split(","):
        if each.partition(";q=")[0] in ("application/json", "*/*", "application/*", ""):
            return "Object"
        if found := _ACCEPT.fullmatch(each):
            if found["kind"] in ("PartialObjectMetadata", "PartialObjectMetadataList", "Table"):
                return found["kind"]
            break
    raise NotSimulated(f"answers as {accept!r}")


@dataclass(frozen=True, slots=True)
class View:
    """How objects of one resource are shown to one request."""

    resource: Resource
    kind: str
    """As `wanted` says."""
    now: Callable[[], datetime]

    def one(self, record: Record) -> bytes:
        """One object as a whole answer."""
        match self.kind:
            case "Object":
                return record.encoded
            case "Table":
                return self._table({"resourceVersion": record.meta["resourceVersion"]}, [record], is_first=True)
            case "PartialObjectMetadata":
                return self._metadata(record)
        raise NotSimulated(f"one object as {self.kind}")

    def many(self, records: list[Record], metadata: Json) -> bytes:
        """A list; `metadata`: its own."""
        match self.kind:
            case "Object":
                kind = {"kind": f"{self.resource.kind}List", "apiVersion": self.resource.api_version}
                items = b",".join(record.encoded for record in records)
                shown = {"continue": "", **metadata} if self.resource.is_custom else metadata
            case "PartialObjectMetadataList" | "PartialObjectMetadata":
                kind = {**_META, "kind": "PartialObjectMetadataList"}
                items = b",".join(self._metadata(record) for record in records)
                shown = metadata
            case _:
                return self._table(metadata, records, is_first=True)
        head = encode({**kind, "metadata": shown})
        return b'%s,"items":[%s]}' % (head[:-1], items)

    def event(self, kind: str, record: Record, *, is_first: bool) -> bytes:
        """One line of a watch; a Table names its columns in the first event only."""
        match self.kind:
            case "Object":
                shown = record.encoded
            case "Table":
                shown = self._table({"resourceVersion": record.meta["resourceVersion"]}, [record], is_first=is_first)
            case _:
                shown = self._metadata(record)
        return b'{"type":"%s","object":%s}\n' % (kind.encode(), shown)

    def bookmark(self, revision: int, *, is_first: bool) -> bytes:
        meta = {"resourceVersion": str(revision)}
        match self.kind:
            case "Object":
                kind = {"kind": self.resource.kind, "apiVersion": self.resource.api_version}
                shown = encode({**kind, "metadata": meta})
            case "Table":
                cells = ["", *(None for _ in self.resource.columns)]
                row = {"cells": cells, "object": {**_META, "kind": "PartialObjectMetadata", "metadata": meta}}
                shown = encode(self._head(meta, is_first=is_first) | {"rows": [row]})
            case _:
                shown = encode({**_META, "kind": "PartialObjectMetadata", "metadata": meta})
        return b'{"type":"BOOKMARK","object":%s}\n' % shown

    def _metadata(self, record: Record) -> bytes:
        def made(content: Json) -> bytes:
            return encode({**_META, "kind": "PartialObjectMetadata", "metadata": content["metadata"]})

        return record.view("metadata", made)

    def _table(self, metadata: Json, records: list[Record], *, is_first: bool) -> bytes:
        head = encode(self._head(metadata, is_first=is_first))
        rows = b",".join(
            b'{"cells":%s,"object":%s}' % (encode(self._cells(record)), self._metadata(record)) for record in records
        )
        return b'%s,"rows":[%s]}' % (head[:-1], rows)

    def _head(self, metadata: Json, *, is_first: bool) -> Json:
        columns = [_NAME_COLUMN, *(_column(each) for each in self.resource.columns)] if is_first else None
        return {**_META, "kind": "Table", "metadata": metadata, "columnDefinitions": columns}

    def _cells(self, record: Record) -> list[Any]:
        columns = self.resource.columns

        def made(content: Json) -> list[Any]:
            return [record.name, *(_found(content, column["jsonPath"]) for column in columns)]

        found = record.view("cells", made)
        ages = [place for place, column in enumerate(columns, 1) if column["type"] == "date" and found[place]]
        if not ages:
            return found
        cells = list(found)
        for place in ages:
            cells[place] = age(cells[place], self.now())
        return cells


def _column(said: Json) -> Json:
    return {
        "name": said["name"],
        "type": said["type"],
        "format": "",
        "description": said["description"],
        "priority": said.get("priority", 0),
    }


def _found(content: Any, path: str) -> Any:
    """What a JSON path of a printer column finds; None for nothing."""
    if found := _CONDITION.fullmatch(path):
        listed = _walk(content, found["way"]) or ()
        return next((each.get(found["field"]) for each in listed if each.get(found["key"]) == found["value"]), None)
    if found := _UNION.fullmatch(path):
        object_ = _walk(content, found["way"]) or {}
        return next((object_[name] for name in found["names"].split("','") if name in object_), None)
    return _walk(content, path[1:])


def _walk(content: Any, way: str) -> Any:
    for step in way.split("."):
        content = content.get(step) if isinstance(content, dict) else None
    return content
