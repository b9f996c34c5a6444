"""The arguments of `set`: paths and values, and what is refused."""

import sys
from pathlib import Path
from typing import Any

import pytest

from assistant_operator.kubectl.assignments import Assignment, parse_assignments, parse_json
from assistant_operator.kubectl.errors import MISUSED, CliError
from assistant_operator.kubectl.set import read_text

FILES = {"prompt.txt": "You are kind.\n", "tools.json": '["a", 1]', "-": "from stdin", "": "no name"}


@pytest.mark.parametrize(
    ("text", "path", "value"),
    [
        pytest.param("context.model=large", ("context", "model"), "large", id="a text"),
        pytest.param("/context/model=large", ("context", "model"), "large", id="a JSON Pointer"),
        pytest.param("spec.context.model=large", ("context", "model"), "large", id="with spec"),
        pytest.param(r"context.a\.b\=c=d=e", ("context", "a.b=c"), "d=e", id="only the first = separates"),
        pytest.param("context.t=0.2", ("context", "t"), 0.2, id="a number"),
        pytest.param("context.t=9007199254740993", ("context", "t"), 2**53 + 1, id="a large number"),
        pytest.param("context.t=true", ("context", "t"), True, id="true"),
        pytest.param("context.t=null", ("context", "t"), None, id="null"),
        pytest.param('context.t="42"', ("context", "t"), "42", id="a quoted text"),
        pytest.param('context.t={"a":[1]}', ("context", "t"), {"a": [1]}, id="an object"),
        pytest.param("context.t=0815", ("context", "t"), "0815", id="no JSON number"),
        pytest.param("context.t=True", ("context", "t"), "True", id="no JSON boolean"),
        pytest.param("context.t=NaN", ("context", "t"), "NaN", id="no JSON constant"),
        pytest.param("context.t=1e999", ("context", "t"), "1e999", id="no finite number"),
        pytest.param("context.t=", ("context", "t"), "", id="an empty text"),
        pytest.param("context.t= x ", ("context", "t"), " x ", id="blanks remain"),
        pytest.param("context.t={{ name }}, hello", ("context", "t"), "{{ name }}, hello", id="a template"),
        pytest.param("context.t=a\nb", ("context", "t"), "a\nb", id="lines"),
        pytest.param("context.p=@prompt.txt", ("context", "p"), "You are kind.\n", id="a file, with its last line end"),
        pytest.param("context.p=@tools.json", ("context", "p"), '["a", 1]', id="a file is a text"),
        pytest.param("context.p:=@tools.json", ("context", "p"), ["a", 1], id="with := it is JSON"),
        pytest.param("context.p=@-", ("context", "p"), "from stdin", id="standard input"),
        pytest.param('config.tags:=["a"]', ("config", "tags"), ["a"], id="JSON"),
        pytest.param('context.p="@home"', ("context", "p"), "@home", id="a quoted @"),
        pytest.param("versioning.historyLimit=5", ("versioning", "historyLimit"), 5, id="a control field"),
    ],
)
def test_a_path_and_a_value(text: str, path: tuple[str, ...], value: Any) -> None:
    (found,) = parse_assignments([text], FILES.__getitem__)
    assert found == Assignment(path, value)
    assert type(found.value) is type(value)


@pytest.mark.parametrize("text", ['context.t={"a":1,}', "context.t=[1", 'context.t="x'])
def test_what_begins_like_json_is_remarked(text: str) -> None:
    (found,) = parse_assignments([text], FILES.__getitem__)
    assert found.value == text.partition("=")[2]
    assert found.note == "the value of context.t begins like JSON and is not JSON: it is set as text"


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["context.prompt"], "error: 'context.prompt' is no assignment: write context.prompt=TEXT or"),
        (["=x"], "error: '=x' is no assignment"),
        (["a..b=x"], "error: 'a..b' is not a field: write context.prompt, or the JSON Pointer /context/prompt"),
        (
            ["prompt=x"],
            "error: spec has no field 'prompt': it has graphRef, displayName, description, context, config,",
        ),
        (["status.x=1"], "error: spec has no field 'status'"),
        (["context.t:=[1,"], "error: the value of context.t is not JSON: Expecting value at line 1, column 4"),
        (["context.t:=secret"], "error: the value of context.t is not JSON: Expecting value at line 1, column 1"),
        (["context.t:=NaN"], "error: the value of context.t is not JSON: JSON has no NaN"),
        (["context.t:=@prompt.txt"], "error: the value of context.t is not JSON: Expecting value"),
        (["context.a=@-", "context.b=@-"], "error: only one field can have the text of standard input (@-)"),
    ],
)
def test_a_misuse(texts: list[str], message: str) -> None:
    with pytest.raises(CliError) as error:
        parse_assignments(texts, FILES.__getitem__)
    assert str(error.value).startswith(message)
    assert error.value.exit_code == MISUSED
    assert "secret" not in str(error.value)


@pytest.mark.parametrize("levels", [11_000, 200_000])
def test_json_with_more_levels_than_the_api_server_accepts_is_refused(levels: int) -> None:
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(50_000)  # as the program does
    try:
        with pytest.raises(ValueError, match="it has more than 10000 levels"):
            parse_json("[" * levels + "]" * levels)
    finally:
        sys.setrecursionlimit(before)


def test_a_file_is_read_byte_for_byte(tmp_path: Path) -> None:
    content = "\ufefflines\r\nand {{ braces }}\n\n".encode()
    (tmp_path / "p").write_bytes(content)
    assert read_text(str(tmp_path / "p")).encode() == content


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("missing", "cannot be read: No such file or directory"),
        ("", "cannot be read: Is a directory"),
        ("binary", "is not UTF-8 text: byte 1 is invalid"),
    ],
)
def test_a_file_that_cannot_be_read(tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / "binary").write_bytes(b"a\xff")
    with pytest.raises(CliError, match=message) as error:
        read_text(f"{tmp_path}/{name}")
    assert error.value.exit_code == MISUSED
