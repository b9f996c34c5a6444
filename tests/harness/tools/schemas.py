"""JSON Schemas for kubeconform: of what a real API server serves, and of our own kinds; both closed."""

import json
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

from harness.controlplane import ControlPlane

from .programs import kubeconform
from .rendering import Json

ALL = "all.json"
METADATA = {"$ref": f"{ALL}#/definitions/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"}
NAMED, NESTED, LISTED = (
    {"properties", "definitions"},
    {"items", "additionalProperties", "not"},
    {"allOf", "anyOf", "oneOf"},
)


def write(plane: ControlPlane, crds: Path, folder: Path) -> Path:
    """One file a kind, as kubeconform looks for them."""
    served = plane.admin.request("GET", "/openapi/v2").body["definitions"]
    (folder / ALL).write_text(json.dumps(_closed({"definitions": served})))
    for name, definition in served.items():
        match definition.get("x-kubernetes-group-version-kind"):
            case [{"group": group, "version": version, "kind": kind}]:
                _write(folder, group, version, kind, {"$ref": f"{ALL}#/definitions/{name}"})
    for path in sorted(crds.glob("*s.yaml")):
        spec = yaml.safe_load(path.read_text())["spec"]
        for version, schema in _versions(spec):
            _write(folder, spec["group"], version, spec["names"]["kind"], schema)
    return folder


def checked(schemas: Path, things: Sequence[Json]) -> Json:
    """What kubeconform makes of them: a summary, and each that is not valid."""
    location = f"{schemas}/{{{{.ResourceKind}}}}_{{{{.Group}}}}_{{{{.ResourceAPIVersion}}}}.json"
    command = [str(kubeconform()), "-strict", "-summary", "-output=json", f"-schema-location={location}", "-"]
    text = yaml.safe_dump_all(things)
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    told: Json = json.loads(done.stdout)
    return told


def _versions(spec: Json) -> Iterator[tuple[str, Any]]:
    for each in spec["versions"]:
        schema = _closed(each["schema"]["openAPIV3Schema"])
        head = {"apiVersion": {"type": "string"}, "kind": {"type": "string"}, "metadata": METADATA}
        yield each["name"], {**schema, "properties": {**schema["properties"], **head}}


def _write(folder: Path, group: str, version: str, kind: str, schema: Json) -> None:
    # To kubeconform the core group is called as its version.
    (folder / f"{kind}_{group or version}_{version}.json".lower()).write_text(json.dumps(schema))


def _closed(schema: Any) -> Any:
    """What is not listed is refused, and references lead to where everything is."""
    if not isinstance(schema, dict):
        return schema
    closed = {key: _inner(key, value) for key, value in schema.items()}
    if "$ref" in closed:
        closed["$ref"] = closed["$ref"].replace("#/", f"{ALL}#/")
    if "properties" in closed and not {"x-kubernetes-preserve-unknown-fields", "additionalProperties"} & closed.keys():
        closed["additionalProperties"] = False
    if closed.get("format") == "int-or-string" or closed.get("x-kubernetes-int-or-string"):
        closed.pop("type", None)
    if closed.pop("nullable", False) and "type" in closed:
        closed["type"] = [closed["type"], "null"]
    return closed


def _inner(key: str, value: Any) -> Any:
    if key in NAMED:
        return {name: _closed(each) for name, each in value.items()}
    if key in LISTED:
        return [_closed(each) for each in value]
    return _closed(value) if key in NESTED else value
