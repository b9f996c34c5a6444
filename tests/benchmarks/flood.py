"""Edits the objects of one namespace as fast as the API server lets it, in a process of its own, until it is ended.

`python -m benchmarks.flood KUBECONFIG PATH COUNT AT-ONCE BYTES`

Each edit is another, and as large as BYTES says.
"""

import asyncio
import itertools
import sys
from pathlib import Path

from .subjects import MERGE, Api


async def main(kubeconfig: str, path: str, count: int, at_once: int, size: int) -> None:
    api = Api(Path(kubeconfig))
    numbers = itertools.count(1)
    padding = "flood " * (size // 6)

    async def work() -> None:
        for number in numbers:
            edit = {"spec": {"context": {"edit": number, "padding": padding}}}
            await api.ask("PATCH", f"{path}/burst-{number % count}", edit, MERGE)

    await asyncio.gather(*(work() for _ in range(at_once)))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], *(int(each) for each in sys.argv[3:6])))
