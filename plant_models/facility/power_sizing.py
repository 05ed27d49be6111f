"""Sizing of the power chain.

1. UPS modules ``= ceil((P_IT (1 + distribution loss) + P_pumps) / rating)`` and the spares; all share the load. The
   pumps, all that are installed, where they are on the UPS. Losses by the curves of
   :mod:`plant_models.components.power_losses`, all installed modules in double conversion.
2. Mechanical power of the design day: pumps and fans of all that is installed, chillers at their duty.
3. Transformers ``= ceil((P_UPS input + P_mechanical) / (power factor x rating))`` and the spares, batteries full;
   ``peak`` adds the transformers' losses.
4. Generators ``= ceil((P_UPS input + P_mechanical) / rating)`` and the spares: a Tier III site runs on them without a
   limit (Uptime Institute, *Tier Standard: Topology*).
"""

from __future__ import annotations

from plant_models._jit import plain
from plant_models.components.power_losses import curve_loss_kw
from plant_models.components.power_settings import PowerSettings
from plant_models.facility.sizes import CduSizes, PowerSizes, RejectionSizes, WaterSizes
from plant_models.facility.spec import FacilitySpec
from plant_models.facility.water_sizing import units_for


def size_power(
    spec: FacilitySpec, cdus: CduSizes, water: WaterSizes, rejection: RejectionSizes
) -> PowerSizes:
    """Size UPS modules and transformers by the steps above."""
    it_kw = 1000.0 * spec.it_power_mw
    of_chain = PowerSettings(ups_kw=1.0, transformer_kva=1.0)
    pumps = cdus.installed * cdus.pump_power_kw + water.pump_power_kw
    behind_ups = it_kw * (1.0 + of_chain.distribution_loss) + (pumps if spec.pumps_on_ups else 0.0)
    duty_ups = units_for(behind_ups, spec.ups_module_kw)
    ups = duty_ups + spec.spare_units
    losses = plain(curve_loss_kw)(
        behind_ups,
        ups * spec.ups_module_kw,
        of_chain.ups_constant_loss,
        of_chain.ups_linear_loss,
        of_chain.ups_quadratic_loss,
    )
    on_board = rejection.fan_power_kw + rejection.chiller_power_kw + (0.0 if spec.pumps_on_ups else pumps)
    secondary = behind_ups + losses + on_board
    duty_transformers = units_for(secondary / spec.power_factor, spec.transformer_kva)
    transformers = duty_transformers + spec.spare_units
    loss = plain(curve_loss_kw)(
        secondary / spec.power_factor,
        transformers * spec.transformer_kva,
        of_chain.transformer_no_load_loss,
        0.0,
        of_chain.transformer_load_loss,
    )
    duty_generators = units_for(secondary, spec.generator_kw) if spec.generator_kw > 0.0 else 0
    return PowerSizes(
        it_kw=it_kw,
        mechanical_kw=pumps + rejection.fan_power_kw + rejection.chiller_power_kw,
        peak_kw=secondary + loss,
        duty_ups_modules=duty_ups,
        ups_modules=ups,
        duty_transformers=duty_transformers,
        transformers=transformers,
        transformer_kva=spec.transformer_kva,
        ups_module_kw=spec.ups_module_kw,
        duty_generators=duty_generators,
        generators=duty_generators + spec.spare_units if duty_generators else 0,
        generator_kw=spec.generator_kw,
    )
