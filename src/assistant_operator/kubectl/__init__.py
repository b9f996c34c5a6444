"""THE GUEST: `kubectl assistants`, what people type. It reads, and edits Assistants as any other client would."""
