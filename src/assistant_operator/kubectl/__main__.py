"""The programs `kubectl-assistants` and `kubectl_complete-assistants`, which need the extra `cli`."""

import sys

_EXTRA = {"jinja2", "jsonpatch", "rich"}
_RECURSION_LIMIT = 50_000
"""YAML and JSON are written recursively, and content may have some thousand levels."""
_MISSING = (
    "kubectl assistants needs what the extra 'cli' brings ({name} is not installed):"
    " pipx install 'assistant-operator[cli]', or uv tool install 'assistant-operator[cli]'"
)


def main() -> None:
    try:
        from .cli import run  # noqa: PLC0415 (an ImportError is reported as a message)
    except ModuleNotFoundError as missing:
        name = (missing.name or "").partition(".")[0]
        if name not in _EXTRA:
            raise
        sys.exit(_MISSING.format(name=name))
    sys.setrecursionlimit(_RECURSION_LIMIT)
    run(sys.argv)


def complete() -> None:
    try:
        from .cli import complete as candidates  # noqa: PLC0415
    except ModuleNotFoundError:
        sys.exit(0)
    sys.stdout.write(candidates(sys.argv[1:]))


if __name__ == "__main__":
    main()
