"""One request answered: authorization, then the verb."""

import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from . import discovery, patches
from .applying import apply
from .authorization import Authorizer
from .deletion import delete
from .endpoint import Endpoint
from .intents import Intent
from .lists import Listing, check_revision, page, too_large
from .objects import Objects
from .record import Record, encode
from .requests import APPLY, JSON_PATCH, LARGEST, MERGE, Request, Target, target_of
from .selectors import selector
from .statuses import ApiError, NotSimulated, bad_request, not_found
from .views import View, wanted
from .watching import WatchStream

Json = dict[str, Any]
JSON = "application/json"
_LONGEST_WATCH = 1800.0
_TYPES = "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml"


@dataclass(frozen=True, slots=True)
class Answer:
    """One whole answer."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = JSON


@dataclass
class Handlers:
    """What one API server does with a request."""

    objects: Objects
    endpoint: Endpoint
    authorizer: Authorizer
    failures: list[str] = field(default_factory=list)
    """What the simulator could not do: a test of anything else fails if there is one."""

    async def answer(self, request: Request) -> Answer | WatchStream:
        """Never raises: a refusal is an answer, and so is what is not simulated (501)."""
        try:
            return await self._answer(request)
        except ApiError as error:
            return Answer(error.code, encode(error.manifest()), error.headers)
        except NotSimulated as missing:
            return self._failed(f"not simulated: {missing} ({request.method} {request.path})")
        except Exception:  # noqa: BLE001 (of the simulator itself: a client would take a 500 for one that passes)
            return self._failed(f"the simulator is wrong: {traceback.format_exc()} ({request.method} {request.path})")

    def _failed(self, message: str) -> Answer:
        self.failures.append(message)
        return Answer(501, encode(ApiError(501, "NotSimulated", message).manifest()))

    async def _answer(self, request: Request) -> Answer | WatchStream:
        catalogue = self.objects.catalogue
        if request.method == "GET" and (told := discovery.document(catalogue, request.path)):
            self.authorizer.authorize_path(request.authorization, request.path)
            return Answer(200, encode(told))
        target = target_of(catalogue, request)
        if target is None:
            return Answer(404, b"404 page not found\n", content_type="text/plain")
        self._authorize(request, target, target.verb)
        view = View(target.resource, wanted(request.accept), self._now)
        if target.verb == "get":
            return await self._get(request, target, view)
        if target.verb in ("list", "watch"):
            return await self._list(request, target, view)
        return self._write(request, target, view)

    def _write(self, request: Request, target: Target, view: View) -> Answer:
        match target.verb:
            case "create":
                return Answer(201, view.one(self.objects.create(self._intent(request, target), _object(request))))
            case "update":
                return _written(view, *self.objects.replace(self._intent(request, target), _object(request)))
            case "patch":
                return self._patch(request, target, view)
            case "delete":
                return self._delete(request, target)
        raise NotSimulated(target.verb)

    async def _get(self, request: Request, target: Target, view: View) -> Answer:
        asked = request.query.get("resourceVersion", "")
        cache = self.endpoint.cache(target.resource)
        revision = cache.newest if asked == "" else cache.position
        if asked not in ("", "0"):
            check_revision(asked)
            if not await cache.reached(int(asked)):
                raise too_large(int(asked), cache.position)
            revision = cache.position
        key = target.resource.key(target.namespace, target.name)
        record = self.objects.store.get_at(key, revision)
        if record is None:
            raise not_found(target.resource.named(target.name))
        return Answer(200, view.one(record))

    async def _list(self, request: Request, target: Target, view: View) -> Answer | WatchStream:
        query = request.query
        matches = selector(target.resource, query.get("labelSelector", ""), query.get("fieldSelector", ""))
        listing = Listing(target.resource, target.namespace, matches, query)
        if target.verb == "list":
            found = await page(self.endpoint.cache(target.resource), listing)
            return Answer(200, view.many(found.records, found.metadata))
        if not query.get("resourceVersion", "0").isdecimal():
            text = query["resourceVersion"]
            told = f'resourceVersion: Invalid value: "{text}": strconv.ParseUint: parsing "{text}": invalid syntax'
            raise ApiError(500, "", told)
        timeout = float(query.get("timeoutSeconds") or _LONGEST_WATCH * (1 + self.objects.random.random()))
        has_bookmarks = query.get("allowWatchBookmarks", "").lower() in ("true", "1")
        return WatchStream(self.endpoint, listing, view, timeout, has_bookmarks)

    def _patch(self, request: Request, target: Target, view: View) -> Answer:
        intent, objects = self._intent(request, target), self.objects
        if len(request.body) > LARGEST:
            request.json()
        match request.content_type.partition(";")[0]:
            case kind if kind == MERGE:
                body = _object(request, "invalid JSON patch")
                return _written(view, objects.patch(intent, lambda old: dict(patches.merged(old, body))), False)
            case kind if kind == JSON_PATCH:
                operations = request.json()
                return _written(view, objects.patch(intent, lambda old: patches.patched(old, operations)), False)
            case kind if kind == APPLY:
                force = request.query.get("force", "").lower() in ("true", "1")
                intent = self._intent(request, target, request.query.get("fieldManager", ""))
                return _written(view, *apply(objects, intent, _object(request), force=force))
        told = f"the body of the request was in an unknown format - accepted media types include: {_TYPES}"
        raise ApiError(415, "UnsupportedMediaType", told)

    def _delete(self, request: Request, target: Target) -> Answer:
        left = delete(self.objects, self._intent(request, target), _object(request))
        return Answer(200, left.encoded if isinstance(left, Record) else encode(left))

    def _intent(self, request: Request, target: Target, manager: str | None = None) -> Intent:
        return Intent(
            target.resource,
            target.namespace,
            target.name,
            request.manager if manager is None else manager,
            target.subresource,
            request.query.get("fieldValidation") == "Strict",
            lambda: self._authorize(request, target, "create"),
        )

    def _authorize(self, request: Request, target: Target, verb: str) -> None:
        about = target.resource.named(target.name)
        self.authorizer.authorize(request.authorization, verb, about, target.subresource, target.namespace)

    def _now(self) -> datetime:
        return self.objects.now()


def _written(view: View, record: Record, is_new: bool) -> Answer:  # noqa: FBT001 (the second half of what a write returns)
    return Answer(201 if is_new else 200, view.one(record))


def _object(request: Request, otherwise: str = "") -> Json:
    try:
        body = request.json()
    except ApiError as error:
        if error.code == 400 and otherwise:
            raise bad_request(otherwise) from error
        raise
    if not isinstance(body, dict):
        raise NotSimulated("a body that is no JSON object")
    return body
