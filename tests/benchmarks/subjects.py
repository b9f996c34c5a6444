"""The two that are compared, seen from outside: an object is edited, and a record of it appears on a watch."""

import asyncio
import json
import os
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from aiohttp import ClientSession, ClientTimeout, TCPConnector

MERGE = "application/merge-patch+json"
OURS = "/apis/assistant-operator.dev/v1alpha1"
Json = dict[str, Any]


class Api:
    """The API server over kept connections, as admin."""

    def __init__(self, kubeconfig: Path) -> None:
        said = yaml.safe_load(kubeconfig.read_text())
        cluster = said["clusters"][0]["cluster"]
        trust = ssl.create_default_context(cafile=cluster["certificate-authority"])
        self._url = cluster["server"]
        self.session = ClientSession(
            headers={"Authorization": f"Bearer {said['users'][0]['user']['token']}"},
            connector=TCPConnector(limit=64, ssl=trust),
            timeout=ClientTimeout(total=None),
            read_bufsize=2**21,
        )

    async def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        kind: str = "application/json",
        accept: str = "application/json",
    ) -> Json:
        data, headers = None if body is None else json.dumps(body), {"Content-Type": kind, "Accept": accept}
        async with self.session.request(method, self._url + path, data=data, headers=headers) as answer:
            told: Json = await answer.json()
            if answer.status >= 300:
                raise RuntimeError(f"{method} {path}: {answer.status} {told.get('message')}")
            return told

    async def watch(self, path: str, since: str) -> AsyncIterator[Json]:
        """Events as they come."""
        async with self.session.get(f"{self._url}{path}?watch=true&resourceVersion={since}") as answer:
            while line := await answer.content.readline(max_line_length=2**24):
                yield json.loads(line)


@dataclass(frozen=True)
class Sighting:
    """A record was seen: of which object, of which edit, when."""

    name: str
    edit: int
    at: float


class Ours:
    """Assistant → AssistantVersion, by this operator."""

    title = "this operator"

    def __init__(self, namespace: str) -> None:
        self.namespace = namespace
        self.objects = f"{OURS}/namespaces/{namespace}/assistants"
        self.records = f"{OURS}/namespaces/{namespace}/assistantversions"

    def made(self, name: str) -> Json:
        spec = {"graphRef": {"name": "bench"}, "versioning": {"historyLimit": 10000}, "context": context(0)}
        return {
            "apiVersion": "assistant-operator.dev/v1alpha1",
            "kind": "Assistant",
            "metadata": {"name": name},
            "spec": spec,
        }

    def edit(self, number: int) -> Json:
        return {"spec": {"context": {"edit": number}}}

    def record(self, number: int) -> Json:
        """A record of nobody's, as large as one of ours."""
        none, name = "sha256:" + "0" * 64, f"nobody{os.urandom(4).hex()}"
        return {
            "apiVersion": "assistant-operator.dev/v1alpha1",
            "kind": "AssistantVersion",
            "metadata": {"name": f"{name}-v1"},
            "spec": {
                "assistantRef": {"name": name, "uid": "none"},
                "number": 1,
                "generation": 1,
                "digest": none,
                "chain": none,
                "snapshot": {"graphRef": {"name": "bench"}, "context": context(number)},
                "change": {"kind": "Created"},
            },
        }

    def sighted(self, record: Json, at: float) -> Sighting:
        spec = record["spec"]
        return Sighting(spec["assistantRef"]["name"], spec["snapshot"]["context"]["edit"], at)


class StatefulSets:
    """StatefulSet → ControllerRevision, by kube-controller-manager with its limits lifted."""

    title = "StatefulSet controller"

    def __init__(self, namespace: str) -> None:
        self.objects = f"/apis/apps/v1/namespaces/{namespace}/statefulsets"
        self.records = f"/apis/apps/v1/namespaces/{namespace}/controllerrevisions"

    def made(self, name: str) -> Json:
        labels = {"app": name}
        environment = [{"name": key.upper(), "value": str(value)} for key, value in context(0).items()]
        pod = {"containers": [{"name": "c", "image": "c", "env": environment}]}
        template = {"metadata": {"labels": labels, "annotations": {"edit": "0"}}, "spec": pod}
        spec = {"replicas": 0, "revisionHistoryLimit": 10000, "serviceName": name}
        spec |= {"selector": {"matchLabels": labels}, "template": template}
        return {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": name}, "spec": spec}

    def edit(self, number: int) -> Json:
        return {"spec": {"template": {"metadata": {"annotations": {"edit": str(number)}}}}}

    def record(self, number: int) -> Json:
        """A record of nobody's, as large as one of the peer's."""
        template = self.made("nobody")["spec"]["template"]
        return {
            "apiVersion": "apps/v1",
            "kind": "ControllerRevision",
            "metadata": {"name": f"nobody-{os.urandom(4).hex()}"},
            "data": {"spec": {"template": {**template, "$patch": "replace", "edit": number}}},
            "revision": 1,
        }

    def sighted(self, record: Json, at: float) -> Sighting:
        owner = record["metadata"]["ownerReferences"][0]["name"]
        edit = record["data"]["spec"]["template"]["metadata"]["annotations"]["edit"]
        return Sighting(owner, int(edit), at)


Subject = Ours | StatefulSets


class Edited:
    """The objects of this operator themselves, as their edits come."""

    def __init__(self, subject: Ours) -> None:
        self.records = subject.objects

    def sighted(self, record: Json, at: float) -> Sighting:
        return Sighting(record["metadata"]["name"], record["spec"]["context"].get("edit", 0), at)


def context(edit: int) -> Json:
    """A configuration of about 2.4 KB, as prompts are."""
    return {"edit": edit, "prompt": "You answer customers of a bicycle shop. " * 58, "model": "small"}


class Lookout:
    """Watches the records of one subject and tells who waits for one."""

    def __init__(self, api: Api, subject: Subject | Edited) -> None:
        self._api = api
        self._subject = subject
        self._seen: dict[tuple[str, int], float] = {}
        self._news = asyncio.Condition()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        listed = await self._api.ask("GET", self._subject.records + "?limit=1")
        self._task = asyncio.create_task(self._run(listed["metadata"]["resourceVersion"]))

    async def stop(self) -> None:
        if self._task:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def until(self, name: str, edit: int, patience: float = 60) -> float:
        """When that record was seen."""
        async with asyncio.timeout(patience), self._news:
            await self._news.wait_for(lambda: (name, edit) in self._seen)
        return self._seen[name, edit]

    def times(self, edit: int) -> dict[str, float]:
        """When the record of that edit was seen, for each object."""
        return {name: at for (name, number), at in self._seen.items() if number == edit}

    async def _run(self, since: str) -> None:
        async for event in self._api.watch(self._subject.records, since):
            if event["type"] in ("ADDED", "MODIFIED"):
                sighting = self._subject.sighted(event["object"], asyncio.get_running_loop().time())
                async with self._news:
                    self._seen.setdefault((sighting.name, sighting.edit), sighting.at)
                    self._news.notify_all()
