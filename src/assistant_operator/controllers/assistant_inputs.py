"""Gathers everything that is decided upon for one Assistant and its versions."""

from collections.abc import Iterable
from datetime import UTC, datetime

from assistant_operator.api.assistant import AssistantStatus
from assistant_operator.api.meta import Key
from assistant_operator.policy.aliased_versions import NONE_ALIASED, AliasedVersions
from assistant_operator.policy.assistant_input import AssistantInput, ValidationResult
from assistant_operator.policy.desired_copy import Target, target_of
from assistant_operator.policy.stored import Unstored
from assistant_operator.store.store import Store


class AssistantInputs:
    """For the controllers "assistant" and "version"."""

    def __init__(self, store: Store, cluster_name: str) -> None:
        self._store = store
        self._cluster_name = cluster_name

    def gather(self, key: Key, unstored: Unstored[AssistantStatus] | None = None) -> AssistantInput | None:
        """Return the input; None if there is no such Assistant, or if it is not known how far its edits are captured.

        `unstored`: the status that was written last, if the API server did not store all of it.
        """
        record = self._store.assistants.get(key)
        captured = record.capture.result() if record else None
        if record is None or record.captured is None or captured is None:
            return None
        validation_results = record.validation.results
        is_published = self._store.has_servers(key[0])
        kept, aliases = self._store.versions.kept(key, record.uid), self._store.aliases_of(key)
        return AssistantInput(
            record.captured,
            captured,
            now=datetime.now(UTC).replace(microsecond=0),
            kept=kept,
            aliased=AliasedVersions.of((each.latest for each in aliases), kept) if aliases else NONE_ALIASED,
            validation_results=validation_results,
            lost=record.lost_versions,
            suspicions=record.suspicions(record.captured),
            is_revalidating=record.validation.is_revalidating,
            is_published=is_published,
            targets=self._targets(key, validation_results.values()) if is_published else {},
            publish_result=record.publication.reported(record.captured),
            withdrawn=record.publication.withdrawn,
            refusals=record.refusals.messages(),
            unstored=unstored,
        )

    def _targets(self, assistant: Key, results: Iterable[ValidationResult]) -> dict[str, Target]:
        """Return where versions of their Graphs are published, as far as the Graphs exist and have a server."""
        found = ((name, self._store.graph((assistant[0], name))) for name in {result.graph for result in results})
        targets = ((name, target_of(graph, assistant, self._cluster_name)) for name, graph in found if graph)
        return {name: target for name, target in targets if target}
