"""A cluster API on loopback, of any size: for the demo, for tests, for sizing. Never part of a pass."""
