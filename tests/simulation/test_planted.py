"""A simulation that finds nothing proves nothing: each planted bug is found."""

import os
import subprocess
import sys

import pytest

from simulation.planted import BUGS

CODE = """
import sys, logging, warnings
from simulation.planted import BUGS, plant
plant(sys.argv[1])
warnings.simplefilter("ignore")
logging.disable()
from simulation.runs import Found, Run, run
from simulation.scenarios import SCENARIOS
bug = BUGS[sys.argv[1]]
for call, fault in ((0, ""), *((call, bug.fault) for call in bug.calls)):
    for scenario in SCENARIOS:
        try:
            run(Run(scenario.name, 1, call, fault))
        except Found as found:
            sys.exit(f"FOUND {found}")
"""


@pytest.mark.parametrize("name", BUGS)
def test_a_planted_bug_is_found(name: str) -> None:
    path = os.pathsep.join(each for each in sys.path if each)
    environment = {**os.environ, "PYTHONPATH": path, "PYTHONHASHSEED": "0"}
    done = subprocess.run(
        [sys.executable, "-c", CODE, name], env=environment, check=False, capture_output=True, text=True
    )
    assert "FOUND" in done.stderr, done.stderr[-2000:] or "nothing was found"
