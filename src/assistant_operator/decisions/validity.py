"""Whether a version may come into force: its content intact, its graph there, its schemas content. Pure."""

from ..resources.assistant import Snapshot
from ..resources.fit import Fit, Fits, Misfits, Unusable
from ..resources.graph import Graph
from ..resources.reason import Reason
from .assistant_world import Judgement


def altered(name: str) -> Judgement:
    """What to say of a version whose content is not what its digest was taken of."""
    return Judgement(False, Reason.CONTENT_ALTERED, f"the content of {name} is not what its digest was taken of")


def graph_missing(snapshot: Snapshot, namespace: str) -> Judgement:
    name = snapshot.graph_ref.name
    return Judgement(None, Reason.GRAPH_NOT_FOUND, f"graph '{name}' does not exist in namespace '{namespace}'")


def schemas_unknown(graph: Graph) -> Judgement:
    """What to say while the server of a graph was never reached."""
    name = graph.metadata.name
    message = f"the schemas of graph '{name}' are not known yet: see its condition Deployed"
    return Judgement(None, Reason.PROBING, message, name)


def judgement(graph: Graph, fit: Fit) -> Judgement:
    """What the graph's schemas make of a version."""
    name = graph.metadata.name
    match fit:
        case Fits() if graph.schemas.source == "None":
            return Judgement(True, Reason.SCHEMA_ACCEPTED, f"graph '{name}' has no schemas to fit", name)
        case Fits():
            return Judgement(True, Reason.SCHEMA_ACCEPTED, f"fits the schemas of graph '{name}'", name)
        case Misfits(problems):
            return Judgement(False, Reason.SCHEMA_REFUSED, f"graph '{name}' refuses it: {problems}", name)
        case Unusable(why):
            message = f"graph '{name}' cannot judge it: {why}"
            return Judgement(None, Reason.SCHEMA_UNUSABLE, message, name, is_passing=fit.is_passing)
