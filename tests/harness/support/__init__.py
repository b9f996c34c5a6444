"""What the tests of the whole operator share: the process under test, and the objects it is shown."""

from .operator_process import OperatorProcess
from .workspace import Workspace

__all__ = ["OperatorProcess", "Workspace"]
