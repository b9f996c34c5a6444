"""Whether a Graph is deployed: what its server says, and what is said of a server that cannot be asked."""

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from e2e.copies import a_graph, content, own_id, put_secret
from harness.controlplane import Answer, ControlPlane, FaultProxy
from harness.controlplane.waiting import eventually
from harness.langgraph_server import LangGraphServer
from harness.support import OperatorProcess, Workspace
from harness.support.rights import grant_credentials
from harness.support.walk import comes_to, events, progress, ready

WRITER_SCHEMA = {
    "description": "The knobs of the writer.",
    "properties": {
        "prompt": {"default": "You are helpful.", "title": "Prompt", "type": "string"},
        "model": {"default": "small", "title": "Model", "type": "string"},
        "temperature": {"default": 0.5, "title": "Temperature", "type": "number"},
    },
    "title": "Context",
    "type": "object",
}
# Self-signed, for "CN=somebody else"; its key was thrown away.
ANOTHER_CA = """\
-----BEGIN CERTIFICATE-----
MIIBhzCCAS2gAwIBAgIUcl+6KoGQEoQoBQptCLPJUadp8vMwCgYIKoZIzj0EAwIw
GDEWMBQGA1UEAwwNc29tZWJvZHkgZWxzZTAgFw0yNjExMjUwMDUzMDBaGA8yMTI2
MTEwMTAwNTMwMFowGDEWMBQGA1UEAwwNc29tZWJvZHkgZWxzZTBZMBMGByqGSM49
AgEGCCqGSM49AwEHA0IABKweNJhh4VnOMPzuJQbhj7tedqvCyIM6Ycv0HSuD8Yz0
VgHs8eE095glvNi82dudGZpqVwW5DmoGDqV7Vp10TjOjUzBRMB0GA1UdDgQWBBTZ
3YGyMyeghFQcv58spnChT78fPTAfBgNVHSMEGDAWgBTZ3YGyMyeghFQcv58spnCh
T78fPTAPBgNVHRMBAf8EBTADAQH/MAoGCCqGSM49BAMCA0gAMEUCIQC+ca0lGMLY
JcKYTUrwKCI/uH/oDyOywyTbmWsFnH8NkAIge9Tz1J1FgEn1cvEn786MRmpbhSnX
iEJQkOb1XlcfQMw=
-----END CERTIFICATE-----
"""
KEY = "canary-Zq7-of-the-key"


@pytest.fixture
def proxy(installed: ControlPlane, server: LangGraphServer) -> Iterator[FaultProxy]:
    with FaultProxy(installed, server.url, tls=False) as before:
        yield before


def deployed(workspace: Workspace, name: str = "writer") -> tuple[str, str, str]:
    said = workspace.condition(name, "Deployed", "graphs")
    return said.get("status", ""), said.get("reason", ""), said.get("message", "")


def test_a_graph_that_is_served(operator: OperatorProcess, workspace: Workspace, server: LangGraphServer) -> None:
    a_graph(workspace, server.url + "/")
    told = workspace.until_ready("writer", "graphs")
    assert deployed(workspace) == ("True", "Served", f"{server.url} serves graph 'writer'")
    assert told["serverVersion"] == server.request("GET", "/info").body["version"]
    assert told["schemas"] == {"source": "Server", "context": WRITER_SCHEMA, "config": WRITER_SCHEMA}
    workspace.assistant("bot", "writer", context={"temperature": "hot"})
    workspace.until_not_ready("SchemaRefused")
    assert workspace.condition("bot")["message"] == (
        "bot-v1 is not activated: graph 'writer' refuses it: /context/temperature:"
        ' the value is not of type "number"; no version is active'
    )
    assert server.assistant(own_id(workspace)) is None, "nothing is published that is not valid"
    workspace.edit(context={"temperature": 1})
    workspace.until_active(2)
    workspace.edit(context={"temperature": "cold"})
    workspace.until_not_ready("SchemaRefused")
    copy = content(server, own_id(workspace))
    assert (copy["context"], workspace.condition("bot", "Published")["status"]) == ({"temperature": 1}, "True")
    workspace.edit("writer", "graphs", contextSchema={"properties": {"temperature": {"type": "string"}}})
    eventually(lambda: workspace.status("writer", "graphs")["schemas"]["source"] == "Spec")
    workspace.until_active(3)
    assert content(server, own_id(workspace)) != {}, "a field of the spec wins"


