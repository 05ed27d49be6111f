"""MQTT: devices on a broker, commands that take effect once, telemetry for a historian. The loop never waits for it."""
