"""A controller that may outlast its slot: its law computes in a process of its own, and the loop never waits for it.

The loop posts the inputs, goes on with the last plan, and takes up the new one in a later cycle. A plan that is not
there by its deadline is late: it is not used, the output holds, and it is counted. After so many in succession, or
when the process has died, the controller is in its fallback until a plan is on time again, which starts from
what is applied then.

A worker that was not started computes in the loop, at once: so it is on a virtual clock, where equal runs are equal.
"""

from __future__ import annotations

import contextlib
import math
import os
import pickle
import time

from hil.loop.clock import NS_PER_S
from hil.loop.control import Law, PidBlock
from hil.loop.events import EventLog
from hil.loop.keeper import BEAT, HEAD_BYTES
from hil.loop.kept import Kept
from hil.loop.mailbox import Mailbox
from hil.loop.output import NORMAL, OutputStage
from hil.loop.shared import Shared

REQUEST = "qq6d"
"""Number, whether to start from what is applied; set-point, measured, dt (s), applied (NaN: none), feed-forward,
that start."""
REPLY = "qqqd"
"""Number, time it was done (``time.monotonic_ns``), values refused so far; output."""
ATTEMPTED = 5
"""Word, behind those of the keeper: the request being computed. One that its process died of is not tried again."""
REQUEST_AT = HEAD_BYTES
REPLY_AT = REQUEST_AT + Mailbox.room(REQUEST)
LAW_AT = REPLY_AT + Mailbox.room(REPLY)

_START_S = 20.0
_END_S = 5.0
_LEAST_STALL_S = 2.0


class Worker:
    """The process that computes, and its mailboxes; not on ``keep_off_cpu``, where there is another processor.

    Raises
    ------
    OSError
        There is no process or no memory to be had, or it did not start within 20 s.
    """

    def __init__(self, law: Law, deadline_s: float, keep_off_cpu: int | None = None) -> None:
        told = pickle.dumps(law)
        self._memory = Shared(LAW_AT + len(told))
        self._memory.map[LAW_AT:] = told
        self._view = memoryview(self._memory.map)
        self._words = self._view[:HEAD_BYTES].cast("q")
        self._request = Mailbox(self._view[REQUEST_AT:], REQUEST)
        self._reply = Mailbox(self._view[REPLY_AT:], REPLY)
        stall_s = max(_LEAST_STALL_S, 10.0 * deadline_s)
        off = () if keep_off_cpu is None else (str(keep_off_cpu),)
        self.kept = Kept(
            "hil.loop.worker_process", self._memory, (), off, stall_s=stall_s, keep_off_cpu=keep_off_cpu
        )
        self._wake = self.kept.stdin.fileno()
        if os.name == "posix":
            os.set_blocking(self._wake, False)
        until_s = time.monotonic() + _START_S
        while self._words[BEAT] == 0:
            if time.monotonic() > until_s:
                self.close()
                raise TimeoutError(f"the worker did not start within {_START_S:g} s")
            time.sleep(0.01)

    def post(self, *numbers: float) -> None:
        """Put inputs into the box and wake the process."""
        self._request.put(*numbers)
        # Nobody there: the keeper starts another, which looks into the box by itself.
        with contextlib.suppress(OSError):
            os.write(self._wake, b"\n")

    def reply(self) -> tuple[float, ...] | None:
        """Give the last plan; None where there is none yet."""
        return self._reply.get()

    @property
    def restarts(self) -> int:
        """How often the process was started again."""
        return self.kept.restarts

    def close(self) -> None:
        """End the process."""
        self.kept.finish(_END_S)
        self.kept.close()
        self._request.close()
        self._reply.close()
        self._words.release()
        self._view.release()
        self._memory.close()


class Unmanned:
    """A worker without a process: takes every request, and asks for what is applied. For what posting costs a loop."""

    restarts = 0

    def __init__(self) -> None:
        self._request = Mailbox(memoryview(bytearray(Mailbox.room(REQUEST))), REQUEST)
        self._reply = (0.0, 0.0, 0.0, 0.0)

    def post(self, *numbers: float) -> None:
        """Put inputs into the box; the plan is there at once."""
        self._request.put(*numbers)
        self._reply = (numbers[0], time.monotonic_ns(), 0, numbers[-1])

    def reply(self) -> tuple[float, ...] | None:
        """Give the last plan."""
        return self._reply

    def close(self) -> None:
        """Nothing to end."""


