"""What a cluster goes through as a whole."""
