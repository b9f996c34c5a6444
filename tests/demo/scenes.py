"""What the tour shows: each scene some words, the commands that are typed, and what their output must say."""

from dataclasses import dataclass
from enum import Enum


class Turn(Enum):
    """What happens to the operator beside the commands."""

    KILL = "the operator is killed with SIGKILL"
    START = "the operator is started again"


@dataclass(frozen=True)
class Typed:
    """A command as a person types it, and what must be in its output (`-`: what must not)."""

    command: str
    shows: tuple[str, ...] = ()
    is_refused: bool = False


@dataclass(frozen=True)
class Asked:
    """A run of an assistant on the LangGraph Server; `same_as`: the name of an earlier answer that this one equals."""

    assistant: str
    answers: str
    name: str = ""
    same_as: str = ""
    kind: str = "assistant"


@dataclass(frozen=True)
class Meddled:
    """Somebody changes an assistant on the server behind our back, as in Studio."""

    assistant: str
    prompt: str


@dataclass(frozen=True)
class Listed:
    """What the server holds of the graph, by name."""

    names: tuple[str, ...]


@dataclass(frozen=True)
class Scene:
    """One thing to see."""

    title: str
    words: str
    acts: tuple[Typed | Turn | Asked | Meddled | Listed, ...]


APPLIED = (
    Typed("kubectl apply -k deploy/examples", ("graph.assistant-operator.dev/support created",)),
    Typed("kubectl wait graph/support assistant/friendly assistant/terse --for=condition=Ready --timeout=60s"),
)
READY_ALIASES = Typed("kubectl wait assistantalias --all --for=condition=Ready --timeout=30s", ("production.* met",))


def _promotion(number: int, cause: str) -> Typed:
    patch = f'{{"metadata":{{"annotations":{{"kubernetes.io/change-cause":"{cause}"}}}},"spec":{{"version":{number}}}}}'
    return Typed(f"kubectl patch assistantalias production --type merge -p '{patch}'", ("patched",))


def _until_alias(number: int) -> Typed:
    path = "kubectl wait assistantalias/production --for=jsonpath='{.status.version}'="
    return Typed(f"{path}{number} --timeout=30s", ("met",))


def _edit(patch: str, *shows: str) -> Typed:
    return Typed(f"kubectl patch assistant friendly --type merge -p '{patch}'", shows)


def _until(path: str, value: int) -> Typed:
    return Typed(f"kubectl wait assistant/friendly --for=jsonpath='{{.status.{path}}}'={value} --timeout=30s", ("met",))


VERSIONS = "kubectl get assistantversions --field-selector spec.assistantRef.name=friendly"

