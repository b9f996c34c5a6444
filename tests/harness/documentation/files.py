"""The documents of the project."""

from . import ROOT

FOLDERS = ("docs", "deploy")
"""Where there are documents, beside the root."""


def pages() -> tuple[str, ...]:
    """The paths of all Markdown files, relative to the root, without the prompts of examples."""
    found = [*ROOT.glob("*.md"), *(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.md"))]
    return tuple(sorted(str(path.relative_to(ROOT)) for path in found if path.parent.name != "prompts"))


def below(folder: str) -> tuple[str, ...]:
    """The paths of all files of a folder, without compiled Python."""
    found = (path for path in (ROOT / folder).rglob("*") if path.is_file() and path.suffix != ".pyc")
    return tuple(sorted(str(path.relative_to(ROOT)) for path in found))
