"""The description of an object that does not fit its model."""

import pytest
from pydantic import ValidationError

from assistant_operator.api.assistant import Assistant
from assistant_operator.runtime.informer import describe_validation_error
from harness.worlds import an_assistant


def test_it_has_the_path_and_the_type_of_the_error_and_no_value() -> None:
    manifest = an_assistant().manifest()
    manifest["spec"]["context"] = "my secret prompt"
    with pytest.raises(ValidationError) as caught:
        Assistant.model_validate(manifest)
    assert describe_validation_error(caught.value) == "spec.context: dict_type"
    assert "secret" not in str(caught.value), "nor does the text of the library"
