"""Thousands of settled Assistants: one that the operator settled, written into etcd under other names."""

import json
import uuid
from collections.abc import Iterator

from assistant_operator.api.assistant import Snapshot
from harness.controlplane import ControlPlane

from . import measures
from .subjects import MERGE, Api, Ours

_PREFIX = "/registry/assistant-operator.dev"
_TEMPLATE = "template-of-all"


class Settled:
    """Assistants with the same number of versions, none of which the operator has anything to do to."""

    def __init__(self, plane: ControlPlane, subject: Ours) -> None:
        self._plane = plane
        self._subject = subject
        self._objects: dict[str, str] = {}

    async def prepare(self, api: Api, versions: int) -> None:
        """Let the running operator make the template. Await its last write before `write`."""
        await measures.make(api, self._subject, [_TEMPLATE])
        # Each copy has its own content: else one validation would be the result of all.
        content = {"spec": {"context": {"of": _TEMPLATE}}}
        await api.ask("PATCH", f"{self._subject.objects}/{_TEMPLATE}", content, MERGE)
        await measures.spaced(api, self._subject, _TEMPLATE, max(versions - 2, 1))

    def write(self, count: int) -> list[str]:
        """Write that many copies. Returns their names. Their chains are those of the template."""
        for plural in ("assistants", "assistantversions"):
            found = self._plane.stored(f"{_PREFIX}/{plural}/{self._subject.namespace}/{_TEMPLATE}")
            self._objects |= found
        names = measures.names(count)
        self._plane.store(each for name in names for each in self._copies(name))
        return names

    def _copies(self, name: str) -> Iterator[tuple[str, str]]:
        """The Assistant and its versions: other names, UIDs and digests, all else as it is."""
        changes = {_TEMPLATE: name}
        for stored in self._objects.values():
            changes[json.loads(stored)["metadata"]["uid"]] = str(uuid.uuid4())
            spec = json.loads(stored.replace(_TEMPLATE, name))["spec"]
            if "snapshot" in spec:
                changes[spec["digest"]] = Snapshot.model_validate(spec["snapshot"]).digest
        for key, stored in self._objects.items():
            text = stored
            for before, after in changes.items():
                text = text.replace(before, after)
            yield key.replace(_TEMPLATE, name), text
