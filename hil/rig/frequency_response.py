"""Answers of a linear model at many frequencies, for models of hundreds of states."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from controller.margins import Complex
from plant_models.discretize import StateSpace

Array = npt.NDArray[np.float64]

_ROWS = 48
"""Solved one by one before what they give goes into the rows above as one product of matrices."""
_COLUMNS = 2000
"""Of right-hand sides at once, so that they stay in the caches."""


class FrequencyResponse:
    """``C (s I - A)^-1 B + D`` at many s.

    A is brought into Schur form ``Z T Z^H`` once; with T triangular each s is a substitution from below, as in Laub's
    method with a Hessenberg form (IEEE Trans. Automatic Control 26, 1981). Both turn by unitary matrices only, which
    equal time constants in a row do no harm, where a diagonal form would break down. States that no input moves or no
    output sees are left out.

    Parameters
    ----------
    model : StateSpace
        Continuous.
    """

    def __init__(self, model: StateSpace) -> None:
        import scipy.linalg  # noqa: PLC0415 - for those rigs only that have loops

        kept = np.flatnonzero(_driven(model.a, model.b) & _driven(model.a.T, model.c.T))
        self._d = model.d
        if kept.size == 0:
            t, z = np.zeros((0, 0), complex), np.zeros((0, 0), complex)
        else:
            t, z = scipy.linalg.schur(model.a[np.ix_(kept, kept)], output="complex")
        self._t, self._b, self._c = t, z.conj().T @ model.b[kept], model.c[:, kept] @ z

    def __call__(self, s: Complex) -> Complex:
        """Answers of each output to each input; not finite where ``s`` is a pole."""  # (n_s,) -> (n_s, n_y, n_u)
        outputs, inputs = self._d.shape
        found = np.empty((s.size, outputs, inputs), complex)
        at_once = max(1, _COLUMNS // max(inputs, 1))
        with np.errstate(divide="ignore", invalid="ignore"):
            for first in range(0, s.size, at_once):
                some = s[first : first + at_once]
                states = self._states(some).reshape(len(self._t), some.size * inputs)
                answers = (self._c @ states).reshape(outputs, some.size, inputs)
                found[first : first + at_once] = answers.transpose(1, 0, 2) + self._d
        return found

    def _states(self, s: Complex) -> Complex:
        """Solve ``(s I - T) x = b`` from the last row upwards."""  # (n_x, n_s, n_u)
        t, size = self._t, len(self._t)
        x = np.empty((size, s.size, self._b.shape[1]), complex)
        flat = x.reshape(size, s.size * self._b.shape[1])
        for end in range(size, 0, -_ROWS):
            start = max(end - _ROWS, 0)
            x[start:end] = self._b[start:end, None, :]
            flat[start:end] += t[start:end, end:] @ flat[end:]
            for row in range(end - 1, start - 1, -1):
                flat[row] += t[row, row + 1 : end] @ flat[row + 1 : end]
                x[row] /= (s - t[row, row])[:, None]
        return x


def _driven(a: Array, b: Array) -> npt.NDArray[np.bool_]:
    """Which states an input reaches, directly or through others; of the transposed matrices: which an output sees."""
    ways = a != 0.0
    reached = (b != 0.0).any(axis=1)
    while True:
        further = reached | ways[:, reached].any(axis=1)
        if (further == reached).all():
            return np.asarray(reached)
        reached = further
