"""Messages and exit codes of the plugin."""

import pytest

from assistant_operator.clients.kubernetes.transport import ClusterRefused, ClusterUnavailable, Status
from assistant_operator.kubectl.client import Conflict, KubectlClient
from assistant_operator.kubectl.errors import MISUSED, CliError, no_such_version, not_found
from assistant_operator.kubectl.kubeconfig import ConnectionFlags
from assistant_operator.kubectl.session import Session


def refused(code: int, reason: str = "", message: str = "") -> ClusterRefused:
    return ClusterRefused("GET /x", Status(code, reason, message))


@pytest.fixture(autouse=True)
def kubeconfig(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a server to which nothing is sent."""
    path = tmp_path_factory.mktemp("kube") / "config"
    path.write_text(
        """
        current-context: here
        clusters: [{name: here, cluster: {server: 'http://127.0.0.1:9'}}]
        users: [{name: me, user: {}}]
        contexts: [{name: here, context: {cluster: here, user: me}}]
        """
    )
    monkeypatch.setenv("KUBECONFIG", str(path))


@pytest.mark.parametrize(
    ("error", "message"),
    [
        pytest.param(CliError("error: no"), "error: no", id="of a command"),
        pytest.param(
            Conflict("changed"),
            "error: the object was changed meanwhile, nothing is written: try again (changed)",
            id="a conflict",
        ),
        pytest.param(ClusterUnavailable("no answer"), "Unable to connect to the server: no answer", id="no server"),
        pytest.param(
            refused(401), "error: You must be logged in to the server (Unauthorized)", id="no valid credentials"
        ),
        pytest.param(
            refused(404),
            "error: the server has no assistants: the CustomResourceDefinitions of assistant-operator are missing",
            id="no definitions",
        ),
        pytest.param(
            refused(403, reason="Forbidden", message="no"), "Error from server (Forbidden): no", id="a refusal"
        ),
        pytest.param(
            refused(413, message="etcdserver: request is too large"),
            "Error from server: etcdserver: request is too large",
            id="a refusal without a reason",
        ),
        pytest.param(ValueError("no kubeconfig"), "error: no kubeconfig", id="a wrong kubeconfig"),
    ],
)
def test_each_error_has_a_message_and_the_exit_code_of_the_command(error: Exception, message: str) -> None:
    async def work(client: KubectlClient, namespace: str) -> None:
        raise error

    with pytest.raises(CliError) as raised:
        Session(ConnectionFlags()).run(work, failed=MISUSED)
    assert (raised.value.message, raised.value.exit_code) == (message, MISUSED)


def test_an_error_is_printed_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    not_found("graphs", "a").show()
    assert capsys.readouterr().err == 'Error from server (NotFound): graphs.assistant-operator.dev "a" not found\n'


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        ([], "error: assistant 'bot' has no version 99: it has none"),
        ([1, 2], "error: assistant 'bot' has no version 99: it has 1, 2"),
        (range(1, 12), "error: assistant 'bot' has no version 99: the newest are 2, 3, 4, 5, 6, 7, 8, 9, 10, 11"),
    ],
)
def test_a_missing_version_names_those_that_exist(numbers: list[int], message: str) -> None:
    assert no_such_version("bot", numbers, 99).message == message
