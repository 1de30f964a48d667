"""Nearest-neighbour upsampling as a transposed convolution.

XNNPACK has no nearest upsampling. In a feature pyramid its output is only concatenated with a finer
map and read by 1x1 convolutions. Those are linear, and each input channel has its own weights:

    conv1x1(cat(up2(low), fine)) == conv1x1_low(up2(low)) + conv1x1_fine(fine)

and a 1x1 convolution after doubling rows and columns is a 2x2 transposed convolution of stride 2 with
the same weight at its four places, each output pixel being reached by exactly one of them.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from pte_foundry.rewrites.fold_batch_norm import ConvolutionActivation
from pte_foundry.rewrites.surgery import (
    check_unchanged,
    child,
    class_name,
    number,
    refuse,
    replace,
)
from pte_foundry.rewrites.weights import constant, convolution

# The blocks that can follow, with all of their layers that read the block's input. Nothing else of
# the block may read it: it is a pair of maps afterwards, which nothing but `UpsampledPair` takes.
_ENTRIES: Mapping[str, tuple[str, ...]] = {"C3": ("cv1", "cv2"), "SplitC2f": ("first", "second")}


class UpsampleInput(nn.Module):
    """Hands two maps on as they are, in the place of their concatenation."""

    def forward(self, maps: list[Tensor]) -> tuple[Tensor, Tensor]:
        low, fine = maps
        return low, fine


class UpsampledPair(nn.Module):
    """conv1x1(cat(up2(low), fine)); low [1, L, H, W], fine [1, F, 2H, 2W] -> [1, C, 2H, 2W]."""

    def __init__(self, conv: nn.Conv2d, low_channels: int) -> None:
        super().__init__()
        weight = conv.weight[:, :low_channels]
        self.low = nn.ConvTranspose2d(low_channels, conv.out_channels, 2, stride=2, bias=False)
        self.low.weight = constant(weight.transpose(0, 1).expand(-1, -1, 2, 2))
        self.fine = convolution(conv.weight[:, low_channels:], conv.bias)

    def forward(self, pair: tuple[Tensor, Tensor]) -> Tensor:
        low, fine = pair
        y: Tensor = self.low(low) + self.fine(fine)
        return y


def rewrite(module: nn.Module, example_inputs: tuple[Tensor, ...]) -> nn.Module:
    """A copy of `module` without upsampling; needs `fold_batch_norm`, and `split_csp_blocks` for C2f.

    `module` is a detector as ultralytics builds it: `module.model` is a sequence of layers, each
    with its number `i` and the source of its input `f` (-1: the layer before it), and
    `module.save` lists the layers that are read by number.

    Raises:
        PteError: `bad-rewrite` if nothing is upsampled, or its output is used in another way.
    """
    rewritten = copy.deepcopy(module)
    layers = child(rewritten, "model", nn.Sequential)
    upsampled = [index for index, layer in enumerate(layers) if isinstance(layer, nn.Upsample)]
    if not upsampled:
        raise refuse("folding upsampling: the model upsamples nothing")
    for index in upsampled:
        _check_site(rewritten, layers, index)
    channels = _output_channels(rewritten, layers, upsampled, example_inputs)
    for index in upsampled:
        for name in _ENTRIES[class_name(layers[index + 2])]:
            entry = child(layers[index + 2], name, ConvolutionActivation)
            conv = child(entry, "conv", nn.Conv2d)
            if conv.kernel_size != (1, 1) or conv.stride != (1, 1) or conv.groups != 1:
                raise refuse(f"folding upsampling: {name!r} after layer {index} is not a plain 1x1")
            entry.conv = UpsampledPair(conv, channels[index])
        replace(layers, str(index), nn.Identity())
        replace(layers, str(index + 1), UpsampleInput())
    check_unchanged("folding upsampling", module, rewritten, example_inputs)
    return rewritten


def _check_site(model: nn.Module, layers: nn.Sequential, index: int) -> None:
    where = f"folding upsampling: layer {index}"
    upsample = layers[index]
    assert isinstance(upsample, nn.Upsample)
    if upsample.mode != "nearest" or upsample.scale_factor not in (2, 2.0, (2.0, 2.0)):
        raise refuse(f"{where} is {upsample}, not nearest by 2")
    if index + 2 >= len(layers) or class_name(layers[index + 1]) != "Concat":
        raise refuse(f"{where} is not followed by a Concat")
    concat, block = layers[index + 1], layers[index + 2]
    sources = getattr(concat, "f", None)
    if not isinstance(sources, list) or len(sources) != 2 or sources[0] != -1:
        raise refuse(f"{where} is not the first of two inputs of the Concat: {sources}")
    if number(concat, "d") != 1:
        raise refuse(f"{where}: the Concat is not over channels")
    if class_name(block) not in _ENTRIES or getattr(block, "f", None) != -1:
        raise refuse(
            f"{where} leads to a {class_name(block)}, of {', '.join(_ENTRIES)} that it knows"
        )
    saved = getattr(model, "save", None)
    if not isinstance(saved, list) or {index, index + 1} & set(saved):
        raise refuse(f"{where} or the Concat after it is read elsewhere too")


def _output_channels(
    model: nn.Module, layers: nn.Sequential, indices: list[int], inputs: tuple[Tensor, ...]
) -> dict[int, int]:
    channels: dict[int, int] = {}

    def note(index: int, output: Tensor) -> None:
        channels[index] = output.shape[1]

    hooks = [
        layers[index].register_forward_hook(lambda _m, _i, output, at=index: note(at, output))
        for index in indices
    ]
    with torch.no_grad():
        model(*inputs)
    for hook in hooks:
        hook.remove()
    return channels
