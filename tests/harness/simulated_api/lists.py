"""Lists: consistent, from the cache, exact, and in pages that stay at one resource version."""

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .endpoint import WatchCache
from .record import Record
from .resources import Resource
from .selectors import Matches
from .statuses import ApiError, Cause, bad_request, expired
from .store import Compacted, Key

Json = dict[str, Any]

_TOO_OLD_TO_CONTINUE = (
    "The provided continue parameter is too old to display a consistent list result. You can start a new list without "
    "the continue parameter, or use the continue token in this response to retrieve the remainder of the results. "
    "Continuing with the provided token results in an inconsistent list - objects that were created, modified, or "
    "deleted between the time the first chunk was returned and now may show up in the list."
)
_TOO_OLD = "The resourceVersion for the provided list is too old."


@dataclass(frozen=True, slots=True)
class Page:
    """The records of one answer, and the metadata of the list."""

    records: list[Record]
    metadata: Json


@dataclass(frozen=True, slots=True)
class Listing:
    """What a list request asks for."""

    resource: Resource
    namespace: str
    matches: Matches | None
    query: Mapping[str, str]

    @property
    def only(self) -> str:
        """The one name that is asked for in one namespace; empty if it is not just one."""
        way, _, name = self.query.get("fieldSelector", "").partition("metadata.name=")
        return "" if way or "," in name or not self.namespace else name

    @property
    def limit(self) -> int:
        return int(self.query.get("limit") or 0)

    @property
    def revision(self) -> str:
        return self.query.get("resourceVersion", "")

    @property
    def match(self) -> str:
        return self.query.get("resourceVersionMatch", "")


async def page(cache: WatchCache, listing: Listing) -> Page:
    """Raises ApiError: 400, 410, 422, 504."""
    _check(listing)
    if token := listing.query.get("continue"):
        return _continued(cache, listing, token)
    if listing.revision in ("", "0"):
        revision = cache.newest if listing.revision == "" else cache.position
        return _cut(cache, listing, revision, "", 0 if listing.revision == "0" else listing.limit)
    wanted = int(listing.revision)
    if not await cache.reached(wanted):
        raise too_large(wanted, cache.position)
    is_exact = listing.match == "Exact" or (not listing.match and bool(listing.limit))
    try:
        return _cut(cache, listing, wanted if is_exact else cache.position, "", listing.limit)
    except Compacted:
        raise expired(_TOO_OLD) from None


def too_large(wanted: int, current: int) -> ApiError:
    """504 for a resource version that does not exist yet."""
    cause = Cause("ResourceVersionTooLarge", "Too large resource version")
    details = {"causes": [cause.manifest()], "retryAfterSeconds": 1}
    message = f"Timeout: Too large resource version: {wanted}, current: {current}"
    return ApiError(504, "Timeout", message, details, headers={"Retry-After": "1"})


def check_revision(text: str) -> None:
    """Raises ApiError for what is no resource version."""
    if not text.isdecimal():
        told = f'Invalid value: "{text}": strconv.ParseUint: parsing "{text}": invalid syntax'
        raise bad_request(f"invalid resource version: resourceVersion: {told}")


def _check(listing: Listing) -> None:
    revision, match = listing.revision, listing.match
    why = ""
    if match and not revision:
        why = "resourceVersionMatch is forbidden unless resourceVersion is provided"
    elif match == "Exact" and revision == "0":
        why = 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'
    if why:
        raise _bad_options(Cause("FieldValueForbidden", f"Forbidden: {why}", "resourceVersionMatch"))
    if match not in ("", "Exact", "NotOlderThan"):
        said = f'Unsupported value: "{match}": supported values: "Exact", "NotOlderThan", ""'
        raise _bad_options(Cause("FieldValueNotSupported", said, "resourceVersionMatch"))
    if revision:
        check_revision(revision)
        if "continue" in listing.query:
            raise bad_request("specifying resource version is not allowed when using continue")


def _bad_options(cause: Cause) -> ApiError:
    details = {"group": "meta.k8s.io", "kind": "ListOptions", "causes": [cause.manifest()]}
    told = f'ListOptions.meta.k8s.io "" is invalid: {cause.field}: {cause.message}'
    return ApiError(422, "Invalid", told, details)


def _continued(cache: WatchCache, listing: Listing, token: str) -> Page:
    try:
        said = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        revision, start = int(said["rv"]), str(said["start"])
    except (ValueError, KeyError, TypeError) as error:
        raise bad_request(f"invalid continue token: continue key is not valid: {error}") from error
    if revision == -1:
        revision = cache.newest
    try:
        return _cut(cache, listing, revision, start, listing.limit)
    except Compacted:
        raise expired(_TOO_OLD_TO_CONTINUE, {"continue": _token(-1, start)}) from None


def _cut(cache: WatchCache, listing: Listing, revision: int, start: str, limit: int) -> Page:
    """The records from `start` on, at most `limit` of them. Raises Compacted."""
    inside = f"{listing.namespace}/" if listing.namespace else ""
    found = [
        record
        for key, record in _candidates(cache, listing, revision)
        if key[1].startswith(inside)
        and key[1].removeprefix(inside) >= start
        and (listing.matches is None or listing.matches(record.content))
    ]
    metadata: Json = {"resourceVersion": str(revision)}
    if not limit or len(found) <= limit:
        return Page(found, metadata)
    last = f"{found[limit - 1].namespace}/{found[limit - 1].name}".removeprefix(inside)
    metadata["continue"] = _token(revision, last + "\0")
    if listing.matches is None:
        metadata["remainingItemCount"] = len(found) - limit
    return Page(found[:limit], metadata)


def _candidates(cache: WatchCache, listing: Listing, revision: int) -> Iterator[tuple[Key, Record]]:
    """What can be in the list. Raises Compacted."""
    if not listing.only:
        yield from cache.store.at(listing.resource.storage, revision)
        return
    key = listing.resource.key(listing.namespace, listing.only)
    if record := cache.store.get_at(key, revision):
        yield key, record


def _token(revision: int, start: str) -> str:
    said = json.dumps({"v": "meta.k8s.io/v1", "rv": revision, "start": start}, separators=(",", ":"))
    return base64.urlsafe_b64encode(said.encode()).decode().rstrip("=")
