"""The detection head decoded level by level, in four dimensions.

`Detect` of ultralytics joins the levels of the pyramid first and decodes boxes from flat lists, with
splits, a softmax over a middle dimension and three-dimensional broadcasts that XNNPACK leaves to the
portable kernels. Here each level is decoded as a map, and only the finished ones are flattened.

For each of the four sides of a box the head predicts a distribution over `reg_max` distances (Li et
al., "Generalized Focal Loss", NeurIPS 2020), of which the mean counts:

    mean = sum(k * exp(b_k)) / sum(exp(b_k))

How that mean is computed, an accelerator decides: `ExponentialMean` is for backends that compute in
float32 and have no softmax over channels, `softmax_detection` for those that compute in float16.
What follows, from the distances (left, top, right, bottom), in cells, to centre and size in pixels,
is a 1x1 convolution with constant weights.

`Pose` is a `Detect` with key points (`KeyPoints`).
"""

from __future__ import annotations

import copy
from collections.abc import Callable

import torch
from torch import Tensor, nn

from pte_foundry.rewrites.surgery import (
    check_unchanged,
    child,
    class_name,
    number,
    refuse,
    replace,
)
from pte_foundry.rewrites.weights import convolution

# exp(80) * 16 bins * 16 is within float32, so no softmax shift is needed. A trained head stays
# within +-20; beyond 80 a distribution is a single bin, as far as float32 can tell.
_GREATEST_LOGIT = 80.0
# Rows: centre x, centre y, width, height; columns: distances to left, top, right, bottom.
_SIDES_TO_BOX = ((-0.5, 0, 0.5, 0), (0, -0.5, 0, 0.5), (1, 0, 1, 0), (0, 1, 0, 1))


class ExponentialMean(nn.Module):
    """Logits [1, 4 * bins, H, W] -> mean distances [1, 4, H, W].

    The two sums of the mean are 1x1 convolutions with constant weights.
    """

    def __init__(self, bins: int) -> None:
        super().__init__()
        self.numerator = convolution(four_sides(torch.arange(bins, dtype=torch.float32)), None)
        self.denominator = convolution(four_sides(torch.ones(bins)), None)

    def forward(self, logits: Tensor) -> Tensor:
        weights = torch.exp(torch.clamp(logits, -_GREATEST_LOGIT, _GREATEST_LOGIT))
        mean: Tensor = self.numerator(weights) / self.denominator(weights)
        return mean


class KeyPoints(nn.Module):
    """A map of one level [1, C_l, H_l, W_l] -> [1, points * numbers, H_l, W_l].

    The numbers of a point are x and y in pixels and, if there is a third one, how visible it is. From the head's a, b
    and c they are

        x = (2 * a + column) * stride,  y = (2 * b + row) * stride,  visible = sigmoid(c)

    as in `Pose.kpts_decode` of ultralytics. All channels go through both formulas, and factors of 0 and 1 choose: no
    slice, and nothing to interleave.

    Args:
        factor: of a and b.
        start: of columns and rows.

    Attributes:
        branches: the head's own layers, by level.
    """

    def __init__(
        self,
        head: nn.Module,
        sizes: list[tuple[int, int]],
        strides: list[float],
        factor: float = 2.0,
        start: float = 0.0,
    ) -> None:
        super().__init__()
        self.branches = child(head, "cv4", nn.ModuleList)
        points, numbers = getattr(head, "kpt_shape", (0, 0))
        if len(self.branches) != len(sizes) or points < 1 or numbers not in (2, 3):
            raise refuse(f"levelwise detection: key points of the form {points}x{numbers}")
        self.channels = int(points * numbers)
        across, down, place, rest = (
            torch.tensor(row[:numbers], dtype=torch.float32).repeat(points).reshape(1, -1, 1, 1)
            for row in ((1, 0, 0), (0, 1, 0), (1, 1, 0), (0, 0, 1))
        )
        self.has_visibility = numbers == 3
        self.register_buffer("rest", rest)
        for level, ((height, width), stride) in enumerate(zip(sizes, strides)):
            self.register_buffer(f"scale_{level}", place * factor * stride)
            columns = (torch.arange(width) + start).reshape(1, 1, 1, width) * stride
            rows = (torch.arange(height) + start).reshape(1, 1, height, 1) * stride
            self.register_buffer(f"columns_{level}", across * columns)
            self.register_buffer(f"rows_{level}", down * rows)

    def forward(self, x: Tensor, level: int) -> Tensor:
        raw: Tensor = self.branches[level](x)
        places = raw * self.get_buffer(f"scale_{level}") + self.get_buffer(f"columns_{level}")
        places = places + self.get_buffer(f"rows_{level}")
        if not self.has_visibility:
            return places
        return places + raw.sigmoid() * self.get_buffer("rest")


