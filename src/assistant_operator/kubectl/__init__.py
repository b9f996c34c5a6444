"""The kubectl plugin `kubectl assistants`. It reads our kinds and edits Assistants, as any other client does."""
