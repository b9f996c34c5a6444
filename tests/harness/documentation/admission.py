"""The admission policy of deploy/no-secrets, generated from the formats of credentials that the operator knows."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from string import Template

from assistant_operator.api.credentials import ESCAPES, FORMATS

from . import ROOT

POLICY = ROOT / "deploy/no-secrets/policy.yaml"
MOST_CHARACTERS = 150_000
"""Of all changed values together. A search for all formats in more would exceed the cost budget of CEL."""
MOST_CHARACTERS_OF_SHORT = 4_096
"""Of a value that is searched even if all together are too long."""
MOST_LEVELS = 16
"""Of objects and lists in one another, below a key of context, metadata or configurable."""
MOST_ITEMS = 500
"""Of one object or list: the time of a loop in CEL grows with the square of its length."""
ADVICE = "every version keeps its content, so set credentials in the environment of the LangGraph Server"

_POLICY = Template("""\
# Generated from src/assistant_operator/api/credentials.py by `make generate`.
#
# Refuses an Assistant or a Graph in which a changed value looks like a credential: each edit becomes an immutable
# version, and so would the credential. A value that does not change passes: if a credential is in an Assistant already,
# a version can still be pinned, the Assistant be suspended or another field be edited.
#
# What costs more than CEL may cost is not searched, and passes: failurePolicy is Ignore. The operator searches
# everything, and reports what it finds in the condition SecretSuspected.
#
# It applies to all namespaces except those labelled assistant-operator.dev/no-secrets=disabled.
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata:
  name: no-secrets.assistant-operator.dev
  labels:
    app.kubernetes.io/name: assistant-operator
spec:
  failurePolicy: Ignore
  matchConstraints:
    resourceRules:
    - apiGroups: [assistant-operator.dev]
      apiVersions: ["*"]
      operations: [CREATE, UPDATE]
      resources: [assistants, graphs]
  variables:
  - name: root
    expression: "object.kind == 'Graph' ? '/defaults' : ''"
  - name: now
    expression: |-
      object.kind != 'Graph' ? object.spec
      : has(object.spec) && object.spec != null && has(object.spec.defaults) ? object.spec.defaults : {}
  - name: before
    expression: |-
      oldObject == null ? {} : object.kind != 'Graph' ? oldObject.spec
      : has(oldObject.spec) && oldObject.spec != null && has(oldObject.spec.defaults) ? oldObject.spec.defaults : {}
  - name: config
    expression: "variables.now[?'config'].orValue({})"
  - name: configBefore
    expression: "variables.before[?'config'].orValue({})"
$parts\
  # Where each changed value is, and the value.
  - name: changes
    expression: |-
      $all_changes
  - name: containers
    expression: "[dyn(map), dyn(list)]"
  # Without values of more than $most_levels levels, or with an object or list of more than $most_items items: to write
  # those as text would take more time than CEL counts as cost.
  - name: bounded
    expression: |-
      variables.changes.filter(each, !($is_beyond))
  # With the value as text, with all that is in it.
  - name: texts
    expression: |-
      variables.bounded.map(each, {'within': each.within, 'key': each.key,
        'text': dyn((each.key + ' ' + '%s'.format([each.value]))$unescaped)})
  - name: shortTexts
    expression: "variables.texts.filter(each, size(each.text) <= $most_characters_of_short)"
  # What can be searched for every format within the cost budget.
  - name: searched
    expression: |-
      variables.texts.map(each, size(each.text)).sum() <= $most_characters ? variables.texts
      : variables.shortTexts.map(each, size(each.text)).sum() <= $most_characters ? variables.shortTexts
      : []
  - name: text
    expression: "variables.searched.map(each, each.text).join(' ')"
  # A variable for each format: each variable has a cost limit of its own.
$formats\
  # If a variable before these costs too much, the first operand fails, and the others are not tried.
  - name: isSuspected
    expression: |-
      size(variables.searched) > 0 && ($any_found)
  # A key may be a credential as well. Then the message names the object around it.
  - name: anyFormat
    expression: $any_format
$places\
  validations:
  - expression: "!variables.isSuspected"
    messageExpression: |-
      !variables.isSuspected ? '' : ($all_places).join('; ') + ': $advice'
    message: "a value looks like a credential: $advice"
    reason: Invalid
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata:
  name: no-secrets.assistant-operator.dev
  labels:
    app.kubernetes.io/name: assistant-operator
