"""The user of an edit: read from the annotation that the policy record-user has the API server write."""

import asyncio
import logging
from dataclasses import dataclass
from http import HTTPStatus
from weakref import WeakValueDictionary

from assistant_operator.api.assistant import Assistant
from assistant_operator.clients.expiring import Expiring
from assistant_operator.clients.kubernetes.cluster import Cluster
from assistant_operator.clients.kubernetes.transport import ClusterRefused
from assistant_operator.policy.versioning import CHANGED_BY, changed_by

log = logging.getLogger(__name__)

_PROTECTED, _UNPROTECTED = 60.0, 1.0
"""Seconds until the annotation is tried again."""
_KEPT = 2 * _PROTECTED
"""Seconds for which a result is kept: longer, so that none expires while an edit is captured after its check."""
_WARNED = 600.0
"""Seconds for which a warning is not repeated."""
_MOST_NAMESPACES = 10_000


@dataclass(frozen=True, slots=True)
class _Result:
    """Whether the API server protects the annotation, as it was tried at that time of the loop's clock."""

    is_protected: bool
    at: float

    @property
    def is_due(self) -> bool:
        age = asyncio.get_running_loop().time() - self.at
        return age > (_PROTECTED if self.is_protected else _UNPROTECTED)


class AuthenticatedUsers:
    """Reads the annotation, if the operator runs with --record-user and the API server protects the annotation.

    Without the policy anyone who can edit an Assistant can write any name there. So a dry run tries whether a value of
    the operator is reverted, in each namespace at most once a minute.
    """

    def __init__(self, cluster: Cluster, *, is_recorded: bool) -> None:
        """`is_recorded`: the flag --record-user."""
        self._cluster = cluster
        self._is_recorded = is_recorded
        self._results: Expiring[str, _Result] = Expiring(_KEPT, _MOST_NAMESPACES)
        """By namespace."""
        self._warned: Expiring[str, bool] = Expiring(_WARNED, _MOST_NAMESPACES)
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def check(self, assistant: Assistant) -> None:
        """Find out whether the annotation of that Assistant is protected. Raises ClusterUnavailable and NotLeading."""
        namespace = assistant.metadata.namespace
        if not self._is_recorded:
            return
        async with self._locks.setdefault(namespace, asyncio.Lock()):
            known = self._results.get(namespace)
            if known is None or known.is_due:
                await self._try(assistant)

    async def _try(self, assistant: Assistant) -> None:
        if changed_by(assistant) is None:
            self._warn(assistant, "it has no annotation")
            return
        is_protected, problem = False, "anyone can write the annotation"
        try:
            is_protected = await self._cluster.reverts_annotation(assistant.key, CHANGED_BY)
        except ClusterRefused as refused:
            if refused.status.code == HTTPStatus.NOT_FOUND:
                return  # it was deleted meanwhile
            problem = f"it is not known whether the annotation is protected: {refused}"
        now = asyncio.get_running_loop().time()
        self._results[assistant.metadata.namespace] = _Result(is_protected, now)
        if not is_protected:
            self._warn(assistant, problem)

    def of(self, assistant: Assistant) -> str | None:
        """Return the user of the edit that led to this state; None if that is not known."""
        result = self._results.get(assistant.metadata.namespace)
        return changed_by(assistant) if result and result.is_protected else None

    def _warn(self, assistant: Assistant, problem: str) -> None:
        namespace, name = assistant.key
        if namespace not in self._warned:
            self._warned[namespace] = True
            message = "unknown user of an edit namespace=%s name=%s annotation=%s: %s; is deploy/record-user installed?"
            log.warning(message, namespace, name, CHANGED_BY, problem)
