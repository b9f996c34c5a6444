"""Golden stories: what people did, then each step and the world it left. `--update-stories` tells them anew."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from assistant_operator.api.assistant_version import VersionRecord
from assistant_operator.api.meta import ConditionStatus, condition
from assistant_operator.policy.assistant_input import (
    Adopt,
    Prune,
    Relabel,
    Restore,
    Step,
    UpdateStatus,
    UpdateVersionStatus,
    Validate,
)
from unit.policy.paper import Paper

STORIES = sorted((Path(__file__).parent / "stories").glob("*.txt"))
assert len(STORIES) == 8, "a story is missing, or one is not counted yet"

MOST = 40
WORDS = {"": "new", "True": "valid", "False": "invalid", "Unknown": "unknown"}
PHRASES: dict[str, Callable[..., None]] = {
    r"it is made": lambda _: None,
    r"(?:the temperature|it) becomes (\d+)": Paper.edit,
    r"it grows larger than can be stored": Paper.outgrow_storage,
    r"v(\d+) is pinned": Paper.pin,
    r"the pin is removed": Paper.unpin,
    r"activation becomes Manual": lambda paper: paper.set_manual(True),
    r"activation becomes Automatic": lambda paper: paper.set_manual(False),
    r"it is suspended": lambda paper: paper.suspend(True),
    r"the suspension is lifted": lambda paper: paper.suspend(False),
    r"the history limit becomes (\d+)": Paper.limit,
    r"v(\d+) is labelled keep": Paper.keep,
    r"v(\d+) is deleted by hand": Paper.delete,
    r"v(\d+) is deleted by hand and the API server forgets it": lambda paper, number: paper.delete(number, True),
    r"the graph goes": lambda paper: paper.graph_goes("support"),
    r"the graph comes and takes temperatures up to (\d+)": lambda paper, most: paper.schema("support", most),
    r"the schema takes temperatures up to (\d+)": lambda paper, most: paper.schema("support", most),
    r"it is deleted with --cascade=orphan and made again": Paper.orphan,
}


@pytest.mark.parametrize("story", [pytest.param(each, id=each.stem.replace("_", " ")) for each in STORIES])
def test_story(story: Path, request: pytest.FixtureRequest) -> None:
    told = "\n".join(tell(story.read_text().splitlines())) + "\n"
    if request.config.getoption("--update-stories", default=False):
        story.write_text(told)
    assert story.read_text() == told


def tell(lines: list[str]) -> Iterator[str]:
    """The story again: its title and each `when` as they are, what follows from them as it is now."""
    paper = Paper()
    yield lines[0]
    for line in lines:
        if line.startswith("when "):
            yield from ("", line)
            for phrase in line.removeprefix("when ").split(", then "):
                happen(paper, phrase)
            yield from follow(paper)


def happen(paper: Paper, phrase: str) -> None:
    for pattern, event in PHRASES.items():
        if found := re.fullmatch(pattern, phrase):
            event(paper, *map(int, found.groups()))
            return
    raise AssertionError(f"no story knows what this means: {phrase}")


def follow(paper: Paper) -> Iterator[str]:
    """Step by step to rest, and what a person reads then."""
    shown = world(paper)
    yield f"     {shown}"
    for _ in range(MOST):
        step = paper.step()
        if step is None:
            break
        paper.act(step)
        yield f"  -> {told_of(paper, step)}"
        before, shown = shown, world(paper)
        if shown != before:
            yield f"     {shown}"
    paper.rest()
    ready = condition(paper.status.conditions, "Ready")
    yield f'     "{ready.message if ready else "nothing"}"'


def world(paper: Paper) -> str:
    kept = ", ".join(map(version, paper.world.kept)) or "no versions"
    said = {each.type: each for each in paper.status.conditions}
    active = paper.status.active_version
    in_force = f"v{active} in force" if active else "none in force"
    if "Ready" not in said:
        return f"{kept} | nothing said yet"
    progress = [each for each in ("Reconciling", "Stalled") if each in said]
    ready = "Ready" if said["Ready"].status == "True" else "not Ready"
    return f"{kept} | {in_force}, {', '.join([ready, said['Ready'].reason, *progress])}"


def version(record: VersionRecord) -> str:
    marks: list[Any] = [WORDS[record.valid], "active" if record.active == "True" else ""]
    marks += ["kept" if record.is_labelled_keep else "", "" if record.owner else "ownerless"]
    return " ".join([f"v{record.number}", *filter(None, marks)])


def told_of(paper: Paper, step: Step) -> str:
    match step:
        case Adopt(record):
            return f"adopt v{record.number}"
        case Restore(number):
            return f"restore v{number}" + ("" if number in paper.kept else ": nobody knows it any more")
        case Validate(number):
            return f"judge v{number}: {WORDS[ConditionStatus.of(paper.validation_results[number].holds)]}"
        case UpdateStatus():
            return "report"
        case Prune(record):
            return f"prune v{record.number}"
        case UpdateVersionStatus(record, is_active):
            return f"mark v{record.number} {'active' if is_active else 'not active'}"
        case Relabel(record):
            return f"label v{record.number}"
