"""Everything that touches time, wires, files and people.

Layers, each importing only from those to its right:
``cli > rig > devices | record | report | faults > loop > config``.
"""

from hil.version import __version__

__all__ = ["__version__"]
