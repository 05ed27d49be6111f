"""How often a block runs: a multiple of the rig's period, and an offset so that heavy blocks do not meet."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from hil.config.strict import Strict, WrongKeyError


class Paced(Strict):
    """``every``: base periods from one run to the next; ``offset``: which of them, spread by itself if not given."""

    every: Annotated[int, Field(ge=1, le=100_000)] = 1
    offset: Annotated[int, Field(ge=0)] | None = None

    @model_validator(mode="after")
    def _offset_within(self) -> Paced:
        if self.offset is not None and self.offset >= self.every:
            what = (
                f"offset {self.offset} is not below every {self.every}: the block would never be at its turn"
            )
            hint = (
                f"0 to {self.every - 1}" if self.every > 1 else "give every: <periods> too, or leave it out"
            )
            raise WrongKeyError("offset", what, hint)
        return self
