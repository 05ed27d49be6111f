"""``python -m hil.devices.stand_in``: the stand-in as a process, with the C stub's options and first line."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence
from dataclasses import fields

from hil.config.points import load_points
from hil.devices.stand_in.serve import BEHAVIOURS, serve
from hil.devices.stand_in.settings import LIMITS, START_MODES, CduPlcSettings, option_name
from hil.errors import ConfigError, HilError


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m hil.devices.stand_in", description=__doc__)
    parser.add_argument("--points", required=True, help="point list (CSV)")
    parser.add_argument("--address", default="127.0.0.1", help="IPv4 address to listen on (%(default)s)")
    parser.add_argument("--port", type=int, default=1502, help="0 picks a free one (%(default)s)")
    parser.add_argument("--behaviour", choices=BEHAVIOURS, default="auto")
    for field in fields(CduPlcSettings):
        if field.name in LIMITS:
            low, high, unit = LIMITS[field.name]
            help_text = f"{low:g} to {high:g} {unit} (%(default)s)".replace("%", "%%").replace("%%(", "%(")
            parser.add_argument(option_name(field.name), type=float, default=field.default, help=help_text)
    parser.add_argument("--start-mode", choices=START_MODES, default="remote-allowed")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or Ctrl-C; gives the exit code."""
    given = _parser().parse_args(arguments)
    stopping: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda received, _frame: stopping.append(received))

    def tell(host: str, port: int, behaviour: str) -> None:
        sys.stdout.write(f"listening on {host}:{port}\n")
        sys.stdout.flush()
        sys.stderr.write(f"stand-in: {given.points} as {behaviour}\n")

    try:
        options = CduPlcSettings(
            **{field.name: getattr(given, field.name) for field in fields(CduPlcSettings)}
        )
        counters = serve(
            load_points(given.points), given.address, given.port,
            behaviour=given.behaviour, options=options, on_ready=tell, stop=lambda: bool(stopping),
        )  # fmt: skip
    except HilError as error:
        sys.stderr.write(f"stand-in: {error}\n")
        return 2 if isinstance(error, ConfigError) else 1
    sys.stderr.write(f"stand-in: {counters}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
