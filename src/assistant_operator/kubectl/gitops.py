"""Whether an Assistant is kept in Git, by whom, and what to commit there instead of a live write. Pure."""

from ..resources.assistant import Assistant
from ..resources.meta import API_VERSION, GROUP, FreeForm, ObjectMeta

_TRACKING = "argocd.argoproj.io/tracking-id"
_ARGO_MANAGERS = {"argocd-controller", "argocd-application-controller"}
_FLUX = {"kustomize.toolkit.fluxcd.io": "Kustomization", "helm.toolkit.fluxcd.io": "HelmRelease"}
# What a tool writes into the live object, and never stands in Git.
_TOOLS = ("argocd.argoproj.io/instance", *(f"{prefix}/" for prefix in _FLUX))
_WRITTEN = {_TRACKING, "kubectl.kubernetes.io/last-applied-configuration"}


def keeper(assistant: Assistant) -> str | None:
    """Who applies it from Git, such as `Argo CD (application shop)`; None if nobody is seen to."""
    meta = assistant.metadata
    if application := _application(meta):
        return f"Argo CD (application {application})"
    for prefix, kind in _FLUX.items():
        if name := meta.labels.get(f"{prefix}/name"):
            return f"Flux ({kind} {meta.labels.get(f'{prefix}/namespace', '?')}/{name})"
    return None


def _application(meta: ObjectMeta) -> str | None:
    # A copy of a tracked object bears its id too, and is nobody's: the id says what it belongs to.
    application, _, about = meta.annotations.get(_TRACKING, "").partition(":")
    if about == f"{GROUP}/{Assistant.kind_name}:{meta.namespace}/{meta.name}":
        return application
    if instance := meta.labels.get("argocd.argoproj.io/instance"):
        return instance
    # Helm writes this label too: only who wrote the object tells whose it is.
    if any(each.manager in _ARGO_MANAGERS for each in meta.managed_fields):
        return meta.labels.get("app.kubernetes.io/instance")
    return None


def to_commit(document: FreeForm) -> FreeForm:
    """The object as one would keep it in Git: without what the cluster, its tools and the defaults of the kind add."""
    meta = document["metadata"]
    labels = {name: value for name, value in (meta.get("labels") or {}).items() if not name.startswith(_TOOLS)}
    annotations = {name: value for name, value in (meta.get("annotations") or {}).items() if name not in _WRITTEN}
    kept = {"name": meta["name"], "namespace": meta["namespace"], "labels": labels, "annotations": annotations}
    return {
        "apiVersion": API_VERSION,
        "kind": Assistant.kind_name,
        "metadata": {name: value for name, value in kept.items() if value},
        "spec": _said(document["spec"]),
    }


def _said(spec: FreeForm) -> FreeForm:
    """Without the control fields that stand at their default."""
    defaults = {"deletionPolicy": "Delete", "suspend": False}
    said = {name: value for name, value in spec.items() if name not in defaults or defaults[name] != value}
    versioning = {"activation": "Automatic", "historyLimit": 100}
    told = {name: value for name, value in spec.get("versioning", {}).items() if versioning.get(name) != value}
    without = {name: value for name, value in said.items() if name != "versioning"}
    return {**without, "versioning": told} if told else without
