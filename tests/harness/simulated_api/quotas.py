"""ResourceQuotas that count objects, as admission sees them: what is deleted is not counted again."""

from collections.abc import Iterable
from dataclasses import dataclass

from .intents import Intent
from .statuses import Named, forbidden


@dataclass(slots=True)
class Quota:
    """A ResourceQuota of `count/<resource>` in one namespace."""

    name: str
    namespace: str
    resource: str
    """Plural and group, with a dot between."""
    hard: int
    used: int = 0
    """Rises with each object that is created."""


def charge(quotas: Iterable[Quota], intent: Intent, about: Named) -> None:
    """Count a new object. Raises ApiError for a quota that is exceeded by it."""
    concerned = [each for each in quotas if each.namespace == intent.namespace and each.resource == about.qualified]
    for quota in concerned:
        if quota.used >= quota.hard:
            counted = f"count/{quota.resource}"
            told = f"requested: {counted}=1, used: {counted}={quota.used}, limited: {counted}={quota.hard}"
            raise forbidden(about, f"exceeded quota: {quota.name}, {told}")
    for quota in concerned:
        quota.used += 1
