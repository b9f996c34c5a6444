"""What the API server says of itself: groups, versions, resources."""

from typing import Any

from .resources import Catalogue, Resource

Json = dict[str, Any]


def document(catalogue: Catalogue, path: str) -> Json | None:
    """The discovery document at that path; None if there is none."""
    match path.strip("/").split("/"):
        case ["api"]:
            return {"kind": "APIVersions", "versions": ["v1"]}
        case ["apis"]:
            groups = [_group(group, version) for group, version in catalogue.groups]
            return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}
        case ["api", "v1"]:
            return _resources(catalogue, "v1")
        case ["apis", group, version] if (group, version) in catalogue.groups:
            return _resources(catalogue, f"{group}/{version}")
    return None


def _group(group: str, version: str) -> Json:
    said = {"groupVersion": f"{group}/{version}", "version": version}
    return {"name": group, "versions": [said], "preferredVersion": said}


def _resources(catalogue: Catalogue, api_version: str) -> Json:
    listed = [shown for each in catalogue.resources if each.api_version == api_version for shown in _shown(each)]
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": api_version, "resources": listed}


def _shown(resource: Resource) -> list[Json]:
    singular = resource.kind.lower()
    common = {"namespaced": resource.is_namespaced, "kind": resource.kind}
    more: Json = {"shortNames": list(resource.short_names)} if resource.short_names else {}
    if resource.categories:
        more["categories"] = list(resource.categories)
    whole = {"name": resource.plural, "singularName": singular, **common, "verbs": list(resource.verbs), **more}
    if not resource.is_custom:
        return [whole]
    status = {"name": f"{resource.plural}/status", "singularName": "", **common, "verbs": ["get", "patch", "update"]}
    return [whole, status]
