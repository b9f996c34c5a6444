"""Whether content looks as if it contained a credential. Pure."""

from assistant_operator.api.credentials import Suspicion
from assistant_operator.api.reason import Reason

from .conditions import Finding

_MOST_NAMED = 3


def suspected_secret(suspicions: tuple[Suspicion, ...]) -> Finding | None:
    """The finding of the condition SecretSuspected; None if nothing is suspected."""
    if not suspicions:
        return None
    named = [f"{_printable(each.path)} contains what looks like {each.format}" for each in suspicions[:_MOST_NAMED]]
    named += ["and more"] if len(suspicions) > _MOST_NAMED else []
    message = f"{'; '.join(named)}: every version keeps its content, so revoke the credential"
    return Finding(True, Reason.SECRET_SUSPECTED, message)


def _printable(path: str) -> str:
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in path)
