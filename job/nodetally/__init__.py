"""One pass reads a Kubernetes cluster once, tallies each node exactly, and stores one immutable snapshot."""

__version__ = "0.1.0"
