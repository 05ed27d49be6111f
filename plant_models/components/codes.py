"""Numbers of the kinds, by which the compiled executor tells them apart."""

CDU, HEADER, PIPE, THREE_WAY, TANK = range(5)
