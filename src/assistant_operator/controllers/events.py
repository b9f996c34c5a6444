"""Which changes cause an event: an object that stalls, an activation, a refused write, a restored version."""

from assistant_operator.api.assistant import Assistant, AssistantStatus
from assistant_operator.api.assistant_alias import AssistantAlias, AssistantAliasStatus, Published
from assistant_operator.api.assistant_version import version_name
from assistant_operator.api.condition_types import SECRET_SUSPECTED
from assistant_operator.api.graph import Graph, GraphStatus
from assistant_operator.api.meta import Condition, condition
from assistant_operator.api.reason import Reason
from assistant_operator.policy.assistant_input import AssistantInput
from assistant_operator.policy.deletion import WithdrawalFailure
from assistant_operator.runtime.event_recorder import EventRecorder

_MOST_FIELDS = 8


class EventPublisher:
    """Publishes events. Each method is one kind of occurrence."""

    def __init__(self, events: EventRecorder) -> None:
        self._events = events

    def reported(self, before: Published | Graph, after: AssistantStatus | AssistantAliasStatus | GraphStatus) -> None:
        """The object has a new status: publish that it stalled, or that another version is in force."""
        was, now = condition(before.status.conditions, "Ready"), condition(after.conditions, "Ready")
        if now and now.status == "False" and now.reason != (was.reason if was else None) and _is_stalled(after):
            self._events.warning(before, Reason(now.reason), "Decide", now.message)
        self._suspected(before, after)
        if isinstance(after, AssistantStatus) and isinstance(before, Assistant):
            self._activated(before, after)
        if isinstance(after, AssistantAliasStatus) and isinstance(before, AssistantAlias):
            self._moved(before, after)

    def refused(self, about: Published | Graph, reason: Reason, action: str, words: str) -> None:
        """A write for the object is refused or has no effect, for the first time."""
        self._events.warning(about, reason, action, words, is_new=True)

    def restored(self, input: AssistantInput, number: int, *, is_lost: bool) -> None:
        """A version that was deleted by hand was created again, or could not be."""
        name = input.name(number)
        if is_lost:
            note = f"Could not bring back {name}: it was deleted and the API server no longer holds its content"
            self._events.warning(input.assistant, Reason.VERSION_LOST, "Restore", note)
        else:
            note = f"Brought back {name}: it was deleted, and is the latest or the active version"
            self._events.normal(input.assistant, Reason.VERSION_RESTORED, "Restore", note)

    def drifted(self, published: Published, server: str, fields: tuple[str, ...]) -> None:
        """The copy on a server was repaired."""
        what = f"it was changed there at {', '.join(fields[:_MOST_FIELDS])}" if fields else "it was gone"
        note = f"Repaired the copy of '{published.metadata.name}' on {server}: {what}"
        self._events.warning(published, Reason.COPY_DRIFTED, "Publish", note, is_new=True)

    def hindered(self, published: Published, hindrance: WithdrawalFailure) -> None:
        """A copy cannot be withdrawn, or the finalizer cannot be removed."""
        if published.metadata.is_being_deleted:
            self._events.warning(published, hindrance.reason, "Withdraw", hindrance.of_deletion())
        elif not hindrance.reason.is_transient:  # a transient failure matters only while the object is being deleted
            self._events.warning(published, hindrance.reason, "Withdraw", hindrance.of_former_copy())

    def not_held(self, published: Published, trouble: str) -> None:
        """The finalizer cannot be added, and the status has no condition that reports it."""
        self._events.warning(published, Reason.FINALIZER_REFUSED, "Publish", trouble)

    def not_recorded(self, published: Published, trouble: str) -> None:
        """The server's version number cannot be written into the status of the version."""
        self._events.warning(published, Reason.SERVER_VERSION_REFUSED, "Publish", trouble)

    def abandoned(self, published: Published, servers: list[str]) -> None:
        """The deletion of an object does not wait for its servers any longer."""
        note = f"Abandoned the copy on {', '.join(servers)}: the server did not let it be withdrawn"
        self._events.warning(published, Reason.COPY_ABANDONED, "Withdraw", note)

    def made_default(self, graph: Graph, name: str) -> None:
        self._events.normal(graph, Reason.DEFAULT_ASSISTANT_APPLIED, "Apply", f"Made default assistant '{name}'")

    def _suspected(
        self, before: Published | Graph, after: AssistantStatus | AssistantAliasStatus | GraphStatus
    ) -> None:
        """Publish where the object looks as if it contained a credential, if that was not reported before."""
        was, now = (condition(each, SECRET_SUSPECTED) for each in (before.status.conditions, after.conditions))
        if now and now.message != (was.message if was else None):
            self._events.warning(before, Reason.SECRET_SUSPECTED, "Record", now.message)

    def _activated(self, before: Assistant, after: AssistantStatus) -> None:
        """Publish that another version is active, unless it is a new edit, which is activated at once."""
        old, new = before.status.active_version, after.active_version
        is_edit = new == after.latest_version != before.status.latest_version
        if new is None or old is None or new == old or is_edit:
            return
        name = before.metadata.name
        self._events.normal(before, Reason.ACTIVATED, "Activate", f"Activated {name}-v{new} in place of {name}-v{old}")

    def _moved(self, before: AssistantAlias, after: AssistantAliasStatus) -> None:
        """Publish the newest move."""
        if not after.moves or after.moves == before.status.moves:
            return
        newest, assistant = after.moves[0], before.spec.assistant_ref.name
        former = f" from {version_name(assistant, newest.from_)}" if newest.from_ else ""
        note = f"Moved '{before.metadata.name}'{former} to {version_name(assistant, newest.to)}"
        self._events.normal(before, Reason.MOVED, "Move", note)


def _is_stalled(status: AssistantStatus | AssistantAliasStatus | GraphStatus) -> bool:
    stalled: Condition | None = condition(status.conditions, "Stalled")
    return stalled is not None
