"""The format of the log, in a process of its own: the configuration applies to the whole process."""

import json
import re
import subprocess
import sys

import pytest

PROGRAM = """
import logging, sys
from assistant_operator.runtime.logs import bind_object, configure
configure(sys.argv[1], sys.argv[2])
log = logging.getLogger("assistant_operator.runtime.controller")
log.debug("detail")
log.info("recorded %s", "bot-v1")
logging.getLogger("kopf.objects").info("Handler succeeded.")
bind_object("Assistant", ("team", "bot"))
log.warning("a page:\\n<h1>\\r\\n")
try:
    raise ValueError("no")
except ValueError:
    log.exception("a bug")
"""
PAGE = "a page:\n<h1>\r\n"
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"


def lines(level: str, form: str) -> list[str]:
    done = subprocess.run([sys.executable, "-c", PROGRAM, level, form], capture_output=True, text=True, check=True)
    assert done.stdout == "", "the log goes to standard error"
    return done.stderr.splitlines()


def test_each_text_record_is_one_line_even_with_line_breaks_in_its_message() -> None:
    text = lines("info", "text")
    assert re.fullmatch(f"{TIME} INFO    recorded bot-v1", text[0])
    assert text[1].partition(" ")[2] == r"WARNING a page:\n<h1>\r\n"
    assert text[2].partition(" ")[2] == "ERROR   a bug"
    assert text[3] == "Traceback (most recent call last):"
    assert text[-1] == "ValueError: no"


def test_each_json_record_is_an_object_with_the_bound_object_and_the_traceback() -> None:
    recorded, page, bug = (json.loads(line) for line in lines("info", "json"))
    logger = {"logger": "assistant_operator.runtime.controller"}
    about = {"kind": "Assistant", "namespace": "team", "name": "bot", **logger}
    assert [re.fullmatch(TIME, record.pop("time")) is not None for record in (recorded, page, bug)] == [True] * 3
    assert recorded == {"level": "INFO", "message": "recorded bot-v1", **logger}
    assert page == {"level": "WARNING", "message": PAGE, **about}
    assert bug.pop("exc_info").endswith("ValueError: no")
    assert bug == {"level": "ERROR", "message": "a bug", **about}


@pytest.mark.parametrize(
    ("level", "messages"),
    [
        ("debug", ["detail", "recorded bot-v1", PAGE, "a bug"]),
        ("warning", [PAGE, "a bug"]),
        ("error", ["a bug"]),
    ],
)
def test_records_below_the_level_and_those_of_kopf_are_left_out(level: str, messages: list[str]) -> None:
    assert [json.loads(line)["message"] for line in lines(level, "json")] == messages
