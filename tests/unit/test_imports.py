"""Every module of the package is imported by a test that runs in seconds: those in tests/unit and tests/simulation."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
SOURCE = TESTS.parent / "src"
PACKAGE = "assistant_operator"
FAST = ("unit", "simulation")


def modules(root: Path) -> dict[str, Path]:
    """By name, what can be imported from a folder."""
    found = {}
    for path in root.rglob("*.py"):
        parts = path.relative_to(root).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imported(name: str, path: Path) -> Iterator[str]:
    """What a module imports when it is imported itself: not what its functions import when they are called."""
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in executed(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")
            base = ".".join([*parents[: len(parents) + 1 - node.level], node.module or ""]).strip(".")
            source = base if node.level else node.module or ""
            yield source
            yield from (f"{source}.{each.name}" for each in node.names)


def executed(tree: ast.AST) -> Iterator[ast.AST]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "__name__ == '__main__'"):
            continue
        yield node
        yield from executed(node)


def started(path: Path) -> Iterator[str]:
    """Modules that a test runs as programs: run_module("package") runs its __main__."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "run_module":
            yield f"{ast.literal_eval(node.args[0])}.__main__"


def reached(known: dict[str, Path], first: Iterator[str]) -> set[str]:
    """Those modules and all that they import, directly or not."""
    found: set[str] = set()
    waiting = list(first)
    while waiting:
        name = waiting.pop()
        if name in known and name not in found:
            found.add(name)
            waiting += [*imported(name, known[name]), name.rpartition(".")[0]]
    return found


def fast_tests() -> Iterator[tuple[str, Path]]:
    for folder in FAST:
        for path in (TESTS / folder).rglob("test_*.py"):
            yield ".".join(path.relative_to(TESTS).with_suffix("").parts), path


def test_every_module_is_imported_by_a_fast_test() -> None:
    known = modules(SOURCE) | modules(TESTS)
    first = (each for name, path in fast_tests() for each in (*imported(name, path), *started(path)))
    assert sorted(modules(SOURCE).keys() - reached(known, first)) == []


def callers(method: str) -> set[str]:
    """The folders below controllers that call this method of `versions`."""
    controllers = SOURCE / PACKAGE / "controllers"
    found = set()
    for path in controllers.rglob("*.py"):
        calls = (node.func for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call))
        if any(ast.unparse(function).endswith(f"_cluster.versions.{method}") for function in calls):
            found.add(path.relative_to(controllers).parts[0])
    return found


@pytest.mark.parametrize(("method", "controller"), [("create", "capture"), ("delete", "version")])
def test_one_controller_creates_versions_and_one_deletes_them(method: str, controller: str) -> None:
    assert callers(method) == {controller}


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("import a.b", ["a.b"]),
        ("from a import b", ["a", "a.b"]),
        ("from . import b", ["pack.part", "pack.part.b"]),
        ("from ..other import c", ["pack.other", "pack.other.c"]),
        ("def f():\n    import a", []),
        ("class C:\n    def f(self):\n        import a", []),
        ("if TYPE_CHECKING:\n    import a", []),
        ("try:\n    import a\nexcept ImportError:\n    pass", ["a"]),
    ],
)
def test_what_a_module_imports(tmp_path: Path, text: str, names: list[str]) -> None:
    path = tmp_path / "module.py"
    path.write_text(text)
    assert list(imported("pack.part.module", path)) == names
