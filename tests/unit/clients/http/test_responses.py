"""What the clients share: when to ask again, and errors in words that hold no secret."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import aiohttp
import pytest
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from assistant_operator.clients.http import responses


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        pytest.param(None, None, id="there is none"),
        pytest.param("", None, id="it is empty"),
        pytest.param("0", 0.0, id="at once"),
        pytest.param(" 7 ", 7.0, id="seconds"),
        pytest.param("86400", 300.0, id="a day is too long"),
        pytest.param("9" * 400, 300.0, id="a number that no double holds"),
        pytest.param("-1", None, id="a negative number"),
        pytest.param("1.5", None, id="no whole number"),
        pytest.param("²", None, id="a digit that is none"),
        pytest.param("soon", None, id="words"),
        pytest.param("Wed, 21 Oct 2015 07:28:00 GMT", None, id="a time that has passed"),
        pytest.param("Wed, 21 Oct 2099 07:28:00 GMT", 300.0, id="a time that is far away"),
        pytest.param("Wed, 99 Oct 2099 07:28:00 GMT", None, id="a day that there is not"),
    ],
)
def test_when_to_ask_again(header: str | None, seconds: float | None) -> None:
    assert responses.retry_after_seconds(header) == seconds


def test_when_to_ask_again_as_a_date() -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    seconds = responses.retry_after_seconds(date)
    assert seconds
    assert 50 < seconds <= 60


@pytest.mark.parametrize("text", [b"{", b"[" * 100_000, b"\xff", b"1" * 5_000], ids=["cut", "deep", "binary", "long"])
def test_what_is_no_json_is_one_kind_of_error(text: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        responses.parse_json(text)


def test_an_error_in_words_shows_no_header() -> None:
    headers = CIMultiDictProxy(CIMultiDict({"Authorization": "Bearer canary"}))
    asked = aiohttp.RequestInfo(URL("https://api/x"), "GET", headers, URL("https://api/x"))
    error = aiohttp.ClientResponseError(asked, (), status=502, message="Bad\nGateway")
    assert "canary" in repr(error)
    assert responses.describe(error) == "ClientResponseError(502, message='Bad\\nGateway', url='https://api/x')"
    assert responses.describe(TimeoutError()) == "TimeoutError()"
