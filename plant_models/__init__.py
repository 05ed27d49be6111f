"""Physics of the plant: no I/O, clock, thread or logger."""
