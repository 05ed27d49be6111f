"""What a snapshot belongs to: a plant of the same kind, made of the same things."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from plant_models.errors import SnapshotError
from plant_models.ports import Port


@dataclass(frozen=True, slots=True)
class Identity:
    """A plant by what it is made of, the same in every process.

    Attributes
    ----------
    what : str
        For people.
    digest : str
        Of kinds, names and figures, to the bit.
    """

    what: str
    digest: str


def identity(what: str, *parts: str | npt.NDArray[np.float64] | npt.NDArray[np.int64]) -> Identity:
    """Sum up ``parts``: names as text, figures as arrays."""
    sums = hashlib.blake2b(what.encode(), digest_size=8)
    for part in parts:
        data = part.encode() if isinstance(part, str) else np.ascontiguousarray(part, dtype=float).tobytes()
        # Its length too, else what ends one part and begins the next could be told apart no more.
        sums.update(len(data).to_bytes(8, "little") + data)
    return Identity(what, sums.hexdigest())


def port_names(*sides: Sequence[Port]) -> str:
    """Names and units of ports, as a part of an identity."""
    return "; ".join(",".join(f"{port.name} {port.unit}" for port in side) for side in sides)


def refuse_foreign(own: Identity, of: Identity) -> None:
    """Refuse what was taken of another plant.

    Raises
    ------
    SnapshotError
        Names both.
    """
    if of is own or of == own:
        return
    if of.what != own.what:
        raise SnapshotError(f"the snapshot is of {of.what}; this plant is {own.what}")
    raise SnapshotError(f"the snapshot is of {of.what} with other figures than this plant's")
