"""The command ``hil``: one file a verb.

Exit codes: 0 ok, 1 a requirement not met, 2 bad configuration, 3 tripped.
"""

from hil.cli.app import main

__all__ = ["main"]
