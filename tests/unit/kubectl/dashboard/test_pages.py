"""Content as text."""

import json

import pytest
import yaml

from assistant_operator.kubectl.dashboard.pages import as_text

HIDDEN = "pay \u202eeerht\u202c \u200bnow \U000e0041 \ufeff"


@pytest.mark.parametrize("form", ["yaml", "json"])
def test_invisible_characters_are_escaped_and_the_content_is_the_same(form: str) -> None:
    content = {"prompt": HIDDEN, "lines": f"one\n{HIDDEN}\n", HIDDEN: 1}
    text = as_text(content, form)
    assert not {*"\u202e\u202c\u200b\U000e0041\ufeff"} & {*text}
    assert (yaml.safe_load(text) if form == "yaml" else json.loads(text)) == content


@pytest.mark.parametrize("form", ["yaml", "json"])
def test_emoji_and_other_scripts_stay(form: str) -> None:
    text = "👩\u200d🚀 \u0645\u06cc\u200c\u062e ümlaut"
    assert text in as_text({"prompt": f"{text}\n" if form == "yaml" else text}, form)


def test_a_prompt_has_its_line_breaks() -> None:
    assert as_text({"prompt": "one\ntwo\n"}, "yaml") == "prompt: |\n  one\n  two\n"