SCENES = (
    Scene(
        "A graph and two assistants are applied; the third comes by itself",
        "deploy/examples has a Graph, `support`, and two Assistants of it. The operator adds the graph's default\n"
        "assistant, also called `support`, and makes version 1 of each.",
        (
            *APPLIED,
            Typed("kubectl get graphs,assistants", ("graph.assistant-operator.dev/support", "assistant.*/support ")),
        ),
    ),
    Scene(
        "The default assistant follows its graph",
        "What the graph's defaults say, the default assistant says, field by field; a field that somebody changes\n"
        "there is theirs from then on.",
        (
            Typed(
                """kubectl patch graph support --type merge -p '{"spec":{"defaults":{"context":{"model":"large"}}}}'"""
            ),
            Typed(
                "kubectl wait assistant/support --for=jsonpath='{.spec.context.model}'=large --timeout=30s", ("met",)
            ),
            Typed("kubectl wait assistant/support --for=jsonpath='{.status.activeVersion}'=2 --timeout=30s", ("met",)),
        ),
    ),
    Scene(
        "Three edits, three versions",
        "Each says what changed, who changed it and, if they said so, why.",
        (
            _edit('{"spec":{"context":{"temperature":0.7}}}'),
            _edit('{"spec":{"context":{"tools":["stock","prices"]}}}'),
            _edit(
                '{"metadata":{"annotations":{"kubernetes.io/change-cause":"legal asked for it"}},'
                '"spec":{"context":{"prompt":"You answer customers of a bicycle shop. Promise nothing."}}}'
            ),
            _until("activeVersion", 4),
            Typed("kubectl wait assistantversion/friendly-v4 --for=condition=Active --timeout=30s", ("met",)),
            Typed(f"{VERSIONS} -o wide", ("friendly-v1 .* Created", "friendly-v4 .* True .* legal asked for it")),
            Typed("kubectl get assistantversion friendly-v4 -o jsonpath='{.spec.change}'", ('"/context/prompt"',)),
        ),
    ),
    Scene(
        "An edit that changes nothing makes no version",
        "Content decides: a label, a control field, 0.70 for 0.7 or another order of keys is no change.",
        (
            Typed("kubectl label assistant friendly team=shop", ("labeled",)),
            _edit('{"spec":{"context":{"temperature":0.70}}}', "no change"),
            _edit('{"spec":{"versioning":{"historyLimit":50}}}'),
            Typed("kubectl wait assistant/friendly --for=condition=Ready --timeout=30s", ("met",)),
            Typed("kubectl get assistant friendly", (r"friendly +support +4 +4 +True +4 ",)),
        ),
    ),
    Scene(
        "A bad edit is recorded, and not activated",
        "The graph's schema allows no temperature above 2. Version 4 stays in force, and the assistant says why.",
        (
            _edit('{"spec":{"context":{"temperature":9}}}'),
            Typed("kubectl wait assistant/friendly --for=condition=Ready=False --timeout=30s", ("met",)),
            Typed("kubectl get assistant friendly -o wide", (" 5 +4 +False ", "SchemaRefused", "/context/temperature")),
            Typed("kubectl wait assistantversion/friendly-v5 --for=condition=Valid=False --timeout=30s", ("met",)),
        ),
    ),
    Scene(
        "Going back is setting a number",
        "A pin activates an old version in full and makes no new one. Removing it returns to the latest valid one.",
        (
            _edit('{"spec":{"versioning":{"activeVersion":2}}}'),
            _until("activeVersion", 2),
            Typed("kubectl get assistant friendly -o wide", (" 5 +2 +True .* 2 +Active +friendly-v2 is active",)),
            _edit('{"spec":{"versioning":{"activeVersion":null}}}'),
            _until("activeVersion", 4),
        ),
    ),
    Scene(
        "Callers use a name, and you decide when it moves",
        "`production` is an alias: it stands for one version of `friendly`, whatever is edited. Moving it is an edit\n"
        "of its own, which an account that may edit prompts need not be allowed. Each move is recorded.",
        (
            READY_ALIASES,
            Typed("kubectl get assistantaliases", (r"production +friendly +1 +True", r"staging +friendly +1 +True")),
            _promotion(4, "tested in staging"),
            _until_alias(4),
            Typed("kubectl wait assistantalias/production --for=condition=Ready --timeout=30s", ("met",)),
            Typed(
                "kubectl get assistantalias production -o jsonpath='{.status.moves[0]}'",
                ('"cause":"tested in staging"', '"from":1', '"to":4'),
            ),
            _promotion(5, "in a hurry"),
            Typed("kubectl wait assistantalias/production --for=condition=Ready=False --timeout=30s", ("met",)),
            Typed(
                "kubectl get assistantalias production -o wide", ("SchemaRefused .* the alias stays at friendly-v4",)
            ),
            _promotion(4, "not yet"),
            Typed("kubectl wait assistantalias/production --for=condition=Ready --timeout=30s", ("met",)),
        ),
    ),
    Scene(
        "Nobody alters history",
        "Not even a cluster's administrator, as which these commands run: the API server itself refuses.",
        (
            Typed(
                "kubectl patch assistantversion friendly-v2 --type merge"
                """ -p '{"spec":{"snapshot":{"context":{"prompt":"forged"}}}}'""",
                ("a version is immutable",),
                is_refused=True,
            ),
        ),
    ),
    Scene(
        "Edits that nobody watched are recorded too",
        "The operator is killed, two edits are made meanwhile, and it is started again.",
        (
            Turn.KILL,
            _edit('{"spec":{"context":{"temperature":1.1}}}'),
            _edit('{"spec":{"context":{"temperature":1.2}}}'),
            Turn.START,
            _until("activeVersion", 7),
            Typed("kubectl wait assistantversion/friendly-v7 --for=condition=Active --timeout=30s", ("met",)),
            Typed(VERSIONS, ("friendly-v6 ", r"friendly-v7 +friendly +7 +True +True +Edited")),
            Typed("kubectl events --for assistant/friendly", ("SchemaRefused", "Activated friendly-v2 in place of")),
        ),
    ),
)


