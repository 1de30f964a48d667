from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from pte_foundry.models.forward import buffer_versions, kept_state, run_on, run_once


class _Counts(nn.Module):
    """Adds up what it has seen, in place; replaces one buffer; writes to its input; returns a buffer."""

    total: Tensor
    last: Tensor
    scale: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("total", torch.zeros(2))
        self.register_buffer("last", torch.zeros(2))
        self.register_buffer("scale", torch.ones(2))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x.mul_(2)
        self.total.add_(x * self.scale)
        self.last = x + 1
        return self.total, x


def _values(module: nn.Module) -> list[list[float]]:
    return [one.tolist() for one in module.buffers()]


def test_one_run_leaves_no_trace() -> None:
    module, x = _Counts(), torch.ones(2)
    total: Tensor
    doubled: Tensor
    buffers, before = list(module.buffers()), _values(module)
    for _ in range(2):
        total, doubled = run_once(module, (x,))  # type: ignore[misc]
        assert total.tolist() == [2.0, 2.0] and doubled.tolist() == [2.0, 2.0]
    assert x.tolist() == [1.0, 1.0]
    assert _values(module) == before
    assert all(one is other for one, other in zip(module.buffers(), buffers))


def test_runs_in_a_row_go_on_from_each_other() -> None:
    module, x = _Counts(), torch.ones(2)
    with kept_state(module):
        first, second = (run_on(module, (x,)) for _ in range(2))
    assert first[0].tolist() == [2.0, 2.0], "what was returned does not follow the buffer"  # type: ignore[index]
    assert second[0].tolist() == [4.0, 4.0]  # type: ignore[index]
    assert module.total.tolist() == [0.0, 0.0]


class _Script(nn.Module):
    """Adds up and replaces as the one above; without annotations, which scripts cannot read as text."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("total", torch.zeros(2))
        self.register_buffer("last", torch.zeros(2))

    def forward(self, x: Tensor) -> Tensor:
        self.total.add_(x)  # type: ignore[operator]
        self.last = x + 1
        return self.total  # type: ignore[return-value]


def test_a_script_keeps_its_state_too() -> None:
    script = torch.jit.script(_Script())
    total: Tensor
    for _ in range(2):
        total = run_once(script, (torch.ones(2),))  # type: ignore[assignment]
        assert total.tolist() == [1.0, 1.0]
    assert script.total.tolist() == [0.0, 0.0] and script.last.tolist() == [0.0, 0.0]


def test_state_is_kept_when_the_model_fails() -> None:
    module = _Counts()
    with pytest.raises(RuntimeError):
        run_once(module, (torch.ones(3),))
    assert _values(module) == [[0.0, 0.0], [0.0, 0.0], [1.0, 1.0]]


@pytest.mark.parametrize(
    ("module", "writes"), [(_Counts(), True), (nn.BatchNorm1d(1).eval(), False)]
)
def test_state_shows_in_the_versions_of_buffers(module: nn.Module, writes: bool) -> None:
    before = buffer_versions(module)
    run_on(module, (torch.ones(2) if writes else torch.ones(2, 1),))
    assert (buffer_versions(module) != before) is writes
