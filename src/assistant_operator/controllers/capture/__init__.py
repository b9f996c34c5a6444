"""An edit becomes an AssistantVersion: in order, without loss, exactly once."""
