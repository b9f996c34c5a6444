"""What a release leaves in a cluster, recorded, and what the present code makes of it."""
