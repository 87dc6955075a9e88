"""Facts in, tallies out. Pure: no clock, no network, no environment."""
