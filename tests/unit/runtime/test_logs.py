"""What the log looks like, in a process of its own: it is the process that it belongs to."""

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


def test_text_is_a_line_each_whatever_others_wrote_into_it() -> None:
    told = lines("info", "text")
    assert re.fullmatch(f"{TIME} INFO    recorded bot-v1", told[0])
    assert told[1].partition(" ")[2] == r"WARNING a page:\n<h1>\r\n"
    assert told[2].partition(" ")[2] == "ERROR   a bug"
    assert told[3] == "Traceback (most recent call last):"
    assert told[-1] == "ValueError: no"


def test_json_is_an_object_each_with_what_it_is_about_and_the_trace() -> None:
    recorded, page, bug = (json.loads(line) for line in lines("info", "json"))
    logger = {"logger": "assistant_operator.runtime.controller"}
    about = {"kind": "Assistant", "namespace": "team", "name": "bot", **logger}
    assert [re.fullmatch(TIME, each.pop("time")) is not None for each in (recorded, page, bug)] == [True] * 3
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
def test_a_level_leaves_out_what_is_below_and_kopf_chats_at_none(level: str, messages: list[str]) -> None:
    assert [json.loads(line)["message"] for line in lines(level, "json")] == messages
