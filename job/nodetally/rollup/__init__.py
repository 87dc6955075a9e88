"""Snapshots in, Parquet out: rows for the engines that people ask about years. Never on the job's path."""