HOURS = {"opens": "09:00:00", "closes": "17:30:00", "since": "2026-01-01T00:00:00", "every": "P1DT12H30M5.5S"}


def test_times_as_pydantic_writes_them_come_into_force(
    operator: OperatorProcess, workspace: Workspace, server: LangGraphServer
) -> None:
    """Its own schema says `format` of them, by which RFC 3339 would refuse each."""
    a_graph(workspace, server.url, "shop")
    properties = workspace.until_ready("shop", "graphs")["schemas"]["context"]["properties"]
    assert properties["opens"]["format"] == "time"
    assert [each.get("format") for each in properties["every"]["anyOf"]] == ["duration", None]
    workspace.assistant("bot", "shop", context=HOURS)
    workspace.until_active(1)
    assert content(server, own_id(workspace))["context"] == HOURS
    told = "time 09:00:00 17:30:00 2026-01-01 00:00:00 1 day, 12:30:05.500000"
    assert server.answer(own_id(workspace), "open?") == told
    workspace.edit(context={"closes": 9})
    workspace.until_not_ready("SchemaRefused")
    assert workspace.condition("bot")["message"] == (
        "bot-v2 is not activated: graph 'shop' refuses it: /context/closes: no alternative of 'anyOf' fits:"
        ' the value is not of type "string", and the value is not of type "null"; bot-v1 stays active'
    )


WRONG: dict[str, tuple[str, str, str, set[str]]] = {
    "nobody listens": (
        "http://127.0.0.1:1",
        "ServerUnreachable",
        "the server cannot be reached: http://127.0.0.1:1: no connection (Connection refused)",
        {"Reconciling"},
    ),
    "no such name": (
        "http://no-such-host.invalid",
        "ServerUnreachable",
        "the server cannot be reached: http://no-such-host.invalid: the name cannot be resolved",
        {"Reconciling"},
    ),
    "another path": (
        "{server}/base",
        "ServerUnrecognized",
        "this is not a LangGraph Server: GET {server}/base/info: 404 Not Found",
        {"Stalled"},
    ),
    "another server": (
        "http://127.0.0.1:{operator}",
        "ServerUnrecognized",
        "this is not a LangGraph Server: GET http://127.0.0.1:{operator}/info: 404",
        {"Stalled"},
    ),
    "https where there is none": (
        "https://{address}",
        "ServerUnreachable",
        "the server cannot be reached: https://{address}: it does not speak TLS",
        {"Reconciling"},
    ),
    "a certificate that nobody vouches for": (
        "{plane}",
        "ServerUnreachable",
        "the server cannot be reached: {plane}: the certificate is not trusted",
        {"Reconciling"},
    ),
}


@pytest.mark.parametrize(
    ("url", "reason", "message", "hint"), [pytest.param(*row, id=name) for name, row in WRONG.items()]
)
def test_a_wrong_address_is_told_and_history_goes_on(
    operator: OperatorProcess,
    workspace: Workspace,
    server: LangGraphServer,
    url: str,
    reason: str,
    message: str,
    hint: set[str],
) -> None:
    where = {"server": server.url, "operator": operator.port, "plane": workspace.plane.url}
    where["address"] = server.url.removeprefix("http://")
    a_graph(workspace, url.format(**where))
    workspace.assistant("bot", "writer", context={"prompt": "1"})
    workspace.until_not_ready(reason, "writer", "graphs")
    status, _, told = deployed(workspace)
    assert status == "False"
    assert told.startswith(message.format(**where))
    assert progress(workspace, "writer", "graphs") == hint
    workspace.edit(context={"prompt": "2"})
    workspace.until_versions(2)
    assert ready(workspace) == ("False", "Probing")
    workspace.edit("writer", "graphs", server={"url": server.url})
    workspace.until_active(2)
    assert server.answer(own_id(workspace), "?") == "[small 0.5] 2 ?"


