"""Validates versions: their content against the schemas of the Graph that each version references."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from assistant_operator.api.assistant import Snapshot
from assistant_operator.api.assistant_version import AssistantVersion, VersionRecord
from assistant_operator.api.meta import Key
from assistant_operator.api.schema_result import SchemaError
from assistant_operator.clients.kubernetes.cluster import Cluster
from assistant_operator.clients.kubernetes.versions import Changed
from assistant_operator.clients.schema.validator import SchemaValidator
from assistant_operator.policy import validation
from assistant_operator.policy.assistant_input import AssistantInput, ValidationResult
from assistant_operator.policy.stored import not_stored
from assistant_operator.store.records import AssistantRecord
from assistant_operator.store.store import Store


@dataclass(frozen=True, slots=True)
class _Content:
    """The content of a version, and the mapping that gets its result."""

    record: AssistantRecord
    results: dict[int, ValidationResult]
    number: int
    content: Snapshot


class VersionValidator:
    """Validates versions, against the schemas of the Graph that the version itself references."""

    def __init__(
        self,
        cluster: Cluster,
        store: Store,
        schema_validator: SchemaValidator,
        *,
        enqueue_assistant: Callable[[Key], None],
    ) -> None:
        self._cluster = cluster
        self._store = store
        self._schema_validator = schema_validator
        self._enqueue_assistant = enqueue_assistant

    async def reread(self, record: VersionRecord) -> AssistantVersion | None:
        """Return the version as it is now, and correct the store."""
        version = await self._cluster.versions.read(record.address)
        if version is None or version.metadata.uid != record.uid:
            is_changed = self._store.versions.drop(record)
        else:
            is_changed = self._store.versions.put(version.as_record_of(record))
        if is_changed:  # the watch event will show no difference any more
            self._enqueue_assistant(record.key)
        return version

    async def keep_metadata(self, record: VersionRecord, changed: Changed | None, field: str) -> str | None:
        """Keep the new metadata of a version. Returns a message if the change had no effect."""
        if changed is None:
            await self.reread(record)
            return None
        self._store.versions.put(record.as_of(changed.meta))
        return None if changed.has_effect else not_stored((field,), AssistantVersion.plural)

    async def validate_version(self, record: AssistantRecord, input: AssistantInput, number: int) -> None:
        """Validate that version, if it is still there, against the present schemas of its Graph."""
        # If the schemas change meanwhile, the results are replaced, and this one is written into the former mapping.
        results = record.validation.results
        result = await self._validated(record, input, number)
        if result is not None:
            results[number] = result

    async def validate_listed(self, listed: Iterable[tuple[AssistantRecord, AssistantVersion]]) -> None:
        """Validate versions of those Assistants that were read with their content, as above, but all at once."""
        by_graph: dict[str, list[_Content]] = defaultdict(list)
        for record, version in listed:
            results, content = record.validation.results, _trusted(version)
            if version.number in results:
                continue
            if isinstance(content, ValidationResult):
                results[version.number] = content
            else:
                by_graph[content.graph_ref.name].append(_Content(record, results, version.number, content))
        for contents in by_graph.values():
            found = await self._results([(each.record, each.content) for each in contents])
            for each, result in zip(contents, found, strict=True):
                each.results[each.number] = result

    async def _validated(self, record: AssistantRecord, input: AssistantInput, number: int) -> ValidationResult | None:
        content = await self._content(record, input, number)
        return None if content is None else await self._result(record, content)

    async def _result(self, record: AssistantRecord, content: Snapshot | ValidationResult) -> ValidationResult:
        if isinstance(content, ValidationResult):
            return content
        return (await self._results([(record, content)]))[0]

    async def _results(self, of_one_graph: Sequence[tuple[AssistantRecord, Snapshot]]) -> list[ValidationResult]:
        """Validate contents of the Assistants of one namespace that reference the same Graph."""
        records, contents = zip(*of_one_graph, strict=True)
        namespace, name = records[0].latest.metadata.namespace, contents[0].graph_ref.name
        for record in records:
            self._store.add_validating_graph(record, (namespace, name))
        graph = self._store.graph((namespace, name))
        if graph is None:
            return [validation.graph_missing(content, namespace) for content in contents]
        if not graph.knows_schemas:
            return [validation.schemas_unknown(graph) for _ in contents]
        fits = await self._schema_validator.fit_all(contents, graph.schemas, namespace)
        for record, fit in zip(records, fits, strict=True):
            if isinstance(fit, SchemaError) and fit.retry_after is not None:
                self._validate_again(record, fit.retry_after)
        return [validation.validation_result(graph, fit) for fit in fits]

    def _validate_again(self, record: AssistantRecord, seconds: float) -> None:
        """Validate all its versions again in `seconds`, or earlier if that is planned already."""
        if record.validation.retry is None:
            record.validation.retry = asyncio.get_running_loop().call_later(seconds, self._revalidate, record)

    def _revalidate(self, record: AssistantRecord) -> None:
        record.validation.retry = None
        if record.captured:
            record.validation.invalidate(include_kept_versions=True)
            self._enqueue_assistant(record.captured.key)

    async def _content(
        self, record: AssistantRecord, input: AssistantInput, number: int
    ) -> Snapshot | ValidationResult | None:
        """The content of a version; a result if it cannot be trusted; None if the version is gone."""
        head = record.capture.head
        if head is None or head.number != number:
            if number == input.active and record.capture.is_in_spec(input.assistant, number):
                return input.assistant.spec.snapshot  # it came into force already, and nothing was edited since
            kept = input.kept.get(number)
            head = (self._store.versions.take_content(kept) or await self.reread(kept)) if kept else None
        return None if head is None else _trusted(head)


def _trusted(version: AssistantVersion) -> Snapshot | ValidationResult:
    """The content of a version; a result if it cannot be trusted."""
    return version.spec.snapshot if version.is_intact else validation.altered(version.metadata.name)
