"""How the operator's log looks: one line a step, as text or as JSON."""

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

_subject: ContextVar[tuple[str, Key] | None] = ContextVar("subject", default=None)


def bind_object(kind: str, key: Key) -> None:
    """What this task logs from now on is about that object."""
    _subject.set((kind, key))


class _Line(logging.Formatter):
    """Text. Whatever others wrote into a message, it is one line."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 (the library's name)
        return super().formatMessage(record).replace("\r", "\\r").replace("\n", "\\n")


class _Object(JsonFormatter):
    """JSON, with the object that it is about as fields of their own."""

    def process_log_record(self, log_data: dict[str, Any]) -> dict[str, Any]:
        if about := _subject.get():
            kind, (namespace, name) = about
            log_data |= {"kind": kind, "namespace": namespace, "name": name}
        return log_data


def configure(level: str, form: str) -> None:
    """Log to standard error. `form`: text or json."""
    formatter = _Object(_JSON, rename_fields=_RENAMED) if form == "json" else _Line(_TEXT)
    # Times as the API server writes them.
    formatter.converter = time.gmtime
    formatter.default_time_format, formatter.default_msec_format = "%Y-%m-%dT%H:%M:%S", "%s.%03dZ"
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # Two lines an event, from kopf, say less than one of ours.
    for chatty in ("kopf.objects", "kopf._core", "kopf._cogs", "kopf.activities", "asyncio", "aiohttp"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
