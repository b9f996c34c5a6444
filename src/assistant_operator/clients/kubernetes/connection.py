"""How to reach the API server: address, CA, proxy and credentials."""

import asyncio
import os
import re
import ssl
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

import aiohttp
import yaml
from kubernetes.aio import config
from kubernetes.aio.client import Configuration as Configuration  # noqa: PLC0414 (other modules import it from here)

from assistant_operator.clients.http import tls
from assistant_operator.clients.http.proxies import Proxies, Proxy

Reload = Callable[[], Awaitable[Configuration]]

_IDLE = 45.0
"""Seconds until an idle connection is closed. Shorter than the timeout of the API server (90) and of load balancers."""
_LONGEST_READ_AHEAD = 2**21
_RELOAD_INTERVAL = 10.0
"""Least seconds between two reloads of the credentials: an exec plugin starts a program for each."""


class Login:
    """The credentials for one API server, and an aiohttp middleware that authenticates each request with them.

    If the API server answers 401, the token is read again, as in kubectl: from the rotated file or from the exec
    plugin. Then the request is sent a second time.
    """

    def __init__(self, configuration: Configuration, reload: Reload | None = None) -> None:
        """Reads the certificate files. Raises OSError if they cannot be used."""
        self.configuration = configuration
        self.trust = _trust(configuration)
        self._reload = reload
        self._reload_lock = asyncio.Lock()
        self._reloaded_at = float("-inf")

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
        used = await self._sign(request)
        answer = await self._sent(request, handler)
        if answer.status == 401 and await self._is_renewed(used):
            answer.close()
            await self._sign(request)
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

    async def _sign(self, request: aiohttp.ClientRequest) -> str | None:
        """Add the token to the request and return it. Raises ClientConnectionError if it cannot be read."""
        try:
            token = await self.configuration.get_api_key_with_prefix("BearerToken")
        except (config.ConfigException, OSError) as error:
            raise aiohttp.ClientConnectionError(f"the service account's token cannot be read: {error}") from error
        if token:
            request.headers["Authorization"] = token.strip()
        return token

    async def _is_renewed(self, used: str | None) -> bool:
        """Reload the credentials. Returns whether the token differs from the refused one, `used`."""
        if self._reload is None:
            return False
        async with self._reload_lock:
            if self._token() != used:
                return True
            now = asyncio.get_running_loop().time()
            if now - self._reloaded_at < _RELOAD_INTERVAL:
                return False
            self._reloaded_at = now
            try:
                fresh = await self._reload()
            except ValueError:
                return False
            self.configuration.api_key = fresh.api_key
            self.configuration.refresh_api_key_hook = fresh.refresh_api_key_hook
            return self._token() != used

    def _token(self) -> str | None:
        return self.configuration.api_key.get("BearerToken")


def _trust(configuration: Configuration) -> ssl.SSLContext:
    default = ssl.create_default_context(cafile=configuration.ssl_ca_cert, cadata=configuration.ca_cert_data)
    context = tls.as_kubectl(default)
    if configuration.cert_file:
        context.load_cert_chain(configuration.cert_file, keyfile=configuration.key_file)
    if not configuration.verify_ssl:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def find_proxy(found: Configuration) -> None:
    """Set the proxy as kubectl does: `proxy-url` of the kubeconfig, otherwise the environment. Raises ValueError."""
    if found.proxy:
        proxy: Proxy | None = Proxy.parsed(found.proxy, "proxy-url in the kubeconfig")
    else:
        proxy = Proxies.from_environment().of(found.host)
    if proxy:
        found.proxy, found.proxy_headers = proxy.url, proxy.headers


UNREADABLE = (config.ConfigException, yaml.YAMLError, OSError, TypeError, AttributeError)
"""The errors of the library for an invalid kubeconfig; the last two, if its YAML is not a mapping."""


@contextmanager
def configuration_errors(where: str) -> Iterator[None]:
    """Convert the errors of the library to ValueError. `where`: the source of the configuration, for the message."""
    try:
        yield
    except UNREADABLE as error:
        # The library's messages contain whole kubeconfig entries, the token included.
        message = re.sub(r"/?\{.*\}", "", " ".join(str(error).split()))
        raise ValueError(f"cannot determine from {where} how to reach a cluster: {message}") from None


async def configuration() -> Configuration:
    """Load KUBECONFIG, else the pod's service account, else ~/.kube/config. Raises ValueError."""
    found = Configuration()
    if "KUBECONFIG" not in os.environ and "KUBERNETES_SERVICE_HOST" in os.environ:
        with configuration_errors("the pod's service account"):
            config.load_incluster_config(client_configuration=found)  # type: ignore[no-untyped-call]
    else:
        with configuration_errors(f"KUBECONFIG={os.environ.get('KUBECONFIG', '~/.kube/config')}"):
            # The library reads the variable only at its import.
            await config.load_kube_config(  # type: ignore[no-untyped-call]
                os.environ.get("KUBECONFIG"), client_configuration=found, persist_config=False
            )
    find_proxy(found)
    return found
