"""Faults on a schedule: of sensors and of equipment."""
