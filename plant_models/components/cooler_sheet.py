"""A dry cooler as its datasheet describes it, and the ready ones."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

from plant_models.errors import DatasheetError
from plant_models.fluid import WATER, Fluid, FluidProperties, fluid_properties
from plant_models.nearest import hint

MOST_FAN_GROUPS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class CoolerDatasheet:
    """Figures of one dry cooler at its design point.

    Attributes
    ----------
    name : str
        Maker and type.
    duty_kw : float
    air_temp_degc : float
        Entering dry bulb.
    fluid_in_temp_degc, fluid_out_temp_degc : float
    fan_kw : float
        Electrical power of all fans at full speed.
    fan_groups : int
        Groups of fans with a drive of their own, 1 … 8.
    coolant : Fluid
    drop_kpa : float
        Of the coolant at design flow.
    coolant_flow_kg_s : float or None
        Where the sheet gives it, it must agree with duty and temperatures within 2 %.
    air_flow_kg_s, air_outlet_temp_degc : float or None
        One of them fixes the air's capacity rate, both must agree within 2 %. With neither it is taken equal to
        the coolant's, as LBNL's record does.
    coil_volume_l : float or None
        Coolant inside; None: 15 s of the design flow.
    coolant_properties : FluidProperties or None
        At the design mean temperature; None takes them from CoolProp.
    source : str
    """

    name: str
    duty_kw: float
    air_temp_degc: float
    fluid_in_temp_degc: float
    fluid_out_temp_degc: float
    fan_kw: float
    fan_groups: int = 2
    coolant: Fluid = WATER
    drop_kpa: float = 80.0
    coolant_flow_kg_s: float | None = None
    air_flow_kg_s: float | None = None
    air_outlet_temp_degc: float | None = None
    coil_volume_l: float | None = None
    coolant_properties: FluidProperties | None = None
    source: str = ""

    def __post_init__(self) -> None:
        for figure in (
            "duty_kw", "fan_kw", "drop_kpa", "coolant_flow_kg_s", "air_flow_kg_s", "coil_volume_l",
        ):  # fmt: skip
            value = getattr(self, figure)
            if value is not None and not 0.0 < value < float("inf"):
                raise DatasheetError(f"{self.name}: {figure} = {value!r} must be a positive number")
        for figure in ("air_temp_degc", "fluid_in_temp_degc", "fluid_out_temp_degc"):
            if not -40.0 <= getattr(self, figure) <= 120.0:
                raise DatasheetError(
                    f"{self.name}: {figure} = {getattr(self, figure)!r} is outside -40 … 120 °C"
                )
        if self.fan_groups not in range(1, MOST_FAN_GROUPS + 1):
            raise DatasheetError(
                f"{self.name}: fan_groups = {self.fan_groups!r} is not a whole number of 1 … {MOST_FAN_GROUPS}"
            )

        _refuse_second_law(self)
        if self.fan_kw >= self.duty_kw:
            raise DatasheetError(
                f"{self.name}: fan_kw = {self.fan_kw:g} is not below duty_kw = {self.duty_kw:g}: the fans would heat "
                "the air more than the coolant does"
            )

    @property
    def mean_temp_degc(self) -> float:
        """Of the coolant at design, where its properties are taken."""
        return 0.5 * (self.fluid_in_temp_degc + self.fluid_out_temp_degc)

    @property
    def properties(self) -> FluidProperties:
        """Of the coolant at design."""
        return self.coolant_properties or fluid_properties(self.coolant, self.mean_temp_degc)


def _refuse_second_law(sheet: CoolerDatasheet) -> None:
    """Heat goes from the warmer to the colder: in > out > air."""
    if not sheet.fluid_in_temp_degc > sheet.fluid_out_temp_degc:
        raise DatasheetError(
            f"{sheet.name}: fluid_out_temp_degc = {sheet.fluid_out_temp_degc:g} is not below fluid_in_temp_degc = "
            f"{sheet.fluid_in_temp_degc:g}: the unit would not cool"
        )
    if not sheet.fluid_out_temp_degc > sheet.air_temp_degc:
        raise DatasheetError(
            f"{sheet.name}: fluid_out_temp_degc = {sheet.fluid_out_temp_degc:g} is not above air_temp_degc = "
            f"{sheet.air_temp_degc:g}: against the second law for a dry coil"
        )


BAC_TDFS1238N = CoolerDatasheet(
    name="BAC TrilliumSeries TDFS1238N",
    duty_kw=2931.0,
    air_temp_degc=35.0,
    fluid_in_temp_degc=46.11,
    fluid_out_temp_degc=40.55,
    fan_kw=117.7,
    # From CoolProp at 43.33 °C and 3 bar, so that a start needs no CoolProp; a test compares them.
    coolant_properties=FluidProperties(990.9889, 4179.365, 0.6138912e-3, 0.6328372),
    source="LBNL Modelica Buildings, BAC_Trillium_TDFS1238N_C60ET40B",
)

COOLER_SHEETS = {"bac_tdfs1238n": BAC_TDFS1238N}
"""Ready sheets by the name a rig uses."""


def cooler_sheet(name: str, **figures: float | str | Fluid | None) -> CoolerDatasheet:
    """Ready sheet ``name``, with any figures replaced; ``coolant`` may be a text as :meth:`Fluid.parse` takes.

    Raises
    ------
    DatasheetError
        No such sheet or figure; the message has the nearest one.
    """
    if name not in COOLER_SHEETS:
        raise DatasheetError(f"no cooler sheet {name!r}; {hint(name, COOLER_SHEETS)}")
    known = [field.name for field in fields(CoolerDatasheet)]
    for figure in figures:
        if figure not in known:
            raise DatasheetError(f"a cooler sheet has no {figure!r}; {hint(figure, known)}")
    changes: dict[str, object] = dict(figures)
    coolant = changes.get("coolant")
    if isinstance(coolant, str):
        changes["coolant"] = Fluid.parse(coolant)
    if changes.keys() & {"coolant", "fluid_in_temp_degc", "fluid_out_temp_degc"}:
        changes.setdefault("coolant_properties", None)
    return replace(COOLER_SHEETS[name], **changes)  # type: ignore[arg-type]  # names checked above
