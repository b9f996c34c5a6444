"""The formats of well-known credentials, and where content has a text of such a format.

`make generate` writes the admission policy of deploy/no-secrets from the same formats: their patterns mean the same to
RE2, which the API server uses, and to Python. A format is listed if it can be recognized without its surroundings, by a
fixed prefix and by length and characters of what follows. The facts are from the rules of gitleaks and TruffleHog. No
text has two of these formats.
"""

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Any

MOST_SUSPICIONS = 8
MOST_MENTIONS = 10_000
_LONGEST_PATH = 256
_LONGEST_STEP = 1_024
"""A step of a path is searched this far: beyond LONGEST_PATH, for credentials that begin before it."""

ESCAPES = ("\\n", "\\t")
"""In a text that is quoted inside another one, what separates words as a space does."""


@dataclass(frozen=True)
class CredentialFormat:
    """The format of one kind of credential."""

    name: str
    """With an article, for messages."""
    prefixes: tuple[str, ...]
    """A text without any of them has no such credential: a search for fixed text is cheap."""
    rest: str
    """A pattern of what follows the prefix."""

    @property
    def pattern(self) -> str:
        """A regular expression that finds such a credential in a text. Its character classes are those of ASCII."""
        prefix = "|".join(each.replace(".", r"\.") for each in self.prefixes)
        prefix = f"(?:{prefix})" if len(self.prefixes) > 1 else prefix
        begins_as_word = all(each[0].isalnum() for each in self.prefixes)
        return (r"\b" if begins_as_word else "") + prefix + self.rest

    @cached_property
    def _compiled(self) -> re.Pattern[str]:
        return re.compile(self.pattern, re.ASCII)

    def positions(self, text: str) -> Iterator[int]:
        """Where such credentials are in `text`. Of each prefix, the first MOST_MENTIONS occurrences are examined."""
        # Not `finditer`: it would try the pattern at each character, which takes 50 ms for a text of 900 KB.
        for prefix in self.prefixes:
            for at in islice(_occurrences(prefix, text), MOST_MENTIONS):
                if self._compiled.match(text, at):
                    yield at


def _occurrences(part: str, text: str) -> Iterator[int]:
    at = text.find(part)
    while at >= 0:
        yield at
        at = text.find(part, at + 1)


