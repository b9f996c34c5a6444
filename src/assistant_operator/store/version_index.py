"""The versions of every Assistant as a listing shows them, found by name, number and digest."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from cachetools import FIFOCache, LRUCache

from assistant_operator.api.assistant_version import AssistantVersion, VersionRecord
from assistant_operator.api.meta import Key, position
from assistant_operator.policy.kept_versions import NO_VERSIONS, KeptVersions

_MOST_DELETIONS = 2_000
_MOST_ALONE = 1_000
_MOST_KEPT = 64
"""Assistants that are reconciled at a time, and a few more."""
_MOST_CONTENT = 4 * 2**20
"""Bytes, as canonical JSON."""


@dataclass(slots=True)
class _History:
    """The versions of one Assistant's name, with any owner."""

    by_number: dict[int, VersionRecord] = field(default_factory=dict)
    is_ordered: bool = True
    """Whether they are in order of their numbers. A listing is not: v10 comes before v2."""
    by_digest: dict[str, tuple[int, ...]] = field(default_factory=dict)
    """Numbers. A set takes four times the memory, and most have one, which they share with other histories."""
    unsettled: dict[int, None] = field(default_factory=dict)
    """Numbers of those that are not settled, in no order."""
    owners: dict[str, int] = field(default_factory=dict)
    """How many of them each UID owns."""

    def put(self, record: VersionRecord) -> None:
        number, before = record.number, self.by_number.get(record.number)
        if before is None and number < next(reversed(self.by_number), 0):
            self.is_ordered = False
        self.by_number[number] = record
        self._unindex(before)
        others = self.by_digest.get(record.digest)
        self.by_digest[record.digest] = (*others, number) if others else _alone(number)
        if record.owner:
            self.owners[record.owner] = self.owners.get(record.owner, 0) + 1
        if not record.is_settled:
            self.unsettled[number] = None

    def drop(self, number: int) -> None:
        self._unindex(self.by_number.pop(number, None))

    def in_order(self) -> dict[int, VersionRecord]:
        """By number, in that order."""
        if not self.is_ordered:
            self.by_number, self.is_ordered = dict(sorted(self.by_number.items())), True
        return self.by_number

    def kept(self, uid: str) -> KeptVersions:
        """Those of the Assistant with that UID, and those without an owner."""
        if self.owners.keys() <= {uid}:
            are_all_owned = self.owners.get(uid, 0) == len(self.by_number)
            orphaned = () if are_all_owned else (each for each in self.in_order().values() if each.owner is None)
            return KeptVersions(dict(self.in_order()), tuple(sorted(self.unsettled)), tuple(orphaned))
        return KeptVersions.of(record for record in self.by_number.values() if record.belongs_to(uid))

    def _unindex(self, record: VersionRecord | None) -> None:
        if record is None:
            return
        if others := _without(self.by_digest.pop(record.digest), record.number):
            self.by_digest[record.digest] = others
        if record.owner:
            self.owners[record.owner] -= 1
            if not self.owners[record.owner]:
                del self.owners[record.owner]
        self.unsettled.pop(record.number, None)


