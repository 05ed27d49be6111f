"""The process in which a controller's law computes: ``python -m hil.loop.worker_process MEMORY [CPU]``.

It waits for a byte on stdin, takes the inputs out of one mailbox and puts the plan into the other. It ends with stdin,
which is the loop's end too, in the middle of a plan if need be. It is an ordinary process, whatever the loop was
started with (``chrt``, ``taskset``), and keeps off ``CPU``, the loop's own, where there is another.
"""

from __future__ import annotations

import contextlib
import math
import os
import pickle
import sys
import threading
import time
from collections.abc import Sequence

from hil.loop.control import Law
from hil.loop.keeper import BEAT, HEAD_BYTES, STARTS
from hil.loop.mailbox import Mailbox
from hil.loop.realtime import be_ordinary
from hil.loop.shared import Shared
from hil.loop.worker import ATTEMPTED, LAW_AT, REPLY, REPLY_AT, REQUEST, REQUEST_AT

_PAUSE_S = 0.1


def answer(law: Law, request: Sequence[float], *, fresh: bool) -> float:
    """Compute one plan; a ``fresh`` law, which knows nothing of what was before, starts from what is applied."""
    _, starts, setpoint, measured, dt_s, applied, feedforward, start = request
    if starts or fresh:
        law.track(start)
    return law.step(setpoint, measured, dt_s, None if math.isnan(applied) else applied, feedforward)


def _keep_off(cpu: int) -> None:
    if not hasattr(os, "sched_setaffinity"):
        return
    others = os.sched_getaffinity(0) - {cpu}
    with contextlib.suppress(OSError):
        os.sched_setaffinity(0, others or {cpu})


def main(arguments: Sequence[str]) -> None:
    """Answer requests until stdin ends, which ends the process."""
    be_ordinary()
    if len(arguments) > 1:
        _keep_off(int(arguments[1]))
    view = memoryview(Shared.attach(arguments[0]))
    words = view[:HEAD_BYTES].cast("q")
    requests, replies = Mailbox(view[REQUEST_AT:], REQUEST), Mailbox(view[REPLY_AT:], REPLY)
    law: Law = pickle.loads(view[LAW_AT:])
    fresh = words[STARTS] > 1
    woken = threading.Event()

    def listen() -> None:
        while os.read(0, 64):
            woken.set()
        # At once: nothing is left to put away, and a law may be long in coming to an end, or never come to one.
        os._exit(0)

    threading.Thread(target=listen, daemon=True).start()
    while True:
        words[BEAT] += 1
        request = requests.get()
        if request is None or request[0] == words[ATTEMPTED]:
            woken.wait(_PAUSE_S)
            woken.clear()
            continue
        words[ATTEMPTED] = number = int(request[0])
        output = answer(law, request, fresh=fresh)
        fresh = False
        replies.put(number, time.monotonic_ns(), law.rejected, output)


if __name__ == "__main__":
    main(sys.argv[1:])