FORMATS = (
    CredentialFormat("an Anthropic API key", ("sk-ant-",), r"[a-z]{3,8}\d\d-[\w-]{20}"),
    CredentialFormat("an OpenAI API key", ("sk-",), r"(?:proj|svcacct|service|admin)-[\w-]{40}"),
    CredentialFormat("an OpenRouter API key", ("sk-or-v1-",), r"[0-9a-f]{64}"),
    CredentialFormat("a LangSmith API key", ("lsv2_pt_", "lsv2_sk_"), r"[0-9a-f]{32}_[0-9a-f]{10}"),
    CredentialFormat("a Langfuse secret key", ("sk-lf-",), r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
    # Also older ones of OpenAI, whose prefix others follow. A placeholder has no digit.
    CredentialFormat("an API key", ("sk-",), r"[A-Za-z]{0,24}\d[0-9A-Za-z]{24}"),
    CredentialFormat("a Groq API key", ("gsk_",), r"[0-9A-Za-z]{52}\b"),
    CredentialFormat("an xAI API key", ("xai-",), r"\w{80}"),
    CredentialFormat("a Perplexity API key", ("pplx-",), r"[0-9A-Za-z]{48}\b"),
    CredentialFormat("a Hugging Face token", ("hf_", "api_org_"), r"[0-9A-Za-z]{34}\b"),
    CredentialFormat("a Replicate API token", ("r8_",), r"[\w-]{37}"),
    CredentialFormat("a Pinecone API key", ("pcsk_",), r"[0-9A-Za-z]{5,6}_[0-9A-Za-z]{63}"),
    CredentialFormat("an NVIDIA API key", ("nvapi-",), r"[\w-]{64}"),
    CredentialFormat("a Google API key", ("AIza",), r"[\w-]{35}"),
    CredentialFormat("an AWS access key", ("AKIA", "ASIA"), r"[2-7A-Z]{16}\b"),
    CredentialFormat("a GitHub token", ("ghp_", "gho_", "ghu_", "ghs_", "ghr_"), r"[0-9A-Za-z]{36}"),
    CredentialFormat("a GitHub token", ("github_pat_",), r"\w{82}"),
    CredentialFormat("a GitLab token", ("glpat-",), r"[\w-]{20}"),
    CredentialFormat("a Slack token", ("xox",), r"[abeoprs]-(?:\d-)?\d{8}[0-9A-Za-z-]{16}"),
    CredentialFormat("a Slack token", ("xapp-",), r"\d-[0-9A-Z]{8,14}-\d{8,14}-[0-9a-f]{40}"),
    CredentialFormat("a Stripe key", ("sk_live_", "rk_live_"), r"[0-9A-Za-z]{20}"),
    CredentialFormat("a SendGrid API key", ("SG.",), r"[\w-]{22}\.[\w-]{43}"),
    CredentialFormat("a Databricks token", ("dapi",), r"[0-9a-f]{32}\b"),
    CredentialFormat("a Vault token", ("hvs.",), r"[\w-]{90}"),
    CredentialFormat("an npm token", ("npm_",), r"[0-9A-Za-z]{36}\b"),
    CredentialFormat("a PyPI token", ("pypi-AgEIcHlwaS5vcmc",), r"[\w-]{50}"),
    # The header alone is no key: a prompt may mention it. Lines such as `Proc-Type: 4,ENCRYPTED` may follow it.
    CredentialFormat(
        "a private key",
        ("-----BEGIN ",),
        r"[ A-Z]{0,32}PRIVATE KEY(?: BLOCK)?-----(?:\s|\\r)+(?:[\w-]+: [\w ,.-]{1,80}(?:\s|\\r)+){0,3}[\w+/]{16}",
    ),
)


@dataclass(frozen=True, slots=True, order=True)
class Suspicion:
    """A place in content with a text that has the format of a credential."""

    path: str
    """JSON Pointer. No part of it has that format: of a key that has it, this is the object around the key."""
    format: str
    """The name of the format."""


def suspicions(content: Any, path: str = "") -> tuple[Suspicion, ...]:
    """Where `content` has texts that look like credentials, at most MOST_SUSPICIONS of each format, ordered by path.

    `path`: JSON Pointer of `content`. Keys of objects are texts as well.
    """
    texts = _Texts(content, path)
    found = ((at, each.name) for each in FORMATS for at in islice(each.positions(texts.joined), MOST_SUSPICIONS))
    return tuple(sorted({Suspicion(texts.path(at), name) for at, name in found}))


def _unescaped(text: str) -> str:
    """`text`, of the same length, with spaces in place of ESCAPES."""
    for escape in ESCAPES:
        text = text.replace(escape, "  ")
    return text


_Place = tuple["_Place | None", str]
"""The place of the value around it, and a step of a JSON Pointer; paths are put together only where one is needed."""


class _Texts:
    """All texts of JSON content, joined into one: to search it is faster than to search each of many texts."""

    def __init__(self, content: Any, path: str) -> None:
        self._root: _Place = (None, path)
        self._places: list[_Place] = []
        self._starts: list[int] = []
        texts, size = [], 0
        for place, text in self._walk(content):
            self._places.append(place)
            self._starts.append(size)
            texts.append(text)
            size += len(text) + 1
        self.joined = _unescaped("\n".join(texts))

    def _walk(self, content: Any) -> Iterator[tuple[_Place, str]]:
        waiting: list[tuple[_Place, Any]] = [(self._root, content)]
        # Not recursive: the API server accepts content that is nested more deeply than Python can call.
        while waiting:
            place, value = waiting.pop()
            match value:
                case str():
                    yield place, value
                case dict():
                    for key, inner in value.items():
                        yield place, key
                        waiting.append(((place, key), inner))
                case list() | tuple():
                    waiting += [((place, str(index)), item) for index, item in enumerate(value)]

    def path(self, position: int) -> str:
        """The JSON Pointer of the text at that position of `joined`, cut at 256 characters."""
        place: _Place | None = self._places[bisect_right(self._starts, position) - 1]
        steps = []
        while place and place is not self._root:
            place, step = place
            steps.append(step)
        return _pointer(self._root[1], reversed(steps))


def _pointer(root: str, steps: Iterable[str]) -> str:
    """The JSON Pointer, without the first key that has the format of a credential and all after it."""
    shown, size = [], len(root)
    for step in steps:
        if size >= _LONGEST_PATH:
            break
        shown.append(step[:_LONGEST_STEP])
        size += len(step) + 1
    text = _unescaped("\n".join(shown))
    end = min((at for each in FORMATS for at in each.positions(text)), default=len(text))
    path, at = root, 0
    for step in shown:
        if at + len(step) > end:
            break
        path += "/" + step.replace("~", "~0").replace("/", "~1")
        at += len(step) + 1
    return path[:_LONGEST_PATH]
