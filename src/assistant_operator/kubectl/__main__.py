"""`kubectl-assistants` and `kubectl_complete-assistants`: they say so where the extra `cli` is not installed."""

import sys

_EXTRA = {"annotated_doc", "rich", "shellingham", "typer"}
_LEVELS = 50_000
"""Calls inside calls: YAML and JSON are written level by level, and content may be some thousand levels deep."""
_MISSING = (
    "kubectl assistants needs what the extra 'cli' brings ({name} is not installed):"
    " pipx install 'assistant-operator[cli]', or uv tool install 'assistant-operator[cli]'"
)


def main() -> None:
    try:
        from .app import run  # noqa: PLC0415 (it may not be there, and that is to be said in words)
    except ModuleNotFoundError as missing:
        name = (missing.name or "").partition(".")[0]
        if name not in _EXTRA:
            raise
        sys.exit(_MISSING.format(name=name))
    sys.setrecursionlimit(_LEVELS)
    sys.exit(run(sys.argv))


def complete() -> None:
    try:
        from .offering import offer  # noqa: PLC0415
    except ModuleNotFoundError:
        sys.exit(0)
    sys.stdout.write(offer(sys.argv[1:]))


if __name__ == "__main__":
    main()
