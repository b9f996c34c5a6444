"""Which tool applies an Assistant or an alias from Git, and what to commit there instead of a live edit. Pure."""

from assistant_operator.api.assistant import EXPORTED_VERSIONS, Assistant
from assistant_operator.api.assistant_alias import Published
from assistant_operator.api.meta import API_VERSION, GROUP, FreeForm, Resource

_TRACKING = "argocd.argoproj.io/tracking-id"
_ARGO_MANAGERS = {"argocd-controller", "argocd-application-controller"}
_FLUX = {"kustomize.toolkit.fluxcd.io": "Kustomization", "helm.toolkit.fluxcd.io": "HelmRelease"}
# Labels and annotations that a tool adds to the live object.
_TOOL_LABELS = ("argocd.argoproj.io/instance", *(f"{prefix}/" for prefix in _FLUX))
TOOL_ANNOTATIONS = {
    *(_TRACKING, "kubectl.kubernetes.io/last-applied-configuration"),
    *(f"{GROUP}/changed-by", EXPORTED_VERSIONS),
}


def git_owner(resource: Published) -> str | None:
    """The tool that applies it from Git, such as `Argo CD (application shop)`; None if its metadata names none."""
    meta = resource.metadata
    if application := _application(resource):
        return f"Argo CD (application {application})"
    for prefix, kind in _FLUX.items():
        if name := meta.labels.get(f"{prefix}/name"):
            return f"Flux ({kind} {meta.labels.get(f'{prefix}/namespace', '?')}/{name})"
    return None


def _application(resource: Published) -> str | None:
    meta = resource.metadata
    # A copy of a tracked object has the same id, but is not tracked: the id names the tracked object.
    application, _, tracked = meta.annotations.get(_TRACKING, "").partition(":")
    if tracked == f"{GROUP}/{resource.kind_name}:{meta.namespace}/{meta.name}":
        return application
    if instance := meta.labels.get("argocd.argoproj.io/instance"):
        return instance
    # Helm sets this label too: the field manager decides.
    if any(entry.manager in _ARGO_MANAGERS for entry in meta.managed_fields):
        return meta.labels.get("app.kubernetes.io/instance")
    return None


def to_commit(document: FreeForm, kind: type[Resource] = Assistant) -> FreeForm:
    """The manifest for Git: without what the API server, tools and the defaults of the kind add."""
    meta = document["metadata"]
    labels = {name: value for name, value in (meta.get("labels") or {}).items() if not name.startswith(_TOOL_LABELS)}
    annotations = {
        name: value for name, value in (meta.get("annotations") or {}).items() if name not in TOOL_ANNOTATIONS
    }
    kept = {"name": meta["name"], "namespace": meta["namespace"], "labels": labels, "annotations": annotations}
    return {
        "apiVersion": API_VERSION,
        "kind": kind.kind_name,
        "metadata": {name: value for name, value in kept.items() if value},
        "spec": _without_defaults(document["spec"]),
    }


def _without_defaults(spec: FreeForm) -> FreeForm:
    """The spec without control fields that have their default."""
    kept = _different(spec, {"deletionPolicy": "Delete", "suspend": False, "versioning": None})
    versioning = _different(spec.get("versioning") or {}, {"activation": "Automatic", "historyLimit": 100})
    return (
        {**kept, "versioning": versioning}
        if versioning
        else {name: value for name, value in kept.items() if name != "versioning"}
    )


def _different(fields: FreeForm, defaults: FreeForm) -> FreeForm:
    return {name: value for name, value in fields.items() if name not in defaults or defaults[name] != value}
