"""Which requests the dashboard answers."""

from dataclasses import replace

import pytest

from assistant_operator.kubectl.dashboard.security import HEADERS, Expected, Incoming, Login, Refusal, refusal

EXPECTED = Expected(7788, "the-session", "the-form")
OWN = "http://127.0.0.1:7788"
READ = Incoming(host="127.0.0.1:7788", cookie="the-session")
WRITE = replace(READ, method="POST", origin=OWN, csrf="the-form", fetch_site="same-origin", fetch_mode="navigate")


@pytest.mark.parametrize(
    ("incoming", "reason"),
    [
        pytest.param(READ, None, id="a page"),
        pytest.param(replace(READ, host="localhost:7788"), None, id="the other name of loopback"),
        pytest.param(replace(READ, host="evil.example:7788"), Refusal.HOST, id="a name that resolves to loopback"),
        pytest.param(replace(READ, host="127.0.0.1:80"), Refusal.HOST, id="another port"),
        pytest.param(replace(READ, host=""), Refusal.HOST, id="no host"),
        pytest.param(replace(READ, cookie=""), Refusal.LOGIN, id="no cookie"),
        pytest.param(replace(READ, cookie="the-sessiom"), Refusal.LOGIN, id="a guessed cookie"),
        pytest.param(replace(READ, cookie="ü"), Refusal.LOGIN, id="a cookie that is not ASCII"),
        pytest.param(replace(READ, cookie="", path="/static/dashboard.css"), None, id="a style sheet has no secrets"),
        pytest.param(replace(READ, origin="https://evil.example"), Refusal.ORIGIN, id="fetched by another site"),
        pytest.param(replace(READ, origin="null"), Refusal.ORIGIN, id="from a sandboxed frame"),
        pytest.param(replace(READ, origin="http://127.0.0.1:9999"), Refusal.ORIGIN, id="from another port"),
        pytest.param(
            replace(READ, fetch_site="cross-site", fetch_mode="no-cors"), Refusal.ORIGIN, id="an image of another site"
        ),
        pytest.param(
            replace(READ, fetch_site="same-site", fetch_mode="cors"), Refusal.ORIGIN, id="a script of another port"
        ),
        pytest.param(
            replace(READ, path="/static/x", fetch_site="cross-site", fetch_mode="no-cors"), Refusal.ORIGIN, id="static"
        ),
        pytest.param(replace(READ, fetch_site="cross-site", fetch_mode="navigate"), None, id="a link of another site"),
        pytest.param(WRITE, None, id="a form"),
        pytest.param(replace(WRITE, origin=""), Refusal.ORIGIN, id="a write without an origin"),
        pytest.param(
            replace(WRITE, origin="http://localhost:7788"), Refusal.ORIGIN, id="an origin that is not the host"
        ),
        pytest.param(replace(WRITE, csrf=""), Refusal.CSRF, id="a form of another session"),
        pytest.param(replace(WRITE, cookie=""), Refusal.LOGIN, id="a write without a cookie"),
        pytest.param(replace(WRITE, method="DELETE", csrf=""), Refusal.CSRF, id="any method that writes"),
    ],
)
def test_only_the_browser_that_opened_the_url_is_answered(incoming: Incoming, reason: Refusal | None) -> None:
    assert refusal(incoming, EXPECTED) == reason


def test_the_token_signs_in_once() -> None:
    login = Login(7788)
    token = login.token
    assert [login.redeem(each) for each in ("", "x", token, token, "")] == [False, False, True, False, False]


def test_each_run_has_secrets_of_its_own() -> None:
    secrets = [value for login in (Login(1), Login(1)) for value in (login.token, *_secrets(login.expected))]
    assert len(set(secrets)) == 6
    assert all(len(each) >= 43 for each in secrets)


def _secrets(expected: Expected) -> tuple[str, str]:
    return expected.session, expected.csrf


def test_two_dashboards_do_not_share_a_cookie() -> None:
    assert Login(1).expected.cookie_name != Login(2).expected.cookie_name


def test_nothing_inline_and_no_other_host_is_permitted() -> None:
    policy = dict(each.strip().split(" ", 1) for each in HEADERS["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert {policy[f"{kind}-src"] for kind in ("script", "style", "img", "connect")} == {"'self'"}
    assert "unsafe" not in HEADERS["Content-Security-Policy"]
