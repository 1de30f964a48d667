"""Nearest upsampling as a broadcast, for backends that have none.

Repeating every pixel n x n times is the reshape [1, C, H, W] -> [1, C, H, 1, W, 1], a broadcast to
[1, C, H, n, W, n], and the reshape to [1, C, n * H, n * W]: no arithmetic, so exact to the bit. MPS has no
nearest upsampling, but all of these.
"""

from __future__ import annotations

from torch import Tensor, nn

from pte_foundry.rewrites.surgery import class_name, refuse, replace_layers


class BroadcastUpsampling(nn.Module):
    """[1, C, H, W] -> [1, C, factor * H, factor * W], any dtype."""

    def __init__(self, factor: int) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        _, channels, height, width = x.shape
        apart = x.reshape(1, channels, height, 1, width, 1)
        repeated = apart.expand(1, channels, height, self.factor, width, self.factor)
        return repeated.reshape(1, channels, self.factor * height, self.factor * width)


def rewrite(module: nn.Module, example_inputs: tuple[Tensor, ...]) -> nn.Module:
    """A copy of `module` with `BroadcastUpsampling` for every nearest `Upsample`.

    Raises:
        PteError: `bad-rewrite` if there is none, or one that is not nearest by a whole factor.
    """
    names = ("Upsample", "UpsamplingNearest2d", "UpsamplingBilinear2d")
    return replace_layers("broadcast upsampling", module, example_inputs, names, _broadcast)


def _broadcast(path: str, layer: nn.Module) -> BroadcastUpsampling:
    factor, mode = getattr(layer, "scale_factor", None), getattr(layer, "mode", None)
    if mode != "nearest" or not isinstance(factor, (int, float)) or factor != int(factor):
        raise refuse(
            f"broadcast upsampling: {path} is {class_name(layer)}({layer.extra_repr()}), "
            "not nearest by one whole factor"
        )
    return BroadcastUpsampling(int(factor))
