"""What may be refused beside the schema: ValidatingAdmissionPolicies, as Python predicates."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .statuses import ApiError, Cause, Named

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Attempt:
    """One write that is about to be made."""

    operation: str
    """CREATE, UPDATE or DELETE."""
    about: Named
    namespace: Mapping[str, Any]
    """The Namespace object; empty for what has none."""
    new: Json | None
    old: Json | None
    subresource: str = ""


@dataclass(frozen=True, slots=True)
class Policy:
    """A ValidatingAdmissionPolicy with a binding of the same name."""

    name: str
    plural: str
    operations: frozenset[str]
    allows: Callable[[Attempt], bool]
    message: str

    def concerns(self, attempt: Attempt) -> bool:
        """Whether it is asked: a rule for a resource does not match its subresources."""
        is_of = attempt.about.plural == self.plural and attempt.operation in self.operations
        return is_of and not attempt.subresource


def admit(policies: Mapping[str, Policy], attempt: Attempt) -> None:
    """Raises ApiError for the first policy that does not allow it."""
    for policy in policies.values():
        if policy.concerns(attempt) and not policy.allows(attempt):
            raise denied(policy, attempt.about)


def denied(policy: Policy, about: Named) -> ApiError:
    said = f"ValidatingAdmissionPolicy '{policy.name}' with binding '{policy.name}' denied request: {policy.message}"
    details = {**about.details(), "causes": [Cause("", said).manifest()]}
    return ApiError(422, "Invalid", f'{about.qualified} "{about.name}" is forbidden: {said}', details)
