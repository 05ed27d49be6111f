import pytest

from plant_models import DatasheetError, Fluid, fluid_properties


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("water", Fluid()),
        ("PG25 by mass", Fluid("propylene_glycol", 0.25, "mass")),
        ("pg 20 % by volume", Fluid("propylene_glycol", 0.20, "volume")),
        ("EG30 by mass", Fluid("ethylene_glycol", 0.30, "mass")),
    ],
)
def test_a_fluid_is_read_from_text(text, expected):
    assert Fluid.parse(text) == expected


def test_a_glycol_without_its_basis_is_refused():
    with pytest.raises(DatasheetError, match="PG25 by volume"):
        Fluid.parse("PG25")


def test_a_quarter_by_volume_is_257_thousandths_by_mass():
    assert Fluid("propylene_glycol", 0.25, "volume").mass_fraction == pytest.approx(0.257, abs=5e-4)


@pytest.mark.parametrize(
    ("species", "fraction", "basis"),
    [("water", 0.1, "mass"), ("propylene_glycol", 0.7, "mass"), ("propylene_glycol", -0.1, "mass"),
     ("brine", 0, "mass"), ("propylene_glycol", 0.25, "mole")],
)  # fmt: skip
def test_a_fluid_that_cannot_be_is_refused(species, fraction, basis):
    with pytest.raises(DatasheetError):
        Fluid(species, fraction, basis)


def test_a_temperature_at_which_there_is_no_liquid_is_refused():
    with pytest.raises(DatasheetError, match="no properties"):
        fluid_properties(Fluid.parse("PG25 by mass"), 400.0)
