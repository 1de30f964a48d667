"""The contract between a builder module and the rest of the library.

A builder module has `def build(model: str) -> ModelDefinition`. It raises
`PteError("bad-builder", ...)` for a model that it does not know, naming those that it knows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import Tensor, nn

CheckpointAdapter = Callable[[object], Mapping[str, Tensor]]
Preprocess = Callable[[Tensor], tuple[Tensor, ...]]


@dataclass(frozen=True)
class Normalisation:
    """How an app turns 8-bit pixels into the numbers that the model takes.

    `value = (pixel * scale - mean[c]) / std[c]`

    Attributes:
        scale: factor of the 8-bit value, as text because 1/255 has no exact decimal form.
        mean: per channel, in units of the scaled pixel.
        std: per channel, in units of the scaled pixel.
        colour: order of the channels, e.g. `RGB`.
        resize: how the picture is brought to the input's size, in words.
    """

    scale: str
    mean: tuple[float, ...]
    std: tuple[float, ...]
    colour: str
    resize: str


@dataclass(frozen=True)
class InputContract:
    """What one input means.

    Attributes:
        name: the name that BUILD files declare it under.
        shape: the shape that `ModelDefinition.preprocess` produces.
        layout: meaning of the dimensions, e.g. `NCHW`.
        normalisation: for pictures; None for anything else.
    """

    name: str
    shape: tuple[int, ...]
    layout: str
    normalisation: Normalisation | None


@dataclass(frozen=True)
class OutputContract:
    """What one output means: its name, and a description for readers of the report."""

    name: str
    description: str


@dataclass(frozen=True)
class ModelDefinition:
    """Everything that is known of a model before weights are loaded.

    Attributes:
        module: structure only, in eval mode. Parameters that are constants of the architecture (and
            must survive a seeded initialisation) have `requires_grad` off, all others have it on.
        inputs: in the order that `module` takes them.
        outputs: in the order of the module's flattened outputs.
        checkpoint_globals: classes and functions that the official checkpoint's pickle refers to,
            beyond tensors and containers. Empty for a plain state_dict.
        adapt_checkpoint: content of the official file -> state_dict of `module`.
        preprocess: an RGB picture, uint8 [height, width, 3] -> the model's inputs, float32 and
            contiguous, exactly as an app is expected to do it.
    """

    module: nn.Module
    inputs: tuple[InputContract, ...]
    outputs: tuple[OutputContract, ...]
    checkpoint_globals: tuple[Callable[..., object], ...]
    adapt_checkpoint: CheckpointAdapter
    preprocess: Preprocess
