"""Plays scenes: types each command, prints what comes back, and insists that it says what it should."""

import re
import shlex
import sys

from harness.controlplane import ControlPlane
from harness.langgraph_server import LangGraphServer
from harness.support import OperatorProcess

from .scenes import Asked, Listed, Meddled, Scene, Turn, Typed

BOLD, DIM, PLAIN = ("\033[1m", "\033[2m", "\033[0m") if sys.stdout.isatty() else ("", "", "")

QUESTION = "Do you have tyres?"


class DemoFailed(Exception):
    """A command did not do what the tour says it does."""


class Stage:
    """A control plane and an operator, before an audience."""

    def __init__(self, plane: ControlPlane, operator: OperatorProcess, server: LangGraphServer | None = None) -> None:
        self._plane = plane
        self._operator = operator
        self._server = server
        self._answers: dict[str, str] = {}

    def play(self, number: int, scene: Scene) -> None:
        print(f"\n{BOLD}{number}. {scene.title}{PLAIN}\n\n{scene.words}\n", flush=True)
        for act in scene.acts:
            match act:
                case Turn():
                    self._turn(act)
                case Typed():
                    self._type(act)
                case Asked():
                    self._ask(act)
                case Meddled():
                    self._meddle(act)
                case Listed():
                    self._list(act)

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

    def _ask(self, asked: Asked) -> None:
        print(f"{DIM}(the server is asked as '{asked.assistant}': {QUESTION}){PLAIN}", flush=True)
        answer = self._running.answer(self._copy(asked.assistant, asked.kind), QUESTION)
        print(answer, flush=True)
        if asked.answers not in answer:
            raise DemoFailed(f"'{asked.assistant}' should have answered with '{asked.answers}'")
        if asked.same_as and answer != self._answers[asked.same_as]:
            raise DemoFailed(f"'{asked.assistant}' should have answered as before: {self._answers[asked.same_as]}")
        self._answers[asked.name] = answer

    def _meddle(self, meddled: Meddled) -> None:
        print(f"{DIM}(somebody sets the prompt of '{meddled.assistant}' on the server){PLAIN}", flush=True)
        self._running.edit(self._copy(meddled.assistant), context={"prompt": meddled.prompt})

    def _list(self, listed: Listed) -> None:
        held = tuple(sorted(each["name"] for each in self._running.assistants("support")))
        print(f"{DIM}(the server holds: {', '.join(held)}){PLAIN}", flush=True)
        if held != listed.names:
            raise DemoFailed(f"the server should hold {', '.join(listed.names)}")

    def _copy(self, assistant: str, kind: str = "assistant") -> str:
        return self._plane.kubectl("get", kind, assistant, "-o", "jsonpath={.status.assistantId}").stdout

    @property
    def _running(self) -> LangGraphServer:
        if self._server is None:
            raise DemoFailed("this half of the tour has no LangGraph Server")
        return self._server
