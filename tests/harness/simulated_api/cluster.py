"""A simulated cluster: one store, one API server or several, the controllers, and what an operator may do to it all."""

from collections.abc import Callable
from datetime import datetime
from random import Random

from .admission import Policy
from .authorization import Authorizer
from .endpoint import Endpoint
from .garbage import Controllers
from .handlers import Handlers
from .intents import Intent
from .objects import Objects
from .quotas import Quota
from .resources import catalogue
from .server import ApiServerFront
from .store import Snapshot, Store


class ApiServer:
    """One API server of a simulated cluster."""

    def __init__(self, objects: Objects, authorizer: Authorizer) -> None:
        self.endpoint = Endpoint(objects.store, objects.catalogue)
        self.front = ApiServerFront(Handlers(objects, self.endpoint, authorizer))

    def restart(self) -> None:
        """Close every connection and begin with an empty watch cache."""
        self.front.cut_connections()
        self.endpoint.restart()


class SimulatedCluster:
    """Everything of it happens at `now`, by `random`, and in the running event loop."""

    def __init__(
        self, now: Callable[[], datetime], random: Random, *, delay: Callable[[], float] = lambda: 0.0
    ) -> None:
        """`now`: an aware time. `delay`: seconds until the controllers act on a change."""
        self.store = Store()
        self.objects = Objects(self.store, catalogue(), now, random)
        self.authorizer = Authorizer()
        self.controllers = Controllers(self.objects, delay)
        self.servers = [ApiServer(self.objects, self.authorizer)]
        self.create_namespace("default")

    @property
    def server(self) -> ApiServer:
        """The first API server."""
        return self.servers[0]

    @property
    def policies(self) -> dict[str, Policy]:
        """The ValidatingAdmissionPolicies, by name."""
        return self.objects.policies

    @property
    def quotas(self) -> dict[str, Quota]:
        """The ResourceQuotas, by name."""
        return self.objects.quotas

    def add_server(self) -> ApiServer:
        """Another API server before the same store."""
        self.servers.append(ApiServer(self.objects, self.authorizer))
        return self.servers[-1]

    def create_namespace(self, name: str) -> None:
        intent = Intent(self.objects.catalogue.by_kind["v1", "Namespace"], "", "", "admin")
        self.objects.create(intent, {"metadata": {"name": name}})

    def compact(self) -> None:
        self.store.compact()

    def snapshot(self) -> Snapshot:
        return self.store.snapshot()

    def restore(self, snapshot: Snapshot) -> None:
        """Put the store back, and start every API server anew."""
        self.store.restore(snapshot)
        for server in self.servers:
            server.restart()
        self.controllers.restart()
