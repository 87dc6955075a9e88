"""`make torture`: passes that are killed, that race, and that meet full or forbidden disks. Not part of `make test`."""
