"""The types of conditions that the operator states, of each kind; docs/conditions.md is generated from them."""

READY, RECONCILING, STALLED = "Ready", "Reconciling", "Stalled"

CONDITION_TYPES = {
    "Graph": {
        READY: "The graph is deployed, its schemas can be used, and its default Assistant is ready or not wanted.",
        "Deployed": "The Graph declares no server, or its server answers and knows the graph. Unknown: not asked yet.",
        "DefaultAssistantReady": "The default Assistant is ready, or `spec.defaultAssistant.policy` is `None`.",
    },
    "Assistant": {
        READY: "The version that the spec asks for is active and, where the Graph has a server, published.",
        "GraphFound": "The Graph that `graphRef` names exists.",
        "Valid": "The version that the spec asks for fits the graph's schemas. Unknown: they are not known or usable.",
        "Published": "The active version is on the LangGraph Server. Absent without a server.",
    },
    "AssistantVersion": {
        "Active": "The version is in force.",
        "Valid": "The version fits the graph's schemas. Unknown: they are not known or usable.",
    },
}
"""What each condition means when its status is True."""

PROGRESS = {
    RECONCILING: "The operator continues by itself; nothing has to be done.",
    STALLED: "A person has to act; the message says what is wrong.",
}
"""Beside `Ready=False` there is one of these two, as kstatus defines them; the operator tries again in both."""
