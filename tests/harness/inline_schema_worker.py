"""The operator's JSON Schema worker without its process."""

import json
from typing import Any

from assistant_operator.clients.schema.validator import Applied, Contents, SchemaWorker
from assistant_operator.clients.schema.worker import answers


class InlineSchemaWorker(SchemaWorker):
    """Answers as the worker process does, in the same JSON, at once. It has no limits: a hostile schema would hang."""

    async def _ask(self, applied: Applied, contents: Contents) -> list[dict[str, Any]]:
        question = json.loads(json.dumps({"schemas": applied, "contents": contents}))
        told: list[dict[str, Any]] = json.loads(json.dumps(answers(question)))
        return told
