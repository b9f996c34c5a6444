"""Documents, manifests and source are written in plain technical English, without the metaphors of earlier releases."""

import re

import pytest

from harness.documentation import ROOT
from harness.documentation.files import below, pages
from harness.documentation.markdown import prose

FOLDERS = ("deploy", "src")

WORDS = {
    "house": "houses?",
    "door": "doors?",
    "crank": "crank(?:s|ed|ing)?",
    "guest": "guests?",
    "sight": "sights?",
    "crowd": "crowd(?:s|ed)?",
    "wake": "wakes?|woke|woken|waking|wakeups?",
    "mend": "mend(?:s|ed|ing)?",
    "farewell": "farewells?",
    "annals": "annals",
    "narrator": "narrators?",
    "whoever": "who(?:so)?ever|whomever|whosever",
    "somebody": "somebody|nobody|anybody|everybody",
    "look at": "look(?:s|ed|ing)? at",
    "told": "told|telling|tells?",
    "news": "news",
}
PATTERN = re.compile(rf"\b(?:{'|'.join(WORDS.values())})\b", re.IGNORECASE)
CHECKED = [*pages(), *(each for folder in FOLDERS for each in below(folder))]


def rejected(text: str) -> list[str]:
    return [found.lower() for found in PATTERN.findall(text)]


@pytest.mark.parametrize("name", sorted(set(CHECKED)))
def test_no_metaphor_and_no_riddle(name: str) -> None:
    text = (ROOT / name).read_text()
    words = prose(text) if name.endswith(".md") else text
    lines = {f"{number}: {word}" for number, line in enumerate(words.splitlines(), 1) for word in rejected(line)}
    assert lines == set()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("The crank turns.", ["crank"]),
        ("Somebody looks at it; nobody was told.", ["somebody", "looks at", "nobody", "told"]),
        ("A doorway, a warehouse and an insight are other words.", []),
        ("The operator reconciles the object.", []),
    ],
)
def test_the_check_finds_whole_words(text: str, found: list[str]) -> None:
    assert rejected(text) == found


def test_names_in_code_are_no_prose() -> None:
    assert rejected(prose("See `crank.py`\n\n```\nwakes\n```\n\nand [sight.py](sight.py)")) == ["sight"]
