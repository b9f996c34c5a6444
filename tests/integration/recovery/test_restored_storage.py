"""etcd is restored from a snapshot while the operator runs: what is listed replaces what is known."""

from harness.controlplane.waiting import eventually
from harness.support import Workspace
from harness.support.histories import assert_history

from .conftest import Start


def edit(place: Workspace, name: str, prompts: range) -> None:
    for prompt in prompts:
        place.edit(name, context={"prompt": prompt})


def test_edits_are_recorded_and_numbers_are_unique(place: Workspace, start: Start) -> None:
    process = start()
    place.graph(defaultAssistant={"policy": "None"})
    for name in ("bot", "deleted"):
        place.assistant(name, context={"prompt": 0}, versioning={"historyLimit": 1000})
        edit(place, name, range(1, 3))
        place.until_versions(3, name)
        place.until_ready(name)
    snapshot = place.plane.snapshot()
    eventually(lambda: process.get("/readyz") == "ok\n")
    edit(place, "bot", range(10, 20))
    place.until_versions(13)
    place.until_active(13)
    place.delete("assistants", "deleted")
    place.assistant("later", context={"prompt": 0})
    place.until_ready("later")

    place.plane.restore(snapshot)

    edit(place, "bot", range(3, 5))
    edit(place, "deleted", range(3, 5))
    for name in ("bot", "deleted"):
        assert_history(place.until_versions(5, name), range(5), name)
        status = place.until_ready(name)
        assert (status["latestVersion"], status["activeVersion"], status["versions"]) == (5, 5, 5)
        assert "missedGenerations" not in status
    place.assistant("later", context={"prompt": "anew"})
    assert_history(place.until_versions(1, "later"), ["anew"], "later")
    place.until_ready("later")
    assert "detected restored storage" in process.log.read_text()
    eventually(lambda: process.get("/readyz") == "ok\n")
