"""Whether the versions of an Assistant are those that were recorded: digests and chain, computed again. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from assistant_operator.api.assistant import Assistant
from assistant_operator.api.assistant_version import KEEP, chained, parse_version_name, version_name
from assistant_operator.api.canonical import canonical, digest
from assistant_operator.api.meta import FreeForm, Key


@dataclass(frozen=True, slots=True)
class Link:
    """One version, without its snapshot."""

    name: str
    number: int
    uid: str = ""
    """UID of the Assistant that it was taken from."""
    digest: str = ""
    chain: str = ""
    computed: str = ""
    """The digest of its snapshot, computed again."""
    is_held: bool = False
    """Whether pruning leaves it out: it is labelled keep, or active."""
    unreadable: str = ""
    """The field that is missing; then only the name and the number are known."""

    @property
    def begins_anew(self) -> bool:
        """Whether its chain has no version before it."""
        return self.chain == chained("", self.number, self.digest)


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a version. `is_gap`: versions before it are missing that pruning does not explain."""

    name: str
    message: str
    is_gap: bool = False


@dataclass(frozen=True, slots=True)
class Verification:
    """The result for one history. `problems`: that of the oldest version first."""

    key: Key
    numbers: tuple[int, ...]
    chain: str = ""
    """The chain of the newest version: it changes with any change of the history."""
    problems: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def result(self) -> str:
        if not self.problems:
            return "Verified"
        return "Gap" if all(problem.is_gap for problem in self.problems) else "Mismatch"


def link_of(document: FreeForm) -> Link:
    """The link of an AssistantVersion as the API server sent it. Its snapshot is hashed as it is stored."""
    meta, spec = document["metadata"], document.get("spec") or {}
    named = parse_version_name(meta["name"])
    number = spec.get("number", named[1] if named else 0)
    missing = [name for name in ("number", "digest", "chain", "snapshot", "assistantRef") if name not in spec]
    if missing:
        return Link(meta["name"], number, unreadable=f"spec.{missing[0]}")
    conditions = (document.get("status") or {}).get("conditions") or ()
    is_active = any((each["type"], each["status"]) == ("Active", "True") for each in conditions)
    return Link(
        name=meta["name"],
        number=number,
        uid=spec["assistantRef"].get("uid", ""),
        digest=spec["digest"],
        chain=spec["chain"],
        computed=digest(canonical(spec["snapshot"])),
        is_held=is_active or KEEP in (meta.get("labels") or {}),
    )


Finding = Problem | str
"""A string is a note: it explains and is no problem."""


def verify(key: Key, links: Sequence[Link], assistant: Assistant | None) -> Verification:
    """The verification of all versions of one Assistant. `assistant`: None if it no longer exists."""
    ordered = sorted(links, key=lambda link: (link.number, link.name))
    named = [link for link in ordered if link.name == version_name(key[1], link.number)]
    findings: list[Finding] = []
    before: Link | None = None
    for position, link in enumerate(named):
        findings += _of_version(link, assistant)
        if before and link.number == before.number + 1:
            findings += _of_chain(before, link)
        elif before:
            is_pruned = _is_pruned(named[:position], len(named) - position, assistant)
            findings += _of_gap(before, link, is_pruned=is_pruned)
        else:
            findings += _of_beginning(link)
        before = link
    findings += _of_end(key, before, assistant)
    findings += [
        Problem(link.name, f"it has the number {link.number}, so its name should be {name}")
        for link in ordered
        if link.name != (name := version_name(key[1], link.number))
    ]
    return Verification(
        key,
        tuple(link.number for link in named),
        before.chain if before else "",
        tuple(each for each in findings if isinstance(each, Problem)),
        tuple(each for each in findings if isinstance(each, str)),
    )


def _of_version(link: Link, assistant: Assistant | None) -> Iterator[Finding]:
    if link.unreadable:
        yield Problem(link.name, f"it cannot be read: it has no {link.unreadable}")
    elif link.computed != link.digest:
        yield Problem(link.name, "its content does not match its digest")
    elif assistant and assistant.status.active_version == link.number:
        reported = assistant.status.digest
        if reported and reported != link.digest:
            yield Problem(link.name, "its digest is not the one in the status of the Assistant")


def _of_beginning(link: Link) -> Iterator[Finding]:
    if link.unreadable:
        return
    if link.number == 1 and not link.begins_anew:
        yield Problem(link.name, "its chain is not that of a first version")
    elif link.number > 1 and link.begins_anew:
        yield f"the chain begins with {link.number}: lower numbers were those of an earlier assistant of that name"
    elif link.number > 1:
        yield f"{span(1, link.number - 1)} no longer kept: the chain is verified from {link.number} on"


def _of_chain(before: Link, link: Link) -> Iterator[Finding]:
    if before.unreadable or link.unreadable or link.chain == chained(before.chain, link.number, link.digest):
        return
    if link.begins_anew and link.uid != before.uid:
        yield f"the chain begins again with {link.number}: lower numbers are those of an earlier assistant of that name"
    else:
        yield Problem(
            link.name, f"its chain does not follow from {before.name}: one of the two was altered or replaced"
        )


def _of_gap(before: Link, link: Link, *, is_pruned: bool) -> Iterator[Finding]:
    missing = span(before.number + 1, link.number - 1)
    if link.begins_anew and link.uid != before.uid:
        yield from _of_chain(before, link)
    elif is_pruned:
        yield f"{missing} pruned: the chain between {before.number} and {link.number} cannot be verified"
    else:
        yield Problem(
            link.name, f"{missing} missing before it: deleted, or pruned under a lower historyLimit", is_gap=True
        )


def _is_pruned(older: Sequence[Link], newer: int, assistant: Assistant | None) -> bool:
    """Whether pruning explains that versions between `older` and the `newer` ones are missing."""
    if assistant is None:
        return all(link.is_held for link in older)
    return newer >= assistant.spec.versioning.history_limit


def _of_end(key: Key, newest: Link | None, assistant: Assistant | None) -> Iterator[Finding]:
    latest = (assistant and assistant.status.latest_version) or 0
    number = newest.number if newest else 0
    if latest > number:
        missing = span(number + 1, latest)
        name = version_name(key[1], latest)
        yield Problem(name, f"{missing} missing: the status of the Assistant names {latest} as the latest", is_gap=True)


def span(first: int, last: int) -> str:
    """A range of numbers with its verb: `version 3 is`, `versions 3-5 are`."""
    return f"version {first} is" if first == last else f"versions {first}-{last} are"
