"""Memory goes back to the operating system, also below what is kept. In a process of its own."""

import subprocess
import sys

CODE = """
import os
from assistant_operator.runtime.memory import trim

def megabytes():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20

blocks = [bytes([number % 256]) * 2_000 for number in range(50_000)]
kept = blocks[::500]
del blocks
before = megabytes()
print(trim(), before - megabytes() > 50, len(kept))
"""


def test_free_memory_below_a_block_in_use_is_given_back() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    assert done.stdout == "True True 100\n"
