"""The proxy of a request: HTTP_PROXY, HTTPS_PROXY and NO_PROXY, as golang.org/x/net/http/httpproxy reads them."""

import pytest

from assistant_operator.clients.http.proxies import Proxies, Proxy

BOTH = {"HTTP_PROXY": "http://plain:3128", "HTTPS_PROXY": "http://secure:3128"}
SERVER = "https://langgraph.example.com"


@pytest.mark.parametrize(
    ("url", "environment", "proxy"),
    [
        pytest.param(SERVER, {}, None, id="none is named"),
        pytest.param(SERVER, BOTH, "http://secure:3128", id="for https"),
        pytest.param("http://langgraph.example.com", BOTH, "http://plain:3128", id="for http"),
        pytest.param(SERVER, {"HTTP_PROXY": "http://plain"}, None, id="that of http is not for https"),
        pytest.param(SERVER, {"https_proxy": "http://small"}, "http://small", id="in small letters"),
        pytest.param(SERVER, {**BOTH, "https_proxy": "http://small"}, "http://secure:3128", id="capitals win"),
        pytest.param(SERVER, {"HTTPS_PROXY": "proxy:3128"}, "http://proxy:3128", id="without its scheme"),
        pytest.param(SERVER, {"HTTPS_PROXY": "https://proxy"}, "https://proxy", id="a proxy that speaks TLS"),
        pytest.param(SERVER, {"HTTPS_PROXY": "http://[fd00::1]:8"}, "http://[fd00::1]:8", id="a proxy of IPv6"),
        pytest.param(SERVER, {"ALL_PROXY": "http://proxy"}, None, id="ALL_PROXY is curl's alone"),
    ],
)
def test_which_proxy(url: str, environment: dict[str, str], proxy: str | None) -> None:
    found = Proxies.from_environment(environment).of(url)
    assert (found.url if found else None) == proxy


DIRECT, PROXIED = True, False


@pytest.mark.parametrize(
    ("url", "no_proxy", "direct"),
    [
        pytest.param("http://localhost", "", DIRECT, id="this machine by name"),
        pytest.param("http://LOCALHOST:8123", "", DIRECT, id="whatever its letters"),
        pytest.param("http://127.0.0.1:8123", "", DIRECT, id="this machine by address"),
        pytest.param("http://127.8.9.1", "", DIRECT, id="by any of its addresses"),
        pytest.param("http://[::1]:8123", "", DIRECT, id="by its address in IPv6"),
        pytest.param("http://10.1.2.3", "", PROXIED, id="another address"),
        pytest.param("http://localhost.example.com", "", PROXIED, id="a name that begins like it"),
        pytest.param("http://any.example.com", "*", DIRECT, id="everything"),
        pytest.param("http://any.example.com", "a.b, *", DIRECT, id="everything among others"),
        pytest.param("http://example.com", "example.com", DIRECT, id="a domain"),
        pytest.param("http://a.b.example.com", "example.com", DIRECT, id="with all below it"),
        pytest.param("http://notexample.com", "example.com", PROXIED, id="not one that ends like it"),
        pytest.param("http://EXAMPLE.com", "Example.COM", DIRECT, id="whatever the letters"),
        pytest.param("http://example.com.", "example.com", DIRECT, id="a dot at the end of the host"),
        pytest.param("http://example.com", "example.com.", DIRECT, id="a dot at the end of the entry"),
        pytest.param("http://a.example.com", ".example.com", DIRECT, id="a leading dot: what is below"),
        pytest.param("http://example.com", ".example.com", PROXIED, id="a leading dot: not the domain itself"),
        pytest.param("http://a.example.com", "*.example.com", DIRECT, id="a star: what is below"),
        pytest.param("http://example.com", "*.example.com", PROXIED, id="a star: not the domain itself"),
        pytest.param("http://lg.team.svc:8123", ".svc,.cluster.local", DIRECT, id="a Service of the cluster"),
        pytest.param("http://example.com", "example.com:80", DIRECT, id="the port of the scheme"),
        pytest.param("https://example.com", "example.com:443", DIRECT, id="that of https"),
        pytest.param("http://example.com:8123", "example.com:8123", DIRECT, id="the port that is meant"),
        pytest.param("http://example.com", "example.com:8123", PROXIED, id="another port"),
        pytest.param("http://10.1.2.3", "10.1.2.3", DIRECT, id="an address"),
        pytest.param("http://10.1.2.3:8123", "10.1.2.3:8123", DIRECT, id="an address and its port"),
        pytest.param("http://10.1.2.3", "10.1.2.3:8123", PROXIED, id="an address and another port"),
        pytest.param("http://10.1.2.3", "10.0.0.0/8", DIRECT, id="a network"),
        pytest.param("http://10.1.2.3", "10.1.9.9/16", DIRECT, id="a network by one of its addresses"),
        pytest.param("http://11.1.2.3", "10.0.0.0/8", PROXIED, id="outside of the network"),
        pytest.param("http://ten.example.com", "10.0.0.0/8", PROXIED, id="a name is in no network"),
        pytest.param("http://[fd00::5]", "fd00::/8", DIRECT, id="a network of IPv6"),
        pytest.param("http://[fd00::5]:80", "[fd00::5]:80", DIRECT, id="an address of IPv6 and its port"),
        pytest.param("http://[fd00::5]", "[fd00::5]", DIRECT, id="an address of IPv6 in brackets"),
        pytest.param("http://[fd00:0:0::5]", "fd00::5", DIRECT, id="however it is spelled"),
        pytest.param("http://10.1.2.3", "fd00::/8", PROXIED, id="a network of another kind"),
        pytest.param("http://1.2.3.4", ".4", PROXIED, id="an address is below no domain"),
        pytest.param("http://b.example", "a.example, b.example", DIRECT, id="one of several"),
        pytest.param("http://b.example", "a.example b.example", DIRECT, id="as curl takes them, with spaces"),
        pytest.param("http://example.com", ",, :80 . *.", PROXIED, id="entries that mean nothing"),
    ],
)
def test_which_hosts_are_reached_without_one(url: str, no_proxy: str, *, direct: bool) -> None:
    proxies = Proxies.from_environment({**BOTH, "NO_PROXY": no_proxy})
    assert (proxies.of(url) is None) is direct


def test_credentials_are_no_part_of_the_address_and_never_shown() -> None:
    proxies = Proxies.from_environment({"HTTPS_PROXY": "http://me:s%40cret@proxy:3128"})
    found = proxies.of(SERVER)
    assert found == Proxy("http://proxy:3128", "Basic bWU6c0BjcmV0")
    assert "bWU6" not in repr(found)
    assert "cret" not in repr(proxies)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("socks5://me:secret@proxy:1080", "speaks socks5: only http and https are supported"),
        ("socks5h://proxy:1080", "speaks socks5h: only http and https are supported"),
        ("http://", "has no host"),
        ("http://me:secret@proxy:port", "is no URL"),
        ("http://[secret", "is no URL"),
    ],
)
def test_a_proxy_that_cannot_be_used_is_told_by_the_variable_that_names_it(url: str, words: str) -> None:
    with pytest.raises(ValueError, match=f"^the proxy that HTTPS_PROXY names {words}$") as told:
        Proxies.from_environment({"HTTPS_PROXY": url}).of(SERVER)
    assert "secret" not in str(told.value)
    assert told.value.__cause__ is None
