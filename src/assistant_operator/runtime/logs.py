"""The format of the operator's log: one line a record, as text or as JSON."""

import logging
import sys
import time
from contextvars import ContextVar
from typing import Any

from pythonjsonlogger.json import JsonFormatter

from assistant_operator.api.meta import Key

_TEXT = "%(asctime)s %(levelname)-7s %(message)s"
_JSON = "%(asctime)s %(levelname)s %(name)s %(message)s"
_RENAMED = {"asctime": "time", "levelname": "level", "name": "logger"}

_bound: ContextVar[tuple[str, Key] | None] = ContextVar("bound", default=None)


def bind_object(kind: str, key: Key) -> None:
    """Add the kind, namespace and name of an object to all later JSON log records of the running task."""
    _bound.set((kind, key))


class _TextFormatter(logging.Formatter):
    """Escapes line breaks: a message may contain text from a server, and every record is one line."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 (the library's name)
        return super().formatMessage(record).replace("\r", "\\r").replace("\n", "\\n")


class _ObjectFormatter(JsonFormatter):
    """Adds the fields of `bind_object`."""

    def process_log_record(self, log_data: dict[str, Any]) -> dict[str, Any]:
        if bound := _bound.get():
            kind, (namespace, name) = bound
            log_data |= {"kind": kind, "namespace": namespace, "name": name}
        return log_data


def configure(level: str, form: str) -> None:
    """Configure the root logger to write to standard error. `form`: text or json."""
    formatter = _ObjectFormatter(_JSON, rename_fields=_RENAMED) if form == "json" else _TextFormatter(_TEXT)
    # RFC 3339 in UTC, as the API server writes times.
    formatter.converter = time.gmtime
    formatter.default_time_format, formatter.default_msec_format = "%Y-%m-%dT%H:%M:%S", "%s.%03dZ"
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # kopf logs two lines for each watch event; the controllers log each step themselves.
    for name in ("kopf.objects", "kopf._core", "kopf._cogs", "kopf.activities", "asyncio", "aiohttp"):
        logging.getLogger(name).setLevel(logging.WARNING)
