"""Snapshots and the documents derived from them, in a directory or a bucket. Never changes a snapshot."""
