"""A CDU as its datasheet describes it, and the ready ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import MISSING, dataclass, fields, replace
from typing import Any

from plant_models.design_figures import completed
from plant_models.errors import DatasheetError
from plant_models.fluid import WATER, CoolantLimits, Fluid, FluidProperties
from plant_models.nearest import hint
from plant_models.pump import FILTER_EXPONENT, RACK_EXPONENT
from plant_models.pump_points import check_points


@dataclass(frozen=True, slots=True, kw_only=True)
class CduDatasheet:
    """Figures of a liquid-to-liquid CDU at its design point.

    Attributes
    ----------
    name : str
        Maker and type.
    duty_kw : float
        Heat from the racks. The exchanger carries this and the pump's heat.
    approach_k : float
        TCS supply over FWS supply temperature at the design point.
    tcs_flow_kg_s, fws_flow_kg_s : float
        Design flows.
    tcs_fluid, fws_fluid : Fluid
        Coolants.
    fws_supply_temp_degc : float
        At the design point.
    rack_drop_kpa : float
        Drop of the external TCS circuit at design flow, supply to return.
    fws_drop_kpa : float
        Drop of the CDU's FWS side at design flow, valve included.
    tcs_exchanger_drop_kpa : float
        Drop of the exchanger's TCS side at design flow.
    filter_drop_kpa : float
        Clean, at design flow.
    filter_exponent, rack_exponent : float
        Of these drops over the flow, 1 (laminar) … 2 (turbulent); the exchanger's is 2.
    valve_authority : float
        The FWS valve's share of ``fws_drop_kpa``.
    pump_curve_flow_kg_s : tuple of float
        Flows of the pump curve at full speed, rising; none: a parabola through the design point.  # (n,)
    pump_curve_head_kpa, pump_curve_external_head_kpa : tuple of float
        Falling heads at these flows, of the pump itself or of what is left of it outside the CDU.  # (n,)
    fws_available_drop_kpa, fws_available_flow_kg_s : float or None
        What the facility offers at the CDU's flanges: a pressure difference, or the flow that it drives with the
        valve open. None: ``fws_drop_kpa``.
    electrical_kw : float or None
        Electrical power at the design point; ``None`` where the sheet gives none.
    tcs_supply_temp_degc, tcs_return_temp_degc, fws_return_temp_degc : float or None
        Where the sheet gives them they must agree with the rest.
    tcs_loop_volume_l : float
        Coolant in the CDU, the racks and the pipes between.
    tcs_properties, fws_properties : FluidProperties or None
        At the design mean temperatures; ``None`` takes them from CoolProp.
    tcs_limits : CoolantLimits or None
        Freezing point and expansion of ``tcs_fluid``; ``None`` takes them from CoolProp where they are needed.
    source : str
        Where the figures come from.
    """

    name: str
    duty_kw: float
    approach_k: float
    tcs_flow_kg_s: float
    fws_flow_kg_s: float
    tcs_fluid: Fluid
    fws_fluid: Fluid = WATER
    fws_supply_temp_degc: float
    rack_drop_kpa: float
    fws_drop_kpa: float
    tcs_exchanger_drop_kpa: float = 80.0
    filter_drop_kpa: float = 65.0
    filter_exponent: float = FILTER_EXPONENT
    rack_exponent: float = RACK_EXPONENT
    valve_authority: float = 0.5
    pump_curve_flow_kg_s: tuple[float, ...] = ()
    pump_curve_head_kpa: tuple[float, ...] = ()
    pump_curve_external_head_kpa: tuple[float, ...] = ()
    fws_available_drop_kpa: float | None = None
    fws_available_flow_kg_s: float | None = None
    electrical_kw: float | None = None
    tcs_supply_temp_degc: float | None = None
    tcs_return_temp_degc: float | None = None
    fws_return_temp_degc: float | None = None
    tcs_loop_volume_l: float
    tcs_properties: FluidProperties | None = None
    fws_properties: FluidProperties | None = None
    tcs_limits: CoolantLimits | None = None
    source: str = ""

    def __post_init__(self) -> None:
        for figure in _POSITIVE:
            value = getattr(self, figure)
            if value is not None and not 0.0 < value < float("inf"):
                raise DatasheetError(f"{self.name}: {figure} = {value!r} must be a positive number")
        if not 0.0 < self.valve_authority < 1.0:
            raise DatasheetError(
                f"{self.name}: valve_authority = {self.valve_authority!r} must be between 0 and 1"
            )
        for figure in ("filter_exponent", "rack_exponent"):
            if not 1.0 <= getattr(self, figure) <= 2.0:
                raise DatasheetError(f"{self.name}: {figure} = {getattr(self, figure)!r} is outside 1 … 2")
        if not self.filter_drop_kpa >= 0.0:
            raise DatasheetError(
                f"{self.name}: filter_drop_kpa = {self.filter_drop_kpa!r} must not be negative"
            )
        if self.fws_available_drop_kpa is not None and self.fws_available_flow_kg_s is not None:
            raise DatasheetError(
                f"{self.name}: fws_available_drop_kpa = {self.fws_available_drop_kpa:g} and fws_available_flow_kg_s = "
                f"{self.fws_available_flow_kg_s:g}: the one follows from the other; give one"
            )
        check_points(self)


_POSITIVE = (
    "duty_kw", "approach_k", "tcs_flow_kg_s", "fws_flow_kg_s", "rack_drop_kpa", "fws_drop_kpa",
    "tcs_exchanger_drop_kpa", "electrical_kw", "tcs_loop_volume_l", "fws_available_drop_kpa",
    "fws_available_flow_kg_s",
)  # fmt: skip

DESCHUTES_2MW = CduDatasheet(
    name="Google Project Deschutes, 2 MW",
    duty_kw=2000.0,
    approach_k=3.0,
    tcs_flow_kg_s=31.48,
    fws_flow_kg_s=32.30,
    tcs_fluid=Fluid("propylene_glycol", 0.25, "volume"),
    fws_supply_temp_degc=26.8,
    # The middle of the 552–621 kPa (80–90 psi) available to the IT loop.
    rack_drop_kpa=586.0,
    # 80 kPa for the exchanger as the record has it, as much for the valve: inside the sheet's 103–186 kPa.
    fws_drop_kpa=160.0,
    tcs_exchanger_drop_kpa=80.0,
    electrical_kw=74.0,
    tcs_return_temp_degc=45.0,
    tcs_loop_volume_l=1000.0,
    # From CoolProp at the design mean temperatures, so that a start needs no CoolProp; a test compares them.
    tcs_properties=FluidProperties(1011.555, 3955.654, 1.461171e-3, 0.4803048),
    fws_properties=FluidProperties(994.3056, 4178.767, 0.7269615e-3, 0.6210443),
    tcs_limits=CoolantLimits(-10.18283, 5.157740e-4),
    source="LBNL Modelica Buildings, GoogleProjectDeschutes (OCP, CDU Information WP, 24 March 2026)",
)

XDU1350 = CduDatasheet(
    name="Vertiv Liebert XDU1350",
    duty_kw=1368.0,
    approach_k=4.0,
    tcs_flow_kg_s=20.6,
    fws_flow_kg_s=20.6,
    tcs_fluid=Fluid("propylene_glycol", 0.20, "volume"),
    fws_supply_temp_degc=28.0,
    rack_drop_kpa=500.0,
    fws_drop_kpa=84.0,
    # Not on the sheet; the record takes the FWS side's.
    tcs_exchanger_drop_kpa=84.0,
    tcs_supply_temp_degc=32.0,
    tcs_loop_volume_l=700.0,
    tcs_properties=FluidProperties(1006.662, 4013.930, 1.182156e-3, 0.5092845),
    fws_properties=FluidProperties(993.7556, 4178.731, 0.7043127e-3, 0.6232740),
    tcs_limits=CoolantLimits(-7.470376, 4.735705e-4),
    source="LBNL Modelica Buildings, VertivLiebertXDU1350 (Vertiv SL-70799, R10/25)",
)

Figure = float | str | Fluid | Sequence[float] | None
"""What a figure of a datasheet may be given as."""

DATASHEETS = {"deschutes_2mw": DESCHUTES_2MW, "xdu1350": XDU1350}
"""Ready datasheets by the name a rig uses."""


def datasheet(name: str, **figures: Figure) -> CduDatasheet:
    """Ready datasheet ``name``, with any figures replaced. Fluids may be texts as :meth:`Fluid.parse` takes.

    Raises
    ------
    DatasheetError
        No such sheet or figure; the message has the nearest one.
    """
    if name not in DATASHEETS:
        raise DatasheetError(f"no datasheet {name!r}; {hint(name, DATASHEETS)}")
    return datasheet_from(DATASHEETS[name], **figures)


def datasheet_from(base: CduDatasheet | None, **figures: Figure) -> CduDatasheet:
    """Make a datasheet of ``figures`` (fields of :class:`CduDatasheet`), or of ``base`` with these replaced.

    Of figures alone, some may be left out that follow from others: see :func:`plant_models.design_figures.completed`.

    Raises
    ------
    DatasheetError
        A figure that no datasheet has, or one that is missing.
    """
    known = {field.name: field for field in fields(CduDatasheet)}
    for figure in figures:
        if figure not in known:
            raise DatasheetError(f"a datasheet has no {figure!r}; {hint(figure, known)}")
    changes: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in figures.items()
    }
    for side in ("tcs", "fws"):
        fluid = changes.get(f"{side}_fluid")
        if isinstance(fluid, str):
            changes[f"{side}_fluid"] = Fluid.parse(fluid)
    if base is None:
        return _from_figures_alone(completed(changes))
    return replace(base, **_without_stale_properties(changes))


def _from_figures_alone(figures: dict[str, Any]) -> CduDatasheet:
    missing = [
        field.name for field in fields(CduDatasheet) if field.default is MISSING and field.name not in figures
    ]
    if missing:
        raise DatasheetError(f"{figures['name']}: a datasheet needs {', '.join(missing)}")
    return CduDatasheet(**figures)


def _without_stale_properties(changes: dict[str, Any]) -> dict[str, Any]:
    """Another fluid or design point has other properties than those the ready sheet carries."""
    stale: dict[str, Any] = {}
    if changes.keys() - {
        "name",
        "rack_drop_kpa",
        "fws_drop_kpa",
        "filter_drop_kpa",
        "filter_exponent",
        "rack_exponent",
        "fws_available_drop_kpa",
        "fws_available_flow_kg_s",
        "electrical_kw",
        "source",
    }:
        stale = {"tcs_properties": None, "fws_properties": None}
    if "tcs_fluid" in changes:
        stale["tcs_limits"] = None
    return stale | changes
