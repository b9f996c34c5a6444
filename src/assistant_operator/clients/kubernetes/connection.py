"""How to reach one API server: where it is, whom to trust, through which proxy, and as whom."""

import asyncio
import os
import re
import ssl
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

import aiohttp
import yaml
from kubernetes.aio import config
from kubernetes.aio.client import Configuration as Configuration  # noqa: PLC0414 (the other clients take it from here)

from assistant_operator.clients.http import tls
from assistant_operator.clients.http.proxies import Proxies, Proxy

Reload = Callable[[], Awaitable[Configuration]]

_IDLE = 45.0
"""Seconds until an unused connection is closed: before the API server (90) or what stands in front of it does that."""
_LONGEST_READ_AHEAD = 2**21
_LOGIN_AGAIN = 10.0
"""Seconds between two looks for fresh credentials: an exec plugin is a program that is started."""


class Login:
    """Who we are to one API server. As a middleware of a session it signs each request.

    When the API server no longer accepts a token, it is read again, as `kubectl` does: from the file that rotates it,
    or from the exec plugin; and the request is sent a second time.
    """

    def __init__(self, configuration: Configuration, reload: Reload | None = None) -> None:
        """Reads files. Raises OSError for certificates that cannot be used."""
        self.configuration = configuration
        self.trust = _trust(configuration)
        self._reload = reload
        self._turn = asyncio.Lock()
        self._looked = float("-inf")

    def session(self) -> aiohttp.ClientSession:
        """A session of its own."""
        return aiohttp.ClientSession(
            # Connections outlast the pauses between a person's edits: a new one begins with a handshake.
            # As many as are needed: each namespace that is watched takes one for as long as the process runs.
            connector=aiohttp.TCPConnector(limit=0, ssl=self.trust, keepalive_timeout=_IDLE),
            # Looking up proxies and netrc at every request would make each four times as dear.
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
            # A POST that is redirected would be answered as if it had been a GET.
            answer.close()
            where = answer.headers.get("Location", "nowhere")
            raise aiohttp.ClientConnectionError(f"{answer.status}, redirects to {where}: no Kubernetes API does that")
        return answer

    def _through_proxy(self, request: aiohttp.ClientRequest) -> None:
        told = self.configuration.proxy_headers
        if told and request.is_ssl():
            request.update_proxy(request.proxy, None, told)
        elif told:
            request.headers.update(told)

    async def _sent(self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
        try:
            return await handler(request)
        except aiohttp.ClientHttpProxyError as error:
            # Its repr shows what the proxy was told. And it is an answer of the proxy, not one of the API server.
            told = f"the proxy answers {error.status} {error.message}"
            raise aiohttp.ClientConnectionError(told) from None

    async def _sign(self, request: aiohttp.ClientRequest) -> str | None:
        """The token that was used. Raises ClientConnectionError when it cannot be read just now."""
        try:
            token = await self.configuration.get_api_key_with_prefix("BearerToken")
        except (config.ConfigException, OSError) as error:
            raise aiohttp.ClientConnectionError(f"the service account's token cannot be read: {error}") from error
        if token:
            request.headers["Authorization"] = token.strip()
        return token

    async def _is_renewed(self, used: str | None) -> bool:
        """Whether there is another token than the one that was refused."""
        if self._reload is None:
            return False
        async with self._turn:
            if self._token() != used:
                return True
            now = asyncio.get_running_loop().time()
            if now - self._looked < _LOGIN_AGAIN:
                return False
            self._looked = now
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
    made = ssl.create_default_context(cafile=configuration.ssl_ca_cert, cadata=configuration.ca_cert_data)
    context = tls.as_kubectl(made)
    if configuration.cert_file:
        context.load_cert_chain(configuration.cert_file, keyfile=configuration.key_file)
    if not configuration.verify_ssl:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def find_proxy(found: Configuration) -> None:
    """As kubectl: the `proxy-url` of the kubeconfig, else what the environment says. Raises ValueError."""
    if found.proxy:
        proxy: Proxy | None = Proxy.parsed(found.proxy, "proxy-url in the kubeconfig")
    else:
        proxy = Proxies.from_environment().of(found.host)
    if proxy:
        found.proxy, found.proxy_headers = proxy.url, proxy.headers


UNREADABLE = (config.ConfigException, yaml.YAMLError, OSError, TypeError, AttributeError)
"""What the library makes of a kubeconfig that is none: the last two, of YAML that is no mapping."""


@contextmanager
def configuration_errors(where: str) -> Iterator[None]:
    """Whatever the library makes of what is written there, in words for the person who wrote it. Raises ValueError."""
    try:
        yield
    except UNREADABLE as error:
        # The library names an entry of a kubeconfig by its whole content, the token included.
        told = re.sub(r"/?\{.*\}", "", " ".join(str(error).split()))
        raise ValueError(f"cannot tell from {where} how to reach a cluster: {told}") from None


async def configuration() -> Configuration:
    """How to reach the cluster: KUBECONFIG, else the pod's service account, else ~/.kube/config. Raises ValueError."""
    found = Configuration()
    if "KUBECONFIG" not in os.environ and "KUBERNETES_SERVICE_HOST" in os.environ:
        with configuration_errors("the pod's service account"):
            config.load_incluster_config(client_configuration=found)  # type: ignore[no-untyped-call]
    else:
        with configuration_errors(f"KUBECONFIG={os.environ.get('KUBECONFIG', '~/.kube/config')}"):
            # The library read the variable when it was imported.
            await config.load_kube_config(  # type: ignore[no-untyped-call]
                os.environ.get("KUBECONFIG"), client_configuration=found, persist_config=False
            )
    find_proxy(found)
    return found
