"""Snapshots and the documents derived from them, in a directory or a bucket. Never changes a snapshot.

base        what a store is: bytes under keys; open: which one a URL names; directory (on disk), s3 (s3_hints)
layout      every key, and what it is served as
bodies      a stored body and its snapshot; whole: and whether it is as the schema says
indexes     what is derived of snapshots, as documents; update: how one is changed while others change it, too
publish     a pass's snapshot in, then all that is derived; batch: those of many past slots
read        what a store holds, for those who read: also inventory (ls), health (status), walk (all keys, in order)
verify      what is wrong with it, by breaches; wanted: what should be there; seen: how far it is
repair      all that is derived, made again; prune: old snapshots thinned, as retention says
settle      how both bring a derived document to what is there, beside running jobs
rollups     Parquet beside the snapshots: which there is, and whether it is out of date (made in nodetally.rollup)
parallel    many reads at once, in order; policy: the rights in a bucket that all of it takes
"""
