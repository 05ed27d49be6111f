"""Asking a device, before the loop, what it has and where: its chain of models, the points wanted, the power of ten."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from hil.config.points import Point
from hil.devices.modbus.conversation import WRONG_REPLY_HINT, Conversation
from hil.devices.modbus.settings import ModbusTcpSettings
from hil.devices.sunspec.chain import Chain, walk
from hil.devices.sunspec.curtailment import LEAST_POWER, Curtailment, CurtailSettings
from hil.devices.sunspec.head import HeadExchange
from hil.devices.sunspec.points import Reference, WrongReferenceError, locate, point_of
from hil.devices.wire.codec import READ_HOLDING_REGISTERS, Request
from hil.errors import DeviceError, Problem

LIMIT_POINTS = {123: ("WMaxLimPct", "WMaxLim_Ena"), 704: ("WMaxLimPct", "WMaxLimPctEna")}
"""Of each model that curtails: the limit, and whether it is enabled."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A point that is read into a slot of the image: reference, signal, slot, file and line."""

    reference: Reference
    signal: str
    slot: int
    place: tuple[str, int]


class Discovery:
    """One device being asked; blocking.

    Parameters
    ----------
    who : str
        The device, for messages.
    place : (str, int or None)
        File and line of the device in the rig.
    settings : ModbusTcpSettings
        Limits and pacing of its requests.
    unit_id : int
        Modbus unit.
    conversation : Conversation
        The connection.

    Attributes
    ----------
    chain : Chain
        What was found.

    Raises
    ------
    DeviceError
        It is no SunSpec device.
    """

    def __init__(
        self,
        who: str,
        place: tuple[str, int | None],
        settings: ModbusTcpSettings,
        unit_id: int,
        conversation: Conversation,
    ) -> None:
        self._who = who
        self._place = place
        self._settings = settings
        self._unit_id = unit_id
        self._conversation = conversation
        self.chain = self._walked()
        if self.chain.base is None or not self.chain.models:
            what = f"{who}, unit id {unit_id}, is no SunSpec device: {self.chain.trouble}"
            wrong = conversation.wrong
            hint = WRONG_REPLY_HINT if wrong else "check unit_id, and that SunSpec is switched on"
            raise DeviceError(Problem(*place, f"{what}; it {wrong}" if wrong else what, hint))

    def points(self, wanted: Sequence[Wanted]) -> list[tuple[Point, int]]:
        """Give each point with its slot; ``DeviceError`` names all that the device does not have."""
        problems: list[Problem] = []
        found: list[tuple[Point, int]] = []
        for each in wanted:
            try:
                point = point_of(
                    self.chain, each.reference, each.signal, self._unit_id, each.place, self._settings.max_registers
                )  # fmt: skip
            except WrongReferenceError as error:
                what = f"{self._who}: {each.signal} as {each.reference}: {error}"
                problems.append(Problem(*each.place, what, error.hint))
            else:
                found.append((point, each.slot))
        if problems:
            raise DeviceError(problems)
        return found

    def heads(self, wanted: Sequence[Wanted]) -> tuple[HeadExchange, ...]:
        """Give a look at the head of each model that is read."""
        models = dict.fromkeys(locate(self.chain, each.reference)[0] for each in wanted)
        return tuple(HeadExchange(self._unit_id, found) for found in models)

    def limiter(self, settings: CurtailSettings) -> tuple[Curtailment, HeadExchange]:
        """Make the sequence for the device's own place and scale of the limit, and the look that goes before it."""
        limit, _ = LIMIT_POINTS[settings.model]
        found, model, point = locate(self.chain, Reference(settings.model, limit))
        scale = model.scale_of(point)
        if scale is None:
            raise LookupError(f"the definition of model {found.id} gives its limit no power of ten")
        span = scale.offset + 1
        if span > self._settings.max_registers:
            what = f"{self._who}: limiting by model {found.id} takes requests of {span} registers"
            hint = f"max_registers: {span} or more, or limit by the other of models 123 and 704"
            raise DeviceError(Problem(*self._place, f"{what}, and max_registers is less", hint))
        registers = self._registers(found.address + scale.offset, 1)
        power = 0x8000 if registers is None else registers[0]
        power -= (power & 0x8000) << 1
        if not LEAST_POWER <= power <= 0:
            what = f"{self._who}: {found.id}.{scale.name} is {power}, so that a limit in % cannot be sent"
            raise DeviceError(Problem(*self._place, what, "the device must give a power of ten of 0 to -10"))
        return Curtailment(settings, found, power), HeadExchange(self._unit_id, found, scale.offset)

    def _walked(self) -> Chain:
        steps = walk()
        ask = next(steps)
        while True:
            registers = self._registers(ask.address, ask.count)
            try:
                ask = steps.send(registers)
            except StopIteration as end:
                chain: Chain = end.value
                return chain

    def _registers(self, address: int, count: int) -> Sequence[int] | None:
        time.sleep(self._settings.gap_ms / 1e3)
        request = Request(self._unit_id, READ_HOLDING_REGISTERS, address, count)
        reply = self._conversation.ask(request, self._settings.reply_timeout_s)
        if reply is None or reply.exception or len(reply.values) != count:
            return None
        return reply.values
