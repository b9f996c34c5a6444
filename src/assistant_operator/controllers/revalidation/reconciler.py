"""Validates the kept versions of many Assistants after a change of schemas, by listing those of the namespace.

The controller "version" reads one version at a time. For thousands of Assistants these reads take minutes.
"""

from collections.abc import Callable
from dataclasses import dataclass

from assistant_operator.api.assistant_version import AssistantVersion
from assistant_operator.api.meta import Key
from assistant_operator.clients.kubernetes.cluster import Cluster
from assistant_operator.controllers.validation import VersionValidator
from assistant_operator.policy.assistant_input import ValidationResult
from assistant_operator.store.records import AssistantRecord
from assistant_operator.store.store import Store


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


class RevalidationReconciler:
    """The controller "revalidation". Its keys are those of Graphs."""

    def __init__(
        self, cluster: Cluster, store: Store, validator: VersionValidator, *, enqueue_versions: Callable[[Key], None]
    ) -> None:
        self._cluster = cluster
        self._store = store
        self._validator = validator
        self._enqueue_versions = enqueue_versions

    async def reconcile(self, key: Key) -> None:
        """List the versions of the Graph's namespace and validate those of the Assistants that wait for it.

        Raises ClusterUnavailable and ClusterRefused if the listing fails. What was not validated by then, the
        controller "version" reads and validates by itself.
        """
        waiting = {assistant: self._waiting(assistant) for assistant in self._store.validated_by(key)}
        waiting = {assistant: each for assistant, each in waiting.items() if each.is_awaited}
        if not waiting:
            return
        try:
            async for version in self._cluster.versions.contents(key[0]):
                assistant = key[0], version.spec.assistant_ref.name
                if each := waiting.get(assistant):
                    await self._validate(assistant, each, version)
        finally:
            for assistant, each in waiting.items():
                self._release(assistant, each)

    def _waiting(self, assistant: Key) -> _Waiting:
        record = self._store.assistants[assistant]
        unlisted = {each.number: each.uid for each in self._store.versions.of(assistant)}
        return _Waiting(record, record.validation.results, unlisted)

    async def _validate(self, assistant: Key, waiting: _Waiting, version: AssistantVersion) -> None:
        is_same = waiting.unlisted.pop(version.number, None) == version.metadata.uid
        if is_same and waiting.is_awaited:
            await self._validator.validate_listed(waiting.record, version)
        if not waiting.unlisted:
            self._release(assistant, waiting)

    def _release(self, assistant: Key, waiting: _Waiting) -> None:
        if waiting.is_awaited:
            waiting.record.validation.awaits_listing = False
            self._enqueue_versions(assistant)
