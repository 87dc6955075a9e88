"""A cluster API on loopback, of any size: for the demo, for tests, for sizing. Never part of a pass.

    fleet/     numbers and a seed → nodes and pods, each computed when it is asked for
    objects/   a document → its bytes as kube-apiserver writes them; templates for any number alike
    cluster    what is there now, one version for all, and the changes that watches read (views, history)
    api/       a GET → its answer: lists, watches, discovery, metrics
    server     sockets; sending (chunks, gzip, pace), faults on order, control (/_simulate/…)

Each knows those above it only: the cluster no HTTP, the API no socket.
"""