class RemoteLaw:
    """The law as its block sees it: ``step`` gives the last plan that was on time, and never waits.

    Attributes
    ----------
    plans, late_plans : int
        Plans that were used; deadlines that passed without the plan they were set for.
    lost : bool
        Whether the fallback is to take over.
    restarts : int
        Processes that were started again.
    """

    def __init__(self, law: Law, deadline_s: float, fallback_after: int, initial: float) -> None:
        self._law = law
        self._deadline_s = deadline_s
        self._deadline_ns = round(deadline_s * NS_PER_S)
        self._fallback_after = fallback_after
        self._worker: Worker | Unmanned | None = None
        self._output = initial
        self._start: float | None = None
        self._number = self._posted_ns = self._told = self._in_a_row = 0
        self._waiting = self._void = False
        self._elapsed_s = 0.0
        self._rejected = 0
        self.plans = self.late_plans = self.restarts = 0
        self.lost = False

    @property
    def manual(self) -> bool:
        """Whether the output is held by hand."""
        return self._law.manual

    @property
    def rejected(self) -> int:
        """Steps refused for a value that is not finite."""
        return self._law.rejected if self._worker is None else self._rejected

    def start(self, keep_off_cpu: int | None = None) -> None:
        """Compute in a process of its own from now on, off the loop's processor; ``OSError`` where there is none."""
        self._worker = Worker(self._law, self._deadline_s, keep_off_cpu)

    def start_unmanned(self) -> None:
        """Leave the law out from now on, as for the time it computes elsewhere; nothing is started."""
        self._worker = Unmanned()

    def close(self) -> None:
        """End the process, if there is one."""
        if self._worker is not None:
            self._rejected, worker, self._worker = self.rejected, self._worker, None
            worker.close()

    def track(self, applied: float) -> None:
        """Go on from ``applied``: a plan that is being computed is of no use any more."""
        if self._worker is None:
            self._law.track(applied)
            return
        self._start = self._output = applied
        self._void = self._waiting

    def step(
        self,
        setpoint: float,
        measured: float,
        dt_s: float,
        applied: float | None = None,
        feedforward: float = 0.0,
    ) -> float:
        """Take up the plan if it is there, post new inputs if none is being computed; gives the last plan's output."""
        worker = self._worker
        if worker is None:
            return self._law.step(setpoint, measured, dt_s, applied, feedforward)
        self._elapsed_s += dt_s
        if self._waiting:
            self._collect(worker)
        if not self._waiting:
            known = self._output if applied is None else applied
            start = known if self.lost else self._start
            self._number += 1
            worker.post(
                self._number, start is not None, setpoint, measured, self._elapsed_s,
                math.nan if applied is None else applied, feedforward, known if start is None else start,
            )  # fmt: skip
            self._posted_ns = time.monotonic_ns()
            self._waiting, self._void, self._told = True, False, 0
            self._elapsed_s, self._start = 0.0, None
        return self._output

    def _collect(self, worker: Worker | Unmanned) -> None:
        if worker.restarts != self.restarts:
            # Whatever the last process was at went with it, and may be what it died of: post anew.
            self.restarts, self.lost, self._waiting = worker.restarts, True, False
            return
        reply = worker.reply()
        if reply is None or reply[0] != self._number:
            self._count_late(time.monotonic_ns() - self._posted_ns)
            return
        self._waiting = False
        self._rejected = int(reply[2])
        took_ns = int(reply[1]) - self._posted_ns
        if took_ns > self._deadline_ns:
            self._count_late(took_ns)
        elif not self._void:
            self._output = reply[3]
            self.plans += 1
            self._in_a_row, self.lost = 0, False

    def _count_late(self, took_ns: int) -> None:
        """Count each deadline that has passed without the plan, once."""
        passed = took_ns // self._deadline_ns
        self.late_plans += passed - self._told
        self._in_a_row += passed - self._told
        self._told = passed
        if self._in_a_row >= self._fallback_after:
            self.lost = True


class WorkerBlock:
    """A controller whose law may be late: its fallback where the law is lost.

    Attributes
    ----------
    lost_count, lost_cycles : int
        How often the fallback had to take over, and for how many cycles.
    """

    def __init__(self, block: PidBlock, law: RemoteLaw, fallback: int) -> None:
        """``block`` runs ``law``; ``fallback`` is a mode of its output stage."""
        self.name = block.name
        self.stage: OutputStage = block.stage
        self.law = law
        self.events: EventLog | None = None
        self._block = block
        self._fallback = fallback
        self._was_lost = False
        self.lost_count = self.lost_cycles = 0

    def run(self, now_ns: int, dt_s: float) -> None:
        """Run one step of ``dt_s`` (s) at loop time ``now_ns`` on the last plan, or on the fallback."""
        self._block.run(now_ns, dt_s)
        lost = self.law.lost
        if lost != self._was_lost:
            self._was_lost = lost
            self.lost_count += lost
            self._tell(now_ns)
        if lost:
            self.lost_cycles += 1
            if self.stage.mode == NORMAL:
                self.stage.mode = self._fallback

    def _tell(self, now_ns: int) -> None:
        if self.events is None:
            return
        law = self.law
        what = "plans are on time again"
        if law.lost:
            what = f"fallback: late plans {law.late_plans}, worker restarts {law.restarts}"
        self.events.emit(now_ns / NS_PER_S, "worker", self.name, what)

    def counters(self) -> dict[str, int]:
        """As of the block inside, and how the worker kept its deadlines."""
        return self._block.counters() | {
            "plans": self.law.plans,
            "late_plans": self.law.late_plans,
            "worker_restarts": self.law.restarts,
            "worker_fallbacks": self.lost_count,
            "worker_fallback_cycles": self.lost_cycles,
        }