def test_a_redirect_is_told_and_not_followed(
    operator: OperatorProcess, workspace: Workspace, proxy: FaultProxy, server: LangGraphServer
) -> None:
    proxy.fault = lambda asked: Answer(307, "Redirect", "elsewhere", {"Location": server.url + asked.path})
    a_graph(workspace, proxy.url)
    workspace.until_not_ready("ServerUnrecognized", "writer", "graphs")
    assert deployed(workspace)[2] == (
        f"this is not a LangGraph Server: GET {proxy.url}/info redirects to {server.url}/info: give that address"
    )
    assert {each.path for each in proxy.requests} == {"/info"}
    proxy.fault = None
    workspace.until_ready("writer", "graphs")


def test_an_unknown_graph_is_told_with_those_that_are_known_and_found_when_it_is_deployed(
    operator: OperatorProcess, workspace: Workspace, own_server: LangGraphServer
) -> None:
    a_graph(workspace, own_server.url, "late", graphId="late", resync=1)
    a_graph(workspace, own_server.url, resync=1)
    workspace.until_not_ready("GraphUnknown", "late", "graphs")
    said = "404 Graph 'late' not found. Expected one of: ['router', 'shop', 'writer']"
    message = f"the server does not know the graph: POST {own_server.url}/assistants/search: {said}"
    assert deployed(workspace, "late") == ("False", "GraphUnknown", message)
    assert progress(workspace, "late", "graphs") == {"Stalled"}
    workspace.assistant("bot", "writer", context={"temperature": "hot"})
    workspace.until_not_ready("SchemaRefused")
    own_server.stop()
    own_server.deploy({"late": "writer", "writer": "router"})
    own_server.start()
    workspace.until_ready("late", "graphs")
    # The graph of that id is another one now, without a context: what it refused before, it takes.
    comes_to(lambda: workspace.status("writer", "graphs")["schemas"], {"source": "Server", "config": {}})
    workspace.until_active(1)
    own_server.stop()
    own_server.deploy({"late": "writer"})
    own_server.start()
    comes_to(lambda: deployed(workspace)[1], "GraphUnknown")
    assert ready(workspace) == ("True", "Active"), "what was published stays so, as far as anybody knows"


def test_a_server_that_hides_its_release_serves_as_any_other(
    operator: OperatorProcess, workspace: Workspace, tmp_path: Path
) -> None:
    with LangGraphServer(tmp_path / "server", http={"disable_meta": True}) as hidden:
        told = {path: hidden.request("GET", path).status for path in ("/info", "/ok")}
        assert told == {"/info": 404, "/ok": 200}
        a_graph(workspace, hidden.url, resync=1)
        a_graph(workspace, hidden.url, "nowhere", resync=1)
        workspace.until_ready("writer", "graphs")
        assert deployed(workspace) == ("True", "Served", f"{hidden.url} serves graph 'writer'")
        stated = workspace.status("writer", "graphs")
        assert stated["schemas"] == {"source": "Server", "context": WRITER_SCHEMA, "config": WRITER_SCHEMA}
        assert "serverVersion" not in stated
        workspace.until_not_ready("GraphUnknown", "nowhere", "graphs")
        workspace.assistant("bot", "writer", context={"temperature": "hot"})
        workspace.until_not_ready("SchemaRefused")
        workspace.edit(context={"prompt": "2", "temperature": None})
        workspace.until_active(2)
        assert hidden.answer(own_id(workspace), "?") == "[small 0.5] 2 ?"
        hidden.stop()
        workspace.until_not_ready("ServerUnreachable", "writer", "graphs")
        assert workspace.status("writer", "graphs")["schemas"] == stated["schemas"], "unknown is not none"
        assert ready(workspace) == ("True", "Active")


def test_a_server_without_the_assistants_api_is_told_as_that(
    operator: OperatorProcess, workspace: Workspace, tmp_path: Path
) -> None:
    off = {"disable_assistants": True}
    with (
        LangGraphServer(tmp_path / "server", http=off) as without,
        LangGraphServer(tmp_path / "both", http={**off, "disable_meta": True}) as hidden,
    ):
        for name, server in (("writer", without), ("hidden", hidden)):
            a_graph(workspace, server.url, name, graphId="writer")
            workspace.until_not_ready("AssistantsDisabled", name, "graphs")
            assert deployed(workspace, name)[2] == (
                "the server cannot be published to: its Assistants API is switched off or not served:"
                f" POST {server.url}/assistants/search: 404 Not Found"
            )
            assert progress(workspace, name, "graphs") == {"Stalled"}


