"""The meaning of a condition and what to do."""

from assistant_operator.api.reason import Reason
from assistant_operator.kubectl.dashboard.explanations import action, meaning


def test_every_reason_has_a_meaning_without_marks_of_markdown() -> None:
    assert [each for each in Reason if not meaning(each) or {"`", "["} & {*meaning(each), *action(each)}] == []


def test_a_reason_of_a_later_release_has_none() -> None:
    assert (meaning("Later"), action("Later")) == ("", "")


def test_the_action_is_apart_from_the_meaning() -> None:
    assert action("SchemaRefused") == "Correct the field that the message names."
    assert meaning("SchemaRefused") == (
        "The version does not fit the graph's schemas. The active version stays active, and an alias stays where it is."
    )
    assert action("Active") == ""
