"""The process of the proxy: ``python -m hil.faults.proxy.process MEMORY``. It ends with its stdin, as the loop does."""

from __future__ import annotations

import asyncio
import os
import sys
import threading

from hil.faults.proxy.plan import Board
from hil.faults.proxy.relay import listen
from hil.loop.shared import Shared

_BEAT_S = 0.1


async def serve(board: Board, over: asyncio.Event) -> None:
    """Relay for all devices until ``over``; the board hears of a port that cannot be had."""
    first, closers = 0, []
    try:
        for number, device in enumerate(board.plan.devices):
            closers.append(await listen(board, number, first))
            first += len(device.faults)
    except OSError as error:
        board.ready = -(error.errno or 1)
        return
    board.ready = 1
    while not over.is_set():
        board.beat()
        try:
            await asyncio.wait_for(over.wait(), _BEAT_S)
        except TimeoutError:
            continue
    for close in closers:
        close()


async def _serve_until_stdin_ends(board: Board) -> None:
    over, loop = asyncio.Event(), asyncio.get_running_loop()

    def watch() -> None:
        # Unbuffered: a buffer held by a thread at exit would abort the interpreter.
        while os.read(0, 64):
            pass
        loop.call_soon_threadsafe(over.set)

    threading.Thread(target=watch, daemon=True).start()
    await serve(board, over)


def main(handle: str) -> None:
    """Work until the loop closes stdin or is gone."""
    asyncio.run(_serve_until_stdin_ends(Board(Shared.attach(handle))))


if __name__ == "__main__":
    main(sys.argv[1])
