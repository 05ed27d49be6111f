"""Composition of components into one plant, and its integration."""
