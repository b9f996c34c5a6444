"""The contract's laws of history, as code that judges each change of the store."""

import hashlib
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import jsonschema_rs
import rfc8785

from harness.simulated_api.record import Record
from harness.simulated_api.store import Change
from harness.simulated_world import OPERATOR, World
from harness.simulated_world.history import (
    ALIASES,
    ASSISTANTS,
    GRAPHS,
    VERSIONS,
    Edit,
    Made,
    aliases_of,
    assistant_of,
    controller_of,
    is_observed,
)
from harness.simulated_world.leftovers import leftovers
from harness.simulated_world.world import condition
from simulation.alias_laws import AliasLaws
from simulation.conduct import Conduct

Json = dict[str, Any]
PREFIX = "assistant-operator.dev/"
KEEP, DEFAULT, FINALIZERS = f"{PREFIX}keep", f"{PREFIX}default", PREFIX
MAKING = 1.0
"""Seconds between reading what a version equals and making it, at most."""
SCHEMA_LAG = 120.0
"""Seconds for which a version may still be judged by the schema of before: the news of it may be held back.

Those in which the operator had no rights to watch Graphs do not count: nobody showed it the new schema then.
"""


class Laws:
    """Listens to the store; `broken` says which law was broken when. `check` and `check_end` look at the whole."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.history = world.history
        self.broken: list[str] = []
        self._published: dict[tuple[str, str], Json] = {}
        """By server and owner: what each copy was when the laws looked last."""
        world.cluster.store.listeners.append(self._changed)
        world.copies_changed = self._copies_changed
        self._conduct = Conduct(world, self._break)
        self._aliases = AliasLaws(world, self._was_valid, self._break)

    def check_end(self) -> None:
        """Raises AssertionError for a law that was ever broken, or is at the end."""
        for name, assistant in self.history.existing(ASSISTANTS).items():
            self._check_recorded(name, assistant)
            self._check_complete(name, assistant)
            self._check_in_force(name, assistant.get("status", {}))
        for version in self.history.existing(VERSIONS).values():
            if controller_of(version):  # nobody marks what is orphaned, before it is adopted
                self._check_valid(version)
        self._aliases.check_end()
        self._check_copies()
        self._check_leftovers()
        self._conduct.check_end()
        self.check()

    def check(self) -> None:
        """Raises AssertionError for a law that was broken so far."""
        world = self.world
        wrong = [*self.broken, *world.simulation.failures]
        wrong += [each for server in world.cluster.servers for each in server.front.handlers.failures]
        assert not wrong, "\n".join(wrong[:10])

    def _break(self, law: str) -> None:
        text = f"{self.world.simulation.elapsed():.3f}: {law}"
        self.broken.append(text)
        self.world.simulation.verdict = text
        self.world.simulation.trace.add("laws", f"BROKEN: {law}")

    # Each change

    def _copies_changed(self) -> None:
        self._check_copies()
        self._conduct.copies_changed()

    def _changed(self, change: Change) -> None:
        storage, name = change.key
        is_operators = self.world.audit.author == OPERATOR
        if storage == VERSIONS:
            self._version(change, is_operators=is_operators)
        elif storage == ASSISTANTS and change.after and is_operators:
            self._assistant(name, change.before, change.after)
        elif storage == ALIASES and change.after and is_operators:
            self._check_owned(name, change.before, change.after)
            self._aliases.check(name, change.before.content if change.before else {}, change.after.content)
        elif storage in (ASSISTANTS, GRAPHS, ALIASES) and is_operators and change.after is None:
            if not (change.before and change.before.is_being_deleted):
                self._break(f"the operator deletes {storage} {name}, which is no version")
        elif storage == GRAPHS and change.after and is_operators:
            self._check_owned(name, change.before, change.after)

    def _assistant(self, name: str, before: Record | None, after: Record) -> None:
        if DEFAULT not in (before or after).meta.get("labels", {}):  # taking that label off is what a release is
            self._check_owned(name, before, after)
        self._check_recorded(name, after.content)
        was = before.content.get("status", {}).get("activeVersion") if before else None
        number = after.content.get("status", {}).get("activeVersion")
        if number is not None and number != was:
            self._check_activated(name, number)

    def _check_owned(self, name: str, before: Record | None, after: Record) -> None:
        if before is None:
            self._break(f"the operator makes {name}, which a person is to make")
            return
        fields = ("labels", "annotations", "ownerReferences")
        if before.content["spec"] != after.content["spec"]:
            self._break(f"the operator writes the spec of {name}")
        for each in fields:
            if before.meta.get(each) != after.meta.get(each):
                self._break(f"the operator writes metadata.{each} of {name}")
        if not before.is_being_deleted and after.is_being_deleted:
            self._break(f"the operator deletes {name}")
        others = [each for each in before.finalizers if not each.startswith(FINALIZERS)]
        if others != [each for each in after.finalizers if not each.startswith(FINALIZERS)]:
            self._break(f"the operator writes others' finalizers of {name}")

    # Versions

    def _version(self, change: Change, *, is_operators: bool) -> None:
        before, after, name = change.before, change.after, change.key[1]
        if before and after and before.content["spec"] != after.content["spec"]:
            self._break(f"the spec of version {name} changed")
        if before is None and after:
            self._made(self.history.made[-1])
        went = after is None or (after.is_being_deleted and not (before and before.is_being_deleted))
        if before and went and is_operators:
            self._check_pruned(name, before.content)

    def _made(self, made: Made) -> None:
        what = f"version {made.number} of {made.name}"
        digest = digest_of(made.spec["snapshot"])
        if made.spec["digest"] != digest:
            self._break(f"{what} has another digest than its content")
        of_same = [each for each in self.history.made[:-1] if each.name == made.name]
        for each in of_same:
            if each.number == made.number and each.uid == made.uid:
                # What is made for an Assistant that is gone meanwhile is garbage, and is collected.
                if each.spec != made.spec and made.uid not in self.history.gone:
                    if not self._left_a_trace(each):
                        continue
                    self._break(f"{what} is made again with another spec: the number is reused")
                return  # it was deleted by hand and is there again
        self._check_content(what, made)
        self._check_number(what, made, of_same)
        self._check_chain(what, made, of_same)
        self._check_change(what, made, of_same)

    def _left_a_trace(self, made: Made) -> bool:
        """Whether the status of the Assistant ever named that version or a newer one.

        A version that a person deletes before may leave no trace: the operator may end before it reports it.
        """
        return made.number <= self.history.recorded.get(made.uid, 0)

    def _check_content(self, what: str, made: Made) -> None:
        edits = {each.generation: each.snapshot for each in self.history.edits.get(made.uid, [])}
        generation = made.spec["generation"]
        if edits.get(generation) != made.spec["snapshot"]:
            self._break(f"{what} has not the content of generation {generation}")

    def _check_number(self, what: str, made: Made, of_same: list[Made]) -> None:
        if made.number != 1 and made.number - 1 not in {each.number for each in of_same}:
            self._break(f"{what} does not follow a version: there were {[each.number for each in of_same]}")
        wrong = [list(_out_of_order(made, own)) for own in self._own(made, of_same)]
        for words in min(wrong, key=len):
            self._break(f"{what} {words}")

    def _own(self, made: Made, of_same: list[Made]) -> list[list[Made]]:
        """The versions of the same Assistant, by number, in each way in which an operator may know them.

        No precondition of a request can name the Assistant: it may be gone when its version is made. Its versions are
        collected then, as this one will be, and what was collected before an operator started is unknown to it.
        """
        # By number: one that was deleted by hand is made again after newer ones.
        own = sorted((each for each in of_same if each.uid == made.uid), key=lambda each: each.number)
        left = [each for each in own if made.existed.get(each.number) == each.spec]
        traced = [each for each in own if self._left_a_trace(each) or each in left]
        return [own, traced, left] if made.uid in self.history.gone else [own, traced]

    def _check_chain(self, what: str, made: Made, of_same: list[Made]) -> None:
        previous = next((each for each in reversed(of_same) if each.number == made.number - 1), None)
        expected = {chained(previous.spec["chain"] if previous else "", made)}
        if previous and previous.uid != made.uid and previous.number not in self._adoptable(made):
            expected.add(chained("", made))  # a dead predecessor's
        if made.uid in self.history.gone:
            # The request was under way when another Assistant of that name made its first versions. It is garbage.
            own = next((each for each in reversed(of_same) if _is_of(each, made.uid, made.number - 1)), None)
            expected |= {chained(own.spec["chain"], made)} if own else set()
        if made.spec["chain"] not in expected:
            self._break(f"the chain of {what} does not follow from the version before it")

    def _adoptable(self, made: Made) -> list[int]:
        versions = self.history.versions_of(made.name)
        owners = {number: controller_of(each) for number, each in versions.items()}
        return [number for number, owner in owners.items() if owner in (None, made.uid)]

    def _check_change(self, what: str, made: Made, of_same: list[Made]) -> None:
        change, ours = made.spec["change"], self._adoptable(made)
        equal = [number for number in made.existed if number in ours and _same(made.existed[number], made.spec)]
        expected = max((number for number in equal if number < made.number), default=None)
        said = change.get("sameAs")
        settled = [number for number in equal if number < made.number and not self._just_back(made, number, of_same)]
        said_rightly = said in (expected, max(settled, default=None))
        if not said_rightly and not self._just_ended(made, said, of_same):
            self._break(f"{what} says sameAs {said} where it equals {expected}")
        if (change["kind"] == "Reverted") != (said is not None):
            self._break(f"{what} is of kind {change['kind']} and equals {said}")
        if change["kind"] == "Created" and all(self._own(made, of_same)):
            self._break(f"{what} is of kind Created")

    def _just_ended(self, made: Made, number: int | None, of_same: list[Made]) -> bool:
        """Whether that version had the same content and was deleted while this one was being made."""
        was = next((each for each in reversed(of_same) if each.number == number), None)
        ended = self.history.ended.get((made.name, number or 0), 0.0)
        return was is not None and _same(was.spec, made.spec) and made.time - ended < MAKING

    def _just_back(self, made: Made, number: int, of_same: list[Made]) -> bool:
        """Whether that version, deleted before, came back while this one was being made: nobody could read it."""
        times = [each.time for each in of_same if each.number == number]
        return (made.name, number) in self.history.ended and made.time - times[-1] < MAKING

    def _check_pruned(self, name: str, version: Json) -> None:
        assistant = self.history.existing(ASSISTANTS).get(assistant_of(version))
        if assistant is None:
            self._break(f"the operator deletes version {name} of an Assistant that is gone")
            return
        number, uid = version["spec"]["number"], assistant["metadata"]["uid"]
        if controller_of(version) not in (uid, None):
            self._break(f"the operator deletes version {name}, which is another's")
        versioning = assistant["spec"].get("versioning", {})
        own = sorted(self.history.versions_of(assistant_of(version)), reverse=True)
        kept = own[: versioning.get("historyLimit", 100)]
        is_pinned = number == versioning.get("activeVersion")
        if ((number in kept or is_pinned) and is_observed(assistant)) or number == assistant.get("status", {}).get(
            "activeVersion"
        ):
            self._break(f"the operator prunes version {name}: newest are {kept}, pinned is {is_pinned}")
        if KEEP in version["metadata"].get("labels", {}):
            self._break(f"the operator prunes version {name}, which is labelled keep")
        if [each for each in aliases_of(self.history, assistant_of(version)) if _stands_for(each, number)]:
            self._break(f"the operator prunes version {name}, which an alias stands for")

    # Statuses

    def _check_recorded(self, name: str, assistant: Json) -> None:
        """Each edit up to observedGeneration is in a version, or counted."""
        status, uid = assistant.get("status", {}), assistant["metadata"]["uid"]
        observed, missed = status.get("observedGeneration", -1), status.get("missedGenerations", 0)
        if observed > assistant["metadata"]["generation"]:
            self._break(f"{name} has observedGeneration {observed}, which never was")
        lost = [each.generation for each in self._unrecorded(name, uid) if each.generation <= observed]
        if len(lost) > missed or (lost and not self.history.is_lossy):
            self._break(f"{name} says generation {observed} is recorded, {missed} missed; in no version are {lost}")
        if missed and not self.history.is_lossy:
            self._break(f"{name} counts {missed} generations as missed, and the API server had them all")

    def _unrecorded(self, name: str, uid: str) -> Iterator[Edit]:
        """Edits that changed the content and are in no version. A version from before an adoption counts."""
        own = {each.spec["generation"]: each.spec["snapshot"] for each in self.history.made if each.uid == uid}
        others = [each for each in self.history.made if each.name == name and each.uid != uid]
        newest = [each.spec["snapshot"] for each in others]  # whichever of them was the newest then
        for edit in self.history.edits[uid]:
            if edit.generation in own:
                newest = [own[edit.generation]]
            elif edit.snapshot in newest:
                newest = [edit.snapshot]
            else:
                yield edit

    def _check_complete(self, name: str, assistant: Json) -> None:
        """At the end: nothing is left to be recorded."""
        status, meta = assistant.get("status", {}), assistant["metadata"]
        if status.get("observedGeneration") != meta["generation"]:
            self._break(f"{name} is at generation {meta['generation']}, and its status at {status}")
        kept = self.history.versions_of(name)
        if status.get("latestVersion") not in kept or max(kept) != status.get("latestVersion"):
            self._break(f"{name} says latestVersion {status.get('latestVersion')}, kept are {sorted(kept)}")
        if status.get("versions") != len(kept):
            self._break(f"{name} says {status.get('versions')} versions, kept are {sorted(kept)}")
        limit = assistant["spec"].get("versioning", {}).get("historyLimit", 100)
        spared = sum(KEEP in each["metadata"].get("labels", {}) for each in kept.values())
        if len(kept) > limit + 2 + spared + 2 * len(aliases_of(self.history, name)):
            self._break(f"{name} keeps {sorted(kept)} where historyLimit is {limit}")
        for before, after in pairwise(status.get("activations", [])):
            if before["number"] == after["number"]:
                self._break(f"{name} lists one activation twice: {status['activations']}")

    def _check_in_force(self, name: str, status: Json) -> None:
        kept = self.history.versions_of(name)
        active = [number for number, each in kept.items() if condition(each, "Active").get("status") == "True"]
        wanted = [status["activeVersion"]] if "activeVersion" in status else []
        if active != wanted:
            self._break(f"versions {active} of {name} are marked active, in force is {wanted}")
        if wanted and kept[wanted[0]]["spec"]["digest"] != status.get("digest"):
            self._break(f"{name} has another digest than version {wanted}")

    def _check_leftovers(self) -> None:
        """The leader knows nothing of what is gone. What a standby has not looked at yet, it looks at when it leads."""
        there = self.history.existing(ASSISTANTS)
        gone = {name.partition(" ")[2] for name in self.history.gone.values() if name.startswith(f"{ASSISTANTS} ")}
        orphaned = {assistant_of(each) for each in self.history.existing(VERSIONS).values()}
        aliased = {assistant_of(each) for each in self.history.existing(ALIASES).values()}
        names = gone - there.keys() - orphaned - aliased
        keys = frozenset((each.partition("/")[0], each.partition("/")[2]) for each in names)
        adopted = {each["spec"]["assistantRef"]["uid"] for each in self.history.existing(VERSIONS).values()}
        process = self.world.operators.processes[self.world.leader]
        again = {f"{VERSIONS} {name}" for name in self.history.existing(VERSIONS)}  # the same, under another UID
        uids = {uid for uid, what in self.history.gone.items() if what not in again}
        for each in leftovers(process, frozenset(uids - adopted), keys)[:3]:
            self._break(f"{self.world.leader} still knows what is gone: {each}")

    # What is in force

    def _check_activated(self, name: str, number: int) -> None:
        spec = next((each.spec for each in reversed(self.history.made) if _is(each, name, number)), None)
        if spec is None:
            self._break(f"{name} activates version {number}, which never was")
        elif not self._was_valid(name.partition("/")[0], spec["snapshot"]):
            self._break(f"{name} activates version {number}, which the schema refuses")

    def _check_valid(self, version: Json) -> None:
        """What the schema says now, whatever it was when the version was made."""
        valid, snapshot = condition(version, "Valid"), version["spec"]["snapshot"]
        graph = f"{version['metadata']['namespace']}/{snapshot['graphRef']['name']}"
        schema = self.history.schemas.get(graph, [(0.0, "gone")])[-1][1]
        if schema == "gone" or valid.get("reason") not in ("SchemaAccepted", "SchemaRefused"):
            return
        if (valid["status"] == "True") != _accepts(schema, snapshot.get("context", {})):
            self._break(f"version {version['metadata']['name']} is marked {valid['reason']} by the schema of before")

    def _was_valid(self, namespace: str, snapshot: Json) -> bool:
        """Whether a schema accepts it that is declared, or that the operator may not know to be another by now."""
        known = self.history.schemas.get(f"{namespace}/{snapshot['graphRef']['name']}", [])
        ends = [time for time, _ in known[1:]]
        before = [schema for (_, schema), end in zip(known, ends, strict=False) if self._seen_for(end) <= SCHEMA_LAG]
        present = [schema for _, schema in known[-1:]]
        return any(_accepts(schema, snapshot.get("context", {})) for schema in present + before)

    def _seen_for(self, time: float) -> float:
        """Seconds since then in which the operator was let watch Graphs."""
        now = self.world.simulation.elapsed()
        return now - time - sum(max(min(end, now) - max(begin, time), 0.0) for begin, end in self.world.blind)

    def _check_copies(self) -> None:
        """Nothing invalid is published: each copy of ours is a version, and one that was valid when it was written.

        A schema that grows stricter later leaves what is in force where it is, and so the copy.
        """
        before, self._published = self._published, {}
        for url, server in self.world.servers.items():
            rows = {row["metadata"].get(f"{PREFIX}owner"): row for row in server.assistants()}
            if [row for row in server.assistants() if f"{PREFIX}owner" not in row["metadata"]] != self.world.foreign[
                url
            ]:
                self._break(f"the operator writes assistants on {url} that are not its own")
            for owner, row in rows.items():
                if owner is not None:
                    self._published[url, owner] = _content_of(row)
                    is_news = before.get((url, owner)) != _content_of(row)
                    self._check_copy(url, owner.partition("/")[2], row, is_news=is_news)

    def _check_copy(self, url: str, name: str, row: Json, *, is_news: bool) -> None:
        number, digest = int(row["metadata"].get(f"{PREFIX}version", 0)), row["metadata"].get(f"{PREFIX}digest")
        if "/" in name.partition("/")[2]:  # an alias
            name = f"{name.partition('/')[0]}/{row['metadata'].get(f'{PREFIX}assistant')}"
        # By digest, too: the copy may be that of a predecessor, whose finalizer a person took off.
        same = (each.spec for each in reversed(self.history.made) if _is(each, name, number))
        spec = next((each for each in same if each["digest"] == digest), None)
        if spec is None:
            self._break(f"{name} is published on {url} as version {number}, which never was")
        elif row["context"] != spec["snapshot"].get("context", {}):
            self._break(f"the copy of {name} on {url} has not the content of version {number}")
        elif is_news and not self._was_valid(name.partition("/")[0], spec["snapshot"]):
            self._break(f"{name} is published on {url} as version {number}, which the schema refuses")


def _content_of(row: Json) -> Json:
    """What publishing a version writes, and marking a copy as one that stays does not."""
    fields = ("graph_id", "name", "description", "context", "config")
    marks = (f"{PREFIX}version", f"{PREFIX}digest")
    return {each: row.get(each) for each in fields} | {each: row["metadata"].get(each) for each in marks}


def _out_of_order(made: Made, own: list[Made]) -> Iterator[str]:
    """What is wrong with a version after those of the same Assistant, in words."""
    if not own:
        return
    last, generation = own[-1], made.spec["generation"]
    if made.number <= last.number:
        yield f"comes after version {last.number}"
    if generation <= last.spec["generation"]:
        yield f"records generation {generation} after {last.spec['generation']}"
    if _same(last.spec, made.spec):
        yield "has the content of the version before it"


def digest_of(snapshot: Json) -> str:
    return "sha256:" + hashlib.sha256(rfc8785.dumps(snapshot)).hexdigest()


def chained(previous: str, made: Made) -> str:
    return "sha256:" + hashlib.sha256(f"{previous}\n{made.number}\n{made.spec['digest']}".encode()).hexdigest()


def _stands_for(alias: Json, number: int) -> bool:
    return "deletionTimestamp" not in alias["metadata"] and bool(alias.get("status", {}).get("version") == number)


def _is(made: Made, name: str, number: int) -> bool:
    return made.name == name and made.number == number


def _is_of(made: Made, uid: str, number: int) -> bool:
    return made.uid == uid and made.number == number


def _same(one: Json, other: Json) -> bool:
    return bool(one["snapshot"] == other["snapshot"])


def _accepts(schema: Any, content: Json) -> bool:
    return schema != "gone" and (schema is None or jsonschema_rs.is_valid(schema, content))
