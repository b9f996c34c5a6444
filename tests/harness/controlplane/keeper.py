"""Stands between us and one component, and kills it once our end of the pipe says so or is gone.

A parent-death signal would not do: it is Linux only and follows the thread that forked, not the process.
"""

import os
import signal
import subprocess
import sys
import threading


def keep(command: list[str]) -> int:
    # A handler, unlike SIG_IGN, is not inherited: the component shall hear the group's SIGTERM, we shall outlive it.
    signal.signal(signal.SIGTERM, lambda *_: None)
    component = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    threading.Thread(target=_kill_when_told, args=(component,), daemon=True).start()
    return component.wait()


def _kill_when_told(component: "subprocess.Popen[bytes]") -> None:
    os.read(sys.stdin.fileno(), 1)
    component.kill()


if __name__ == "__main__":
    sys.exit(keep(sys.argv[1:]) & 0xFF)
