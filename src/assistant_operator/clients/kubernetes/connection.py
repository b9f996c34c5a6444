"""Connections to the API server, and the credentials of each request."""

import asyncio
import ssl
from pathlib import Path
from tempfile import TemporaryDirectory

import aiohttp

from assistant_operator.clients.http import tls

from .configuration import Configuration, Load, read_token

_IDLE = 45.0
"""Seconds until an idle connection is closed. Shorter than the timeout of the API server (90) and of load balancers."""
_LONGEST_READ_AHEAD = 2**21
_TOKEN_INTERVAL = 60.0
"""Seconds after which the token of a service account is read again, as in Go."""
_RELOAD_INTERVAL = 10.0
"""Least seconds between two reloads of the credentials: an exec plugin starts a program for each."""


class Login:
    """The credentials for one API server, and an aiohttp middleware that authenticates each request with them.

    If the API server answers 401, the token is read again, as in kubectl: from the rotated file or from the exec
    plugin. Then the request is sent a second time.
    """

    def __init__(self, configuration: Configuration, reload: Load | None = None) -> None:
        """Raises OSError or ValueError if the certificates cannot be used."""
        self.configuration = configuration
        self.trust = _trust(configuration)
        self._reload = reload
        self._reload_lock = asyncio.Lock()
        self._reloaded_at = float("-inf")
        self._token_read_at = float("-inf")

    def session(self) -> aiohttp.ClientSession:
        """Return a new session that uses these credentials."""
        return aiohttp.ClientSession(
            # Connections are kept between the edits of a person, because a new one costs a TLS handshake.
            # No limit: each watch of a namespace uses a connection as long as the process runs.
            connector=aiohttp.TCPConnector(limit=0, ssl=self.trust, keepalive_timeout=_IDLE),
            # Reading the environment and netrc for every request would quadruple its CPU time.
            trust_env=False,
            proxy=self.configuration.proxy,
            read_bufsize=_LONGEST_READ_AHEAD,
            middlewares=(self,),
        )

    async def __call__(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        request.server_hostname = self.configuration.tls_server_name
        self._through_proxy(request)
        used = self._sign(request)
        answer = await self._sent(request, handler)
        if answer.status == 401 and await self._is_renewed(used):
            answer.close()
            self._sign(request)
            answer = await self._sent(request, handler)
        if 300 <= answer.status < 400:
            # The client would follow the redirect of a POST with a GET.
            answer.close()
            location = answer.headers.get("Location", "nowhere")
            raise aiohttp.ClientConnectionError(
                f"{answer.status}, redirects to {location}: no Kubernetes API does that"
            )
        return answer

    def _through_proxy(self, request: aiohttp.ClientRequest) -> None:
        headers = self.configuration.proxy_headers
        if headers and request.is_ssl():
            request.update_proxy(request.proxy, None, headers)
        elif headers:
            request.headers.update(headers)

    async def _sent(self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
        try:
            return await handler(request)
        except aiohttp.ClientHttpProxyError as error:
            # Its repr contains the proxy credentials, and its status is not one of the API server.
            raise aiohttp.ClientConnectionError(f"the proxy answers {error.status} {error.message}") from None

    def _sign(self, request: aiohttp.ClientRequest) -> str | None:
        """Add the credentials to the request and return them. Raises ClientConnectionError if they cannot be read."""
        try:
            self._read_token()
        except (OSError, ValueError) as error:
            raise aiohttp.ClientConnectionError(f"the service account's token cannot be read: {error}") from error
        if authorization := self.configuration.authorization:
            request.headers["Authorization"] = authorization
        return self.configuration.authorization

    def _read_token(self) -> None:
        file, now = self.configuration.token_file, asyncio.get_running_loop().time()
        if file and now - self._token_read_at >= _TOKEN_INTERVAL:
            self.configuration.authorization = read_token(Path(file))
            self._token_read_at = now

    async def _is_renewed(self, used: str | None) -> bool:
        """Reload the credentials. Returns whether the token differs from the refused one, `used`."""
        if self._reload is None:
            return False
        async with self._reload_lock:
            if self.configuration.authorization != used:
                return True
            now = asyncio.get_running_loop().time()
            if now - self._reloaded_at < _RELOAD_INTERVAL:
                return False
            self._reloaded_at = now
            try:
                fresh = await self._reload()
            except ValueError:
                return False
            self.configuration.authorization = fresh.authorization
            return self.configuration.authorization != used


def _trust(configuration: Configuration) -> ssl.SSLContext:
    context = tls.of_system() if configuration.ca is None else _trusting(configuration.ca)
    if configuration.certificate:
        _load_certificate(context, configuration.certificate, configuration.key)
    if not configuration.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _trusting(ca: str) -> ssl.SSLContext:
    try:
        return tls.of_bundle(ca)
    except ValueError:
        raise ValueError("the CA of the API server contains no certificate") from None


def _load_certificate(context: ssl.SSLContext, certificate: str, key: str | None) -> None:
    with TemporaryDirectory() as directory:
        files = Path(directory, "certificate"), Path(directory, "key")
        files[0].write_text(certificate)
        files[1].write_text(key or "")
        context.load_cert_chain(files[0], files[1] if key else None)
