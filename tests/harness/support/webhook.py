"""A mutating admission webhook that answers each request with the same JSON patch."""

import base64
import json
import ssl
from typing import Any

from harness.controlplane import ControlPlane

from .http_thread import HttpThread, JsonHandler

Json = dict[str, Any]


class PatchingWebhook(HttpThread):
    """It serves TLS with the API server's own certificate, which the API server is told to trust."""

    def __init__(self, plane: ControlPlane, patch: list[Json]) -> None:
        identity = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        identity.load_cert_chain(plane.ca_file, plane.key_file)
        super().__init__(identity)
        self._plane = plane
        self._patch = patch

    def configuration(self, name: str, rule: Json, namespace: str) -> Json:
        """The MutatingWebhookConfiguration that sends it what `rule` matches in that namespace."""
        bundle = base64.b64encode(self._plane.ca_file.read_bytes()).decode()
        webhook = {
            "name": f"{name}.example.com",
            "clientConfig": {"url": f"https://{self.address}/", "caBundle": bundle},
            "rules": [rule],
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
            "sideEffects": "None",
            "admissionReviewVersions": ["v1"],
        }
        kind = {"apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingWebhookConfiguration"}
        return {**kind, "metadata": {"name": name}, "webhooks": [webhook]}

    def _handler(self) -> type[JsonHandler]:
        patch = base64.b64encode(json.dumps(self._patch).encode()).decode()

        class Handler(JsonHandler):
            def do_POST(self) -> None:  # noqa: N802 (the library's name)
                review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                allowed = {"uid": review["request"]["uid"], "allowed": True, "patchType": "JSONPatch", "patch": patch}
                self.answer(200, {**review, "request": None, "response": allowed})

        return Handler
