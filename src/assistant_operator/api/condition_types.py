"""The condition types of each kind. docs/conditions.md is generated from them."""

READY, RECONCILING, STALLED = "Ready", "Reconciling", "Stalled"
SECRET_SUSPECTED = "SecretSuspected"  # noqa: S105 (the type of a condition)

CONDITION_TYPES = {
    "Graph": {
        READY: "The graph is deployed, its schemas can be used, and its default Assistant is ready or not wanted.",
        "Deployed": "The Graph declares no server, or its server answers and knows the graph. Unknown: not asked yet.",
        "DefaultAssistantReady": "The default Assistant is ready, or `spec.defaultAssistant.policy` is `None`.",
        SECRET_SUSPECTED: "A value of `spec.defaults` looks like a credential. Absent if none does.",
    },
    "Assistant": {
        READY: "The version that the spec asks for is active and, where the Graph has a server, published.",
        "GraphFound": "The Graph that `graphRef` names exists.",
        "Valid": "The version that the spec asks for fits the graph's schemas. Unknown: they are not known or usable.",
        "Published": "The active version is on the LangGraph Server. Absent without a server.",
        SECRET_SUSPECTED: "A value of the spec looks like a credential. Absent if none does.",
    },
    "AssistantAlias": {
        READY: "The alias stands for the version that the spec asks for and, where a server is declared, is published.",
        "VersionFound": "The version that the spec asks for exists.",
        "Published": "The alias is on the LangGraph Server, with that version's content. Absent without a server.",
    },
    "AssistantVersion": {
        "Active": "The version is in force.",
        "Valid": "The version fits the graph's schemas. Unknown: they are not known or usable.",
    },
}
"""By kind and condition type: what status True means."""

PROGRESS = {
    RECONCILING: "The operator continues by itself; nothing has to be done.",
    STALLED: "A person has to act; the message says what is wrong.",
}
"""The condition types of kstatus. One of them is set while `Ready` is False. The operator retries in both cases."""
