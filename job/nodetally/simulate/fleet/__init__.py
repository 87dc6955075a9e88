"""Numbers of nodes and pods and a seed in, what such a cluster holds out. Never changes, knows no server."""
