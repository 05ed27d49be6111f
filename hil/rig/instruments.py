"""From the rig's ``sensors`` and ``actuators`` to instruments around its plants."""

from __future__ import annotations

from collections.abc import Mapping

from hil.config.instruments import ActuatorConfig, SensorConfig
from hil.config.nearest import did_you_mean
from hil.config.plants import WanConfig
from hil.config.schema import RigConfig, SignalConfig
from hil.config.strict import Strict
from hil.loop.image import Image
from hil.loop.instruments import ActuatorBlock, Falsifier, Instruments, SensorBlock
from hil.rig.draft import Draft
from plant_models import PlantSettingError
from plant_models.instruments import Actuator, ActuatorSettings, Sensor, SensorSettings

_NOISE_KEY = 0x5E4503
"""Keeps a sensor's noise apart from that of a scenario's faults, which are seeded by their number."""
_SENSED = ("plants", "devices", "sources")
_COMMANDING = ("controllers", "drives", "devices", "sources")


def note_instruments(draft: Draft) -> None:
    """Note the signals in which instruments leave what is true."""
    signals = draft.config.signals
    kept = [("sensors", name, "truth", each.truth) for name, each in draft.config.sensors.items()]
    kept += [("actuators", name, "position", each.position) for name, each in draft.config.actuators.items()]
    for section, name, key, target in kept:
        if target is not None:
            unit = signals[name].unit if name in signals else None
            draft.writes(target, (section, name, key), f"{section}.{name}", unit)


def check_instruments(draft: Draft) -> None:
    """Refuse instruments that nothing reaches, or whose figures do not fit their signal; after all uses are noted."""
    for name, sensor in draft.config.sensors.items():
        path = ("sensors", name)
        signal = _signal(draft, path, "sensor", name)
        if signal is not None:
            _check_measurable(draft, name, signal)
            _warn_of_links(draft, path, "carries the true value of")
            _check_figures(draft, path, sensor_settings(sensor), name, signal)
    for name, actuator in draft.config.actuators.items():
        path = ("actuators", name)
        signal = _signal(draft, path, "actuator", name)
        if signal is not None:
            _check_moves(draft, name)
            _warn_of_links(draft, path, "carries the actuator's position for")
            _check_figures(draft, path, actuator_settings(actuator), name, signal)


def _signal(draft: Draft, path: tuple[str, str], what: str, name: str) -> SignalConfig | None:
    signal = draft.config.signals.get(name)
    if signal is None:
        hint = did_you_mean(name, draft.config.signals) or "declare it under signals"
        draft.refuse(path, f"{what} on the signal {name!r}, which the rig does not declare", hint)
    return signal


def _writers(draft: Draft, name: str) -> list[str]:
    return [use.block for use in draft.uses if use.signal == name and use.kind == "write"]


def _check_measurable(draft: Draft, name: str, signal: SignalConfig) -> None:
    path = ("sensors", name)
    if signal.unit == "bool":
        draft.refuse(path, f"sensor on {name}: it is a state (bool), not a measured value", "take it out")
    for writer in _writers(draft, name):
        if writer.split(".")[0] not in _SENSED:
            what = f"sensor on {name}: {writer} writes it, so there is nothing to measure"
            draft.refuse(path, what, "a sensor goes on a signal that a plant, a device or a source writes")


def _check_moves(draft: Draft, name: str) -> None:
    path, uses = ("actuators", name), draft.uses
    for writer in _writers(draft, name):
        if writer.split(".")[0] not in _COMMANDING:
            what = f"actuator on {name}: {writer} writes it, which is no command"
            draft.refuse(
                path, what, "an actuator goes on a signal that a controller, a source or a device writes"
            )
    taken = [use for use in uses if use.kind == "read" and use.block.startswith("plants.")]
    if all(use.signal != name for use in taken):
        commands = sorted({use.signal for use in taken})
        hint = did_you_mean(name, commands) or f"plants take {', '.join(commands) or 'no signals'}"
        draft.refuse(path, f"actuator on {name}: no plant takes it as an input", hint)


