"""A simulated cluster with six versions of a bot and aliases of it; and the plugin, run on it."""

import asyncio
import random
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from click.testing import CliRunner, Result

from assistant_operator.api.meta import Condition
from assistant_operator.kubectl.cli import cli
from harness.simulated_api import Grant, SimulatedCluster, User
from harness.simulated_api.intents import Intent
from harness.simulated_world import Person
from harness.worlds import a_condition
from unit.kubectl.kept import NOT_VALID, UNJUDGED, a_kept

Json = dict[str, Any]
GROUP = "assistant-operator.dev/v1alpha1"
VERSIONS = {
    1: a_kept(1, "one"),
    2: a_kept(2, "two"),
    3: a_kept(3, "three"),
    4: a_kept(4, "four", valid=NOT_VALID),
    5: a_kept(5, "two"),
    6: a_kept(6, "six", valid=UNJUDGED),
}
"""The third is active. The fifth has the content of the second."""
FLUX = {"kustomize.toolkit.fluxcd.io/name": "shop", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}
READY = a_condition("Ready", "True", "Active", "the alias stands for it", observed_generation=1)
NOT_FOUND = a_condition(
    "Ready", "False", "VersionNotFound", "spec.version: bot-v9 does not exist", observed_generation=1
)


class AliasedCluster:
    """The cluster, the person who made what is in it, and when that was: an hour ago."""

    def __init__(self) -> None:
        self.made = datetime.now(UTC) - timedelta(hours=1)
        self.cluster = SimulatedCluster(lambda: self.made, random.Random(1))
        self.cluster.create_namespace("team")
        self.person = Person(self.cluster, "team")
        self.person.graph("support")
        self.person.assistant("bot", "support", context={"prompt": "six"})
        self.person.assistant("agent", "support")
        self._write_status("Assistant", "bot", {"latestVersion": 6, "activeVersion": 3}, ())
        for version in VERSIONS.values():
            self.person.create("AssistantVersion", version.metadata.name, version.spec.manifest())
            self.judge(version.metadata.name, *version.status.conditions)
        self.alias("production", {"version": 1}, 1, self.move(1, 3, 2, user="jane", cause="calmer"), self.move(2, 5))
        self.alias("staging", {"digest": VERSIONS[2].spec.digest}, 5, self.move(5, 4, 2, manager="argocd-controller"))
        self.alias("waiting", {"version": 9}, None, ready=NOT_FOUND)
        self.alias("canary", {"version": 1}, 1, self.move(1, 6), labels=FLUX)
        self.alias("preview", {"version": 1}, 1, self.move(1, 7), assistant="agent")

    def move(self, to: int, days: int, before: int | None = None, **different: str) -> Json:
        """A move that many days ago."""
        since = (datetime.now(UTC) - timedelta(days=days, minutes=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
        return {**({"from": before} if before else {}), "to": to, "since": since, "manager": "kubectl", **different}

    def alias(
        self,
        name: str,
        selects: Json,
        stands_for: int | None,
        *moves: Json,
        assistant: str = "bot",
        ready: Condition = READY,
        **metadata: Any,
    ) -> None:
        self.person.create("AssistantAlias", name, {"assistantRef": {"name": assistant}, **selects}, **metadata)
        status: Json = {"version": stands_for} if stands_for else {}
        self._write_status("AssistantAlias", name, {**status, "moves": list(moves)}, (ready,))

    def judge(self, version: str, *conditions: Condition) -> None:
        """Make these the conditions of the version."""
        self._write_status("AssistantVersion", version, {}, conditions)

    def _write_status(self, kind: str, name: str, status: Json, conditions: Iterable[Condition]) -> None:
        stored = {"observedGeneration": 1, **status, "conditions": [each.manifest() for each in conditions]}
        stored = stored if kind != "AssistantVersion" else {"conditions": stored["conditions"]}
        resource = self.cluster.objects.catalogue.by_kind[GROUP, kind]
        intent = Intent(resource, "team", name, "assistant-operator", "status")
        self.cluster.objects.patch(intent, lambda old: {**old, "status": stored})

    def stop_serving_aliases(self) -> None:
        """As with CustomResourceDefinitions of an older release."""
        catalogue = self.cluster.objects.catalogue
        served = {key: each for key, each in catalogue.by_path.items() if each.kind != "AssistantAlias"}
        self.cluster.objects.catalogue = replace(catalogue, by_path=served)


async def ran(*words: str) -> Result:
    """`kubectl assistants WORDS`. It runs an event loop of its own."""
    result = await asyncio.to_thread(CliRunner().invoke, cli, words)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def granted(*rights: tuple[str, str]) -> User:
    """A person with these rights in the namespace: verb and plural, `*` for all."""
    grants = (Grant(frozenset({"*"}), frozenset({plural}), frozenset({verb}), "team") for verb, plural in rights)
    return User("jane", tuple(grants))