def test_schemas_that_a_server_does_not_tell_are_not_none(
    operator: OperatorProcess, workspace: Workspace, proxy: FaultProxy, server: LangGraphServer
) -> None:
    proxy.fault = lambda asked: Nonsense(200, "", "") if asked.path.endswith("/schemas") else None
    a_graph(workspace, proxy.url, resync=1)
    workspace.assistant("bot", "writer", context={"temperature": "hot"})
    comes_to(lambda: deployed(workspace)[0], "True")
    assert deployed(workspace)[2].startswith(f"{proxy.url} serves graph 'writer', but reports no schemas of")
    comes_to(lambda: ready(workspace), ("False", "Probing"))
    assert "schemas" not in workspace.status("writer", "graphs")
    assert workspace.status().get("activeVersion") is None, "nothing is activated on a guess"
    proxy.fault = None
    workspace.until_not_ready("SchemaRefused")
    workspace.edit(context={"temperature": 1})
    workspace.until_active(2)


class Nonsense(Answer):
    """JSON that says nothing of schemas."""

    def body(self) -> dict[str, object]:
        return {"detail": "something else"}


def test_the_key_comes_from_a_secret_and_is_never_shown(
    operator: OperatorProcess, workspace: Workspace, tmp_path: Path
) -> None:
    grant_credentials(workspace)
    with LangGraphServer(tmp_path / "server", key=KEY) as own_server:
        ref: dict[str, Any] = {"server": {"apiKeySecretRef": {"name": "langgraph", "key": "api-key"}}}
        a_graph(workspace, own_server.url, resync=1, **ref)
        missing = f"key 'api-key' of Secret 'langgraph' in namespace '{workspace.namespace}' does not exist"
        comes_to(lambda: deployed(workspace), ("False", "CredentialsNotFound", missing))
        put_secret(workspace, "langgraph", other="x")
        assert deployed(workspace) == ("False", "CredentialsNotFound", missing), "a Secret without that key"
        put_secret(workspace, "langgraph", **{"api-key": f"not-{KEY}"})
        refused = f"POST {own_server.url}/assistants/search: 401 bad key"
        unauthorized = ("False", "ServerUnauthorized", f"the server does not accept the key: {refused}")
        comes_to(lambda: deployed(workspace), unauthorized)
        put_secret(workspace, "langgraph", **{"api-key": f"{KEY}\n"})
        workspace.until_ready("writer", "graphs")
        workspace.assistant("bot", "writer", context={"prompt": "1"})
        workspace.until_ready()
        put_secret(workspace, "langgraph", **{"api-key": f"old-{KEY}"})
        comes_to(lambda: deployed(workspace), unauthorized)
        workspace.edit(context={"prompt": "2"})
        workspace.until_not_ready("ServerUnauthorized")
        put_secret(workspace, "langgraph", **{"api-key": KEY})
        workspace.until_active(2)
        assert own_server.answer(own_id(workspace), "?") == "[small 0.5] 2 ?"
        shown: list[Any] = [workspace.all(each) for each in ("graphs", "assistants", "assistantversions")]
        shown += [events(workspace, name) for name in ("bot", "writer")]
        assert ("Warning", "ServerUnauthorized") in {each[:2] for each in events(workspace, "writer")}
        assert KEY not in str(shown)
        assert KEY not in operator.log.read_text()


GRANT = (
    "kubectl create rolebinding assistant-operator-server-credentials -n {namespace}"
    " --clusterrole=assistant-operator-server-credentials --serviceaccount=assistant-operator:assistant-operator"
)
NEEDS = (
    "cannot be read: ServiceAccount 'assistant-operator/assistant-operator' needs ClusterRole"
    " 'assistant-operator-server-credentials' in namespace '{namespace}'; to grant it: " + GRANT
)


def refusals(workspace: Workspace, since: int) -> int:
    """How often the Secret was asked for in vain since that byte of the audit log."""
    entries, _ = workspace.plane.audit_since(since)
    answers = [(each.get("objectRef", {}), each.get("responseStatus", {}).get("code")) for each in entries]
    wanted = (workspace.namespace, "secrets", 403)
    return [(about.get("namespace"), about.get("resource"), code) for about, code in answers].count(wanted)


