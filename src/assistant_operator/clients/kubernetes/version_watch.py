"""Lists and watches AssistantVersions as tables."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import closing

from assistant_operator.api.assistant_version import AssistantVersion, VersionRecord

from .objects import Objects, path_of, reading
from .shapes import VERSION_TABLE
from .transport import Call, ClusterRefused, ClusterUnavailable, status_of, watch_event
from .version_table import (
    TABLE,
    Failing,
    Gone,
    Opened,
    Replaced,
    VersionEvent,
    column_names,
    missing_columns,
    parse_event,
    parse_rows,
    resource_version_of,
)
from .watch_retry import BACKOFF, REPORTED_FAILURES, STEADY, must_relist

_KIND = AssistantVersion.kind_name


class VersionWatch:
    """One listing and its watch, of one namespace or of all."""

    def __init__(self, objects: Objects, namespace: str) -> None:
        self._objects = objects
        self._path = path_of(AssistantVersion, (namespace, ""))
        self._failures = 0
        self._columns: list[str] = []

    async def events(self) -> AsyncIterator[VersionEvent]:
        """Yield the listing and then the changes. Ends with Gone, when everything must be listed again."""
        self._listed = await self._list()
        yield self._listed
        self._reached, is_over, is_new = self._listed.position, False, True
        while not is_over:
            started, opened = asyncio.get_running_loop().time(), False
            try:
                is_over = not is_new and await self._is_restored()
                if not is_over:
                    async for event in self._watched():
                        opened = True
                        yield event
            except (ClusterUnavailable, ClusterRefused) as error:
                is_over = must_relist(error)
                if not opened or self._failures >= REPORTED_FAILURES:
                    yield Failing(error)
            is_new = False
            is_over = is_over or bool(self._listed.missing)  # until the definition is updated
            if asyncio.get_running_loop().time() - started < STEADY:
                self._failures += 1
                await asyncio.sleep(BACKOFF.delay(self._failures))
        yield Gone()

    async def _watched(self) -> AsyncIterator[VersionEvent]:
        """Open one watch from the last resource version. Raises ClusterRefused for an ERROR event of any code."""
        query = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": self._reached,
            "timeoutSeconds": "15" if self._listed.missing else "290",
        }
        call = Call("GET", self._path, query, accept=TABLE)
        resource_versions = self._objects.resource_versions
        with closing(await self._objects.server.watch(call, silence=120)) as lines:
            yield Opened()
            with resource_versions.ending(lines.close):
                async for line in lines:
                    content = watch_event(call, line)
                    with reading(call):
                        event = parse_event(content, self._columns)
                    if isinstance(event, Gone):
                        raise ClusterRefused(str(call), status_of(content["object"]))
                    if reached := resource_version_of(event):
                        self._reached = reached
                        resource_versions.record(reached, self._listed.epoch)
                    self._failures = 0
                    yield event

    async def _is_restored(self) -> bool:
        return await self._objects.is_restored(_KIND, self._path, self._reached, self._listed.epoch)

    async def _list(self) -> Replaced:
        records: list[VersionRecord] = []
        reached = ""
        mark = self._objects.resource_versions.mark()
        async for page in self._objects.pages(self._path, TABLE, shape=VERSION_TABLE):
            with reading(Call("GET", self._path)):
                self._columns = column_names(page) or self._columns
                records.extend(parse_rows(page, self._columns))
            reached = page["metadata"]["resourceVersion"]
        epoch = self._objects.resource_versions.compare(_KIND, mark, reached)
        return Replaced(tuple(records), reached, missing_columns(self._columns), epoch)
