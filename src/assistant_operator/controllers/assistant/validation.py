"""How it is found out whether a version may come into force: its content, and what its Graph's schemas say of it."""

import asyncio
from collections.abc import Callable

from assistant_operator.api.assistant import Snapshot
from assistant_operator.api.assistant_version import AssistantVersion, VersionRecord
from assistant_operator.api.meta import Key
from assistant_operator.api.schema_result import SchemaError
from assistant_operator.clients.kubernetes.cluster import Cluster
from assistant_operator.clients.schema.validator import SchemaValidator
from assistant_operator.policy import validation
from assistant_operator.policy.assistant_input import AssistantInput, ValidationResult
from assistant_operator.store.store import Store
from assistant_operator.store.validation_results import ValidationResults

from .dependencies import Head


class VersionValidator:
    """Judges one version at a time, by the schemas of the Graph that it names itself."""

    def __init__(
        self,
        cluster: Cluster,
        store: Store,
        edit_capture: Head,
        judge: SchemaValidator,
        validation_results: ValidationResults,
        *,
        enqueue_assistant: Callable[[Key], None],
    ) -> None:
        self._cluster = cluster
        self._store = store
        self._edit_capture = edit_capture
        self._judge = judge
        self._enqueue_assistant = enqueue_assistant
        self._retries: dict[Key, asyncio.TimerHandle] = {}
        """At most one for each Assistant."""
        self.validation_results = validation_results

    async def read_again(self, record: VersionRecord) -> AssistantVersion | None:
        """The version itself; what the store says of it is corrected."""
        version = await self._cluster.versions.read(record.address)
        if version is None or version.metadata.uid != record.uid:
            self._store.drop_version(record)
        else:
            self._store.put_version(version.as_record_of(record))
        return version

    async def validate_version(self, world: AssistantInput, number: int) -> None:
        """Judge that version, if it is still there."""
        # Of the present schemas: what they change while we ask is forgotten, and this answer with it.
        known = self.validation_results.open(world.assistant.key)
        validation_result = await self._judgement(world, number)
        if validation_result is not None:
            known[number] = validation_result

    async def _judgement(self, world: AssistantInput, number: int) -> ValidationResult | None:
        content = await self._content(world, number)
        if not isinstance(content, Snapshot):
            return content
        namespace = world.assistant.metadata.namespace
        if self._store.has(world.assistant):
            self._store.concern(world.assistant.key, (namespace, content.graph_ref.name))
        graph = self._store.graphs.get((namespace, content.graph_ref.name))
        if graph is None:
            return validation.graph_missing(content, namespace)
        if not graph.knows_schemas:
            return validation.schemas_unknown(graph)
        fit = await self._judge.fit(content, graph.schemas, namespace)
        if isinstance(fit, SchemaError) and fit.retry_after is not None:
            self._validate_again(world.assistant.key, fit.retry_after)
        return validation.validation_result(graph, fit)

    def _validate_again(self, assistant: Key, seconds: float) -> None:
        """Validate all its versions again in `seconds`, or earlier if that is planned already."""
        if assistant not in self._retries:
            loop = asyncio.get_running_loop()
            self._retries[assistant] = loop.call_later(seconds, self._revalidate, assistant)

    def _revalidate(self, assistant: Key) -> None:
        del self._retries[assistant]
        if assistant in self._store.recorded:
            self.validation_results.invalidate([assistant], include_kept_versions=True)
            self._enqueue_assistant(assistant)

    async def _content(self, world: AssistantInput, number: int) -> Snapshot | ValidationResult | None:
        """What a version says; a judgement if it says nothing that can be trusted; None if it is gone."""
        head = self._edit_capture.head(world.assistant)
        if head is None or head.number != number:
            if number == world.active == world.recorded.latest and not world.recorded.too_large:
                return world.assistant.spec.snapshot  # it came into force already, and nothing was edited since
            record = next(each for each in world.kept if each.number == number)
            head = await self.read_again(record)
        if head is None:
            return None
        return head.spec.snapshot if head.is_intact else validation.altered(world.name(number))
