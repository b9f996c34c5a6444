"""Small graphs, one of each way to read a configuration. They run in the server's Python, not in ours."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime
from pydantic import BaseModel
from typing_extensions import TypedDict


class State(TypedDict, total=False):
    """What goes in and what comes out."""

    question: str
    answer: str


@dataclass
class Context:
    """The knobs of the writer."""

    prompt: str = "You are helpful."
    model: str = "small"
    temperature: float = 0.5


def write(state: State, runtime: Runtime[Context]) -> State:
    """No model answers here, so that the answer tells exactly what the graph was given."""
    context = runtime.context
    return {"answer": f"[{context.model} {context.temperature}] {context.prompt} {state.get('question', '')}"}


def route(_: State, config: RunnableConfig) -> State:
    """The older way."""
    return {"answer": f"route: {config['configurable'].get('route', 'none')}"}


def compiled(node: Any, **schemas: Any) -> Any:
    graph = StateGraph(State, **schemas)
    graph.add_node("node", node)
    graph.add_edge(START, "node")
    graph.add_edge("node", END)
    return graph.compile()


writer = compiled(write, context_schema=Context)
router = compiled(route)


class Hours(BaseModel):
    """When the shop is open, as pydantic describes it."""

    opens: time = time(8)
    closes: time | None = None
    since: datetime | None = None
    every: timedelta | None = None


def tell(_: State, runtime: Runtime[Hours]) -> State:
    """What pydantic made of it."""
    hours = runtime.context
    return {"answer": f"{type(hours.opens).__name__} {hours.opens} {hours.closes} {hours.since} {hours.every}"}


shop = compiled(tell, context_schema=Hours)
