"""SunSpec devices (inverters, meters, batteries): models found by their chain, values with their powers of ten."""
