"""How a program was quantized, how much of it, and the floor that it has to meet (standard library only)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from pte_foundry.records.delegation import listed
from pte_foundry.records.json_fields import Fields

RANDOM_INPUTS = "random_inputs"
"""The option of recipes that calibrates on this many random inputs, within the declared ranges, and on no files."""


@dataclass(frozen=True)
class QuantizationFloor:
    """How much of a program has to be quantized.

    Attributes:
        min_quantized_weights: see `Quantization.weights_fraction`; in (0, 1].
        min_quantized_compute: see `Quantization.compute_fraction`; in (0, 1]; None sets no bound, for
            programs of which only the weights are quantized.
    """

    min_quantized_weights: float
    min_quantized_compute: float | None

    @staticmethod
    def read(fields: Fields) -> QuantizationFloor:
        """Raises PteError `bad-request` for a missing field and for a floor that bounds nothing."""
        floor = QuantizationFloor(
            fields.number("min_quantized_weights"), fields.optional_number("min_quantized_compute")
        )
        for name, value in asdict(floor).items():
            if value is not None and not 0.0 < value <= 1.0:
                raise fields.error(name, f"is {value}, not above 0 and at most 1")
        return floor

    def to_json(self) -> dict[str, object]:
        return asdict(self)


@dataclass(frozen=True)
class CalibrationPicture:
    """A calibration picture or sample: its file name and the SHA-256 of its content."""

    file: str
    sha256: str

    @staticmethod
    def read(fields: Fields) -> CalibrationPicture:
        return CalibrationPicture(fields.text("file"), fields.sha256("sha256"))

    def to_json(self) -> dict[str, object]:
        return asdict(self)


@dataclass(frozen=True)
class Quantization:
    """What an export says about the quantization of a program.

    Attributes:
        recipe: dotted name of the recipe's module.
        options: of the recipe.
        calibration: in the order in which the recipe saw them; empty for a recipe that needs none.
        weights_fraction: share of the elements of all weights that are stored as integers, in [0, 1].
        compute_fraction: share of the multiply-accumulates of one forward pass whose operands are
            both integers, in [0, 1].
        quantized: ATen operator -> calls whose inputs and outputs are quantized.
        in_float: ATen operator -> calls that compute in float.
    """

    recipe: str
    options: Mapping[str, str]
    calibration: tuple[CalibrationPicture, ...]
    weights_fraction: float
    compute_fraction: float
    quantized: Mapping[str, int]
    in_float: Mapping[str, int]

    @property
    def calibrated_on(self) -> str | None:
        """Says what it was calibrated on if these were not real inputs."""
        count = self.options.get(RANDOM_INPUTS)
        if count is None:
            return None
        return f"{count} sets of random values within the declared ranges, not real inputs"

    @staticmethod
    def read(fields: Fields) -> Quantization:
        """Read the `quantization` section of facts.json or of a report; raises PteError `bad-request`."""
        return Quantization(
            recipe=fields.text("recipe"),
            options=fields.text_map("options"),
            calibration=tuple(
                CalibrationPicture.read(each) for each in fields.objects("calibration")
            ),
            weights_fraction=_fraction(fields, "weights_fraction"),
            compute_fraction=_fraction(fields, "compute_fraction"),
            quantized=fields.count_map("quantized"),
            in_float=fields.count_map("in_float"),
        )

    def to_json(self) -> dict[str, object]:
        # Absent where it says nothing, so that reports stay as they were.
        rare = {} if self.calibrated_on is None else {"calibrated_on": self.calibrated_on}
        return {
            **asdict(self),
            "calibration": [picture.to_json() for picture in self.calibration],
            **rare,
        }


def broken_floor(floor: QuantizationFloor, found: Quantization) -> tuple[str, ...]:
    """One sentence for each bound that the program does not meet; empty if it meets all."""
    wrong: list[str] = []
    if found.weights_fraction < floor.min_quantized_weights:
        wrong.append(
            f"{found.weights_fraction} of its weights are stored as integers, but at least "
            f"{floor.min_quantized_weights} is declared"
        )
    least = floor.min_quantized_compute
    if least is not None and found.compute_fraction < least:
        wrong.append(
            f"{found.compute_fraction} of its multiply-accumulates use integers, but at least {least} "
            "is declared"
        )
    return tuple(wrong)


def explanation(broken: tuple[str, ...], found: Quantization) -> str:
    """The sentences of `broken_floor` with the operators that compute in float and what to do."""
    return (
        f"{'; '.join(broken)}. In float: {listed(found.in_float)}. Correct `quantization_options`, or "
        "declare the floor in the BUILD file and say why"
    )


def _fraction(fields: Fields, name: str) -> float:
    value = fields.number(name)
    if not 0.0 <= value <= 1.0:
        raise fields.error(name, f"is {value}, not between 0 and 1")
    return value
