"""The versions of one Assistant that exist, as decisions about it need them. Pure."""

from collections.abc import Iterable, Iterator, KeysView
from dataclasses import dataclass
from itertools import islice, takewhile
from typing import Self

from assistant_operator.api.assistant_version import VersionRecord


@dataclass(frozen=True, slots=True)
class KeptVersions:
    """In order of their numbers.

    There may be thousands, nearly all of them settled: a decision reads all of them only if a schema has changed.
    """

    _by_number: dict[int, VersionRecord]
    """In that order."""
    _unsettled: tuple[int, ...]
    """Numbers of those that are not settled, in order."""
    orphaned: tuple[VersionRecord, ...]
    """Those without an owner, in order."""

    @classmethod
    def of(cls, records: Iterable[VersionRecord]) -> Self:
        ordered = sorted(records, key=lambda record: record.number)
        return cls(
            {record.number: record for record in ordered},
            tuple(each.number for each in ordered if not each.is_settled),
            tuple(each for each in ordered if each.owner is None),
        )

    @property
    def unsettled(self) -> Iterator[VersionRecord]:
        """Those that are not settled, newest first. See VersionRecord.is_settled. After a burst there are thousands."""
        return (self._by_number[number] for number in reversed(self._unsettled))

    @property
    def numbers(self) -> KeysView[int]:
        return self._by_number.keys()

    @property
    def newest(self) -> int:
        """The greatest number; 0 for none."""
        return next(reversed(self._by_number), 0)

    def get(self, number: int | None) -> VersionRecord | None:
        return self._by_number.get(number) if number else None

    def newer_than(self, number: int) -> list[VersionRecord]:
        """Newest first."""
        return list(takewhile(lambda record: record.number > number, reversed(self)))

    def beyond(self, limit: int) -> list[VersionRecord]:
        """All but the newest `limit`, oldest first."""
        return list(islice(self, max(0, len(self) - limit)))

    def __len__(self) -> int:
        return len(self._by_number)

    def __iter__(self) -> Iterator[VersionRecord]:
        return iter(self._by_number.values())

    def __reversed__(self) -> Iterator[VersionRecord]:
        return reversed(self._by_number.values())


NO_VERSIONS = KeptVersions({}, (), ())
