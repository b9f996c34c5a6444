"""`python -m gitops.configmap` prints deploy/argocd/argocd-cm.yaml, made of the scripts."""

import sys
from typing import Any

import yaml

from .actions import definitions, discovery
from .health import GROUP, KINDS, WITH_ACTIONS, script

HEAD = """\
# Made of resource_customizations/ by `python -m gitops.configmap`; do not edit. Patch Argo CD's own ConfigMap with it:
#   kubectl patch configmap argocd-cm --namespace argocd --patch-file argocd-cm.yaml
"""


class _Block(yaml.SafeDumper):
    """Scripts as blocks, so that a person can read them."""


def _as_block(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Block.add_representer(str, _as_block)


def configmap() -> str:
    health = {f"resource.customizations.health.{GROUP}_{kind}": script(kind) for kind in KINDS}
    actions = {f"resource.customizations.actions.{GROUP}_{kind}": _actions(kind) for kind in WITH_ACTIONS}
    body = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "argocd-cm", "labels": {"app.kubernetes.io/part-of": "argocd"}},
        "data": {**health, **actions},
    }
    return HEAD + _dumped(body)


def _actions(kind: str) -> str:
    scripts = [{"name": name, "action.lua": text} for name, text in definitions(kind).items()]
    return _dumped({"discovery.lua": discovery(kind), "definitions": scripts})


def _dumped(body: dict[str, Any]) -> str:
    return yaml.dump(body, Dumper=_Block, sort_keys=False, width=120)


if __name__ == "__main__":
    sys.stdout.write(configmap())
