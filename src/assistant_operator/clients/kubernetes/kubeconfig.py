"""Reads kubeconfigs with the package kubernetes: for kubectl plugins, and as a program for the operator.

The program prints the configuration as JSON, or the message of an error as a JSON string.
"""

import asyncio
import json
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import yaml
from kubernetes.aio import client, config
from kubernetes.aio.config.kube_config import KubeConfigMerger

from .configuration import Configuration, undetermined

_UNREADABLE = (config.ConfigException, yaml.YAMLError, OSError, TypeError, AttributeError)
"""The errors of the library for an invalid kubeconfig; the last two, if its YAML is not a mapping."""


def default_paths() -> str:
    """Return the files that kubectl reads, separated as in KUBECONFIG."""
    return os.environ.get("KUBECONFIG") or str(Path("~/.kube/config").expanduser())


def exist(paths: str) -> bool:
    """Whether there is one of these files."""
    return any(Path(path).expanduser().exists() for path in paths.split(os.pathsep) if path)


async def load(paths: str, context: str | None = None) -> tuple[Configuration, dict[str, Any]]:
    """Return the configuration and the entry of the context.

    Runs the credential plugin that the kubeconfig names. `paths`: separated as in KUBECONFIG. `context`: None for the
    current one. Raises ValueError.
    """
    found = client.Configuration()
    with _readable(paths):
        loader = await config.load_kube_config(  # type: ignore[no-untyped-call]
            paths, context, client_configuration=found, persist_config=False
        )
        configuration, entry = _converted(found), loader.current_context["context"]
    configuration.find_proxy()
    return configuration, entry


def user(paths: str, name: str | None) -> dict[str, Any]:
    """Return the entry of that user; empty if there is none. Raises ValueError."""
    with _readable(paths):
        users = KubeConfigMerger(paths).config.value["users"]  # type: ignore[no-untyped-call]
        return next((entry.value.get("user") or {} for entry in users if entry["name"] == name), {})


def contexts(paths: str) -> list[str]:
    """Return the names of the contexts; none if the files cannot be read."""
    try:
        return [context["name"] for context in KubeConfigMerger(paths).config.value["contexts"]]  # type: ignore[no-untyped-call]
    except (*_UNREADABLE, KeyError):
        return []


@contextmanager
def _readable(paths: str) -> Iterator[None]:
    """Convert the errors of the library to ValueError."""
    try:
        yield
    except _UNREADABLE as error:
        # The library's messages contain whole kubeconfig entries, the token included.
        message = re.sub(r"/?\{.*\}", "", " ".join(str(error).split()))
        raise undetermined(paths, message) from None


def _converted(found: client.Configuration) -> Configuration:
    """Return what the library found, with the contents of files: it removes its own when the process ends."""
    token = found.api_key.get("BearerToken")
    return Configuration(
        found.host,
        authorization=token.strip() if token else None,
        ca=_content(found.ssl_ca_cert),
        certificate=_content(found.cert_file),
        key=_content(found.key_file),
        verify=found.verify_ssl,
        tls_server_name=found.tls_server_name,
        proxy=found.proxy,
    )


def _content(file: str | None) -> str | None:
    # Comments between certificates have any encoding.
    return Path(file).read_text("utf-8", errors="replace") if file else None


async def _main() -> None:
    print(json.dumps(await _answer(default_paths())))  # noqa: T201


async def _answer(paths: str) -> dict[str, Any] | str:
    if not exist(paths):
        return f"there is no kubeconfig at {paths}: set KUBECONFIG"
    try:
        found, _ = await load(paths)
    except ValueError as error:
        return str(error)
    return asdict(found)


if __name__ == "__main__":
    try:
        asyncio.run(_main())
        sys.stdout.flush()
    except BrokenPipeError:  # the operator has ended meanwhile
        os._exit(1)
