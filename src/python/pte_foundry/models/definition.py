"""The contract between a builder module and the rest of the library.

A builder module has `def build(model: str) -> ModelDefinition`. It raises
`PteError("bad-builder", ...)` for a model that it does not know, naming those that it knows.

Where the checkpoint is the whole model and not only its values, the module has
`def load(saved: SavedModel) -> ModelDefinition` in its place, and the definition's module has its weights
already (see `pte_foundry.models.own`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from pte_foundry.errors import PteError

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
        shape: the shape that `ModelDefinition.preprocess` produces; of a dynamic dimension the largest
            size.
        layout: meaning of the dimensions, e.g. `NCHW`.
        normalisation: for pictures; None for anything else.
    """

    name: str
    shape: tuple[int, ...]
    layout: str
    normalisation: Normalisation | None = None


@dataclass(frozen=True)
class OutputContract:
    """What one output means: its name, and a description for readers of the report."""

    name: str
    description: str


def takes_no_picture(picture: Tensor) -> tuple[Tensor, ...]:
    """The `preprocess` of a model whose inputs are not pictures.

    Raises:
        PteError: `bad-picture`, always.
    """
    raise PteError(
        "bad-picture",
        "this model's builder prepares no pictures. Use its own inputs: a `sample_set` in the `samples` of its test, "
        "in the place of `photographs`. Or give its builder a `preprocess`",
    )


@dataclass(frozen=True)
class ModelDefinition:
    """What is known of a model before its weights are loaded.

    Attributes:
        module: structure only, in eval mode. Parameters that are constants of the architecture (and
            must survive a seeded initialisation) have `requires_grad` off, all others have it on.
        inputs: in the order that `module` takes them.
        outputs: in the order of the module's flattened outputs.
        adapt_checkpoint: content of the official file -> state_dict of `module`.
        checkpoint_globals: classes and functions that the official checkpoint's pickle refers to,
            beyond tensors and containers.
        preprocess: an RGB picture, uint8 [height, width, 3] -> the model's inputs, float32 and
            contiguous, exactly as an app is expected to do it.
        unknown_as_records: other classes and functions that the pickle names, such as those of training settings
            beside the values, are read as inert records, of which nothing is imported or called. Else they are
            refused.
    """

    module: nn.Module
    inputs: tuple[InputContract, ...]
    outputs: tuple[OutputContract, ...]
    adapt_checkpoint: CheckpointAdapter
    checkpoint_globals: tuple[Callable[..., object], ...] = ()
    preprocess: Preprocess = takes_no_picture
    unknown_as_records: bool = False


@dataclass(frozen=True)
class SavedModel:
    """A checkpoint that is a whole model, and what its BUILD file says.

    Attributes:
        name: the model's name, for messages.
        path: the checkpoint.
        inputs: name and declared shape of each input (of a dynamic dimension the largest size) in the
            order in which the model takes them.
        samples: sets of inputs to run the model on, the largest sizes first; at least one.
        outputs: declared names of the flattened outputs; empty if the model's own are to be used.
        allowed_classes: dotted names of the classes that a pickle may refer to.
        operators: names of the operators that the target's `imports` registered, e.g. `my::clip.out`.
    """

    name: str
    path: Path
    inputs: tuple[tuple[str, tuple[int, ...]], ...]
    samples: tuple[tuple[Tensor, ...], ...]
    outputs: tuple[str, ...]
    allowed_classes: tuple[str, ...]
    operators: frozenset[str] = frozenset()


def image_input(
    side: int, resize: str, mean: tuple[float, ...], std: tuple[float, ...]
) -> InputContract:
    """The input `image` of a family: RGB, float32 [1, 3, side, side]; `mean`, `std`, `resize` as `Normalisation`."""
    normalisation = Normalisation("1/255", mean, std, "RGB", resize)
    return InputContract("image", (1, 3, side, side), "NCHW", normalisation)


def check_picture(picture: Tensor) -> None:
    """
    Raises:
        PteError: `bad-picture` for anything but RGB pixels, uint8 [height, width, 3].
    """
    if picture.dtype != torch.uint8 or picture.dim() != 3 or picture.shape[2] != 3:
        raise PteError(
            "bad-picture",
            f"expected RGB pixels as uint8 [height, width, 3], found {picture.dtype} "
            f"{list(picture.shape)}. Convert the picture to RGB",
        )


def bare_state_dict(content: object) -> Mapping[str, Tensor]:
    """The `adapt_checkpoint` of a family whose official files hold nothing but a state_dict.

    Raises:
        TypeError: for any other content.
    """
    if not isinstance(content, Mapping):
        raise TypeError(f"expected a state_dict, found a {type(content).__name__}")
    return content


def unknown_model(builder: str, model: str, known: Iterable[str]) -> PteError:
    """The error of a builder that does not know a model."""
    return PteError(
        "bad-builder",
        f"{builder} does not know the model {model!r}; it has {', '.join(sorted(known))}. "
        "Correct the model's name",
    )
