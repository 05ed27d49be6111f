"""The rig shown to a DCIM: what is served, who may write, and the road of a written set-point into the loop."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

from hil.config.nearest import did_you_mean
from hil.config.northbound import NorthboundConfig
from hil.config.schema import RigConfig
from hil.devices.northbound import NorthboundServer, NorthboundSettings, ServedSignal, map_as_csv
from hil.devices.northbound.layout import AGE_SUFFIX, MOST_SIGNALS, QUALITY_SUFFIX, scale_for
from hil.errors import DeviceError, Problem
from hil.loop.clock import NS_PER_S
from hil.loop.events import EventLog
from hil.loop.mailbox import Mailbox
from hil.loop.output import OutputStage
from hil.loop.source import SourceBlock
from hil.rig.devices import is_loopback
from hil.rig.draft import Draft
from hil.rig.profiles import BuiltProfile
from plant_models import workload

MAP_FILE = "northbound.csv"
_LEAST_SILENT_S = 1.0
_SILENT_PERIODS = 3.0
_SILENT_CODES = {"exception_11": 11, "exception_4": 4, "bad": 0}
_TELL_NS = NS_PER_S
"""A set-point that is written again within this time is counted and not told: a DCIM must not fill the log."""


def check_northbound(draft: Draft) -> None:
    """Refuse to serve what is not there, and to let write what is not a set-point."""
    config = draft.config.northbound
    if config is None:
        return
    served = _served(draft.config)
    for name in config.signals or ():
        draft.reads(name, ("northbound", "signals"), "northbound")
    for key in ("types", "scales", "setpoints"):
        for name in getattr(config, key):
            if name not in served:
                what = f"northbound.{key}: {name} is not among the signals that are served"
                draft.refuse(("northbound", key), what, did_you_mean(name, served))
    for name in config.setpoints:
        if name in served and name not in draft.config.sources:
            what = (
                f"northbound: {name} is no set-point: only what a source writes may be written from outside"
            )
            draft.refuse(
                ("northbound", "setpoints"), what, f"sources: {', '.join(draft.config.sources) or 'none'}"
            )
    for name in config.scales:
        if config.types.get(name, config.type) != "int16":
            what = f"northbound: {name} is served as float32, which has no scale"
            draft.refuse(("northbound", "scales"), what, f"types: {{{name}: int16}}")
    _check_room(draft, served)
    _check_types(draft, config, served)
    if draft.config.clock == "virtual":
        draft.warn(("northbound",), "northbound is only served on the wall clock")


def _check_room(draft: Draft, served: tuple[str, ...]) -> None:
    if len(served) > MOST_SIGNALS:
        what = f"northbound: {len(served)} signals are more than a Modbus unit has registers for ({MOST_SIGNALS})"
        draft.refuse(("northbound",), what, "name those to be served under signals")
    names = set(served)
    for name in served:
        for suffix in (QUALITY_SUFFIX, AGE_SUFFIX):
            if name.removesuffix(suffix) in names - {name}:
                what = (
                    f"northbound: {name} is a signal, and the register beside {name.removesuffix(suffix)} too"
                )
                draft.refuse(
                    ("northbound",), what, "give the signal another name, or leave one of the two out"
                )


def _check_types(draft: Draft, config: NorthboundConfig, served: tuple[str, ...]) -> None:
    """Refuse a range that float32 cannot show; warn of one whose end int16 shows for all that is beyond."""
    for name in (name for name in served if name in draft.config.signals):
        signal = _signal(draft.config, config, name)
        low, high, unit = signal.low, signal.high, signal.unit
        if signal.holds(low) and signal.holds(high):
            continue
        most = signal.largest
        what = f"northbound: {name} has a range of {low:g} to {high:g} {unit}, and {signal.type}"
        if signal.type == "float32":
            hint = f"narrow its range, leave it out under signals, or give types: {{{name}: int16}}"
            draft.refuse(("signals", name, "range"), f"{what} ends at ±{most:g} {unit}", hint)
        else:
            what += f" at scale {signal.scale:g} shows no more than ±{most:g} {unit}"
            draft.warn(
                ("northbound", "scales", name),
                what,
                f"leave the scale out: {scale_for(low, high):g} holds it",
            )


def _served(config: RigConfig) -> tuple[str, ...]:
    northbound = config.northbound
    if northbound is None:
        return ()
    return tuple(config.signals) if northbound.signals is None else northbound.signals


def served_beyond_this_machine(draft: Draft) -> list[Problem]:
    """Name a server that other machines can reach."""
    config = draft.config.northbound
    if config is None or draft.config.clock == "virtual" or is_loopback(config.bind):
        return []
    may_write = f"; they may write {', '.join(config.setpoints)}" if config.setpoints else ""
    what = f"northbound: whoever reaches {config.bind}:{config.port} can read this rig's signals{may_write}"
    return [draft.document.problem(("northbound", "bind"), what)]


def settings_of(config: RigConfig) -> NorthboundSettings | None:
    """Give what the server is told; None where the rig has none."""
    northbound = config.northbound
    if northbound is None:
        return None
    silent_s = northbound.silent_after_s or max(_LEAST_SILENT_S, _SILENT_PERIODS * config.period_s)
    return NorthboundSettings(
        bind="127.0.0.1" if northbound.bind == "localhost" else northbound.bind,
        port=northbound.port,
        unit_id=northbound.unit_id,
        signals=tuple(_signal(config, northbound, name) for name in _served(config)),
        word_order=northbound.word_order,
        silent_code=_SILENT_CODES[northbound.when_silent],
        silent_after_s=silent_s,
        linger_s=northbound.linger_s,
    )


def _signal(config: RigConfig, northbound: NorthboundConfig, name: str) -> ServedSignal:
    signal = config.signals[name]
    kind = northbound.types.get(name, northbound.type)
    scale = northbound.scales.get(name, scale_for(*signal.range)) if kind == "int16" else 1.0
    return ServedSignal(name, signal.unit, *signal.range, kind, scale, name in northbound.setpoints)


def map_of(config: RigConfig) -> str:
    """Give the register map as CSV; empty where the rig serves nothing."""
    settings = settings_of(config)
    return "" if settings is None else map_as_csv(settings.layout)


class RequestedSource(SourceBlock):
    """A source whose level may also be asked for from outside the loop: then it stays there.

    What is asked for passes the same limits and rates as what the source's own profile says.

    Attributes
    ----------
    taken : int
        Requests that were taken up.
    """

    __slots__ = ("_box", "_events", "_name", "_seen", "_tell_ns", "taken")

    def __init__(
        self, name: str, stage: OutputStage, built: BuiltProfile, box: Mailbox, events: EventLog
    ) -> None:
        super().__init__(stage, built.profile, built.factor, built.offset)
        self._name = name
        self._box = box
        self._events = events
        self._seen = 0.0
        self._tell_ns = 0
        self.taken = 0

    def run(self, now_ns: int, dt_s: float) -> None:
        """Take up a new request, then write the signal for loop time ``now_ns``, limits included."""
        asked = self._box.get()
        if asked is not None and asked[0] != self._seen:
            self._seen, level = asked
            self.follow(workload.Constant(level), now_ns)
            self.taken += 1
            if now_ns >= self._tell_ns:
                self._tell_ns = now_ns + _TELL_NS
                self._events.emit(
                    now_ns / NS_PER_S, "setpoint", self._name, f"to {level:g}, asked from northbound"
                )
        super().run(now_ns, dt_s)


def make_source(
    name: str, stage: OutputStage, built: BuiltProfile, requests: Mapping[str, Mailbox], events: EventLog
) -> SourceBlock:
    """Make one source; one that may be asked for from outside listens to its box in ``requests``."""
    if name in requests:
        return RequestedSource(name, stage, built, requests[name], events)
    return SourceBlock(stage, built.profile, built.factor, built.offset)


def setpoints_taken(sources: Iterable[SourceBlock]) -> int:
    """Count the requests that were taken up."""
    return sum(source.taken for source in sources if isinstance(source, RequestedSource))


@contextmanager
def northbound_desk(config: RigConfig) -> Iterator[NorthboundServer | None]:
    """Inside, there are boxes for set-points; the server itself waits for :func:`start_serving`. None without one.

    Raises
    ------
    DeviceError
        There is no memory for it.
    """
    settings = settings_of(config) if config.clock == "wall" else None
    if settings is None:
        yield None
        return
    try:
        server = NorthboundServer(settings)
    except OSError as error:
        raise _not_started(error) from error
    try:
        yield server
    finally:
        server.close()


def start_serving(server: NorthboundServer, config: RigConfig, table: str, events: EventLog) -> None:
    """Start the server on the table of latest values at this path; raises ``DeviceError`` where it cannot be."""
    northbound = config.northbound
    assert northbound is not None
    try:
        port = server.start(table, config.realtime.cpu)
    except OSError as error:
        raise _not_started(error, f"{northbound.bind}:{northbound.port}") from error
    many = len(_served(config))
    events.emit(
        0.0, "note", "northbound", f"{many} signals served at {northbound.bind}:{port}, map in {MAP_FILE}"
    )


def _not_started(error: OSError, at: str = "") -> DeviceError:
    where = f" at {at}" if at else ""
    return DeviceError(Problem("", None, f"northbound cannot be served{where}: {error.strerror or error}"))
