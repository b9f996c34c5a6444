"""The documented options of kube-state-metrics for custom resources, and the metrics of an object by them."""

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

Path = Annotated[tuple[str, ...], Field(min_length=1)]
Label = Annotated[str, Field(pattern="^[a-z][a-z0-9_]*$")]
Sample = tuple[str, dict[str, str], float]
RESERVED = {"customresource_group", "customresource_version", "customresource_kind"}


class Options(BaseModel):
    """Refuses unknown options, which the program ignores."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", frozen=True, strict=False)


class Gauge(Options):
    path: Path
    value_from: tuple[str, ...] = ()
    labels_from_path: dict[Label, Path] = {}
    label_from_key: str = ""
    nil_is_zero: bool = False


class Info(Options):
    labels_from_path: dict[Label, Path]
    path: tuple[str, ...] = ()
    label_from_key: str = ""


class StateSet(Options):
    path: Path
    value_from: Path
    label_name: Label
    entries: Annotated[tuple[str, ...], Field(alias="list", min_length=1)]
    labels_from_path: dict[Label, Path] = {}


class Each(Options):
    type: Literal["Gauge", "Info", "StateSet"]
    gauge: Gauge | None = None
    info: Info | None = None
    state_set: StateSet | None = None

    @property
    def what(self) -> Gauge | Info | StateSet:
        (given,) = (each for each in (self.gauge, self.info, self.state_set) if each)
        return given

    @model_validator(mode="after")
    def _one_of_its_type(self) -> "Each":
        assert type(self.what).__name__ == self.type
        return self


class Metric(Options):
    name: Label
    help: Annotated[str, Field(min_length=1)]
    each: Each
    common_labels: dict[Label, str] = {}
    labels_from_path: dict[Label, Path] = {}
    error_log_v: int = 0


class GroupVersionKind(Options):
    group: str
    version: str
    kind: str


class Resource(Options):
    group_version_kind: GroupVersionKind
    metrics: Annotated[tuple[Metric, ...], Field(min_length=1)]
    resource_plural: str = ""
    metric_name_prefix: str = "kube_customresource"
    common_labels: dict[Label, str] = {}
    labels_from_path: dict[Label, Path] = {}
    error_log_v: int = 0


class Spec(Options):
    resources: tuple[Resource, ...]


class Configuration(Options):
    kind: Literal["CustomResourceStateMetrics"]
    spec: Spec


def at(found: Any, path: tuple[str, ...]) -> Any:
    """Return the value at a path, or None. `[key=value]` selects from a list, a number is an index."""
    for part in path:
        if part.isdigit():
            found = next(iter((found or ())[int(part) :]), None)
        elif part.startswith("["):
            key, wanted = part[1:-1].split("=")
            found = next((each for each in found or () if str(each.get(key)).lower() == wanted.lower()), None)
        else:
            found = found.get(part) if isinstance(found, dict) else None
    return found


def samples(resource: Resource, found: dict[str, Any]) -> Iterator[Sample]:
    """Return the samples of one object, without the labels that every sample has."""
    for metric in resource.metrics:
        for labels, value in _values(metric.each.what, found):
            named = _labels(resource.labels_from_path, found) | _labels(metric.labels_from_path, found)
            yield f"{resource.metric_name_prefix}_{metric.name}", named | labels, value


def _values(what: Gauge | Info | StateSet, found: dict[str, Any]) -> Iterator[tuple[dict[str, str], float]]:
    there = at(found, what.path)
    match what:
        case Info():
            yield _labels(what.labels_from_path, there), 1.0
        case Gauge() if there is not None or what.nil_is_zero:
            yield {}, _number(there or 0)
        case StateSet():
            for each in there or ():
                value = at(each, what.value_from)
                for entry in what.entries:
                    yield _labels(what.labels_from_path, each) | {what.label_name: entry}, float(value == entry)


def _labels(paths: dict[str, tuple[str, ...]], found: Any) -> dict[str, str]:
    values = {label: at(found, path) for label, path in paths.items()}
    return {label: str(value) for label, value in values.items() if value is not None}


def _number(value: object) -> float:
    match value:
        case bool() | int() | float():
            return float(value)
        case "True" | "False" | "Unknown":
            return float(value == "True")
    return datetime.fromisoformat(str(value)).timestamp()
