"""Plays scenes: types each command, prints what comes back, and insists that it says what it should."""

import re
import shlex
import sys

from controlplane import ControlPlane
from support import OperatorProcess

from .scenes import Scene, Turn, Typed

BOLD, DIM, PLAIN = ("\033[1m", "\033[2m", "\033[0m") if sys.stdout.isatty() else ("", "", "")


class DemoFailed(Exception):
    """A command did not do what the tour says it does."""


class Stage:
    """A control plane and an operator, before an audience."""

    def __init__(self, plane: ControlPlane, operator: OperatorProcess) -> None:
        self._plane = plane
        self._operator = operator

    def play(self, number: int, scene: Scene) -> None:
        print(f"\n{BOLD}{number}. {scene.title}{PLAIN}\n\n{scene.words}\n", flush=True)
        for act in scene.acts:
            if isinstance(act, Turn):
                self._turn(act)
            else:
                self._type(act)

    def _turn(self, turn: Turn) -> None:
        print(f"{DIM}({turn.value}){PLAIN}", flush=True)
        if turn is Turn.KILL:
            self._operator.kill()
        else:
            self._operator.start()

    def _type(self, typed: Typed) -> None:
        print(f"{BOLD}$ {typed.command}{PLAIN}", flush=True)
        done = self._plane.kubectl(*shlex.split(typed.command)[1:], check=False)
        said = (done.stdout + done.stderr).rstrip("\n")
        print(said, flush=True)
        if (done.returncode != 0) != typed.is_refused:
            raise DemoFailed(f"`{typed.command}` ended with {done.returncode}")
        for pattern in typed.shows:
            if not re.search(pattern, said):
                raise DemoFailed(f"`{typed.command}` should have said '{pattern}'")