class VersionIndex:
    """They exist apart from the Assistants: a version may outlive its Assistant, and be listed before it."""

    def __init__(self) -> None:
        self._histories: dict[Key, _History] = {}
        self._named: dict[str, set[Key]] = defaultdict(set)
        """By namespace: the Assistants' names that have versions."""
        self._deletions: FIFOCache[tuple[Key, int], int] = FIFOCache(_MOST_DELETIONS)
        self._kept: LRUCache[Key, tuple[str, KeptVersions]] = LRUCache(_MOST_KEPT)
        """By Assistant: its UID, and what was returned last, until a version changes."""
        self._contents: LRUCache[str, AssistantVersion] = LRUCache(_MOST_CONTENT, _size)
        """By UID: versions with their content that were superseded before they were validated."""
        self._read: set[str] = set()
        """Namespaces of which the content of every version was read."""

    def of(self, assistant: Key) -> tuple[VersionRecord, ...]:
        """Every version of that name, with any owner, oldest first."""
        history = self._histories.get(assistant)
        return tuple(history.in_order().values()) if history else ()

    def kept(self, assistant: Key, uid: str) -> KeptVersions:
        """The versions that the Assistant with that UID owns, and those of its name without an owner."""
        history = self._histories.get(assistant)
        if history is None:
            return NO_VERSIONS
        known, kept = self._kept.get(assistant, ("", NO_VERSIONS))
        if known != uid:
            kept = history.kept(uid)
            self._kept[assistant] = uid, kept
        return kept

    def keep_content(self, version: AssistantVersion) -> None:
        """Keep the content of a version that is still to be validated, so that it need not be read again."""
        name = (version.metadata.namespace, version.spec.assistant_ref.name)
        record = self._by_number(name).get(version.number)
        if record and record.uid == version.metadata.uid and not record.valid and _size(version) <= _MOST_CONTENT:
            self._contents[record.uid] = version

    def take_content(self, record: VersionRecord) -> AssistantVersion | None:
        """Return that version, if its content is kept. It is kept no longer."""
        return self._contents.pop(record.uid, None)

    def release(self, assistant: Key) -> None:
        """That Assistant is gone. Its versions may outlive it."""
        self._kept.pop(assistant, None)

    def is_read(self, namespace: str) -> bool:
        """Whether the content of every version of that namespace was read or created by this process."""
        return namespace in self._read or namespace not in self._named

    def set_read(self, namespace: str) -> None:
        """The content of every version of that namespace was read."""
        if namespace in self._named:
            self._read.add(namespace)

    def set_unread(self, namespace: str) -> None:
        """What was read of a version of that namespace is known no longer."""
        self._read.discard(namespace)

    def count(self) -> int:
        """How many versions there are."""
        return sum(len(history.by_number) for history in self._histories.values())

    def count_in(self, namespace: str) -> int:
        """How many versions of that namespace there are."""
        return sum(self.count_of(key) for key in self._named.get(namespace, ()))

    def count_of(self, assistant: Key) -> int:
        """How many versions of that name there are, with any owner."""
        return len(self._by_number(assistant))

    def has(self, assistant: Key, number: int, digest: str | None) -> bool:
        """Whether that version of that name exists with that digest, with any owner. `digest`: None for any."""
        record = self._by_number(assistant).get(number)
        return record is not None and (digest is None or record.digest in {"", digest})

    def newest_number(self, assistant: Key) -> int:
        """The highest number of that name, with any owner; 0 for none."""
        history = self._histories.get(assistant)
        return next(reversed(history.in_order()), 0) if history else 0

    def with_digest(self, assistant: Key, digest: str) -> list[VersionRecord]:
        """Those with that digest, or with none, newest first."""
        history = self._histories.get(assistant)
        if history is None:
            return []
        numbers = {*history.by_digest.get(digest, ()), *history.by_digest.get("", ())}
        return [history.by_number[number] for number in sorted(numbers, reverse=True)]

    def put(self, record: VersionRecord) -> bool:
        """Keep that version. Returns False if a newer state of it, or its later deletion, is known already."""
        before = self._by_number(record.key).get(record.number)
        # Another version under the same name replaces this one at a higher resource version only.
        if before and before.position >= record.position + (before.uid != record.uid):
            return False
        if self._deletions.get((record.key, record.number), 0) > record.position:
            return False
        if before and before.uid != record.uid:
            self._contents.pop(before.uid, None)
        self._histories.setdefault(record.key, _History()).put(record)
        self._kept.pop(record.key, None)
        self._named[record.key[0]].add(record.key)
        return True

    def drop(self, record: VersionRecord) -> bool:
        """Drop that version. Returns False if it is not there; another one under the same name stays.

        A record that is newer than the one kept is that of the deletion, whose resource version is remembered.
        """
        before = self._by_number(record.key).get(record.number)
        if before is None or before.uid != record.uid:
            return False
        if record.position > before.position:
            self._deletions[record.key, record.number] = record.position
        history = self._histories[record.key]
        history.drop(record.number)
        self._contents.pop(record.uid, None)
        self._kept.pop(record.key, None)
        if not history.by_number:
            del self._histories[record.key]
            names = self._named[record.key[0]]
            names.discard(record.key)
            if not names:
                del self._named[record.key[0]]
                self._read.discard(record.key[0])
        return True

    def deletion_of(self, assistant: Key, number: int) -> int | None:
        """The resource version at which that version was deleted, if that was seen and is remembered."""
        return self._deletions.get((assistant, number))

    def replace(self, namespace: str, records: Iterable[VersionRecord], as_of: str, *, anew: bool = False) -> set[Key]:
        """Keep what was listed of a namespace (empty: of all) at that resource version.

        Returns the Assistants of which a version differs from before.
        `anew`: the storage went back; what is listed replaces what is known, whatever the resource versions are.
        """
        listed = {(record.key, record.number): record for record in records}
        held = self._in(namespace)
        before = {(record.key, record.number): record for record in held}
        if anew:
            self._deletions.clear()  # those resource versions were of another storage
            for record in held:
                self.drop(record)
            for record in listed.values():
                self.put(record)
            return {key for key, number in listed.keys() | before.keys() if _differ(before, listed, (key, number))}
        changed = {record.key for record in listed.values() if self.put(record)}
        for record in held:
            is_missing = (record.key, record.number) not in listed
            if is_missing and record.position <= position(as_of) and self.drop(record):
                changed.add(record.key)
        return changed

    def _by_number(self, assistant: Key) -> Mapping[int, VersionRecord]:
        history = self._histories.get(assistant)
        return history.by_number if history else {}

    def _in(self, namespace: str) -> list[VersionRecord]:
        keys = list(self._named.get(namespace, ()) if namespace else self._histories)
        return [record for key in keys for record in self._histories[key].by_number.values()]


@lru_cache(_MOST_ALONE)
def _alone(number: int) -> tuple[int]:
    return (number,)


def _size(version: AssistantVersion) -> int:
    return len(version.spec.snapshot.canonical)


def _without(numbers: tuple[int, ...], number: int) -> tuple[int, ...]:
    return tuple(each for each in numbers if each != number)


def _differ(
    before: Mapping[tuple[Key, int], VersionRecord],
    listed: Mapping[tuple[Key, int], VersionRecord],
    which: tuple[Key, int],
) -> bool:
    return before.get(which) != listed.get(which)
