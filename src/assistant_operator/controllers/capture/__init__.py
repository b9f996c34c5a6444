"""An edit becomes an AssistantVersion: in order, without loss, exactly once.

Read in this order: `store/capture_state.py` (what is kept of one Assistant), `capture.py` (from a watch event to a task
that retries), `writer.py` (from one state to the POST), `gather.py` (what a version depends on), `recovery.py` (edits
that no watch has shown), `restoration.py` (versions that were deleted).

The life of a CaptureState, one for each UID:

    first watch event
          │
          ▼          open(): the status says which generation and version were captured last
       closed ─────────────────────────────────────────────────────────────────────────► idle
          ▲                                                                             │   ▲
          │ the status was written by another operator: it is opened anew   observe()   │   │ nothing pending
          │                                                                             ▼   │
          └──────────────────────────────────────────────────────────────────────── pending states
                                                                                        │   ▲
                          the oldest pending state, one at a time, in one task          ▼   │
                          ┌───────────────────────────────────────────────────────────────────────────────┐
                          │ generations missing before it?  recover them, count those that are not held   │
                          │ equal content?                  no version                                    │
                          │ POST <assistant>-v<n>           201: captured. 409: read that version, repeat │
                          └───────────────────────────────────────────────────────────────────────────────┘
                                                                                        │   ▲
                          403, 422, a quota, a webhook: the status reports it           ▼   │ 1, 2, 4 … 300 s
                                                                                      refused
    the Assistant was deleted, in any state: what is pending is tried once, then the state is dropped.

Why exactly once: the name of a version contains its number, and the API server creates a name once. Two operators, a
crash after the POST and a lost answer all end in 409, and what stands there decides what is due next.

Why nothing is lost: a state stays pending until its version exists. A crash loses the pending states, but the status
still names the last captured generation, so the next operator finds the gap and reads the states from the API server.
What it no longer holds is counted in `status.missedGenerations`.
"""
