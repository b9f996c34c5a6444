"""What is known of the cluster, with indexes. It decides nothing."""