spec:
  policyName: no-secrets.assistant-operator.dev
  validationActions: [Deny]
  matchResources:
    namespaceSelector:
      matchExpressions:
      - key: assistant-operator.dev/no-secrets
        operator: NotIn
        values: [disabled]
""")
_PART = Template("""\
  - name: $name
    expression: "$now"
  - name: ${name}Before
    expression: "$before"
  - name: ${name}Changes
    expression: |-
      size(variables.$name) > $most_items ? [] : variables.$name.transformList(key, value,
        !(key in variables.${name}Before) || variables.${name}Before[key] != value,
        {'within': dyn(variables.root + '$path'), 'key': dyn(key), 'value': dyn(value)})
""")
_FORMAT = Template("""\
  # $format
  - name: has$number
    expression: |-
      ($prefixes) && variables.text.matches($pattern)
""")
_PLACES = Template("""\
  - name: places$number
    expression: |-
      (variables.has$number ? variables.searched : []).filter(each, each.text.matches($pattern)).map(each,
        each.within + (each.key$unescaped.matches(variables.anyFormat) ? ''
          : '/' + each.key.replace('~', '~0').replace('/', '~1')) + ' contains what looks like $format')
""")


@dataclass(frozen=True, slots=True)
class _Part:
    """An object with values of any content. `now` and `before`: expressions of CEL."""

    name: str
    path: str
    now: str
    before: str


_UNESCAPED = "".join(f".replace(r'{escape}', ' ')" for escape in ESCAPES)
_WITHOUT_CONFIGURABLE = "variables.config.transformMap(key, value, key != 'configurable', value)"
_TEXTS = "variables.now.transformMap(key, value, key in ['displayName', 'description'], value)"


def _field(name: str, path: str, inside: str, inside_before: str) -> _Part:
    return _Part(name, path, f"{inside}[?'{name}'].orValue({{}})", f"{inside_before}[?'{name}'].orValue({{}})")


_PARTS = (
    _field("context", "/context", "variables.now", "variables.before"),
    _field("configurable", "/config/configurable", "variables.config", "variables.configBefore"),
    _Part("configFields", "/config", _WITHOUT_CONFIGURABLE, "variables.configBefore"),
    _field("metadata", "/metadata", "variables.now", "variables.before"),
    _Part("fields", "", _TEXTS, "variables.before"),
)


_NUMBERS = range(len(FORMATS))


def policy() -> str:
    """The text of the manifest."""
    return _POLICY.substitute(
        parts="".join(_PART.substitute(asdict(each), most_items=MOST_ITEMS) for each in _PARTS),
        most_levels=MOST_LEVELS,
        most_items=MOST_ITEMS,
        is_beyond=_is_beyond("each.value", MOST_LEVELS),
        unescaped=_UNESCAPED,
        all_changes=" + ".join(f"variables.{each.name}Changes" for each in _PARTS),
        most_characters=MOST_CHARACTERS,
        most_characters_of_short=MOST_CHARACTERS_OF_SHORT,
        formats="".join(_FORMAT.substitute(_parts(number)) for number in _NUMBERS),
        any_found=" || ".join(f"variables.has{number}" for number in _NUMBERS),
        any_format=json.dumps(_literal("|".join(each.pattern for each in FORMATS))),
        places="".join(_PLACES.substitute(_parts(number)) for number in _NUMBERS),
        all_places=" + ".join(f"variables.places{number}" for number in _NUMBERS),
        advice=ADVICE,
    )


def written() -> Iterator[tuple[Path, str]]:
    """The generated file, with the text that it should have."""
    yield POLICY, policy()


def _parts(number: int) -> dict[str, str]:
    """What the variables of one format are made of."""
    each = FORMATS[number]
    prefixes = " || ".join(f"variables.text.contains({_literal(prefix)})" for prefix in each.prefixes)
    return {
        "number": str(number),
        "format": each.name,
        "prefixes": prefixes,
        "pattern": _literal(each.pattern),
        "unescaped": _UNESCAPED,
    }


def _is_beyond(value: str, levels: int) -> str:
    """An expression of CEL, which has no recursion: whether `value` has more than `levels` levels or MOST_ITEMS items.

    The items are those of each object and list.
    """
    if levels == 0:
        return f"type({value}) in variables.containers"
    inner = f"v{levels}"
    items = f"(size({value}) > {MOST_ITEMS} || {value}.exists(_, {inner}, {_is_beyond(inner, levels - 1)}))"
    return f"type({value}) in variables.containers && {items}"


def _literal(text: str) -> str:
    """A string literal of CEL."""
    return f"r'{text}'" if "\\" in text else f"'{text}'"
