"""Lets in who knows the key. It runs in the server's Python, not in ours."""

import os

from langgraph_sdk import Auth

auth = Auth()


@auth.authenticate
async def authenticate(headers: dict[bytes, bytes]) -> str:
    if headers.get(b"x-api-key", b"").decode() != os.environ["THE_KEY"]:
        raise Auth.exceptions.HTTPException(status_code=401, detail="bad key")
    return "operator"
