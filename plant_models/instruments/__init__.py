"""Instruments between plant and control: sensors and actuators that fall short of the truth, seeded and pure."""

from plant_models.instruments.actuator import Actuator, ActuatorSettings
from plant_models.instruments.sensor import Sensor, SensorSettings

__all__ = ["Actuator", "ActuatorSettings", "Sensor", "SensorSettings"]
