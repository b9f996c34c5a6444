"""A simulated cluster with aliases, for the commands that show and move them."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from unit.kubectl.aliased import AliasedCluster
from unit.kubectl.serving import serving


@pytest.fixture
async def aliased(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[AliasedCluster]:
    """Five aliases: production, staging, waiting and canary of the bot, and preview of the agent."""
    made = AliasedCluster()
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
    async with serving(made.cluster, tmp_path / "config"):
        yield made
