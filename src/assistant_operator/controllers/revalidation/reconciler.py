"""Validates the kept versions of many Assistants after a change of schemas, by listing those of the namespace.

The controller "version" reads one version at a time. For thousands of Assistants these reads take minutes. The listing
also finds versions of Assistants that reference another Graph by now: only the content of a version names its Graph.
"""

from contextlib import aclosing
from dataclasses import dataclass
from typing import Protocol

from assistant_operator.api.assistant_version import AssistantVersion
from assistant_operator.api.meta import Key
from assistant_operator.clients.kubernetes.cluster import Cluster
from assistant_operator.controllers.validation import VersionValidator
from assistant_operator.policy.assistant_input import ValidationResult
from assistant_operator.store.records import AssistantRecord
from assistant_operator.store.store import Store

_MOST_AT_ONCE, _MOST_BYTES_AT_ONCE = 25, 256 * 1024
"""Versions that are validated together, and their size as canonical JSON."""


@dataclass(slots=True)
class _Waiting:
    """One Assistant whose kept versions are being validated."""

    record: AssistantRecord
    results: dict[int, ValidationResult]
    """Those that it had at first: it has others when its versions are to be validated again."""
    unlisted: dict[int, str]
    """UIDs of the versions that were not listed yet, by number."""

    @property
    def is_awaited(self) -> bool:
        validation = self.record.validation
        return validation.awaits_listing and validation.results is self.results


class _Batch:
    """Versions that are validated together."""

    def __init__(self) -> None:
        self._versions: list[AssistantVersion] = []
        self._size = 0

    @property
    def is_full(self) -> bool:
        return len(self._versions) >= _MOST_AT_ONCE or self._size >= _MOST_BYTES_AT_ONCE

    def add(self, version: AssistantVersion) -> None:
        self._versions.append(version)
        self._size += len(version.spec.snapshot.canonical)

    def take(self) -> list[AssistantVersion]:
        """Return the versions, and begin another batch."""
        versions, self._versions, self._size = self._versions, [], 0
        return versions


class Triggers(Protocol):
    """See manager/triggers.py."""

    def enqueue_assistant(self, assistant: Key) -> None: ...

    def enqueue_former_assistants(self, graph: Key) -> None: ...


class RevalidationReconciler:
    """The controller "revalidation". Its keys are those of Graphs."""

    def __init__(self, cluster: Cluster, store: Store, validator: VersionValidator, triggers: Triggers) -> None:
        self._cluster = cluster
        self._store = store
        self._validator = validator
        self._triggers = triggers

    async def reconcile(self, key: Key) -> None:
        """List the versions of the Graph's namespace and validate those of the Assistants that wait for it.

        Raises ClusterUnavailable and ClusterRefused if the listing fails. What was not validated by then, the
        controller "version" reads and validates by itself.
        """
        namespace = key[0]
        waiting = {
            assistant: self._waiting(assistant)
            for assistant in self._store.validated_by(key)
            if self._store.assistants[assistant].validation.awaits_listing
        }
        is_read, batch = self._store.versions.is_read(namespace), _Batch()
        left = {assistant for assistant, each in waiting.items() if each.unlisted}
        try:
            async with aclosing(self._cluster.versions.contents(namespace)) as versions:
                while (left or not is_read) and (version := await anext(versions, None)):
                    if not is_read:
                        self._note_graph(version)
                    _collect(waiting, left, version, batch)
                    if batch.is_full:
                        await self._validate(waiting, batch.take())
            await self._validate(waiting, batch.take())
        finally:
            for assistant, each in waiting.items():
                self._release(assistant, each)
        if not is_read:
            self._store.versions.set_read(namespace)
        self._triggers.enqueue_former_assistants(key)

    def _note_graph(self, version: AssistantVersion) -> None:
        """Note which Graph validates the version, if its Assistant exists."""
        namespace = version.metadata.namespace
        if record := self._store.assistants.get((namespace, version.spec.assistant_ref.name)):
            self._store.add_validating_graph(record, (namespace, version.spec.snapshot.graph_ref.name))

    def _waiting(self, assistant: Key) -> _Waiting:
        record = self._store.assistants[assistant]
        unlisted = {each.number: each.uid for each in self._store.versions.of(assistant)}
        return _Waiting(record, record.validation.results, unlisted)

    async def _validate(self, waiting: dict[Key, _Waiting], versions: list[AssistantVersion]) -> None:
        """Validate versions. An Assistant is removed from `waiting` with its last one."""
        listed = [(_assistant_of(version), version) for version in versions]
        await self._validator.validate_listed(
            (waiting[key].record, version) for key, version in listed if key in waiting and waiting[key].is_awaited
        )
        for assistant, _ in listed:
            if assistant in waiting and not waiting[assistant].unlisted:
                self._release(assistant, waiting.pop(assistant))

    def _release(self, assistant: Key, waiting: _Waiting) -> None:
        if waiting.is_awaited:
            waiting.record.validation.awaits_listing = False
            self._triggers.enqueue_assistant(assistant)


def _collect(waiting: dict[Key, _Waiting], left: set[Key], version: AssistantVersion, batch: _Batch) -> None:
    """Add the version to the batch, if it is one of those that are waited for.

    `left`: the Assistants of which versions are still to be listed.
    """
    assistant = _assistant_of(version)
    if assistant not in left:
        return
    unlisted = waiting[assistant].unlisted
    if unlisted.pop(version.number, None) == version.metadata.uid:
        batch.add(version)
    if not unlisted:
        left.discard(assistant)


def _assistant_of(version: AssistantVersion) -> Key:
    return version.metadata.namespace, version.spec.assistant_ref.name
