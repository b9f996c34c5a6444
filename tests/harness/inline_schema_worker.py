"""The operator's JSON Schema worker without its process."""

import json
from typing import Any

from assistant_operator.clients.schema.validator import Parts, SchemaWorker
from assistant_operator.clients.schema.worker import answer


class InlineSchemaWorker(SchemaWorker):
    """Answers as the worker process does, in the same JSON, at once. It has no limits: a hostile schema would hang."""

    async def _ask(self, parts: Parts) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(json.dumps(answer(json.loads(json.dumps({"parts": parts})))))
        return told
