"""Reads a cluster; nothing outside speaks to a Kubernetes API. Hands on facts, never objects."""
