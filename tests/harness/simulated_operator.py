"""Replicas of the real operator in a simulation, each a process of its own."""

import asyncio
import logging
from collections.abc import Mapping
from contextlib import ExitStack
from functools import cache
from importlib.metadata import version
from types import TracebackType
from typing import Any, Self

from assistant_operator.clients.kubernetes.configuration import Configuration
from assistant_operator.clients.schema import validator
from assistant_operator.manager import triggers
from assistant_operator.manager.manager import Manager
from assistant_operator.manager.settings import Settings
from assistant_operator.runtime import metrics

from .inline_schema_worker import InlineSchemaWorker
from .replacing import replaced
from .trace import Trace
from .virtual_node import Node
from .virtual_time import Simulation

LOGGERS = ("assistant_operator", "kopf")
LISTED_FROM = 4
"""Versions to validate from which on those of the namespace are listed."""
_version = cache(version)
"""Of a package, read from disk once: a process reads it when it starts, a simulation starts many."""


class Operators:
    """Use it as a context manager, around `Simulation.run`."""

    def __init__(self, simulation: Simulation, servers: Mapping[str, str], *, token: str = "") -> None:
        """`servers`: by the names of the replicas, the URL of the API server that each uses."""
        self._simulation = simulation
        self._servers = servers
        self._token = token
        self._stack = ExitStack()
        self._handler = _Traced(simulation.trace)
        self.processes: dict[str, Manager] = {}
        """The newest of each replica."""

    def __enter__(self) -> Self:
        self._stack.enter_context(replaced(validator, "SchemaWorker", InlineSchemaWorker))
        self._stack.enter_context(replaced(metrics, "version", _version))
        # The worlds are small: in some, versions are listed with their content, in others read one by one.
        self._stack.enter_context(replaced(triggers, "LISTED_FROM", LISTED_FROM))
        for name in LOGGERS:
            logger = logging.getLogger(name)
            logger.addHandler(self._handler)
            self._stack.callback(logger.removeHandler, self._handler)
            # pytest would keep and show each record: the trace has them in their order among all else.
            self._stack.enter_context(replaced(logger, "propagate", False))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.processes.clear()
        self._stack.close()

    def start(self, name: str, **settings: Any) -> Node:
        """Start a replica, or start it again after it ended. `settings`: as of Settings."""
        node = self._simulation.node(name)
        node = node if node.is_alive else self._simulation.new_node(name)
        self._simulation.trace.add(name, "starts")
        node.start(self._run(node, Settings(**{"identity": name, "listen": ":8080", **settings})))
        return node

    async def _run(self, node: Node, settings: Settings) -> None:
        process = self.processes[node.name] = Manager(settings, self._configuration)
        node.exit(await process.run())

    async def _configuration(self) -> Configuration:
        """In place of the kubeconfig."""
        loop: Any = asyncio.get_running_loop()
        return Configuration(host=self._servers[loop.name], authorization=f"Bearer {self._token}")


class _Traced(logging.Handler):
    """Writes what a process logs into the trace."""

    def __init__(self, trace: Trace) -> None:
        super().__init__(logging.INFO)
        self._trace = trace

    def emit(self, record: logging.LogRecord) -> None:
        loop: Any = asyncio._get_running_loop()  # noqa: SLF001 (None while what is left is freed)
        if loop:
            self._trace.add(loop.name, f"logs {record.levelname}: {record.getMessage()}")
