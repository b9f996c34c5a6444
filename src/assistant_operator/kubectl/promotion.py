"""What `promote` writes: the patch of an alias or the manifest of a new one; and the difference in content. Pure."""

from collections.abc import Sequence

from assistant_operator.api.assistant import Assistant
from assistant_operator.api.assistant_alias import AssistantAlias
from assistant_operator.api.assistant_version import AssistantVersion, version_name
from assistant_operator.api.meta import API_VERSION, ConditionStatus, FreeForm, Key

from . import patch
from .change import Plan
from .client import Found
from .conditions import validity
from .diff import Side
from .errors import CliError
from .undo import target


def chosen_version(
    assistant: Assistant, versions: Sequence[AssistantVersion], number: int | None, alias: str
) -> AssistantVersion:
    """The version of that number; for None, the active version. Raises CliError if an alias cannot stand for it."""
    goal = number or assistant.status.active_version
    if not goal:
        name = assistant.metadata.name
        raise CliError(
            f"error: no version of {name!r} is active: say which one to promote, as in 'promote {name} 1 --to {alias}'"
        )
    return target(assistant, versions, goal)


def check_assistant(alias: AssistantAlias, assistant: str) -> None:
    """Raise CliError if it is an alias of another Assistant."""
    other = alias.spec.assistant_ref.name
    if other != assistant:
        raise CliError(
            f"error: alias {alias.metadata.name!r} is an alias of assistant {other!r}, not of {assistant!r}: nothing is"
            " written. An alias keeps its assistant: choose another name for the alias."
        )


def reached_version(
    alias: AssistantAlias, assistant: Assistant, versions: Sequence[AssistantVersion], chosen: AssistantVersion
) -> AssistantVersion:
    """The version that the alias moves to. Raises CliError if an alias cannot stand for it.

    An alias that selects by digest moves to the newest version with the content of the chosen one.
    """
    if alias.spec.digest is None:
        return chosen
    same = [version.number for version in versions if version.spec.digest == chosen.spec.digest]
    return target(assistant, versions, max(same))


def move_plan(
    alias: Found[AssistantAlias], assistant: Assistant, chosen: AssistantVersion, reached: AssistantVersion
) -> Plan:
    """The plan that moves the alias. Without a change if its spec asks for that version already."""
    written = patch.move(alias.document["spec"], chosen.number, chosen.spec.digest)
    name = _named(reached, assistant)
    if reached is not chosen:
        name = f"{reached.metadata.name}, the newest version with the content of {chosen.metadata.name}"
    if written:
        result = f"moved to {name}"
    elif alias.resource.in_force == reached.number:
        result = f"stays at {name}"
    else:
        result = f"asks for {name} already"
    # The difference is shown for the spec that was read: a patch of another spec is refused.
    return Plan(written, result, same_spec=True, notes=_notes(reached))


def creation_plan(manifest: FreeForm, assistant: Assistant, chosen: AssistantVersion) -> Plan:
    """The plan that creates the alias."""
    return Plan(patch.create(manifest), f"created for {_named(chosen, assistant)}", notes=_notes(chosen))


def _named(version: AssistantVersion, assistant: Assistant) -> str:
    is_active = version.number == assistant.status.active_version
    return f"{version.metadata.name}, the active version" if is_active else version.metadata.name


def _notes(version: AssistantVersion) -> tuple[str, ...]:
    if validity(version) == ConditionStatus.TRUE:
        return ()
    return (f"{version.metadata.name} is not validated yet: the alias moves once the schemas of its graph accept it",)


def alias_manifest(key: Key, assistant: str, number: int, cause: str) -> FreeForm:
    """The manifest of a new alias that stands for that version. `key`: namespace and name of the alias."""
    meta: FreeForm = {"namespace": key[0], "name": key[1]}
    if cause:
        meta["annotations"] = {patch.CAUSE: cause}
    spec = {"assistantRef": {"name": assistant}, "version": number}
    return {"apiVersion": API_VERSION, "kind": AssistantAlias.kind_name, "metadata": meta, "spec": spec}


def difference(
    alias: AssistantAlias, versions: Sequence[AssistantVersion], reached: AssistantVersion
) -> tuple[Side, Side] | str:
    """The content that the alias stands for now, and that of `reached`; the reason if they cannot be compared."""
    name, number = alias.metadata.name, alias.in_force
    if number is None:
        return f"alias {name!r} stands for no version yet: there is no difference to show"
    present = version_name(alias.spec.assistant_ref.name, number)
    before = next((version for version in versions if version.number == number), None)
    if before is None:
        return f"alias {name!r} stands for {present}, which no longer exists: there is no difference to show"
    if before.spec.digest == reached.spec.digest:
        return f"alias {name!r} stands for {present}, which has the same content"
    return Side(f"{present} ({name})", before.spec.snapshot), Side(reached.metadata.name, reached.spec.snapshot)
