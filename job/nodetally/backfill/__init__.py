"""What a cluster's owner already has in, the snapshots of slots that nobody answered out. Never reads a cluster.

plan        which slots; fill: a source asked for those that are missing, and the store filled; filling: the count
source      what a source is: an observation for a slot, or why there is none
dumps       files of kubectl get; velero: backups; both are files (a folder's, a bucket's), timed (found by slot)
prometheus  a server, asked for windows of slots by its metrics_api; promql: the questions
moment      what its answers come to at one slot; names: what the exporter calls things
"""
