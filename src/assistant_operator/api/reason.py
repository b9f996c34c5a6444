"""The catalogue of reasons of conditions, events and metrics. docs/conditions.md is generated from it."""

from enum import StrEnum
from typing import Self

_PUBLISHED = "Assistant.Ready Assistant.Published AssistantAlias.Ready AssistantAlias.Published"
"""Where a reason appears that concerns publication."""
_SERVER = f"Graph.Ready Graph.Deployed {_PUBLISHED}"
"""Where one appears that concerns the server of a Graph."""


class Reason(StrEnum):
    """A reason. Its docstring says what it means and, after `Action:`, what a user should do; else nothing is to do."""

    places: tuple[str, ...]
    """Where it appears: `<kind>.<condition>`, `<kind>.Event`; and the condition of kstatus that it sets."""

    def __new__(cls, word: str, places: str = "") -> Self:
        """`places`: separated by spaces in the source, a tuple in the member."""
        member = str.__new__(cls, word)
        member._value_ = word
        member.places = tuple(places.split())
        return member

    @property
    def is_transient(self) -> bool:
        """Whether the operator always continues by itself: it appears with Reconciling and never with Stalled."""
        return "Reconciling" in self.places and "Stalled" not in self.places

    # Which version is active
    ACTIVE = ("Active", "Assistant.Ready AssistantVersion.Active AssistantAlias.Ready")
    """The version in force is the one that the spec asks for."""
    INACTIVE = ("Inactive", "AssistantVersion.Active")
    """Another version is active, or none."""
    ACTIVATED = ("Activated", "Assistant.Event")
    """Another version became active: by a pin, by the removal of a pin or by a change of the graph's schemas. An edit
    that becomes active at once causes no event.
    """
    AWAITING_ACTIVATION = ("AwaitingActivation", "Assistant.Ready Stalled")
    """`activation` is `Manual`, and no version was ever pinned.

    Action: Pin a version: set `spec.versioning.activeVersion`.
    """
    PINNED_VERSION_NOT_FOUND = ("PinnedVersionNotFound", "Assistant.Ready Assistant.Valid Assistant.GraphFound Stalled")
    """`spec.versioning.activeVersion` is the number of a version that does not exist. The active version stays active.

    Action: Pin a number that exists, or make that version: the pin is applied as soon as the version exists.
    """
    PINNED_VERSION_INVALID = ("PinnedVersionInvalid", "Assistant.Ready Stalled")
    """The graph's schemas refuse the pinned version. The active version stays active.

    Action: Pin another version, or correct the schema of the Graph.
    """
    SUSPENDED = ("Suspended", "Assistant.Ready Assistant.Valid Assistant.GraphFound AssistantAlias.Ready Stalled")
    """`spec.suspend` is true: edits become versions, but no version is activated, published or pruned. The conditions
    keep their status.

    Action: Set `spec.suspend` to false.
    """

    # Which version an alias stands for
    VERSION_FOUND = ("VersionFound", "AssistantAlias.VersionFound")
    """The version that the alias asks for exists."""
    VERSION_NOT_FOUND = ("VersionNotFound", "AssistantAlias.Ready AssistantAlias.VersionFound Reconciling Stalled")
    """The Assistant has no version with the number or the digest that the alias asks for. The alias stays where it is.
    With `Reconciling`: an edit of the Assistant is being recorded.

    Action: Ask for a version that exists, or make that version: the alias moves as soon as it exists.
    """
    ASSISTANT_NOT_FOUND = ("AssistantNotFound", "AssistantAlias.Ready AssistantAlias.VersionFound Reconciling")
    """The Assistant that `assistantRef` names does not exist in this namespace. The alias stays where it is, also on
    the server.

    Action: Create the Assistant, or delete the alias.
    """
    VALIDATING = ("Validating", "AssistantAlias.Ready Reconciling")
    """The version that the alias asks for is not validated yet."""
    MOVED = ("Moved", "AssistantAlias.Event")
    """The alias stands for another version. `status.moves` records by whose edit, and why."""

    # Whether a version is valid
    GRAPH_FOUND = ("GraphFound", "Assistant.GraphFound")
    """The Graph that `graphRef` names exists."""
    GRAPH_NOT_FOUND = (
        "GraphNotFound",
        "Assistant.Ready Assistant.GraphFound Assistant.Valid AssistantVersion.Valid AssistantAlias.Ready Reconciling",
    )
    """The Graph that `graphRef` names does not exist in this namespace.

    Action: Create the Graph or correct `graphRef`. The Assistant becomes ready as soon as the Graph exists.
    """
    SCHEMA_ACCEPTED = ("SchemaAccepted", "Assistant.Valid AssistantVersion.Valid")
    """The version fits the graph's schemas, or the graph has none."""
    SCHEMA_REFUSED = ("SchemaRefused", f"Assistant.Valid AssistantVersion.Valid {_PUBLISHED} Stalled")
    """The version does not fit the graph's schemas. The active version stays active, and an alias stays where it is.

    Action: Correct the field that the message names.
    """
    SCHEMA_UNUSABLE = (
        "SchemaUnusable",
        f"Assistant.Valid AssistantVersion.Valid Graph.Ready {_PUBLISHED} Reconciling Stalled",
    )
    """A schema of the Graph cannot be applied: it is no JSON Schema (2020-12), refers to a remote document, takes too
    much CPU time, or is too large for the status. With `Reconciling`: validation lacked CPU time.

    Action: Correct the schema of the Graph. With `Reconciling`: nothing, validation is repeated within minutes.
    """
    CONTENT_ALTERED = (
        "ContentAltered",
        f"Assistant.Valid Assistant.GraphFound AssistantVersion.Valid {_PUBLISHED} Stalled",
    )
    """The content of a version does not match its digest: the version was created by hand. It is never activated and
    never published.

    Action: Delete that version, or edit the Assistant or pin another version.
    """

    # Whether edits become versions
    SNAPSHOT_TOO_LARGE = ("SnapshotTooLarge", "Assistant.Ready Assistant.Valid Assistant.GraphFound Stalled")
    """The API server cannot store a version of the newest edit, because it is too large.

    Action: Make the configuration smaller.
    """
    VERSION_REFUSED = ("VersionRefused", "Assistant.Ready Assistant.Valid Assistant.GraphFound Stalled")
    """The API server refuses to create a version, because of a quota or an admission policy. The operator tries again.

    Action: Raise the quota or change the policy that the message names.
    """
    VERSION_LOST = ("VersionLost", "Assistant.Ready Assistant.Valid Assistant.GraphFound Assistant.Event Stalled")
    """The version was deleted, and neither the operator nor the API server holds its content any more.

    Action: Edit the Assistant or pin another version.
    """
    VERSION_RESTORED = ("VersionRestored", "Assistant.Event")
    """A version was deleted by hand, and the operator created it again: it is the latest or the active one."""
    GENERATIONS_MISSED = ("GenerationsMissed", "Assistant.Event")
    """Edits were made while no operator ran, and the API server no longer holds their content. They are in no version;
    `status.missedGenerations` counts them.

    Action: Where no edit may be lost, use [strict history](operations.md#strict-history).
    """

    # What is in them
    SECRET_SUSPECTED = (
        "SecretSuspected",
        "Assistant.SecretSuspected Assistant.Event Graph.SecretSuspected Graph.Event",
    )
    """A value looks like a credential. The message names the field, not the value. Nothing else depends on it: the
    version is activated and published.

    Action: Revoke the credential, and [remove it from the history](security.md#remove-a-credential-from-the-history).
    """

    # Writes that the API server refuses
    ADOPTION_REFUSED = ("AdoptionRefused", "Assistant.Event")
    """The API server refuses the owner reference of a version. The operator tries again; all else goes on.

    Action: Change the policy or the role that the message names.
    """
    MARK_REFUSED = ("MarkRefused", "Assistant.Event")
    """The API server refuses the status or the labels of a version. The operator tries again; all else goes on.

    Action: Change the policy or the role that the message names.
    """
    PRUNE_REFUSED = ("PruneRefused", "Assistant.Event")
    """The API server refuses to delete a version that `historyLimit` no longer keeps. The operator tries again; all
    else goes on.

    Action: Change the policy or the role that the message names.
    """
    STATUS_REFUSED = ("StatusRefused", "Assistant.Event Graph.Event AssistantAlias.Event")
    """The API server refuses the status, so the one that you read is outdated. The operator tries again; all else goes
    on.

    Action: Change the policy or the role that the message names.
    """
    FIELDS_NOT_STORED = ("FieldsNotStored", "Assistant.Event Graph.Event AssistantAlias.Event")
    """The API server dropped fields that the operator wrote: the CustomResourceDefinitions are older than the operator.
    The message names the fields.

    Action: Apply the CustomResourceDefinitions of the operator's release: `kubectl apply --server-side -k crds`.
    """

    # Copies on LangGraph Servers
    PUBLISHED = ("Published", "Assistant.Published AssistantAlias.Published")
    """The active version, or that of the alias, is on its server."""
    PUBLISHING = ("Publishing", f"{_PUBLISHED} Reconciling")
    """The active version, or that of the alias, is not on its server yet."""
    PUBLICATION_REFUSED = ("PublicationRefused", f"{_PUBLISHED} Assistant.Event AssistantAlias.Event Stalled")
    """The server refuses the copy. The message has the server's words.

    Action: Correct what the message names.
    """
    OWNED_BY_ANOTHER = ("OwnedByAnother", f"{_PUBLISHED} Stalled")
    """Another Assistant or alias, perhaps of another cluster, is published under the same id.

    Action: Give each cluster that shares the server its own `--cluster-name`.
    """
    FINALIZER_REFUSED = ("FinalizerRefused", f"{_PUBLISHED} Assistant.Event AssistantAlias.Event Stalled")
    """The API server refuses that the operator adds or removes its finalizer. Nothing is published without it. The
    operator tries again.

    Action: Change the policy or the role that the message names.
    """
    SERVER_VERSION_REFUSED = ("ServerVersionRefused", "Assistant.Published Assistant.Event")
    """The version is published, but the API server refuses `serverVersion` in its status. The operator tries again.

    Action: Change the policy or the role that the message names.
    """
    COPY_DRIFTED = ("CopyDrifted", "Assistant.Event AssistantAlias.Event")
    """The copy was changed or deleted on the server, and the operator repaired it. The message names the fields.

    Action: Edit the Assistant, or move the alias, instead of editing the copy.
    """
    COPY_ABANDONED = ("CopyAbandoned", "Assistant.Event AssistantAlias.Event")
    """An Assistant or alias was deleted, and its server did not let the copy be deleted in time. The copy may still
    exist.

    Action: If the server comes back and no Graph names it, delete the copy there.
    """

    # LangGraph Servers
    DECLARED = ("Declared", "Graph.Deployed")
    """The Graph declares no server, so it counts as deployed."""
    SERVED = ("Served", "Graph.Deployed")
    """The server answers and knows the graph."""
    PROBING = ("Probing", f"Graph.Ready Graph.Deployed Assistant.Valid AssistantVersion.Valid {_PUBLISHED} Reconciling")
    """The server was not asked yet, or the schemas of the graph are not known yet."""
    SERVER_UNREACHABLE = ("ServerUnreachable", f"{_SERVER} Reconciling")
    """The server does not answer, or answers that it cannot now. The operator tries again.

    Action: Check the address, the network policy and the server.
    """
    SERVER_UNAUTHORIZED = ("ServerUnauthorized", f"{_SERVER} Stalled")
    """The server does not accept the API key.

    Action: Correct the key in the Secret. The operator reads it again by itself.
    """
    SERVER_UNRECOGNIZED = ("ServerUnrecognized", f"{_SERVER} Stalled")
    """What answers at that address is no LangGraph Server.

    Action: Correct the address in `spec.server`.
    """
    ASSISTANTS_DISABLED = ("AssistantsDisabled", f"{_SERVER} Stalled")
    """The Assistants API of the server is switched off, or a proxy hides it.

    Action: Switch it on.
    """
    GRAPH_UNKNOWN = ("GraphUnknown", f"{_SERVER} Stalled")
    """The server has no graph of that id. The message names those that it has.

    Action: Deploy the graph there, or create a Graph with the right `spec.graphId`.
    """
    CREDENTIALS_FORBIDDEN = ("CredentialsForbidden", f"{_SERVER} Stalled")
    """The operator may not read the Secret or ConfigMap that `spec.server` names.

    Action: Run the command in the message: it grants the right in that namespace. The operator tries again by itself.
    """
    CREDENTIALS_NOT_FOUND = ("CredentialsNotFound", f"{_SERVER} Stalled")
    """The Secret or ConfigMap that `spec.server` names, or the key in it, does not exist.

    Action: Create it, or correct the reference. The operator tries again by itself.
    """

    # Graphs and default Assistants
    AVAILABLE = ("Available", "Graph.Ready Graph.DefaultAssistantReady")
    """The graph is deployed, and its default Assistant is ready."""
    NOT_WANTED = ("NotWanted", "Graph.DefaultAssistantReady")
    """`spec.defaultAssistant.policy` is `None`: the Graph has no default Assistant."""
    NAME_CONFLICT = ("NameConflict", "Graph.Ready Graph.DefaultAssistantReady Stalled")
    """An Assistant with the name of the default Assistant exists and references another Graph.

    Action: Set `spec.defaultAssistant.name` to another name.
    """
    DEFAULT_ASSISTANT_MISSING = ("DefaultAssistantMissing", "Graph.Ready Graph.DefaultAssistantReady Reconciling")
    """The default Assistant does not exist yet. The operator creates it once the graph is deployed."""
    DEFAULT_ASSISTANT_REFUSED = (
        "DefaultAssistantRefused",
        "Graph.Ready Graph.DefaultAssistantReady Graph.Event Stalled",
    )
    """The API server refuses the default Assistant. The message has its words. The operator tries again.

    Action: Correct `spec.defaults`, or change the quota or the policy that the message names.
    """
    DEFAULT_ASSISTANT_NOT_READY = (
        "DefaultAssistantNotReady",
        "Graph.Ready Graph.DefaultAssistantReady Reconciling Stalled",
    )
    """The default Assistant is not ready. The message has the message of its `Ready`.

    Action: See the conditions of the default Assistant.
    """
    DEFAULT_ASSISTANT_APPLIED = ("DefaultAssistantApplied", "Graph.Event")
    """The operator created the default one."""
