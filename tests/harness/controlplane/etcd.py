"""What we ask of etcd itself, past the API server, through its JSON gateway."""

import base64
import json
import urllib.request
from collections.abc import Mapping
from typing import Any

# Where API servers tell one another up to where history is gone. One that keeps snapshots of its watch cache believes
# this key, not etcd, so a compaction without it goes unnoticed.
COMPACTED = "compact_rev_key"


def is_healthy(url: str) -> bool:
    try:
        with _opener().open(f"{url}/health", timeout=5) as response:
            return bool(json.load(response)["health"] == "true")
    except OSError:
        return False


def compact(url: str) -> int:
    """Forget everything but now, as an API server would; the revision up to which history is gone."""
    revision = int(_call(url, "range", {"key": _base64(COMPACTED)})["header"]["revision"])
    _call(url, "put", {"key": _base64(COMPACTED), "value": _base64(str(revision))})
    _call(url, "compaction", {"revision": str(revision), "physical": True})
    return revision


def objects(url: str, prefix: str) -> dict[str, str]:
    """The JSON of custom resources, by key."""
    found = _call(url, "range", {"key": _base64(prefix), "range_end": _base64(prefix + "\uffff")})
    return {_text(each["key"]): _text(each["value"]) for each in found.get("kvs", ())}


def put(url: str, content: Mapping[str, str]) -> None:
    """Write all these keys in one transaction: at most 128, as etcd allows."""
    puts = [{"requestPut": {"key": _base64(key), "value": _base64(value)}} for key, value in content.items()]
    _call(url, "txn", {"success": puts})


def _call(url: str, method: str, body: dict[str, object]) -> dict[str, Any]:
    request = urllib.request.Request(f"{url}/v3/kv/{method}", data=json.dumps(body).encode(), method="POST")
    with _opener().open(request, timeout=30) as response:
        return dict(json.load(response))


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _text(encoded: str) -> str:
    return base64.b64decode(encoded).decode()


def _opener() -> urllib.request.OpenerDirector:
    return urllib.request.build_opener(urllib.request.ProxyHandler({}))
