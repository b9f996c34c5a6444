"""What tests read in a Markdown file: prose, headings, links and commands."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field

_FENCE = re.compile(r"^(?P<mark>```)(?P<language>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_INDENTED = re.compile(r"(?<=\n\n)(?: {4}.*\n)+")
_SPAN = re.compile(r"`[^`\n]+`")
_LINK = re.compile(r"\[[^\]]*\]\(([^()\s]+)\)")
_PROMPT = "$ "


@dataclass
class Command:
    """A command that a page tells the reader to type, and the lines of output that it shows."""

    line: str
    output: list[str] = field(default_factory=list)


def prose(text: str) -> str:
    """The text without code and without the targets of links."""
    return _LINK.sub(lambda found: found[0].split("](")[0], _SPAN.sub("", without_blocks(text)))


def without_blocks(text: str) -> str:
    return _INDENTED.sub("\n", _FENCE.sub("", text))


def spans(text: str) -> list[str]:
    """What stands in code spans."""
    return [found.strip("`") for found in _SPAN.findall(without_blocks(text))]


def links(text: str) -> list[str]:
    """The targets of links."""
    return _LINK.findall(_SPAN.sub("", without_blocks(text)))


def anchors(text: str) -> set[str]:
    """The anchors of all headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", without_blocks(text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings}


def commands(text: str) -> list[Command]:
    """The commands of all `console` blocks, in order; one that goes on over several lines is one."""
    found: list[Command] = []
    for block in _FENCE.finditer(text):
        if block["language"] == "console":
            found += _commands(block["text"].splitlines())
    return found


def _commands(lines: list[str]) -> Iterator[Command]:
    command: Command | None = None
    for line in lines:
        if command and not _is_whole(command.line):
            command.line += f"\n{line}"
        elif line.startswith(_PROMPT):
            if command:
                yield command
            command = Command(line.removeprefix(_PROMPT))
        elif command:
            command.output.append(line)
    if command:
        yield command


def _is_whole(line: str) -> bool:
    """Whether a shell would ask for no further line."""
    if line.endswith("\\"):
        return False
    try:
        shlex.split(line, comments=True)
    except ValueError:
        return False
    return True
