"""The one catalogue of reasons, shared by conditions, events and metrics."""

from enum import StrEnum


class Reason(StrEnum):
    """A cause in one word. The comment beside each is what a person makes of it."""

    ACTIVE = "Active"  # the version in force is the one that should be
    AWAITING_ACTIVATION = "AwaitingActivation"  # activation is Manual: pin a version
    CONTENT_ALTERED = "ContentAltered"  # a version's content is not what its digest was taken of
    GRAPH_FOUND = "GraphFound"
    GRAPH_NOT_FOUND = "GraphNotFound"  # make the Graph, or mend graphRef
    PINNED_VERSION_INVALID = "PinnedVersionInvalid"  # pin another version
    PINNED_VERSION_NOT_FOUND = "PinnedVersionNotFound"  # pin a number that exists
    SCHEMA_ACCEPTED = "SchemaAccepted"
    SCHEMA_REFUSED = "SchemaRefused"  # mend the field that the message names
    SCHEMA_UNUSABLE = "SchemaUnusable"  # mend the Graph's schema
    SNAPSHOT_TOO_LARGE = "SnapshotTooLarge"  # make the configuration smaller
    SUSPENDED = "Suspended"  # lift spec.suspend
    VERSION_REFUSED = "VersionRefused"  # a quota or a policy of the cluster does not let versions be made
    ADOPTION_REFUSED = "AdoptionRefused"  # the API server does not let a version be owned: what it says
    MARK_REFUSED = "MarkRefused"  # it does not let the status or the labels of a version be written
    PRUNE_REFUSED = "PruneRefused"  # it does not let a version be deleted that history no longer keeps
    STATUS_REFUSED = "StatusRefused"  # it does not let the status be written: what stands there is older
    FIELDS_NOT_STORED = "FieldsNotStored"  # it dropped fields: apply the CustomResourceDefinitions of this release
    VERSION_LOST = "VersionLost"  # the active version was deleted and nobody knows its content any more

    INACTIVE = "Inactive"  # another version is in force, or none

    PUBLISHED = "Published"
    PUBLISHING = "Publishing"  # about to be on the server
    PUBLICATION_REFUSED = "PublicationRefused"  # the server does not take it: the message has the server's words
    OWNED_BY_ANOTHER = "OwnedByAnother"  # another Assistant is published under that id
    FINALIZER_REFUSED = "FinalizerRefused"  # the API server does not let the finalizer be added or removed: a policy
    SERVER_VERSION_REFUSED = "ServerVersionRefused"  # published; the API server does not let serverVersion be written
    COPY_DRIFTED = "CopyDrifted"  # somebody changed the copy on the server: it was put right
    COPY_ABANDONED = "CopyAbandoned"  # a server never answered: the copy may still be there
    SERVED = "Served"
    PROBING = "Probing"  # the server was not asked yet
    SERVER_UNREACHABLE = "ServerUnreachable"  # mend the url, the network or the server
    SERVER_UNAUTHORIZED = "ServerUnauthorized"  # mend the key in the Secret
    SERVER_UNRECOGNIZED = "ServerUnrecognized"  # what answers there is not a LangGraph Server
    ASSISTANTS_DISABLED = "AssistantsDisabled"  # the server's Assistants API is switched off: switch it on
    GRAPH_UNKNOWN = "GraphUnknown"  # the server has no graph of that id: mend spec.graphId or deploy it
    CREDENTIALS_FORBIDDEN = "CredentialsForbidden"  # run the command in the message: it grants the missing right
    CREDENTIALS_NOT_FOUND = "CredentialsNotFound"  # make the Secret or ConfigMap, or mend the reference

    AVAILABLE = "Available"
    DECLARED = "Declared"  # no server is declared: the graph counts as deployed
    NAME_CONFLICT = "NameConflict"  # choose another spec.defaultAssistant.name
    NOT_WANTED = "NotWanted"  # spec.defaultAssistant.policy is None
    DEFAULT_ASSISTANT_MISSING = "DefaultAssistantMissing"  # it is about to be made
    DEFAULT_ASSISTANT_REFUSED = "DefaultAssistantRefused"  # the API server does not take it: a quota, a policy
    DEFAULT_ASSISTANT_NOT_READY = "DefaultAssistantNotReady"

    ACTIVATED = "Activated"
    GENERATIONS_MISSED = "GenerationsMissed"
    VERSION_RESTORED = "VersionRestored"
    DEFAULT_ASSISTANT_APPLIED = "DefaultAssistantApplied"
