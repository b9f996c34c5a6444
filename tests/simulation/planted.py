"""Bugs of one line, each planted into the operator before it is imported: the simulation must find every one.

python -m simulation.planted NAME
"""

import importlib
import importlib.util
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Seed:
    """A seed that finds the bug."""

    number: int


@dataclass(frozen=True, slots=True)
class Struck:
    """A fault at a call of a scenario that finds it."""

    scenario: str
    fault: str
    call: int


@dataclass(frozen=True, slots=True)
class Bug:
    """In `module` of the package, `right` stands once, and is replaced by `wrong`."""

    module: str
    right: str
    wrong: str
    hint: Seed | Struck | None = None
    """Where it was found last, if not in a scenario without faults. Looked at first; then wherever bugs are found."""


BUGS = {
    "equal content makes a version": Bug("policy.versioning", "return previous is None or", "return True or"),
    "the chain begins anew": Bug("policy.versioning", 'edit.previous.spec.chain if edit.previous else ""', '""'),
    "a changed path is left out": Bug(
        "policy.versioning", "for path in paths[:MOST_PATHS]", "for path in paths[1:MOST_PATHS]"
    ),
    "who owned the field once counts as its owner": Bug(
        "policy.versioning",
        "            return 0\n        fields = fields",
        "            return 0 if fields else len(path)\n        fields = fields",
        Seed(1),
    ),
    "a gap of one edit is no gap": Bug(
        "controllers.capture.capture",
        "if generation > capture_state.observed + 1:",
        "if generation > capture_state.observed + 2:",
    ),
    "numbers go on from what is kept": Bug(
        "controllers.capture.gather",
        "max(capture_state.latest or self._store.newest_number(assistant.key), capture_state.taken) + 1",
        "1",
    ),
    "every version is made twice": Bug(
        "controllers.capture.capture",
        "same and head.spec.generation >=",
        "same and 0 >=",
        Struck("three fast edits", "crash after", 15),
    ),
    "an edit counts as recorded before it is": Bug(
        "controllers.capture.capture",
        "        await self._record(capture_state, assistant)\n        capture_state.observed = generation\n",
        "        capture_state.observed = generation\n        await self._record(capture_state, assistant)\n",
        Struck("first edit", "503", 9),
    ),
    "what was missed is not counted": Bug(
        "controllers.capture.capture",
        "capture_state.missed += len(missed)",
        "capture_state.missed += 0",
        Struck("three fast edits", "410", 9),
    ),
    "the oldest equal version is named": Bug(
        "store.store", "for number in sorted(numbers, reverse=True)]", "for number in sorted(numbers)]", Seed(1)
    ),
    "the status is opened one generation too far": Bug(
        "controllers.capture.state",
        "self.observed = max(status.observed_generation, 0) if is_of_this else 0",
        "self.observed = max(status.observed_generation + 1, 0) if is_of_this else 0",
        Seed(23),
    ),
    "a recovered state is of any generation": Bug(
        "controllers.capture.recovery",
        "self._observed < generation < self._assistant.metadata.generation",
        "self._observed + 1 < generation < self._assistant.metadata.generation",
    ),
    "keep is not kept": Bug("policy.pruning", "each.is_labelled_keep or each", "each"),
    "one version too many is pruned": Bug(
        "policy.pruning",
        "world.kept[: -world.assistant.spec.versioning.history_limit]",
        "world.kept[: 1 - world.assistant.spec.versioning.history_limit]",
    ),
    "a version is deleted without a precondition": Bug(
        "clients.kubernetes.versions",
        'preconditions = {"uid": record.uid, "resourceVersion": record.resource_version}',
        'preconditions = {"uid": record.uid}',
    ),
    "a conflict counts as a deletion": Bug(
        "clients.kubernetes.versions",
        "            return refused.status.code == 404\n",
        "            return True\n",
        Struck("pruning", "409", 25),
    ),
    "pruning goes on while suspended": Bug(
        "policy.assistant",
        "    if not world.assistant.spec.suspend:\n        yield from _prunings",
        "    if True:\n        yield from _prunings",
        Seed(15),
    ),
    "the version in force does not come back": Bug(
        "policy.assistant", "needed = {world.newest, world.active or 0} - {0}", "needed = {world.newest} - {0}"
    ),
    "other owners are lost at adoption": Bug(
        "clients.kubernetes.versions",
        '"ownerReferences": [*others, owner.manifest()]',
        '"ownerReferences": [owner.manifest()]',
    ),
    "labels are not put back": Bug(
        "policy.assistant",
        "return is_ours and not record.is_labelled",
        "return False and not record.is_labelled",
        Seed(1),
    ),
    "an invalid version is activated": Bug(
        "policy.activation", "            if world.judged[record.number].valid:\n", "            if True:\n"
    ),
    "unknown is valid": Bug(
        "policy.activation",
        "            if world.judged[record.number].valid:\n",
        "            if world.judged[record.number].valid is not False:\n",
    ),
    "a pin to an invalid version is honoured": Bug(
        "policy.activation", "return pin if world.judged[pin].valid else in_force", "return pin"
    ),
    "an older valid version replaces the one in force": Bug(
        "policy.activation", "if record.number > (in_force or 0)]", "if record.number > 0]"
    ),
    "Manual is ignored": Bug(
        "policy.activation",
        '    if world.assistant.spec.versioning.activation == "Manual":\n        return in_force',
        "    if False:\n        return in_force",
        Seed(28),
    ),
    "suspend is ignored": Bug(
        "policy.activation",
        "    if world.assistant.spec.suspend:\n        return _rejected(in_force",
        "    if False:\n        return _rejected(in_force",
        Seed(15),
    ),
    "a schema that changed is not asked": Bug(
        "manager.triggers",
        "        self._validation_results.invalidate(assistants, include_kept_versions=include_kept_versions)\n",
        "",
    ),
    "an activation is listed again": Bug(
        "policy.assistant_status",
        "if active is None or active == world.active or is_noted:",
        "if active is None or is_noted:",
    ),
    "a version is marked once": Bug(
        "policy.assistant",
        "    if record.active != str(is_active):\n        return True\n",
        "    if record.active != str(is_active) and not record.active:\n        return True\n",
        Seed(1),
    ),
    "resource versions are compared as texts": Bug(
        "store.store",
        "return seen is not None and _position(seen) > _position(assistant)",
        "return seen is not None and seen.metadata.resource_version > assistant.metadata.resource_version",
    ),
    "an answer from before a deletion is news": Bug(
        "store.store",
        "if self._deleted.get((record.key, record.number), 0) > position(record.resource_version):",
        "if False:",
        Seed(19),
    ),
    "the deletion of another UID drops an Assistant": Bug(
        "manager.event_handlers",
        "        if seen and seen.metadata.uid != uid:\n            return\n        self._graphs",
        "        if seen is None:\n            return\n        self._graphs",
        Seed(49),
    ),
    "recorded states outlive their Assistant": Bug(
        "store.store", "        self.recorded.pop(key, None)\n        self._ending", "        self._ending"
    ),
    "concerns never shrink": Bug(
        "store.store", "            _discard(self._concerned, graph, key)\n", "            pass\n"
    ),
    "digests never shrink": Bug(
        "store.store",
        "del self._versions[record.key], self._by_digest[record.key]",
        "del self._versions[record.key]",
    ),
    "capture states outlive their Assistant": Bug(
        "controllers.capture.capture",
        "self._capture_states.pop(assistant.metadata.uid, None)",
        "self._capture_states.get(assistant.metadata.uid, None)",
    ),
    "what went while it was published is noted": Bug(
        "controllers.publication.reconciler",
        "if assistant and not self._store.has(assistant):",
        "if not assistant:",
        Struck("deletion", "409", 36),
    ),
    "a finalizer that is taken off goes unnoticed": Bug(
        "controllers.capture.capture",
        "return (*told, meta.finalizers, is_withdrawal_abandoned(assistant))",
        "return (*told, is_withdrawal_abandoned(assistant))",
    ),
    "a look that failed is not repeated": Bug(
        "runtime.workqueue",
        "        self.add(key, delay)\n        return delay",
        "        return delay",
        Struck("first edit", "500", 11),
    ),
    "a refused step is not held back": Bug(
        "runtime.refusals", "pause = min(FIRST * 2.0 ** min(self.attempts, 20), LONGEST)", "pause = 0.0"
    ),
    "a refused watch ends the process": Bug(
        "clients.kubernetes.watch_session",
        "        except (ClusterUnavailable, ClusterRefused) as error:\n            if not opened",
        "        except ClusterUnavailable as error:\n            if not opened",
        Struck("first edit", "403", 3),
    ),
    "versions are not listed again": Bug(
        "store.store",
        "            if gone and position(record.resource_version) <= position(as_of) and self.drop_version(record):",
        "            if False:",
        Struck("restore", "API server restarts", 15),
    ),
    "the Lease is held beyond its end": Bug(
        "runtime.leader_election",
        "DURATION, RENEW_DEADLINE, RETRY = 15.0, 10.0, 2.0",
        "DURATION, RENEW_DEADLINE, RETRY = 15.0, 60.0, 2.0",
        Seed(86),
    ),
    "a live Lease is taken over": Bug(
        "runtime.leader_election",
        "self._clock() - self._seen[1] > lease.duration",
        "self._clock() - self._seen[1] > 0.5",
        Seed(0),
    ),
    "it is published before it is written down": Bug(
        "policy.publication",
        "    if place is None or active is None or not is_recorded:\n",
        "    if place is None or active is None:\n",
    ),
    "it is published while nothing holds it": Bug(
        "policy.publication",
        "    if is_held and not world.is_published:\n",
        "    if not world.is_published:\n",
        Struck("publishing", "422", 19),
    ),
    "a copy is withdrawn before there is another": Bug(
        "policy.publication", "if world.place is None or world.is_published:  #", "if True:  #"
    ),
    "the finalizer goes before the copy": Bug(
        "policy.publication",
        "elif world.lost.issuperset(world.pending) or",
        "elif True or",
        Struck("deletion", "503", 32),
    ),
    "another version than the one in force is published": Bug(
        "policy.publication",
        "        return (known.number, known.policy) == wanted",
        "        return known.policy == wanted[1]",
    ),
    "a former address is forgotten": Bug(
        "policy.assistant_status",
        "(place.copy, *(each for each in present if not each.is_same(place.copy)))",
        "(place.copy,)",
    ),
    "the default assistant is applied by another manager": Bug(
        "clients.kubernetes.cluster",
        'query = {"fieldManager": MANAGER, "fieldValidation": "Strict"}',
        'query = {"fieldManager": "kubectl", "fieldValidation": "Strict"}',
    ),
    "one refused step ends the look": Bug(
        "controllers.assistant.reconciler",
        "                self._refuse(world, step, str(refused))\n",
        "                raise\n",
    ),
    "a copy under an earlier cluster name is another's": Bug(
        "policy.desired_copy",
        "return marked is not None and marked == copy.owner",
        "return marked is not None and marked == current",
    ),
}


def plant(bug: Bug) -> None:
    """Raises AssertionError if the source has not that line, or if the module is imported already."""
    module = f"assistant_operator.{bug.module}"
    assert module not in sys.modules
    spec = importlib.util.find_spec(module)
    assert spec
    assert spec.origin
    source = Path(spec.origin).read_text()
    assert source.count(bug.right) == 1, f"{module} has not once: {bug.right}"
    planted = importlib.util.module_from_spec(spec)
    parent, _, own = module.rpartition(".")
    setattr(importlib.import_module(parent), own, planted)
    sys.modules[module] = planted
    exec(compile(source.replace(bug.right, bug.wrong), spec.origin, "exec"), planted.__dict__)


def main(name: str) -> None:
    """Print how it is found; with an empty name, what is found where they all are, and none is planted."""
    if bug := BUGS.get(name):
        plant(bug)
    hunting = importlib.import_module("simulation.hunting")  # which imports the operator
    print(hunting.hunted(bug) if bug else hunting.unplanted(BUGS.values()))


if __name__ == "__main__":
    # The classes of `__main__` are others than those that simulation.hunting imports: no hint would be recognized.
    importlib.import_module("simulation.planted").main(sys.argv[1])
