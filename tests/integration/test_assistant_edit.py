"""An edit is made and a version is there: the path that everybody takes."""

from harness.support import OperatorProcess, Workspace


def test_an_edit_becomes_a_version(operator: OperatorProcess, workspace: Workspace) -> None:
    workspace.graph()
    workspace.assistant(context={"prompt": "one"})
    workspace.until_ready()
    workspace.edit(context={"prompt": "two"})
    first, second = workspace.until_versions(2)
    assert first["metadata"]["name"] == "bot-v1"
    assert second["spec"]["snapshot"]["context"] == {"prompt": "two"}
    assert second["spec"]["change"]["paths"] == ["/context/prompt"]
    assert workspace.until_ready()["activeVersion"] == 2
