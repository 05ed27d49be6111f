"""Numbers of the kinds, by which the compiled executor tells them apart."""

CDU, HEADER, PIPE, THREE_WAY, TANK, DRY_COOLER, CHILLER, POWER_CHAIN, SITE_METER = range(9)
