"""Snapshots in, lines of text out: what people see on a terminal. Never reads a store or a cluster."""
