"""Figures of a power chain, their ranges, and their places among its parameters."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from plant_models.components.checks import in_range
from plant_models.errors import PlantSettingError


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerSettings:
    """What a power chain is made of.

    Two figures have no default: the ratings. The others are assumptions unless a source is named; set them to what the
    datasheets of a site say (:func:`plant_models.components.power_losses.ups_curve` fits the UPS).

    Attributes
    ----------
    ups_kw : float
        Rated active power of the UPS units that share the load, together.
    transformer_kva : float
        Rating of the transformers in service, together.
    transformer_no_load_loss, transformer_load_loss : float
        Shares of the rating. Default: 1.575 and 18.5 kW of 2500 kVA, the most that Commission Regulation (EU)
        548/2014 allows a liquid-immersed transformer from July 2021 on (table I.1, AA0 and Ak).
    transformer_time_constant_s : float
        Of their thermal relay, which opens for a load of more than 1.2 times the rating: from cold after this times
        ``ln(r² / (r² - 1.44))`` at ``r`` times the rating, 16 min at 1.5 with 30 min (assumption).
    power_factor : float
        Of what the transformer feeds: active over apparent power.
    ups_constant_loss, ups_linear_loss, ups_quadratic_loss : float
        Shares of ``ups_kw`` in double conversion. Default: 95.0, 96.4, 96.5 and 96.3 % at 25, 50, 75 and 100 %
        load, as transformerless units with IGBT bridges have (assumption).
    bypass_constant_loss, bypass_linear_loss : float
        The same on bypass (static switch, filters, controls, charger idling); default 98.9 % at full load.
    inverter_loss_share : float
        Loss on battery over that in double conversion: the rectifier rests.
    ups_overload_time_s : float
        How long the inverter stands 125 %; a tenth of it at 150 %, ten times it at 100 %. Default 10 min, and 1 min
        at 150 %, as large three-phase units usually do.
    ups_overload_reset_s : float
        Time below 100 % in which it has forgotten a full overload and takes the load back from the bypass.
    bypass_overload_time_s : float
        How long the bypass stands 125 % before it switches off; a tenth of it at 150 %. 110 % it stands for good.
    distribution_kw : float
        Load at which the distribution (busway, PDU, rack feeds) loses ``distribution_loss`` of it; 0: that of the UPS.
    distribution_loss : float
    rack_feed_share : float
        Share of the distribution's loss that is behind the PDUs' outputs; it tells category 2 of PUE from 3.
    battery_minutes : float
        How long the full battery carries the rated load of the UPS.
    battery_rated_minutes : float
        Over how long a discharge its energy is rated: faster ones are dearer by Peukert's law.
    peukert_exponent : float
        1: none; lithium cells about 1.05, lead-acid 1.1 … 1.3.
    battery_efficiency, charger_efficiency : float
        Of discharge below the rated power; of charging.
    charge_kw : float
        Most that the charger draws; 0: a tenth of ``ups_kw``. Above 90 % charge it falls in a straight line, to none
        at 100 %.
    initial_charge_percent : float
    it_hold_up_time_s : float
        How long IT runs on without supply: its power supplies' capacitors, 20 ms at no voltage (ITIC curve).
    it_restart_delay_s : float
        From the return of the supply to IT drawing power again.
    mechanical_feeds_on_ups : int
        How many of the mechanical feeds, the first, are behind the UPS: pumps that must not stop while an outage lasts
        until the generator carries. The others are on the main board.
    generator_kw, generator_start_time_s : float
        Rating (0: none), and the time from the outage until it carries. It trips when its load is over 110 % of it.
    pue_category : int
        Where IT energy is measured (ISO/IEC 30134-2): 1 UPS output, 2 PDU output, 3 input of the IT equipment.
    """

    ups_kw: float
    transformer_kva: float
    transformer_no_load_loss: float = 0.00063
    transformer_load_loss: float = 0.0074
    transformer_time_constant_s: float = 1800.0
    power_factor: float = 0.98
    ups_constant_loss: float = 0.0100
    ups_linear_loss: float = 0.0075
    ups_quadratic_loss: float = 0.0205
    bypass_constant_loss: float = 0.0040
    bypass_linear_loss: float = 0.0070
    inverter_loss_share: float = 0.5
    ups_overload_time_s: float = 600.0
    ups_overload_reset_s: float = 600.0
    bypass_overload_time_s: float = 120.0
    distribution_kw: float = 0.0
    distribution_loss: float = 0.01
    rack_feed_share: float = 0.2
    battery_minutes: float = 5.0
    battery_rated_minutes: float = 60.0
    peukert_exponent: float = 1.05
    battery_efficiency: float = 0.96
    charger_efficiency: float = 0.96
    charge_kw: float = 0.0
    initial_charge_percent: float = 100.0
    it_hold_up_time_s: float = 0.02
    it_restart_delay_s: float = 300.0
    mechanical_feeds_on_ups: int = 0
    generator_kw: float = 0.0
    generator_start_time_s: float = 12.0
    pue_category: int = 3

    def __post_init__(self) -> None:
        in_range("power chain", **{name: (getattr(self, name), *domain) for name, domain in RANGES.items()})
        if self.pue_category not in (1, 2, 3):
            raise PlantSettingError(
                f"power chain: pue_category = {self.pue_category!r} is none of 1 (UPS output), 2 (PDU output), "
                "3 (IT input)"
            )
        if self.charge_kw > self.ups_kw:
            raise PlantSettingError(
                f"power chain: charge_kw = {self.charge_kw:g} is more than ups_kw = {self.ups_kw:g}, whose rectifier "
                "charges the battery"
            )
        full = self.ups_constant_loss + self.ups_linear_loss + self.ups_quadratic_loss
        if self.bypass_constant_loss + self.bypass_linear_loss > full:
            raise PlantSettingError(
                f"power chain: the UPS would lose more on bypass than in double conversion ({full:g} of its rating)"
            )


MOST_FEEDS = 100
_SHARE = (0.0, 0.2)
RANGES: dict[str, tuple[float, float]] = {
    "ups_kw": (1.0, 1e6),
    "transformer_kva": (1.0, 2e6),
    "transformer_no_load_loss": _SHARE,
    "transformer_load_loss": _SHARE,
    "transformer_time_constant_s": (10.0, 36_000.0),
    "power_factor": (0.5, 1.0),
    "ups_constant_loss": _SHARE,
    "ups_linear_loss": _SHARE,
    "ups_quadratic_loss": _SHARE,
    "bypass_constant_loss": _SHARE,
    "bypass_linear_loss": _SHARE,
    "inverter_loss_share": (0.0, 1.0),
    "ups_overload_time_s": (1.0, 36_000.0),
    "ups_overload_reset_s": (1.0, 36_000.0),
    "bypass_overload_time_s": (1.0, 36_000.0),
    "distribution_kw": (0.0, 1e6),
    "distribution_loss": _SHARE,
    "rack_feed_share": (0.0, 1.0),
    "battery_minutes": (0.1, 600.0),
    "battery_rated_minutes": (1.0, 1440.0),
    "peukert_exponent": (1.0, 2.0),
    "battery_efficiency": (0.5, 1.0),
    "charger_efficiency": (0.5, 1.0),
    "charge_kw": (0.0, 1e6),
    "initial_charge_percent": (0.0, 100.0),
    "it_hold_up_time_s": (0.0, 10.0),
    "it_restart_delay_s": (0.0, 86_400.0),
    "mechanical_feeds_on_ups": (0, MOST_FEEDS),
    "generator_kw": (0.0, 1e6),
    "generator_start_time_s": (0.0, 3600.0),
}

NAMES = (*RANGES, "pue_category")
"""Figures in the order in which they are packed."""
PLACE = {name: k for k, name in enumerate(NAMES)}


def packed(settings: PowerSettings) -> list[float]:
    """Figures in the order of :data:`NAMES`."""
    values = asdict(settings)
    return [float(values[name]) for name in NAMES]
