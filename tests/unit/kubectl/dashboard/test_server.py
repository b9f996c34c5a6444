"""The dashboard over HTTP, on a cluster that does not answer."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from types import SimpleNamespace

import aiohttp
import pytest
from aiohttp import web

from assistant_operator.clients.kubernetes.configuration import Configuration
from assistant_operator.clients.kubernetes.transport import ApiServer
from assistant_operator.kubectl.client import KubectlClient
from assistant_operator.kubectl.dashboard.security import HEADERS, Login
from assistant_operator.kubectl.dashboard.server import application
from assistant_operator.kubectl.dashboard.site import Site
from harness.support.ports import free_port


@dataclass
class Browser:
    """Requests with the cookie of the session."""

    session: aiohttp.ClientSession
    site: Site
    base: str

    async def get(self, path: str, **headers: str) -> tuple[int, str]:
        async with self.session.get(self.base + path, headers=headers, allow_redirects=False) as answer:
            return answer.status, await answer.text()

    async def sign_in(self) -> None:
        assert (await self.get(f"/?token={self.site.login.token}"))[0] == 303


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    configuration = Configuration()
    configuration.host = f"http://127.0.0.1:{free_port()}"
    kubectl, port = KubectlClient(ApiServer(configuration)), free_port()
    site = Site(kubectl, Login(port), "nowhere", "team")
    runner = web.AppRunner(application(site), access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    jar = aiohttp.CookieJar(unsafe=True)  # a cookie of an address
    async with aiohttp.ClientSession(cookie_jar=jar) as session:
        yield Browser(session, site, f"http://127.0.0.1:{port}")
    await runner.cleanup()
    await site.feeds.close()
    await kubectl.close()


async def test_the_printed_url_opens_one_session(browser: Browser) -> None:
    assert (await browser.get("/"))[0] == 403
    token = browser.site.login.token
    async with browser.session.get(f"{browser.base}/assistants/a/b?q=1&token={token}", allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Location"]) == (303, "/assistants/a/b?q=1")
        cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert (await browser.get("/"))[0] == 503, "signed in, and the cluster does not answer"
    assert (await browser.get(f"/?token={token}"))[0] == 303, "a browser that is signed in may reload the printed URL"
    browser.session.cookie_jar.clear()
    status, page = await browser.get(f"/?token={token}")
    assert (status, "was used before" in page, token in page) == (403, True, False)


@pytest.mark.parametrize(
    ("headers", "words"),
    [
        ({"Host": "evil.example"}, "not the one that the command printed"),
        ({"Origin": "https://evil.example"}, "a page of another site"),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}, "a page of another site"),
    ],
)
async def test_a_foreign_page_gets_nothing(browser: Browser, headers: dict[str, str], words: str) -> None:
    await browser.sign_in()
    status, page = await browser.get("/", **headers)
    assert (status, words in page) == (403, True)


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/", 503, "The cluster does not answer"),
        ("/assistants/team/bot", 503, "The cluster does not answer"),
        ("/assistants/team/bot/versions/1", 503, "The cluster does not answer"),
        ("/assistants/team/bot/versions/x", 404, "has no version"),
        ("/assistants/team/bot/move?version=1&alias=production", 503, "The cluster does not answer"),
        ("/assistants/team/bot/move?version=1&alias=..%2Fbot", 404, "does not have the name of an alias"),
        ("/assistants/..%2F..%2Fapi/bot", 404, "does not have the name of an assistant"),
        ("/assistants/team/B%3Cb%3Eot", 404, "does not have the name of an assistant"),
        ("/nonsense", 404, "There is no such page"),
        ("/static/../server.py", 404, "There is no such page"),
    ],
)
async def test_an_error_is_a_page(browser: Browser, path: str, status: int, words: str) -> None:
    await browser.sign_in()
    answered, page = await browser.get(path)
    assert (answered, words in page) == (status, True)
    assert "Traceback" not in page


async def test_a_bug_is_a_line_and_no_stack_trace(browser: Browser, capsys: pytest.CaptureFixture[str]) -> None:
    await browser.sign_in()
    browser.site.client = SimpleNamespace()  # type: ignore[assignment]  # a bug
    status, page = await browser.get("/assistants/team/bot/versions/1")
    assert (status, "This is a bug" in page, "Traceback" in page) == (500, True, False)
    assert capsys.readouterr().err.startswith("error: GET /assistants/team/bot/versions/1: AttributeError: ")


async def test_every_answer_has_the_headers(browser: Browser) -> None:
    await browser.sign_in()
    for path in ("/", "/nonsense", "/static/dashboard.css", "/static/dashboard.js"):
        async with browser.session.get(browser.base + path) as answer:
            assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS, path
