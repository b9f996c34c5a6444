"""Waiting until the operator has nothing more to do."""

import time

from harness.controlplane import ControlPlane
from harness.controlplane.waiting import eventually

from .walk import OPERATOR


def until_idle(plane: ControlPlane, seconds: float = 4.0) -> None:
    """Until the operator asked the API server nothing for so long, reads included."""
    seen, since = -1, time.monotonic()

    def is_idle() -> bool:
        nonlocal seen, since
        entries, _ = plane.audit_since()
        asked = [each for each in entries if each["user"].get("username") == OPERATOR and each["verb"] != "watch"]
        if len(asked) != seen:
            seen, since = len(asked), time.monotonic()
        return time.monotonic() - since > seconds

    eventually(is_idle)
