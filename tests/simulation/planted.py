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
    replicas: int = 1


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
    "the chain begins anew": Bug(
        "policy.versioning", 'before.spec.chain if before and before.number == edit.number - 1 else ""', '""'
    ),
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
        "controllers.capture.writer",
        "if generation > capture.observed + 1:",
        "if generation > capture.observed + 2:",
    ),
    "numbers go on from what is kept": Bug(
        "controllers.capture.gather",
        "max(capture.latest or self._store.versions.newest_number(assistant.key), capture.taken) + 1",
        "1",
    ),
    "every version is made twice": Bug(
        "controllers.capture.writer",
        "same and head.spec.generation >=",
        "same and 0 >=",
        Struck("three fast edits", "crash after", 15),
    ),
    "an edit counts as recorded before it is": Bug(
        "controllers.capture.writer",
        "        await self._write(record, assistant)\n        capture.observed = generation\n",
        "        capture.observed = generation\n        await self._write(record, assistant)\n",
        Struck("first edit", "503", 9),
    ),
    "what was missed is not counted": Bug(
        "controllers.capture.writer",
        "capture.missed += len(missed)",
        "capture.missed += 0",
        Struck("three fast edits", "410", 9),
    ),
    "the oldest equal version is named": Bug(
        "store.version_index", "for number in sorted(numbers, reverse=True)]", "for number in sorted(numbers)]", Seed(1)
    ),
    "the status is opened one generation too far": Bug(
        "store.capture_state",
        "self.observed = max(status.observed_generation, 0) if is_of_this else 0",
        "self.observed = max(status.observed_generation + 1, 0) if is_of_this else 0",
        Seed(23),
    ),
    "a recovered state is of any generation": Bug(
        "controllers.capture.recovery",
        "self._observed < generation < self._assistant.metadata.generation",
        "self._observed + 1 < generation < self._assistant.metadata.generation",
    ),
    "keep is not kept": Bug("policy.pruning", "record.is_labelled_keep or record", "record"),
    "what an alias stands for is pruned": Bug(
        "policy.pruning", ", *input.aliased.in_force, *input.aliased.requested}", "}"
    ),
    "what an alias stands for stays deleted": Bug(
        "policy.assistant", "{input.newest, input.active or 0, *aliased}", "{input.newest, input.active or 0}"
    ),
    "an alias moves with its Assistant": Bug(
        "policy.aliased_versions", "return record if record.digest in {", "return record if True or record.digest in {"
    ),
    "an alias moves to what is refused": Bug(
        "policy.alias", "if record and input.is_valid(record) and", "if record and", Seed(1)
    ),
    "a move forgets the moves before": Bug("policy.alias", "(move, *decision.moves)[:MOST_MOVES]", "(move,)"),
    "an alias does not hear of a new version": Bug(
        "manager.triggers",
        "        self.enqueue_aliases(assistant)\n        if record :=",
        "        if record :=",
    ),
    "an alias is published as its Assistant": Bug(
        "api.assistant_alias", 'f"{ALIAS_PREFIX}{self.metadata.name}"', "self.spec.assistant_ref.name"
    ),
    "aliases are looked for before they are listed": Bug(
        "manager.resync", "(Assistant, Graph, AssistantAlias)", "(Assistant, Graph)"
    ),
    "one version too many is pruned": Bug(
        "policy.pruning",
        "input.kept.beyond(input.assistant.spec.versioning.history_limit)",
        "input.kept.beyond(input.assistant.spec.versioning.history_limit - 1)",
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
        "    if not input.assistant.spec.suspend:\n        yield from (Prune",
        "    if True:\n        yield from (Prune",
        Seed(15),
    ),
    "the version in force does not come back": Bug(
        "policy.assistant", "{input.newest, input.active or 0, *aliased}", "{input.newest, *aliased}"
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
        "policy.activation", "            if input.validation_results[record.number].holds:\n", "            if True:\n"
    ),
    "unknown is valid": Bug(
        "policy.activation",
        "            if input.validation_results[record.number].holds:\n",
        "            if input.validation_results[record.number].holds is not False:\n",
    ),
    "a pin to an invalid version is honoured": Bug(
        "policy.activation", "return pin if input.validation_results[pin].holds else current", "return pin"
    ),
    "an older valid version replaces the one in force": Bug(
        "policy.activation", "input.kept.newer_than(current or 0)", "input.kept.newer_than(0)"
    ),
    "Manual is ignored": Bug(
        "policy.activation",
        '    if input.assistant.spec.versioning.activation == "Manual":\n        return current',
        "    if False:\n        return current",
        Seed(28),
    ),
    "suspend is ignored": Bug(
        "policy.activation",
        "    if input.assistant.spec.suspend:\n        return _decision(input, current",
        "    if False:\n        return _decision(input, current",
        Seed(15),
    ),
    "a schema that changed is not asked": Bug(
        "manager.triggers",
        "validation.invalidate(include_kept_versions=include_kept_versions)",
        "validation",
    ),
    "an activation is listed again": Bug(
        "policy.assistant_status",
        "if active is None or active == input.active or is_recorded:",
        "if active is None or is_recorded:",
    ),
    "a version is marked once": Bug(
        "policy.assistant",
        "    if record.active != str(is_active):\n        return True\n",
        "    if record.active != str(is_active) and not record.active:\n        return True\n",
        Seed(1),
    ),
    "resource versions are compared as texts": Bug(
        "store.store",
        "return latest is not None and latest.metadata.position > assistant.metadata.position",
        "return latest is not None and latest.metadata.resource_version > assistant.metadata.resource_version",
    ),
    "an answer from before a deletion is news": Bug(
        "store.version_index",
        "if self._deletions.get((record.key, record.number), 0) > record.position:",
        "if False:",
        Seed(19),
    ),
    "the deletion of another UID drops an Assistant": Bug(
        "manager.event_handlers",
        "if latest is None or latest.metadata.uid != uid:",
        "if latest is None:",
        Seed(49),
    ),
    "another Assistant of the same name gets the record of the former": Bug(
        "store.store", "if record and record.uid != assistant.metadata.uid:", "if record and not record.uid:"
    ),
    "the index by validating Graph never shrinks": Bug(
        "store.store", "            _discard(self._by_validating_graph, graph, key)\n", "            pass\n"
    ),
    "histories never shrink": Bug(
        "store.version_index",
        "            del self._histories[record.key]\n",
        "            pass\n",
    ),
    "the record of an Assistant outlives it": Bug(
        "store.store", "record = self.assistants.pop(key, None)", "record = self.assistants.get(key, None)"
    ),
    "what is written of an Assistant that is gone is kept": Bug(
        "store.store",
        "        return AssistantRecord(assistant, is_gone=True)",
        "        return self.assistants.setdefault(assistant.key, AssistantRecord(assistant))",
    ),
    "a finalizer that is taken off goes unnoticed": Bug(
        "controllers.capture.capture",
        "return (*marks, meta.finalizers, is_withdrawal_abandoned(assistant))",
        "return (*marks, is_withdrawal_abandoned(assistant))",
    ),
    "a look that failed is not repeated": Bug(
        "runtime.workqueue",
        "        self.add(key, delay)\n        return delay",
        "        return delay",
        Struck("late graph", "500", 15),
    ),
    "a refused step is not held back": Bug(
        "runtime.refusals", "BACKOFF.delay(self.attempts) * random.uniform(0.8, 1.0)", "0.0"
    ),
    "a refused watch ends the process": Bug(
        "clients.kubernetes.watch_session",
        "        except (ClusterUnavailable, ClusterRefused) as error:\n            if not opened",
        "        except ClusterUnavailable as error:\n            if not opened",
        Struck("first edit", "403", 3),
    ),
    "versions are not listed again": Bug(
        "store.version_index",
        "            if is_missing and record.position <= position(as_of) and self.drop(record):",
        "            if False:",
        Struck("restore", "API server restarts", 15),
    ),
    "the Lease is held beyond its end": Bug(
        "runtime.leader_election",
        "DURATION, RENEW_DEADLINE, RETRY = 15.0, 10.0, 2.0",
        "DURATION, RENEW_DEADLINE, RETRY = 15.0, 60.0, 2.0",
        Struck("edits for a minute", "no answer", 30, 2),
    ),
    "a live Lease is taken over": Bug(
        "runtime.leader_election",
        "self._clock() - self._observed[1] > lease.duration",
        "self._clock() - self._observed[1] > 0.5",
        Seed(0),
    ),
    "it is published before it is written down": Bug(
        "policy.publication",
        "    if target is None or in_force is None or not is_recorded:\n",
        "    if target is None or in_force is None:\n",
        Struck("server move", "connection closed", 24),
    ),
    "it is published while nothing holds it": Bug(
        "policy.publication",
        "    if is_held and not input.is_published:\n",
        "    if not input.is_published:\n",
        Struck("publishing", "422", 19),
    ),
    "a copy is withdrawn before there is another": Bug(
        "policy.publication", "if input.target is None or input.is_published:  #", "if True:  #"
    ),
    "the finalizer goes before the copy": Bug(
        "policy.publication",
        "elif input.lost.issuperset(input.pending) or",
        "elif True or",
        Struck("deletion", "503", 32),
    ),
    "another version than the one in force is published": Bug(
        "policy.publication",
        "        return (known.number, known.policy) == desired",
        "        return known.policy == desired[1]",
    ),
    "a former address is forgotten": Bug(
        "policy.publication",
        "(target.copy, *(copy for copy in present if not copy.is_same(target.copy)))",
        "(target.copy,)",
    ),
    "the default assistant is applied by another manager": Bug(
        "clients.kubernetes.cluster",
        'query = {"fieldManager": MANAGER, "fieldValidation": "Strict"}',
        'query = {"fieldManager": "kubectl", "fieldValidation": "Strict"}',
    ),
    "one refused step ends the look": Bug(
        "controllers.step_taker",
        "            message = str(refused)\n",
        "            raise\n",
    ),
    "versions that are validated together get the results of each other": Bug(
        "controllers.validation",
        "zip(contents, found, strict=True)",
        "zip(contents, found[::-1], strict=True)",
    ),
    "a copy under an earlier cluster name is another's": Bug(
        "policy.desired_copy",
        "return owner is not None and owner == copy.owner",
        "return owner is not None and owner == current",
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
