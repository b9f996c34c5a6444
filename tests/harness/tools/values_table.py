"""The table of a chart's values, from values.yaml and the comments in it: `# -- ` begins what is said of a key."""

import json
from collections.abc import Iterator
from typing import Any

import yaml

BEGIN, END = "<!-- values: from values.yaml -->\n", "<!-- end of values -->\n"


def table(values: str, schema: dict[str, Any]) -> str:
    """A row for each key that the schema does not go below."""
    rows = [f"| `{name}` | {_default(node)} | {said} |" for name, node, said in _keys(values, schema)]
    return "\n".join(["| key | default | |", "|---|---|---|", *rows]) + "\n"


def put_in(text: str, rows: str) -> str:
    before, rest = text.split(BEGIN)
    return f"{before}{BEGIN}{rows}{END}{rest.split(END)[1]}"


def _keys(values: str, schema: dict[str, Any]) -> Iterator[tuple[str, yaml.Node, str]]:
    lines = values.splitlines()

    def below(node: Any, schema: dict[str, Any], path: str) -> Iterator[tuple[str, yaml.Node, str]]:
        for key, value in node.value:
            inner = schema["properties"][key.value]
            if "properties" in inner and value.value and key.value != "resources":
                yield from below(value, inner, f"{path}{key.value}.")
            else:
                yield f"{path}{key.value}", value, _comment(lines, key.start_mark.line)

    yield from below(yaml.compose(values), schema, "")


def _comment(lines: list[str], line: int) -> str:
    """What stands right above that line."""
    above: list[str] = []
    while (said := lines[line - 1].strip()).startswith("#"):
        above.insert(0, said.removeprefix("#").strip())
        line -= 1
    return " ".join(above).removeprefix("-- ").replace("|", "\\|") if above and above[0].startswith("-- ") else ""


def _default(node: yaml.Node) -> str:
    value = yaml.safe_load(yaml.serialize(node))
    text = json.dumps(value)
    return f"`{text}`" if len(text) <= 60 else "see values.yaml"
