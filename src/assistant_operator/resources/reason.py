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
    VERSION_LOST = "VersionLost"  # the active version was deleted and nobody knows its content any more

    INACTIVE = "Inactive"  # another version is in force, or none

    AVAILABLE = "Available"
    DECLARED = "Declared"  # no server is declared: the graph counts as deployed
    NAME_CONFLICT = "NameConflict"  # choose another spec.defaultAssistant.name
    NOT_DEPLOYED = "NotDeployed"
    NOT_WANTED = "NotWanted"  # spec.defaultAssistant.policy is None
    SERVER_UNSUPPORTED = "ServerUnsupported"  # this release does not publish to a server yet
    DEFAULT_ASSISTANT_MISSING = "DefaultAssistantMissing"  # it is about to be made
    DEFAULT_ASSISTANT_NOT_READY = "DefaultAssistantNotReady"

    ACTIVATED = "Activated"
    ADOPTED = "Adopted"
    GENERATIONS_MISSED = "GenerationsMissed"
    VERSION_RESTORED = "VersionRestored"
    DEFAULT_ASSISTANT_APPLIED = "DefaultAssistantApplied"
    READY = "Ready"