def test_a_secret_that_may_not_be_read_is_told_with_the_command_that_grants_it(
    operator: OperatorProcess, workspace: Workspace, tmp_path: Path
) -> None:
    with LangGraphServer(tmp_path / "server", key=KEY) as own_server:
        put_secret(workspace, "langgraph", **{"api-key": KEY})
        key: dict[str, Any] = {"apiKeySecretRef": {"name": "langgraph", "key": "api-key"}}
        bundle: dict[str, Any] = {"caBundleRef": {"kind": "ConfigMap", "name": "ca", "key": "ca.crt"}}
        a_graph(workspace, own_server.url, server=key, resync=1)
        a_graph(workspace, own_server.url, "trusting", graphId="writer", server=bundle)
        where = f"in namespace '{workspace.namespace}'"
        needs = NEEDS.format(namespace=workspace.namespace)
        told = ("False", "CredentialsForbidden", f"key 'api-key' of Secret 'langgraph' {where} {needs}")
        comes_to(lambda: deployed(workspace), told)
        bundle_told = ("False", "CredentialsForbidden", f"key 'ca.crt' of ConfigMap 'ca' {where} {needs}")
        comes_to(lambda: deployed(workspace, "trusting"), bundle_told)
        assert progress(workspace, "writer", "graphs") == {"Stalled"}
        before, (_, since) = workspace.get("graphs", "writer"), workspace.plane.audit_since()
        eventually(lambda: refusals(workspace, since) >= 2)
        assert workspace.get("graphs", "writer") == before, "the same trouble is not written again"

        _, command = workspace.condition("writer", "Deployed", "graphs")["message"].split("to grant it: ")
        program, *arguments = shlex.split(command)
        assert program == "kubectl"
        workspace.plane.kubectl(*arguments)
        workspace.until_ready("writer", "graphs")
        comes_to(lambda: deployed(workspace, "trusting")[1], "CredentialsNotFound")
        workspace.assistant("bot", "writer", context={"prompt": "1"})
        workspace.until_ready()

        workspace.plane.kubectl("delete", arguments[1], arguments[2], f"-n{workspace.namespace}")
        comes_to(lambda: deployed(workspace), told)
        assert ready(workspace) == ("True", "Active"), "what was published stays so"
        workspace.plane.kubectl(*arguments)
        workspace.until_ready("writer", "graphs")
        assert ("Warning", "CredentialsForbidden", told[2]) in events(workspace, "writer")
        assert KEY not in operator.log.read_text()


def test_a_certificate_is_checked_against_what_the_graph_names(
    operator: OperatorProcess, workspace: Workspace, installed: ControlPlane, server: LangGraphServer
) -> None:
    grant_credentials(workspace)
    right = installed.ca_file.read_text()
    put_secret(workspace, "right", ca=right)
    put_secret(workspace, "right", "ConfigMap", ca=right)
    put_secret(workspace, "bad", "ConfigMap", ca="no PEM")
    put_secret(workspace, "another", "ConfigMap", ca=ANOTHER_CA)
    names = {"right": "Secret", "right-too": "ConfigMap", "bad": "ConfigMap", "another": "ConfigMap", "none": "Secret"}
    with FaultProxy(installed, server.url) as proxy:
        for name, kind in names.items():
            bundle: dict[str, Any] = {"kind": kind, "name": name.removesuffix("-too"), "key": "ca"}
            a_graph(workspace, proxy.url, name, graphId="writer", server={"caBundleRef": bundle})
        workspace.until_ready("right", "graphs")
        workspace.until_ready("right-too", "graphs")
        where = f"in namespace '{workspace.namespace}'"
        missing = f"key 'ca' of Secret 'none' {where} does not exist"
        comes_to(lambda: deployed(workspace, "none"), ("False", "CredentialsNotFound", missing))
        bad = f"key 'ca' of ConfigMap 'bad' {where} holds no certificates (PEM)"
        comes_to(lambda: deployed(workspace, "bad"), ("False", "CredentialsNotFound", bad))
        comes_to(lambda: deployed(workspace, "another")[1], "ServerUnreachable")
        assert f"{proxy.url}: the certificate is not trusted" in deployed(workspace, "another")[2]
        for name in ("bad", "another", "none"):
            put_secret(workspace, name, names[name], ca=right)
        for name in ("bad", "another", "none"):
            workspace.until_ready(name, "graphs")
        workspace.assistant("bot", "none", context={"prompt": "1"})
        workspace.until_ready()
