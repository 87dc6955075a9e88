"""What a cluster's owner already has in, the snapshots of slots that nobody answered out. Never reads a cluster."""
