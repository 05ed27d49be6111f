"""Rig files, point lists, scenarios: read, checked, with messages that name file and line."""
