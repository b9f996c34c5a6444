"""Which requests the dashboard answers: those of the browser that opened the printed URL. Pure, except `Login`."""

import secrets
from dataclasses import dataclass
from enum import StrEnum

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
        " form-action 'self'; base-uri 'none'; frame-ancestors 'none';"
        " require-trusted-types-for 'script'; trusted-types 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""Headers of each answer."""
_READS = {"GET", "HEAD"}


class Refusal(StrEnum):
    """Why a request is refused, for the person who sees it."""

    HOST = "This address is not the one that the command printed. Open the printed URL."
    ORIGIN = "This request comes from a page of another site."
    LOGIN = "This browser has not opened the URL that the command printed, or that URL was used before."
    CSRF = "The form is not from this session of the dashboard. Go back, reload the page and try again."


@dataclass(frozen=True, slots=True)
class Incoming:
    """The facts about a request that decide. A header that is absent is empty."""

    method: str = "GET"
    path: str = "/"
    host: str = ""
    origin: str = ""
    fetch_site: str = ""
    """Sec-Fetch-Site: how the page that sent the request relates to this one."""
    fetch_mode: str = ""
    cookie: str = ""
    csrf: str = ""


@dataclass(frozen=True, slots=True)
class Expected:
    """The values that a request must have."""

    port: int
    session: str
    csrf: str

    @property
    def cookie_name(self) -> str:
        """A cookie belongs to a host, not to a port: without the port in its name, two dashboards would share it."""
        return f"assistants-{self.port}"


def refusal(incoming: Incoming, expected: Expected) -> Refusal | None:
    """Why the request is refused; None for a request that is answered."""
    if incoming.host not in {f"127.0.0.1:{expected.port}", f"localhost:{expected.port}"}:
        return Refusal.HOST  # also DNS rebinding: the name of another site that resolves to this machine
    if _is_foreign(incoming):
        return Refusal.ORIGIN
    if incoming.path.startswith("/static/"):
        return None
    if not _same(incoming.cookie, expected.session):
        return Refusal.LOGIN
    if incoming.method not in _READS and not _same(incoming.csrf, expected.csrf):
        return Refusal.CSRF
    return None


def _is_foreign(incoming: Incoming) -> bool:
    """Whether another site sent the request. A link from another site is none: it is a GET without the cookie."""
    own = f"http://{incoming.host}"
    if incoming.method not in _READS and incoming.origin != own:
        return True
    if incoming.origin and incoming.origin != own:
        return True
    return incoming.fetch_site in {"cross-site", "same-site"} and incoming.fetch_mode != "navigate"


def _same(given: str, wanted: str) -> bool:
    return secrets.compare_digest(given.encode(), wanted.encode())


class Login:
    """The one-time token of the printed URL, and the secrets of the session that it opens."""

    def __init__(self, port: int) -> None:
        self.expected = Expected(port, secrets.token_urlsafe(32), secrets.token_urlsafe(32))
        self.token = secrets.token_urlsafe(32)

    def redeem(self, token: str) -> bool:
        """Whether that is the token. It is valid once."""
        is_valid = bool(self.token) and _same(token, self.token)
        if is_valid:
            self.token = ""
        return is_valid
