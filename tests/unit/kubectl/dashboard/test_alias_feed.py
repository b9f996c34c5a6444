"""A page without aliases: what it says, and what it does not."""

from typing import Any

import pytest

from assistant_operator.clients.kubernetes.configuration import Configuration
from assistant_operator.clients.kubernetes.transport import ApiServer, ClusterRefused, ClusterUnavailable, Status
from assistant_operator.kubectl.dashboard.alias_feed import Aliases, read_aliases
from assistant_operator.kubectl.dashboard.feed import Feed, Source

REST = "on assistantaliases.assistant-operator.dev is missing."


def refused(code: int, message: str, kind: str = "") -> ClusterRefused:
    return ClusterRefused("GET /aliases", Status(code, message=message, kind=kind))


def a_feed(error: Any, *, is_listed: bool) -> Feed[str]:
    feed = Feed(ApiServer(Configuration(host="http://127.0.0.1:9")), Source("/aliases"), str)
    feed.items = {("team", "production"): "production"} if is_listed else {}
    feed.error, feed.lost = error, str(error) if error else ""
    feed._is_listed = is_listed  # noqa: SLF001 (as its listing does)
    return feed


@pytest.mark.parametrize(
    ("error", "is_listed", "shown"),
    [
        pytest.param(None, True, Aliases(("production",)), id="watched"),
        pytest.param(refused(404, "404 page not found"), False, Aliases(), id="the kind is not served"),
        pytest.param(refused(404, "404 page not found"), True, Aliases(), id="the kind is not served any more"),
        pytest.param(
            refused(403, 'User "ann" cannot list resource', "assistantaliases"),
            False,
            Aliases(notes=(f"You may not list aliases: the permission list {REST}",)),
            id="the user may not list them",
        ),
        pytest.param(
            refused(403, 'User "ann" cannot watch resource', "assistantaliases"),
            True,
            Aliases(notes=(f"You may not watch aliases: the permission watch {REST}",)),
            id="the user may not watch them",
        ),
        pytest.param(
            refused(400, "field label not supported"),
            False,
            Aliases(notes=("Aliases cannot be read: field label not supported",)),
            id="another refusal",
        ),
        pytest.param(ClusterUnavailable("no answer"), False, Aliases(lost="no answer"), id="not listed yet"),
        pytest.param(
            ClusterUnavailable("no answer"), True, Aliases(("production",), lost="no answer"), id="the watch broke off"
        ),
    ],
)
async def test_what_a_page_has(error: Any, is_listed: bool, shown: Aliases[str]) -> None:  # noqa: FBT001 (a row)
    assert await read_aliases(a_feed(error, is_listed=is_listed)) == shown


async def test_an_alias_of_an_unknown_form_is_named() -> None:
    feed = a_feed(None, is_listed=True)
    feed.unreadable = {("team", "odd")}
    found = await read_aliases(feed)
    assert found.notes == ("Alias 'odd' in namespace 'team' has a form that this release of the plugin cannot read.",)
