"""What the kinds have in common."""

import ast
from pathlib import Path

import assistant_operator

SOURCE = Path(assistant_operator.__file__).parent


def test_a_resource_version_becomes_a_number_in_one_place() -> None:
    """Comparing them is promised since Kubernetes 1.35, arithmetic is not: that function says so."""
    found = set()
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            is_number = isinstance(node, ast.Call) and ast.unparse(node.func) == "int"
            if is_number and "resource" in ast.unparse(node).casefold():
                found.add(str(path.relative_to(SOURCE)))
    assert found == {"api/meta.py"}
