"""What keeps a command from doing what was asked, in words for the one who typed it."""

FAILED, MISUSED, UNCHANGED = 1, 2, 3
"""Exit codes beside 0, as kubectl has them. `diff` says 1 where contents differ, and 2 where it could not tell."""


class Trouble(Exception):
    """Told on stderr as it is, without a trace; then the command ends with `code`."""

    def __init__(self, message: str, code: int = FAILED) -> None:
        super().__init__(message)
        self.code = code


def not_found(plural: str, name: str) -> Trouble:
    """As kubectl says it."""
    return Trouble(f'Error from server (NotFound): {plural}.assistant-operator.dev "{name}" not found')