def _warn_of_links(draft: Draft, path: tuple[str, str], what: str) -> None:
    """Warn of a link that sends what plants see: it is a plant, and on site it would send what all others see."""
    for plant, config in draft.config.plants.items():
        if isinstance(config, WanConfig) and path[1] in config.inputs.values():
            hint = f"put it under {path[0]} by the signal that arrives, at the far end of the link"
            draft.warn(path, f"{path[0][:-1]} on {path[1]}: the link plants.{plant} {what} it", hint)


def _check_figures(
    draft: Draft,
    path: tuple[str, str],
    settings: SensorSettings | ActuatorSettings,
    name: str,
    signal: SignalConfig,
) -> None:
    low, high = signal.range
    if low >= high:
        return  # told with the signal
    try:
        settings.check(low, high)
    except PlantSettingError as error:
        key = next((key for key in settings.__slots__ if str(error).startswith(key)), None)
        where = path if key is None else (*path, key)
        draft.refuse(where, f"{path[0][:-1]} on {name} [{signal.unit}]: {error}", "choose a smaller figure")


def sensor_settings(config: SensorConfig) -> SensorSettings:
    """Give the settings of a sensor."""
    return SensorSettings(**config.model_dump(exclude={"truth"}))


def actuator_settings(config: ActuatorConfig) -> ActuatorSettings:
    """Give the settings of an actuator."""
    return ActuatorSettings(**config.model_dump(exclude={"position"}))


def make_instruments(config: RigConfig, image: Image, falsifiers: list[Falsifier]) -> Instruments | None:
    """Make the instruments of a checked rig; None where it has none.

    ``falsifiers`` is the list of sensor faults in force on signals with a sensor. The noise of each is seeded by the
    rig's seed and its signal's name alone.
    """
    if not (config.sensors or config.actuators):
        return None
    sensors, actuators = [], []
    for name, sensor in config.sensors.items():
        low, high = config.signals[name].range
        seed = (config.seed, _NOISE_KEY, *name.encode())
        made = Sensor(sensor_settings(sensor), low, high, seed)
        truth = None if sensor.truth is None else image.index[sensor.truth]
        sensors.append(SensorBlock(image, image.index[name], made, truth))
    for name, actuator in config.actuators.items():
        moved = Actuator(actuator_settings(actuator), *config.signals[name].range)
        position = None if actuator.position is None else image.index[actuator.position]
        actuators.append(ActuatorBlock(image, image.index[name], moved, position))
    return Instruments(sensors, actuators, falsifiers)


def instrument_of(config: RigConfig, name: str) -> str:
    """Say in words what stands between a signal and its readers; empty where nothing does."""
    told = []
    sections: dict[str, Mapping[str, Strict]] = {"sensor": config.sensors, "actuator": config.actuators}
    for kind, section in sections.items():
        if name in section:
            figures = section[name].model_dump(exclude_defaults=True, exclude={"truth", "position"})
            told.append(f"{kind}: " + ", ".join(f"{key} {value:g}" for key, value in figures.items()))
    return "; ".join(told)


def instrument_counters(instruments: Instruments | None) -> dict[str, dict[str, int]]:
    """Give what was clamped, refused and substituted, by ``sensors.<signal>`` and ``actuators.<signal>``."""
    found: dict[str, dict[str, int]] = {}
    for sensor in () if instruments is None else instruments.sensors:
        assert isinstance(sensor.sensor, Sensor)
        found[f"sensors.{sensor.name}"] = {
            "saturated": sensor.sensor.saturated,
            "rejected": sensor.sensor.rejected,
        }
    for block in () if instruments is None else instruments.actuators:
        moved = block.actuator
        assert isinstance(moved, Actuator)
        found[f"actuators.{block.name}"] = {
            "limited": moved.limited, "clamped": moved.clamped, "rejected": moved.rejected,
            "commands_substituted": block.substituted,
        }  # fmt: skip
    return found
