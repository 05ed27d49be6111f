"""Modbus RTU: many units on one serial line, or behind a gateway that passes its frames on over TCP."""
