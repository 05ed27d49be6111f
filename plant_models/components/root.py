"""A step towards the root of a falling function: Newton's, kept within what is known to hold the root."""

from __future__ import annotations

from plant_models._jit import inner


@inner
def narrowed(
    flow: float, surplus: float, steepness: float, low: float, high: float
) -> tuple[float, float, float]:
    """Give the next guess after ``flow``, and the narrower ``low`` and ``high`` around the root.

    ``surplus`` is the function at ``flow``, falling with ``steepness`` (its slope with the sign turned, above 0).
    A step out of the bracket is replaced by its middle.
    """
    if surplus > 0.0:
        low = flow
    else:
        high = flow
    following = flow + surplus / steepness
    if not low <= following <= high:
        following = 0.5 * (low + high)
    return following, low, high
