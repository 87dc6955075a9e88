"""A GET in, its answer out, by upstream's rules: lists, watches, discovery, metrics. Never touches a socket."""
