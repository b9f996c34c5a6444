"""The user of an edit: read from the annotation that the policy record-user has the API server write."""

import asyncio
import logging
from dataclasses import dataclass
from http import HTTPStatus
from weakref import WeakValueDictionary

from assistant_operator.api.assistant_alias import Published
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

    Without the policy anyone who can edit the object can write any name there. So a dry run tries whether a value of
    the operator is reverted, in each namespace at most once a minute. All objects are of one kind.
    """

    def __init__(self, cluster: Cluster, *, is_recorded: bool) -> None:
        """`is_recorded`: the flag --record-user."""
        self._cluster = cluster
        self._is_recorded = is_recorded
        self._results: Expiring[str, _Result] = Expiring(_KEPT, _MOST_NAMESPACES)
        """By namespace."""
        self._warned: Expiring[str, bool] = Expiring(_WARNED, _MOST_NAMESPACES)
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def check(self, edited: Published) -> None:
        """Find out whether the annotation of that object is protected. Raises ClusterUnavailable and NotLeading."""
        namespace = edited.metadata.namespace
        if not self._is_recorded:
            return
        async with self._locks.setdefault(namespace, asyncio.Lock()):
            known = self._results.get(namespace)
            if known is None or known.is_due:
                await self._try(edited)

    async def _try(self, edited: Published) -> None:
        if changed_by(edited) is None:
            self._warn(edited, "it has no annotation")
            return
        is_protected, problem = False, "anyone can write the annotation"
        try:
            is_protected = await self._cluster.reverts_annotation(type(edited), edited.key, CHANGED_BY)
        except ClusterRefused as refused:
            if refused.status.code == HTTPStatus.NOT_FOUND:
                return  # it was deleted meanwhile
            problem = f"it is not known whether the annotation is protected: {refused}"
        now = asyncio.get_running_loop().time()
        self._results[edited.metadata.namespace] = _Result(is_protected, now)
        if not is_protected:
            self._warn(edited, problem)

    def of(self, edited: Published) -> str | None:
        """Return the user of the edit that led to this state; None if that is not known."""
        return changed_by(edited) if self.is_protected(edited) else None

    def is_protected(self, edited: Published) -> bool:
        """Return whether the annotation was found to be protected in the namespace of that object."""
        result = self._results.get(edited.metadata.namespace)
        return result is not None and result.is_protected

    def _warn(self, edited: Published, problem: str) -> None:
        namespace, name = edited.key
        if namespace not in self._warned:
            self._warned[namespace] = True
            message = "unknown user of an edit namespace=%s name=%s annotation=%s: %s; is deploy/record-user installed?"
            log.warning(message, namespace, name, CHANGED_BY, problem)