class LevelwiseDetection(nn.Module):
    """Maps of each level [1, C_l, H_l, W_l] -> [1, 4 + classes, sum of H_l * W_l]; of a `Pose`, key points follow.

    Args:
        sizes: height and width of each level.
        mean: makes the module that takes the logits of `bins` distances to their mean.

    Attributes:
        box_branches, class_branches: the head's own layers, by level.
    """

    def __init__(
        self,
        head: nn.Module,
        sizes: list[tuple[int, int]],
        mean: Callable[[int], nn.Module] = ExponentialMean,
    ) -> None:
        super().__init__()
        self.box_branches = child(head, "cv2", nn.ModuleList)
        self.class_branches = child(head, "cv3", nn.ModuleList)
        strides = getattr(head, "stride", None)
        if not isinstance(strides, Tensor) or not (
            len(strides) == len(sizes) == len(self.box_branches) == len(self.class_branches)
        ):
            raise refuse("levelwise detection: levels, strides and branches differ in number")
        self.outputs = 4 + number(head, "nc")
        self.points: nn.Module | None = None
        if class_name(head) == "Pose":
            points = KeyPoints(head, sizes, strides.tolist())
            self.points, self.outputs = points, self.outputs + points.channels
        bins = number(head, "reg_max")
        # Of one bin it is the distance itself.
        self.mean = mean(bins) if bins > 1 else nn.Identity()
        self.to_pixels = nn.ModuleList()
        for level, ((height, width), stride) in enumerate(zip(sizes, strides.tolist())):
            mix = torch.tensor(_SIDES_TO_BOX, dtype=torch.float32) * stride
            self.to_pixels.append(convolution(mix[:, :, None, None], None))
            columns = (_centres(width, 0) * stride).reshape(1, 4, 1, width)
            self.register_buffer(f"columns_{level}", columns)
            self.register_buffer(f"rows_{level}", _centres(height, 1) * stride)

    def forward(self, maps: list[Tensor]) -> Tensor:
        levels = []
        for level, x in enumerate(maps):
            boxes = self.placed(self.to_pixels[level](self.sides(x, level)), level)
            parts = [boxes, torch.sigmoid(self.class_branches[level](x))]
            if self.points is not None:
                parts.append(self.points(x, level))
            levels.append(torch.cat(parts, 1).reshape(1, self.outputs, -1))
        return torch.cat(levels, 2)

    def sides(self, x: Tensor, level: int) -> Tensor:
        """Distances to left, top, right and bottom, in cells: [1, 4, H_l, W_l]."""
        distances: Tensor = self.mean(self.box_branches[level](x))
        return distances

    def placed(self, boxes: Tensor, level: int) -> Tensor:
        """Boxes with centres relative to their cells' [1, 4, H_l, W_l] -> in pixels of the input."""
        boxes = boxes + self.get_buffer(f"columns_{level}")
        return boxes + self.get_buffer(f"rows_{level}")


def rewrite(module: nn.Module, example_inputs: tuple[Tensor, ...]) -> nn.Module:
    """A copy of `module` with `LevelwiseDetection` for its `Detect`, see `decode_levelwise`."""
    return decode_levelwise(module, example_inputs, ExponentialMean)


def decode_levelwise(
    module: nn.Module, example_inputs: tuple[Tensor, ...], mean: Callable[[int], nn.Module]
) -> nn.Module:
    """A copy of `module` with `LevelwiseDetection` for its `Detect` or `Pose`.

    The sizes of the levels are those that `example_inputs` lead to; the new module takes no others.

    Raises:
        PteError: `bad-rewrite` if there is not one such layer, or it gives anything but centre,
            size, scores and key points.
    """
    rewritten = copy.deepcopy(module)
    heads = ("Detect", "Pose")
    found = [path for path, layer in rewritten.named_modules() if class_name(layer) in heads]
    if len(found) != 1:
        raise refuse(
            f"levelwise detection: the model has {len(found)} layers {' or '.join(heads)}, not one"
        )
    head = rewritten.get_submodule(found[0])
    check_head(head)
    sizes = level_sizes(rewritten, head, example_inputs)
    replace(rewritten, found[0], LevelwiseDetection(head, sizes, mean))
    check_unchanged("levelwise detection", module, rewritten, example_inputs)
    return rewritten


def check_head(head: nn.Module) -> None:
    """Raises PteError `bad-rewrite` for a head whose distances or outputs are of another form."""
    bins = number(head, "reg_max")
    if bins > 1:
        integral = child(child(head, "dfl", nn.Module), "conv", nn.Conv2d)
        if not torch.equal(integral.weight.flatten().float(), torch.arange(bins).float()):
            raise refuse(f"levelwise detection: the distances are not 0 to {bins - 1}")
    for flag in ("end2end", "xyxy"):
        if getattr(head, flag, False):
            raise refuse(f"levelwise detection: the head is set to {flag}")
    if not getattr(head, "export", False):
        raise refuse("levelwise detection: the head gives more than its detections (export is off)")


def level_sizes(
    model: nn.Module, head: nn.Module, inputs: tuple[Tensor, ...]
) -> list[tuple[int, int]]:
    """Height and width of the maps that the head gets."""
    sizes: list[tuple[int, int]] = []

    def note(_head: nn.Module, arguments: tuple[list[Tensor]]) -> None:
        sizes.extend((x.shape[2], x.shape[3]) for x in arguments[0])

    hook = head.register_forward_pre_hook(note)
    with torch.no_grad():
        model(*inputs)
    hook.remove()
    return sizes


def four_sides(row: Tensor) -> Tensor:
    """Weight [4, 4 * bins, 1, 1] that applies `row`, [bins], to each side's own channels."""
    return torch.kron(torch.eye(4), row.unsqueeze(0)).reshape(4, -1, 1, 1)


def _centres(cells: int, coordinate: int) -> Tensor:
    """[1, 4, cells, 1], in cells: the centres along one axis in channel `coordinate`, zeros elsewhere.

    One axis at a time, broadcast along the other: a map of both would be a hundred times as large.
    """
    centres = torch.zeros(1, 4, cells, 1)
    centres[0, coordinate, :, 0] = torch.arange(cells) + 0.5
    return centres
