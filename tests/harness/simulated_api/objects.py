"""Objects created, replaced and patched: generation, status, optimistic concurrency, defaults, ownership of fields."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import Any

from . import built_in, contents, managed_fields, metadata, schema
from .admission import Attempt, Policy, admit
from .intents import Intent
from .managed_fields import Ownership, Write
from .quotas import Quota, charge
from .record import Record, encode
from .resources import Catalogue, Resource
from .statuses import (
    ApiError,
    Cause,
    NotSimulated,
    already_exists,
    bad_request,
    conflict,
    forbidden,
    invalid,
    modified,
    not_found,
)
from .store import Store
from .times import seconds

Json = dict[str, Any]
Change = Callable[[Json], Json]

_STORED_AT_MOST, _SENT_AT_MOST = 3 * 2**19, 2 * 2**20
_LETTERS = "bcdfghjklmnpqrstvwxz2456789"


@dataclass
class Objects:
    """The write side of the API server. Every write is one revision of the store, or none."""

    store: Store
    catalogue: Catalogue
    now: Callable[[], datetime]
    random: Random
    policies: dict[str, Policy] = field(default_factory=dict)
    quotas: dict[str, Quota] = field(default_factory=dict)

    def create(self, intent: Intent, body: Json, *, ownership: Ownership | None = None) -> Record:
        """`ownership`: of an object that is made by a server-side apply. Raises ApiError."""
        resource = intent.resource
        content = self._read(intent, body, keeps_nulls=ownership is not None)
        if "resourceVersion" in content["metadata"]:
            raise ApiError(500, "", "resourceVersion should not be set on objects to be created")
        self._enter(intent, content["metadata"].get("name", "Unknown"))
        content["metadata"] = self._born(intent, content["metadata"])
        if resource.is_custom:
            content["metadata"]["managedFields"] = self._owners_of_new(intent, content, ownership)
            content.pop("status", None)
        else:
            built_in.complete(resource, content)
        about = resource.named(content["metadata"].get("name", ""))
        contents.check(resource, content, None)
        intent.check_create()
        admit(self.policies, Attempt("CREATE", about, self._namespace(intent), content, None))
        charge(self.quotas.values(), intent, about)
        key = resource.key(intent.namespace, about.name)
        if taken := self.store.get(key):
            raise already_exists(about, is_being_deleted=taken.is_being_deleted)
        return self._stored(resource, key, content)

    def replace(self, intent: Intent, body: Json) -> tuple[Record, bool]:
        """Write the whole object; whether it was created by that. Raises ApiError."""
        content = self._read(intent, body)
        meta = content["metadata"]
        if meta.get("name", intent.name) != intent.name:
            told = f"the name of the object ({meta['name']}) does not match the name on the URL ({intent.name})"
            raise bad_request(told)
        old = self.store.get(intent.key)
        if old is None:
            if not intent.resource.is_created_by_put:
                raise not_found(intent.about)
            meta.pop("resourceVersion", None)
            return self.create(intent, content), True
        if (uid := meta.get("uid", old.meta["uid"])) != old.meta["uid"]:
            raise conflict(intent.about, built_in.uid_precondition(intent, uid, old.meta["uid"]))
        if "resourceVersion" not in meta:
            cause = Cause(
                "FieldValueInvalid", "Invalid value: 0: must be specified for an update", "metadata.resourceVersion"
            )
            error = invalid(intent.about, intent.resource.plural, [cause])
            error.message = f'{intent.about.qualified} "{intent.name}" is invalid: {cause.field}: {cause.message}'
            raise error
        return self.write(intent, old, content), False

    def patch(self, intent: Intent, change: Change) -> Record:
        """Write what `change` makes of the object. Raises ApiError."""
        old = self.existing(intent)
        changed = change(old.content)
        known = intent.resource.schema
        if intent.is_strict and known and schema.unknown_fields(known, contents.bare(changed)):
            raise NotSimulated("an unknown field in a patch with strict validation")
        return self.write(intent, old, self._read(intent, changed))

    def existing(self, intent: Intent) -> Record:
        old = self.store.get(intent.key)
        if old is None:
            raise not_found(intent.about)
        return old

    def write(self, intent: Intent, old: Record, content: Json, *, ownership: Ownership | None = None) -> Record:
        """Write an update over that record. `content` is of nobody else. `ownership`: after a server-side apply."""
        resource = intent.resource
        if content["metadata"].get("resourceVersion", old.meta["resourceVersion"]) != old.meta["resourceVersion"]:
            raise modified(intent.about)
        content["metadata"] = metadata.carried_over(content["metadata"], old)
        if resource.is_custom:
            content["metadata"]["managedFields"] = self._owners(intent, old, content, ownership)
            content = contents.restricted(intent, old.content, content)
        contents.check(resource, content, old)
        attempt = Attempt("UPDATE", intent.about, self._namespace(intent), content, old.content, intent.subresource)
        admit(self.policies, attempt)
        if old.is_being_deleted and not content["metadata"].get("finalizers") and resource.is_custom:
            self.store.delete(intent.key)
            return Record(content, old.revision)
        if contents.is_same(old.content, content) and not old.lacks_defaults:
            return old
        return self._stored(resource, intent.key, content)

    def read_applied(self, intent: Intent, body: Json) -> Json:
        """The result of a server-side apply as an object: there a null is not dropped, but refused. Raises ApiError."""
        return self._read(intent, body, keeps_nulls=True)

    def time(self) -> str:
        return seconds(self.now())

    def _read(self, intent: Intent, body: Json, *, keeps_nulls: bool = False) -> Json:
        resource = intent.resource
        content = {"apiVersion": resource.api_version, "kind": resource.kind, **body}
        built_in.check_kind(resource, content)
        content["metadata"] = metadata.normalized(body.get("metadata"))
        given = content["metadata"].setdefault("namespace", intent.namespace)
        if given != intent.namespace:
            told = "the namespace of the provided object does not match the namespace sent on the request"
            raise bad_request(told)
        if not resource.is_namespaced:
            del content["metadata"]["namespace"]
        is_checked = intent.is_strict and resource.schema
        if is_checked and (unknown := schema.unknown_fields(is_checked, contents.bare(content))):
            raise built_in.unknown_fields(resource, unknown)
        return contents.shaped(resource, content, keeps_nulls=keeps_nulls)

    def _born(self, intent: Intent, meta: Json) -> Json:
        """The metadata of a new object."""
        if "name" not in meta and "generateName" in meta:
            suffix = "".join(self.random.choice(_LETTERS) for _ in range(5))
            meta["name"] = meta["generateName"] + suffix
        for name in ("deletionTimestamp", "deletionGracePeriodSeconds", "generation"):
            meta.pop(name, None)
        generation = {"generation": 1} if intent.resource.is_custom else {}
        uid = f"{self.random.getrandbits(128) | 1 << 127:032x}"
        uid = f"{uid[:8]}-{uid[8:12]}-4{uid[13:16]}-a{uid[17:20]}-{uid[20:]}"
        return {**meta, "uid": uid, "creationTimestamp": self.time(), **generation}

    def _enter(self, intent: Intent, name: str) -> None:
        """Raises ApiError where nothing can be created: the namespace does not exist, or is being deleted."""
        if not intent.resource.is_namespaced:
            return
        found = self._namespace(intent)
        if not found:
            raise not_found(self.catalogue.by_kind["v1", "Namespace"].named(intent.namespace))
        if "deletionTimestamp" in found["metadata"]:
            why = f"unable to create new content in namespace {intent.namespace} because it is being terminated"
            said = f"namespace {intent.namespace} is being terminated"
            cause = Cause("NamespaceTerminating", said, "metadata.namespace")
            raise forbidden(intent.resource.named(name), why, [cause])

    def _namespace(self, intent: Intent) -> Mapping[str, Any]:
        found = self.store.get(self.catalogue.by_kind["v1", "Namespace"].key("", intent.namespace))
        return found.content if found else {}

    def _owners_of_new(self, intent: Intent, content: Json, ownership: Ownership | None) -> list[Json]:
        write = Write(intent.of("Update"), self.time(), intent.resource.shape, intent.reset)
        owners = managed_fields.updated({}, {}, content, write) if ownership is None else ownership
        return managed_fields.encoded(owners, intent.resource.api_version)

    def _owners(self, intent: Intent, old: Record, content: Json, ownership: Ownership | None) -> list[Json]:
        before: Ownership = managed_fields.decoded_of(old)
        write = Write(intent.of("Update"), self.time(), intent.resource.shape, intent.reset)
        after = managed_fields.updated(before, old.content, content, write) if ownership is None else ownership
        if after == before:
            return list(old.meta["managedFields"])
        return managed_fields.encoded(after, intent.resource.api_version)

    def _stored(self, resource: Resource, key: tuple[str, str], content: Json) -> Record:
        shown = contents.shaped(resource, content)
        lacks_defaults, content = len(shown) != len(content), shown
        content["metadata"]["resourceVersion"] = str(self.store.revision + 1)
        encoded = encode(content)
        if len(encoded) > _SENT_AT_MOST:
            told = "rpc error: code = ResourceExhausted desc = trying to send message larger than max"
            raise ApiError(500, "", f"{told} ({len(encoded)} vs. {_SENT_AT_MOST})")
        if len(encoded) > _STORED_AT_MOST:
            raise ApiError(500, "", "etcdserver: request is too large")
        record = self.store.put(key, content, lacks_defaults=lacks_defaults)
        record.view("object", lambda _: encoded)
        return record
