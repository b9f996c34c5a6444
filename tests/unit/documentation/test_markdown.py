"""Commands are found as a person would type them."""

from harness.documentation.markdown import Command, commands

PAGE = """\
# Title

```console
$ first --flag \\
    --more
output 1

output 2
$ second -p '
    {"a": 1}'
$ third   # a comment's apostrophe
```

```yaml
$ no: command
```

```console
$ fourth
```
"""


def test_commands_and_their_output() -> None:
    assert commands(PAGE) == [
        Command("first --flag \\\n    --more", ["output 1", "", "output 2"]),
        Command("second -p '\n    {\"a\": 1}'"),
        Command("third   # a comment's apostrophe"),
        Command("fourth"),
    ]
