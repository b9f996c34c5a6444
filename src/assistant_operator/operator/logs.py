"""How the operator's log looks: one line a step, as text or as JSON."""

import logging
import sys

from pythonjsonlogger.json import JsonFormatter

_TEXT = "%(asctime)s %(levelname)-7s %(message)s"


def configure(level: str, form: str) -> None:
    """Log to standard error. `form`: text or json."""
    handler = logging.StreamHandler(sys.stderr)
    json_fields = "%(asctime)s %(levelname)s %(name)s %(message)s"
    renamed = {"asctime": "time", "levelname": "level", "name": "logger"}
    handler.setFormatter(
        JsonFormatter(json_fields, rename_fields=renamed) if form == "json" else logging.Formatter(_TEXT)
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # Two lines an event, from kopf, say less than one of ours.
    for chatty in ("kopf.objects", "kopf._core", "kopf._cogs", "kopf.activities", "asyncio", "aiohttp"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
