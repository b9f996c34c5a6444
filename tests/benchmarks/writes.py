"""How often the operator wrote, by the API server's own audit log."""

import asyncio

from harness.controlplane import ControlPlane

READS = {"get", "list", "watch"}


class Writes:
    """Counts from now on."""

    def __init__(self, plane: ControlPlane) -> None:
        self._plane = plane
        _, self._position = plane.audit_since(self._end())
        self._counted = 0

    def so_far(self) -> int:
        entries, self._position = self._plane.audit_since(self._position)
        ours = (
            entry
            for entry in entries
            if entry["user"].get("username", "").endswith(":assistant-operator:assistant-operator")
        )
        self._counted += sum(entry["verb"] not in READS for entry in ours)
        return self._counted

    def _end(self) -> int:
        _, end = self._plane.audit_since(0)
        return end


async def calm(plane: ControlPlane, seconds: float = 3) -> None:
    """Wait until the operator has written nothing for so long."""
    quiet, counting = 0, Writes(plane)
    while quiet < 2 * seconds:
        before = counting.so_far()
        await asyncio.sleep(0.5)
        quiet = quiet + 1 if counting.so_far() == before else 0
