"""The PV plant from sun to grid: irradiance, clouds, inverter stations, point of interconnection, WAN."""
