"""Edits many objects at once, in a process of its own.

`python -m benchmarks.editor KUBECONFIG PATH COUNT AT-ONCE BODY`

Prints when the first edit was sent and when the last one was answered, in seconds of the monotonic clock.
"""

import asyncio
import json
import sys
import time
from pathlib import Path

from .subjects import MERGE, Api


async def main(kubeconfig: str, path: str, count: int, at_once: int, body: str) -> None:
    api = Api(Path(kubeconfig))
    names = iter([f"burst-{number}" for number in range(count)])
    edit = json.loads(body)

    async def work() -> None:
        for name in names:
            await api.ask("PATCH", f"{path}/{name}", edit, MERGE)

    started = time.monotonic()
    await asyncio.gather(*(work() for _ in range(at_once)))
    print(json.dumps({"started": started, "ended": time.monotonic()}))
    await api.session.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5]))
