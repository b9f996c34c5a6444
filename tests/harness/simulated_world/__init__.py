"""A whole world in virtual time: a cluster, LangGraph Servers, replicas of the real operator, and a person who edits.

    with simulated(seed) as world:
        world.run(scenario(world))

`world.person` writes straight into the store, as people do through an API server that works. `world.audit` knows who
wrote what, `world.history` which edits and which versions there were. `World.settle` waits until nothing is written.
"""

from .audit import OPERATOR, Audit, Write
from .history import Edit, History, Made
from .person import Person
from .world import NAMESPACE, World, simulated

__all__ = ["NAMESPACE", "OPERATOR", "Audit", "Edit", "History", "Made", "Person", "World", "Write", "simulated"]
