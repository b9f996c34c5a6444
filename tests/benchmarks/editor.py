"""Edits many objects at once, in a process of its own.

`python -m benchmarks.editor KUBECONFIG PATH COUNT AT-ONCE BODY [NAMESPACE]`

With NAMESPACE it also writes a record of nobody's there after each edit, as the operator would.
Prints when the first edit was sent and when the last one was answered, in seconds of the monotonic clock.
"""

import asyncio
import json
import sys
import time
from pathlib import Path

from .subjects import MERGE, Api, Ours


async def main(kubeconfig: str, path: str, count: int, at_once: int, body: str, namespace: str = "") -> None:
    api = Api(Path(kubeconfig))
    records = Ours(namespace) if namespace else None
    names = iter([f"burst-{number}" for number in range(count)])
    edit = json.loads(body)

    async def work() -> None:
        for name in names:
            await api.ask("PATCH", f"{path}/{name}", edit, MERGE)
            if records:
                await api.ask("POST", records.records, records.record(1))

    started = time.monotonic()
    await asyncio.gather(*(work() for _ in range(at_once)))
    print(json.dumps({"started": started, "ended": time.monotonic()}))
    await api.session.close()


if __name__ == "__main__":
    where, path, count, at_once, *rest = sys.argv[1:]
    asyncio.run(main(where, path, int(count), int(at_once), *rest))
