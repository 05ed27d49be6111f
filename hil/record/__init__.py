"""From the ring to the disk: the run folder."""
