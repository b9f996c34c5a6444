"""What is active in the cluster is what the server runs: the path that everybody takes."""

from langgraph_server import LangGraphServer
from support import OperatorProcess, Workspace


def test_what_you_apply_is_what_answers(
    operator: OperatorProcess, workspace: Workspace, server: LangGraphServer
) -> None:
    workspace.graph("writer", server={"url": server.url}, defaultAssistant={"policy": "None"})
    workspace.assistant("bot", "writer", context={"prompt": "Be brief."})
    copy = workspace.until_ready("bot")["assistantId"]
    assert server.answer(copy, "Hello?") == "[small 0.5] Be brief. Hello?"
    workspace.edit("bot", context={"prompt": "Be long.", "model": "large"})
    workspace.until_active(2)
    assert server.answer(copy, "Hello?") == "[large 0.5] Be long. Hello?"
    workspace.edit("bot", versioning={"activeVersion": 1})
    workspace.until_active(1)
    assert server.answer(copy, "Hello?") == "[small 0.5] Be brief. Hello?"
