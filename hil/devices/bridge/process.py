"""The servant's process: ``python -m hil.devices.bridge.process MEMORY SPEC_AT``."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from hil.devices.bridge.port import Port, unpack_spec
from hil.loop.shared import Shared


def main(arguments: Sequence[str]) -> None:
    """Make the servant from its specification, and let it work until the loop's end."""
    handle, spec_at = arguments
    view = memoryview(Shared.attach(handle))
    port_spec, spec = unpack_spec(view[int(spec_at) :])
    port = Port(view, port_spec, fileno=sys.stdin.fileno())
    port.beat()
    run = getattr(spec, "run")  # noqa: B009  what was pickled has no type
    run(port)


if __name__ == "__main__":
    main(sys.argv[1:])
