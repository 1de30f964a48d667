"""What an index says about the quantization of a program: enough to choose, the report has the rest."""

from __future__ import annotations

from pte_foundry.records.json_fields import Fields
from pte_foundry.records.quantization import Quantization


def quantization_entry(quantization: Quantization | None) -> dict[str, object] | None:
    """The entry's `quantization`; null for a program in a float precision."""
    if quantization is None:
        return None
    return {
        "recipe": quantization.recipe,
        "calibration_pictures": len(quantization.calibration),
        "weights_fraction": quantization.weights_fraction,
        "compute_fraction": quantization.compute_fraction,
    }


def precision_text(model: Fields) -> str:
    """The precision of an index's entry for people, e.g. `int8 (99.8 % of weights, 95.0 % of compute)`.

    Raises:
        PteError: `bad-request` naming the entry's field that is missing or wrong.
    """
    precision = model.text("precision")
    quantization = model.optional_nested("quantization")
    if quantization is None:
        return precision
    shares = [f"{percent(quantization.number('weights_fraction'))} of weights"]
    compute = quantization.number("compute_fraction")
    if compute:
        shares.append(f"{percent(compute)} of compute")
    return f"{precision} ({', '.join(shares)})"


def percent(fraction: float) -> str:
    """A share in percent to one decimal, rounded down: 100.0 % is all of it."""
    # The fraction has 6 digits; the product with 1000 may lie a hair below the number that is meant.
    tenths = int(round(fraction * 1_000_000)) // 1000
    return f"{tenths // 10}.{tenths % 10} %"
