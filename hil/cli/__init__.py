"""The command ``hil``: one file a verb.

Exit codes: 0 ok, 1 a requirement not met, 2 bad configuration, 3 tripped.
"""

from hil.cli.one_thread import keep_to_one_thread

__all__ = ["main"]


def main() -> None:
    """Entry point of the command ``hil``."""
    keep_to_one_thread()
    from hil.cli.app import main as run_verb  # noqa: PLC0415  what it loads must find the above

    run_verb()
