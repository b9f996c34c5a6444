"""Flags and names as kubectl accepts them."""

import click
import pytest
from click.testing import CliRunner

from assistant_operator.kubectl.kubeconfig import ConnectionFlags
from assistant_operator.kubectl.parameters import (
    KubectlGroup,
    click_arguments,
    connection_options,
    field_path,
    object_name,
    version_number,
)
from assistant_operator.kubectl.session import Session, session


@click.command()
@click.argument("names", nargs=-1)
@click.option("-o", "--output")
@click.option("--watch/--no-watch", default=True)
@connection_options
@click.pass_context
def get(ctx: click.Context, *, names: tuple[str, ...], output: str | None, watch: bool) -> None:
    click.echo(repr((session(ctx), names, output, watch)))


@click.group(cls=KubectlGroup, commands=[get])
@connection_options
def group() -> None:
    """A group with that one command."""


def a_session(namespace: str | None = None, verbosity: int = 0, **flags: str) -> Session:
    return Session(ConnectionFlags(**flags), namespace, verbosity)


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        pytest.param("get", (a_session(), (), None, True), id="no flag"),
        pytest.param("get -n team", (a_session("team"), (), None, True), id="behind the command"),
        pytest.param("-n team get", (a_session("team"), (), None, True), id="before it"),
        pytest.param("-n one get -n two", (a_session("two"), (), None, True), id="the last one counts"),
        pytest.param(
            "get -nteam a --context=prod", (a_session("team", context="prod"), ("a",), None, True), id="joined"
        ),
        pytest.param("get -n=team -o=yaml", (a_session("team"), (), "yaml", True), id="with an equals sign"),
        pytest.param("get a --as me -v 6", (a_session(verbosity=6, user="me"), ("a",), None, True), id="the others"),
        pytest.param("get --kubeconfig f --v=7", (a_session(verbosity=7, kubeconfig="f"), (), None, True), id="a file"),
        pytest.param("get -- -n -o=yaml", (a_session(), ("-n", "-o=yaml"), None, True), id="after -- there is no flag"),
        pytest.param("get a --watch=false", (a_session(), ("a",), None, False), id="--watch=false"),
        pytest.param("get a --watch=true", (a_session(), ("a",), None, True), id="--watch=true"),
    ],
)
def test_flags_of_the_connection_may_stand_anywhere(typed: str, read: tuple[object, ...]) -> None:
    result = CliRunner().invoke(group, typed.split(), catch_exceptions=False)
    assert result.output == f"{read!r}\n"


@pytest.mark.parametrize("typed", ["get -n", "get -n ../a", "get -v much", "-n ../a get"])
def test_a_wrong_value_is_a_misuse(typed: str) -> None:
    assert CliRunner().invoke(group, typed.split()).exit_code == 2


def test_a_value_may_contain_an_equals_sign() -> None:
    assert click_arguments(["get", "-l=a=b", "-l", "a=b", "--selector=a=b"]) == [
        *("get", "-l", "a=b", "-l", "a=b", "--selector=a=b")
    ]


@pytest.mark.parametrize(
    ("name", "plain"),
    [("bot", "bot"), ("assistant/bot", "bot"), ("asst/bot", "bot"), ("assistant.assistant-operator.dev/bot", "bot")],
)
def test_a_name_may_have_its_type_before_it(name: str, plain: str) -> None:
    assert object_name(name) == plain


@pytest.mark.parametrize("name", ["pod/bot", "", "assistant/", "../graphs", "a?b"])
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(click.BadParameter):
        object_name(name)


@pytest.mark.parametrize(("text", "number"), [("2", 2), ("v2", 2), ("007", 7)])
def test_the_number_of_a_version(text: str, number: int) -> None:
    assert version_number(text) == number


@pytest.mark.parametrize("text", ["", "0", "v", "-1", "vv2", "two", "2.0", "bot-v2"])
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter, match="is not the number of a version"):
        version_number(text)


def test_a_field_is_refused_in_words() -> None:
    assert field_path("context.prompt") == ("context", "prompt")
    with pytest.raises(click.BadParameter, match=r"'a\.\.b' is not a field"):
        field_path("a..b")
