"""A wide-area link between a plant and who commands it: delay with jitter, loss, and a cut."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from plant_models.errors import PlantSettingError
from plant_models.identity import Identity, identity, port_names, refuse_foreign
from plant_models.ports import Port

if TYPE_CHECKING:
    from control import StateSpace

_FAULT = "wan_cut"
_MASK = (1 << 64) - 1
_MOST_STEPS = 100_000
_LATE = 1e-6
"""Of a period: times that are whole periods but for rounding."""


@dataclass(frozen=True, slots=True)
class WanSnapshot:
    """Everything a :class:`WanDelay` remembers, to the bit."""

    of: Identity
    step: int
    carried_s: float
    under_way: tuple[tuple[int, int, tuple[float, ...]], ...]
    sending: tuple[float, ...]
    received: tuple[float, ...]
    received_from: int
    last_arrival: int
    cut: bool
    counters: tuple[int, int, int]


class WanDelay:
    """Carries a message of values each period and gives the last one that arrived. Satisfies the loop's ``Plant``.

    Each message takes ``delay_s`` and up to ``jitter_s`` more (as likely anywhere between), in whole periods,
    and none overtakes another, as on one TCP connection. Lost ones leave the one before in place. Memory is
    bounded by the longest delay.

    Parameters
    ----------
    channels : sequence of Port
        What a message carries; the output of each is named ``received_…``.
    period_s : float
        Of the messages. A step of several periods sends as many; what is left over counts for the next step.
    delay_s, jitter_s : float
        0: arrives in the step in which it was sent.
    loss_share : float
        Chance of a message to be lost, 0 up to 1.
    seed : int
        The same seed gives the same jitter and losses.
    initial : mapping of str to float, optional
        What was received before the first message, by channel; 0 where not given.

    Attributes
    ----------
    input_ports, output_ports : tuple of Port
        The last output is ``wan_age_s``: time since the received message was sent.
    faults : tuple of str
        ``wan_cut``: nothing is sent any more; what is under way arrives.
    sent_messages, lost_messages, rejected_inputs : int
        Messages; those of them lost to chance or a cut; values that were not finite (the last good one was sent).

    Raises
    ------
    PlantSettingError
        A figure out of range, or an unknown channel in ``initial``.
    """

    def __init__(
        self,
        channels: Sequence[Port],
        *,
        period_s: float,
        delay_s: float,
        jitter_s: float = 0.0,
        loss_share: float = 0.0,
        seed: int = 0,
        initial: Mapping[str, float] | None = None,
    ) -> None:
        _check(channels, period_s, delay_s, jitter_s, loss_share, seed)
        names = [port.name for port in channels]
        first = dict.fromkeys(names, 0.0) | dict(initial or {})
        if len(first) > len(names) or not all(math.isfinite(value) for value in first.values()):
            raise PlantSettingError(f"initial {dict(initial or {})} must be finite and of {', '.join(names)}")
        self.input_ports = tuple(channels)
        received = (Port(f"received_{port.name}", port.unit) for port in channels)
        self.output_ports = (*received, Port("wan_age_s", "s"))
        self.default_inputs: dict[str, float] = {}
        self.faults: tuple[str, ...] = (_FAULT,)
        self.effects: Mapping[tuple[str, str], int] = {(name, f"received_{name}"): +1 for name in names}
        self.sent_messages = self.lost_messages = self.rejected_inputs = 0
        self._period_s, self._delay_s, self._jitter_s = period_s, delay_s, jitter_s
        self._loss_share, self._seed = loss_share, seed
        self._identity = identity(
            "a WAN",
            port_names(self.input_ports),
            repr((float(period_s), float(delay_s), float(jitter_s), float(loss_share), int(seed))),
        )
        self._step = self._received_from = self._last_arrival = 0
        self._carried_s = 0.0
        self._cut = False
        self._under_way: list[tuple[int, int, tuple[float, ...]]] = []
        self._received = self._sending = tuple(first[name] for name in names)

    def step(self, inputs: Sequence[float], dt_s: float) -> list[float]:
        """Send ``inputs`` once for each period in ``dt_s`` (s); gives what has arrived at the end, and its age, s."""
        if len(inputs) != len(self.input_ports):
            raise ValueError(f"{len(inputs)} inputs for {len(self.input_ports)} channels")
        self.rejected_inputs += sum(not math.isfinite(value) for value in inputs)
        self._sending = tuple(
            float(value) if math.isfinite(value) else held
            for value, held in zip(inputs, self._sending, strict=True)
        )
        self._carried_s += dt_s
        periods = math.floor(self._carried_s / self._period_s + _LATE)
        self._carried_s = max(self._carried_s - periods * self._period_s, 0.0) if periods else self._carried_s
        for _ in range(periods):
            self._one_period()
        return [*self._received, (self._step - self._received_from) * self._period_s]

    def _one_period(self) -> None:
        self._step += 1
        self.sent_messages += 1
        if self._cut or self._chance(2) < self._loss_share:
            self.lost_messages += 1
        else:
            late_s = self._delay_s + self._jitter_s * self._chance(1)
            arrival = max(self._step + round(late_s / self._period_s), self._last_arrival)
            self._last_arrival = arrival
            self._under_way.append((arrival, self._step, self._sending))
        while self._under_way and self._under_way[0][0] <= self._step:
            _, self._received_from, self._received = self._under_way.pop(0)

    def _chance(self, kind: int) -> float:
        """Evenly spread, 0 up to 1, from seed, kind and number of the message: splitmix64 (Steele et al. 2014).

        Nothing to remember but the number, so that a snapshot is small.
        """
        state = (self._seed * 0x9E3779B97F4A7C15 + kind * 0xD1B54A32D192ED03) & _MASK
        state = (state + (self._step + 1) * 0x9E3779B97F4A7C15) & _MASK
        state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) & _MASK
        return ((state ^ (state >> 31)) >> 11) / (1 << 53)

    def to_control(self, *, pade_order: int | None = None) -> StateSpace:
        """Give the link as a linear system of python-control with named inputs, outputs and states.

        As late as a message can be, ``delay_s + jitter_s``: the worst that a loop must bear. What varies from message
        to message, loss and the period's hold are not in it, and ``wan_age_s`` answers to nothing.

        Parameters
        ----------
        pade_order : int, optional
            States of each channel: a delay has no state-space form, and Padé's approximation of that order stands for
            it (``control.pade``): gain 1 at every frequency, the delay's phase up to ``pade_order / delay`` rad/s.

        Raises
        ------
        LinearModelError
            A delay without ``pade_order``, or an order below 1.
        """
        from plant_models.io_system import delay_to_control  # noqa: PLC0415 - python-control takes a second to import

        return delay_to_control(
            self._delay_s + self._jitter_s, pade_order, self.input_ports, self.output_ports
        )

    def set_fault(self, fault: str, active: bool) -> None:
        """Switch ``wan_cut`` on or off.

        Raises
        ------
        PlantSettingError
            The link has no such fault.
        """
        if fault != _FAULT:
            raise PlantSettingError(f"a WAN has no fault {fault!r}; there is {_FAULT}")
        self._cut = active

    def snapshot(self) -> WanSnapshot:
        """Everything that later outputs depend on."""
        return WanSnapshot(
            of=self._identity,
            step=self._step,
            carried_s=self._carried_s,
            under_way=tuple(self._under_way),
            sending=self._sending,
            received=self._received,
            received_from=self._received_from,
            last_arrival=self._last_arrival,
            cut=self._cut,
            counters=(self.sent_messages, self.lost_messages, self.rejected_inputs),
        )

    def restore(self, snapshot: WanSnapshot) -> None:
        """Go back to ``snapshot`` of this plant or one made alike; every later output is the same, to the bit.

        Raises
        ------
        SnapshotError
            It was taken of another plant.
        """
        refuse_foreign(self._identity, snapshot.of)
        self._step, self._carried_s = snapshot.step, snapshot.carried_s
        self._under_way, self._sending = list(snapshot.under_way), snapshot.sending
        self._received, self._received_from = snapshot.received, snapshot.received_from
        self._last_arrival, self._cut = snapshot.last_arrival, snapshot.cut
        self.sent_messages, self.lost_messages, self.rejected_inputs = snapshot.counters


def _check(
    channels: Sequence[Port], period_s: float, delay_s: float, jitter_s: float, loss_share: float, seed: int
) -> None:
    names = [port.name for port in channels]
    if not names or len(set(names)) < len(names):
        raise PlantSettingError(f"channels {names} must be one or more different ones")
    if not 0.0 < period_s < math.inf:
        raise PlantSettingError(f"period_s is {period_s}; it must be above 0 and finite")
    if not (delay_s >= 0.0 and jitter_s >= 0.0 and (delay_s + jitter_s) / period_s <= _MOST_STEPS):
        raise PlantSettingError(
            f"delay_s {delay_s} and jitter_s {jitter_s} must be 0 or more, together at most {_MOST_STEPS} periods"
        )
    if not 0.0 <= loss_share < 1.0 or seed < 0:
        raise PlantSettingError(f"loss_share {loss_share} must be in 0 … 1 without 1, seed {seed} 0 or more")
