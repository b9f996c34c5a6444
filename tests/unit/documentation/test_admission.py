"""The policy of deploy/no-secrets stays within the cost limits of CEL, whatever formats are added."""

import math
import re

import yaml

from assistant_operator.api.credentials import FORMATS
from harness.documentation.admission import MOST_CHARACTERS, POLICY

BUDGET, OF_ONE_EXPRESSION = 10_000_000, 1_000_000
"""What the API server allows for a policy and for each of its expressions."""
PASSES = 2
"""Once for the validation, once for its message, which is evaluated even if nothing is found."""


def search_costs(characters: int) -> list[int]:
    """What CEL counts for the search for each format in a text that mentions all prefixes."""
    traversal = math.ceil(characters / 10)
    contains = [sum(math.ceil(len(prefix) / 10) for prefix in each.prefixes) for each in FORMATS]
    matches = [math.ceil(len(each.pattern) / 4) for each in FORMATS]
    return [traversal * (first + second) for first, second in zip(contains, matches, strict=True)]


def test_a_search_for_all_formats_is_within_the_budget() -> None:
    costs = search_costs(MOST_CHARACTERS)
    assert max(costs) < OF_ONE_EXPRESSION, "make MOST_CHARACTERS smaller"
    assert sum(costs) * PASSES < BUDGET * 0.95, "make MOST_CHARACTERS smaller"


def test_each_format_is_searched_for() -> None:
    policy, binding = yaml.safe_load_all(POLICY.read_text())
    expressions = {each["name"]: each["expression"] for each in policy["spec"]["variables"]}
    for number, each in enumerate(FORMATS):
        assert each.pattern in expressions[f"has{number}"]
        assert each.pattern in expressions[f"places{number}"]
        assert f"variables.has{number}" in re.findall(r"variables\.has\d+", expressions["isSuspected"])
    assert binding["spec"]["policyName"] == policy["metadata"]["name"]
