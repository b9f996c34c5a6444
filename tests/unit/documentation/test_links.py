"""Every link leads somewhere, and every page can be found from the README."""

import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

from harness.documentation import ROOT
from harness.documentation.files import pages
from harness.documentation.markdown import anchors, links, spans

PAGES = pages()
LARGEST_README = 8 * 1024
CODE = re.compile(r"(?:src|tests|docs|deploy|crds)/[\w./-]+")


def target(page: str, link: str) -> tuple[Path, str]:
    """The file and the anchor of a relative link."""
    name, _, anchor = link.partition("#")
    return (ROOT / page).parent.joinpath(name).resolve() if name else ROOT / page, anchor


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_somewhere(page: str) -> None:
    for link in links((ROOT / page).read_text()):
        if "://" in link:
            parts = urlsplit(link)
            assert parts.scheme == "https", link
            assert "." in parts.netloc, link
            continue
        path, anchor = target(page, link)
        assert path.exists(), link
        assert path.is_relative_to(ROOT), link
        if anchor:
            assert anchor in anchors(path.read_text()), link


@pytest.mark.parametrize("page", PAGES)
def test_every_path_in_a_code_span_is_there(page: str) -> None:
    for span in spans((ROOT / page).read_text()):
        if CODE.fullmatch(span):
            assert (ROOT / span).exists(), span


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached, todo = set(), ["README.md"]
    while todo:
        page = todo.pop()
        if page in reached:
            continue
        reached.add(page)
        for link in links((ROOT / page).read_text()):
            path, _ = target(page, link)
            if "://" not in link:
                path = path / "README.md" if path.is_dir() else path
                if path.suffix == ".md" and path.exists():
                    todo.append(str(path.relative_to(ROOT)))
    assert set(PAGES) - reached == set()


def test_the_readme_is_short() -> None:
    assert (ROOT / "README.md").stat().st_size <= LARGEST_README


def test_every_alert_links_to_its_section() -> None:
    (group,) = yaml.safe_load((ROOT / "deploy/monitoring/alerts.yaml").read_text())["groups"]
    for alert in group["rules"]:
        name, _, anchor = alert["annotations"]["runbook_url"].partition("#")
        assert anchor in anchors((ROOT / name).read_text()), alert["alert"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("[a](b.md#c) and `[d](e)`", ["b.md#c"]),
        ("```console\n$ echo [a](b)\n```\n[c](https://d.e)\n", ["https://d.e"]),
        ("nothing", []),
    ],
)
def test_links_are_found_outside_of_code(text: str, found: list[str]) -> None:
    assert links(text) == found


def test_anchors_are_spelled_as_github_spells_them() -> None:
    text = "# How it works, and why\n\n## `kubectl` plugin\n\n### A live-pin\n"
    assert anchors(text) == {"how-it-works-and-why", "kubectl-plugin", "a-live-pin"}
