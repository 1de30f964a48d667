"""How near a program must come to the eager model, as text.

These are the bounds of its test, which it has passed: the same on every machine. What was measured is in the picture of
the errors, which no hash covers.
"""

from __future__ import annotations

from decimal import Decimal


def cosine_bound(min_cosine: float) -> str:
    """What a cosine may lack of 1, e.g. `2.5e-12` for 0.9999999999975."""
    # In decimals: in floats the difference ends in noise.
    return f"{float(Decimal(1) - Decimal(repr(min_cosine))):.2g}"


def difference_bound(max_abs_difference: float) -> str:
    """e.g. `4.2e-05` or `640`."""
    return f"{max_abs_difference:.3g}"
