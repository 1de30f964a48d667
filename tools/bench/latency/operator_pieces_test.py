from __future__ import annotations

import torch
from torch import Tensor, nn

from bench.latency.operator_pieces import COPIES, Piece, cut
from pte_foundry.backends.lowering import LoweringRequest
from pte_foundry.backends.xnnpack.lowering import lower
from pte_foundry.validation.runtime import load_program


class _Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 4, 3, stride=2)
        self.norm = nn.BatchNorm2d(4)
        self.twins = nn.ModuleList(nn.Conv2d(4, 4, 1) for _ in range(2))

    def forward(self, image: Tensor) -> Tensor:
        value = nn.functional.relu(self.norm(self.first(image)))
        left, right = (nn.functional.silu(twin(value)) for twin in self.twins)
        return torch.cat([left, left + right], dim=1).flatten(1)


def _cut() -> dict[tuple[str, tuple[tuple[int, ...], ...]], Piece]:
    inputs = (torch.rand(1, 3, 9, 9),)
    pieces = cut(torch.export.export(_Net().eval(), inputs, strict=False), inputs)
    return {(piece.operator, piece.shapes): piece for piece in pieces}


def test_equal_operators_are_one_piece_with_a_count() -> None:
    counts = {name: piece.count for (name, _), piece in _cut().items()}
    assert counts == {"conv2d": 2, "silu": 2, "add": 1, "cat": 1}
    assert [piece.count for (name, _), piece in _cut().items() if name == "conv2d"] == [1, 2]


def test_a_piece_computes_what_the_delegate_fuses_for_each_copy() -> None:
    piece = _cut()["conv2d", ((1, 3, 9, 9), (4, 3, 3, 3), (4,))]
    assert len(piece.inputs) == COPIES
    assert not torch.equal(piece.inputs[0], piece.inputs[1])
    outputs = piece.module(*piece.inputs)
    assert [tuple(output.shape) for output in outputs] == [(1, 4, 4, 4)] * COPIES
    # The relu is in there.
    assert all(output.min() == 0 for output in outputs)


def test_an_operator_of_two_values_gets_both_for_each_copy() -> None:
    piece = next(piece for (name, _), piece in _cut().items() if name == "add")
    assert len(piece.inputs) == 2 * COPIES
    outputs = piece.module(*piece.inputs)
    assert torch.equal(outputs[1], piece.inputs[2] + piece.inputs[3])


def test_a_picture_of_one_pixel_meets_a_larger_one_as_in_the_delegate() -> None:
    class Gate(nn.Module):
        def forward(self, image: Tensor) -> Tensor:
            return image.mean((2, 3), keepdim=True) * image

    inputs = (torch.rand(1, 4, 3, 2),)
    pieces = cut(torch.export.export(Gate().eval(), inputs, strict=False), inputs)
    (piece,) = (piece for piece in pieces if piece.operator == "mul")
    assert piece.shapes == ((1, 1, 4), (3, 2, 4))
    assert piece.module(*piece.inputs)[0].shape == (3, 2, 4)
    _assert_computes_the_same(piece)


def test_a_convolution_of_one_pixel_runs_in_the_delegate() -> None:
    inputs = (torch.rand(1, 4, 1, 1),)
    (piece,) = cut(torch.export.export(nn.Conv2d(4, 6, 1).eval(), inputs, strict=False), inputs)
    _assert_computes_the_same(piece)


def _assert_computes_the_same(piece: Piece) -> None:
    exported = torch.export.export(piece.module, piece.inputs, strict=False)
    program = load_program(bytes(lower(LoweringRequest(exported, "fp32", {})).program.buffer))
    for ours, theirs in zip(program.run(piece.inputs), piece.module(*piece.inputs)):
        torch.testing.assert_close(ours, theirs)
