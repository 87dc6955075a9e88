"""Hostile input: properties for `make test` (a fixed number of examples) and for `make fuzz` (as long as you like)."""