def server_scenes(url: str) -> tuple[Scene, ...]:
    """The second half: the same graph, running on the LangGraph Server at `url`."""
    server = f'{{"spec":{{"server":{{"url":"{url}","resyncPeriodSeconds":5}}}}}}'
    ready = Typed("kubectl wait assistant/friendly --for=condition=Published --timeout=30s", ("met",))
    return (
        Scene(
            "A graph that runs somewhere",
            f"A LangGraph Server with the graph `support` runs at {url}. Told of it, the operator checks that\n"
            "the graph is deployed there and publishes its assistants.",
            (
                *APPLIED,
                Typed(f"kubectl patch graph support --type merge -p '{server}'", ("patched",)),
                Typed("kubectl wait graph/support --for=condition=Deployed --timeout=30s", ("met",)),
                Typed(
                    "kubectl wait assistant --all --for=condition=Published --timeout=30s", ("support condition met",)
                ),
                Typed("kubectl get graph support -o wide", (url,)),
                Typed("kubectl get assistants -o wide", ("friendly .*[0-9a-f]{8}-",)),
                READY_ALIASES,
                Asked("friendly", "warm and take your time", name="before"),
            ),
        ),
        Scene(
            "What you apply is what answers",
            "An edit is on the server as soon as the assistant is ready again.",
            (
                _edit('{"spec":{"context":{"prompt":"You answer in verse.","temperature":1.5}}}'),
                _until("activeVersion", 2),
                ready,
                Asked("friendly", "You answer in verse"),
            ),
        ),
        Scene(
            "Who calls the alias waits for its promotion",
            "`production` is an assistant of its own on the server. It answers as before, until it is moved.",
            (
                Asked("production", "warm and take your time", same_as="before", kind="assistantalias"),
                _promotion(2, "verse it is"),
                _until_alias(2),
                Typed("kubectl wait assistantalias/production --for=condition=Ready --timeout=30s", ("met",)),
                Asked("production", "You answer in verse", kind="assistantalias"),
            ),
        ),
        Scene(
            "A pin brings the old answer back",
            "The server's own way back restores neither the context nor the graph; a pin publishes the whole version.",
            (
                _edit('{"spec":{"versioning":{"activeVersion":1}}}'),
                _until("activeVersion", 1),
                ready,
                Asked("friendly", "warm and take your time", same_as="before"),
            ),
        ),
        Scene(
            "What somebody changes on the server is put right",
            "At the next resync, here after five seconds at most, with an event that names the fields.",
            (
                Meddled("friendly", "You say nothing."),
                Asked("friendly", "You say nothing"),
                Typed("kubectl wait --for=create event --field-selector reason=CopyDrifted --timeout=30s"),
                Typed("kubectl events --for assistant/friendly", ("Repaired the copy of 'friendly'.*/context/prompt",)),
                Asked("friendly", "warm and take your time", same_as="before"),
            ),
        ),
        Scene(
            "Deleted here is deleted there",
            "Unless spec.deletionPolicy is Retain. The server's own assistant of a graph is never deleted.",
            (
                Listed(("Friendly support", "Support", "Support (staging)", "Terse support", "support")),
                Typed("kubectl delete assistant terse", ("deleted",)),
                Typed("kubectl delete assistantalias staging", ("deleted",)),
                Listed(("Friendly support", "Support", "support")),
            ),
        ),
    )
