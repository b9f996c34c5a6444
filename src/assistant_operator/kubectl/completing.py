"""What the word being typed may become, as far as the words themselves tell. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from ..gateways.kubeconfig import Wish


class Shell(StrEnum):
    """Those that we write a script for."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


class Wanted(StrEnum):
    """What the word being typed names."""

    COMMAND = "command"
    FLAG = "flag"
    ASSISTANT = "assistant"
    GRAPH = "graph"
    NAMESPACE = "namespace"
    CONTEXT = "context"
    NUMBER = "number"
    CHOICE = "choice"
    FILE = "file"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Flag:
    """A flag; `choices`: what it takes, if that is a fixed set."""

    names: tuple[str, ...]
    help: str = ""
    takes_value: bool = True
    choices: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return max(self.names, key=len)

    @property
    def wanted(self) -> Wanted:
        return Wanted.CHOICE if self.choices else _VALUES.get(self.name, Wanted.NOTHING)


@dataclass(frozen=True, slots=True)
class Command:
    """A command as completion sees it; `argument`: what its words name."""

    name: str
    help: str = ""
    flags: tuple[Flag, ...] = ()
    argument: Wanted = Wanted.NOTHING
    choices: tuple[str, ...] = ()
    takes_many: bool = False


@dataclass(slots=True)
class Said:
    """What the whole words say."""

    command: Command | None = None
    named: list[str] = field(default_factory=list)
    values: dict[str, str] = field(default_factory=dict)
    pending: Flag | None = None
    """The flag whose value comes next."""

    @property
    def wish(self) -> Wish:
        return Wish(self.values.get("--kubeconfig"), self.values.get("--context"), self.values.get("--as"))

    @property
    def namespace(self) -> str:
        return self.values.get("--namespace", "")


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked for, and what of it is typed."""

    wanted: Wanted
    typed: str
    said: Said
    before: str = ""
    """What stands before `typed` in the same word, such as `--output=`."""
    flag: Flag | None = None


_VALUES: Mapping[str, Wanted] = {
    "--namespace": Wanted.NAMESPACE,
    "--context": Wanted.CONTEXT,
    "--kubeconfig": Wanted.FILE,
    "--revision": Wanted.NUMBER,
    "--to-revision": Wanted.NUMBER,
}


@dataclass(frozen=True, slots=True)
class Language:
    """All that can be typed."""

    commands: tuple[Command, ...]
    everywhere: tuple[Flag, ...]
    """The flags that every command takes."""

    def question(self, words: Sequence[str]) -> Question:
        """What the last of `words` is to become."""
        *whole, typed = words or ("",)
        said = Said()
        for word in whole:
            self._hear(said, word)
        if said.pending:
            return Question(said.pending.wanted, typed, said, flag=said.pending)
        name, equals, value = typed.partition("=")
        if equals and (flag := self._flag(said, name)):
            return Question(flag.wanted, value, said, f"{name}=", flag)
        if typed.startswith("-"):
            return Question(Wanted.FLAG, typed, said)
        if said.command is None:
            return Question(Wanted.COMMAND, typed, said)
        is_full = said.named and not said.command.takes_many
        return Question(Wanted.NOTHING if is_full else said.command.argument, typed, said)

    def _hear(self, said: Said, word: str) -> None:
        name, equals, value = word.partition("=")
        flag = self._flag(said, name)
        if said.pending:
            said.values[said.pending.name], said.pending = word, None
        elif flag and equals:
            said.values[flag.name] = value
        elif flag:
            said.pending = flag if flag.takes_value else None
        elif said.command is None and not word.startswith("-"):
            said.command = next((each for each in self.commands if each.name == word), Command(word))
        elif not word.startswith("-"):
            said.named.append(word)

    def _flag(self, said: Said, name: str) -> Flag | None:
        return next((each for each in self._flags(said) if name in each.names), None)

    def _flags(self, said: Said) -> tuple[Flag, ...]:
        return ((*said.command.flags,) if said.command else ()) + self.everywhere

    def offered(self, question: Question, found: Iterable[str] = ()) -> list[str]:
        """The candidates, a line each, what they mean behind a tab; `found`: the names that were looked up."""
        candidates = dict(self._known(question)) | dict.fromkeys(found, "")
        taken = set(question.said.named)
        return [
            f"{question.before}{name}" + (f"\t{meaning}" if meaning else "")
            for name, meaning in candidates.items()
            if name.startswith(question.typed) and name not in taken
        ]

    def _known(self, question: Question) -> Iterable[tuple[str, str]]:
        match question.wanted:
            case Wanted.COMMAND:
                return [(each.name, each.help) for each in self.commands]
            case Wanted.FLAG:
                return [(each.name, each.help) for each in self._flags(question.said)]
            case Wanted.CHOICE:
                source = question.flag or question.said.command
                return [(each, "") for each in (source.choices if source else ())]
        return ()


SCRIPTS = {
    Shell.BASH: """\
# bash completion of kubectl-assistants: source <(kubectl-assistants completion bash)
_kubectl_assistants() {
    local line
    COMPREPLY=()
    while IFS= read -r line; do
        [[ $line == :* ]] || COMPREPLY+=("${line%%$'\\t'*}")
    done < <(kubectl_complete-assistants "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o default -F _kubectl_assistants kubectl-assistants
""",
    Shell.ZSH: """\
#compdef kubectl-assistants
# zsh completion of kubectl-assistants: source <(kubectl-assistants completion zsh)
_kubectl_assistants() {
    local line
    local -a candidates
    while IFS= read -r line; do
        [[ $line == :* ]] || candidates+=("${${line//:/\\\\:}/$'\\t'/:}")
    done < <(kubectl_complete-assistants "${(@)words[2,CURRENT]}" 2>/dev/null)
    _describe 'kubectl-assistants' candidates || _files
}
compdef _kubectl_assistants kubectl-assistants
""",
    Shell.FISH: """\
# fish completion of kubectl-assistants: kubectl-assistants completion fish | source
function __kubectl_assistants
    set -l words (commandline -opc) (commandline -ct)
    kubectl_complete-assistants $words[2..-1] 2>/dev/null | string match -v ':*'
end
complete -c kubectl-assistants -f -a '(__kubectl_assistants)'
""",
}
