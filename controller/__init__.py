"""Mathematics of control: no I/O, clock, thread or logger."""
