"""Timing, process image and cycle: the tight loop."""
