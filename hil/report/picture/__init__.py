"""A picture of the plants with flows and temperatures, from ``plants.json`` and the figures of the signals."""
