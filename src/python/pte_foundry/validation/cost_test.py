"""Slow programs are run on one input: those that no delegate runs, of a model with many multiply-accumulates."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from pte_foundry.testing.own_workspace import own_workspace, save_exported, save_script
from pte_foundry.testing.workspace import Workspace
from pte_foundry.validation import cost
from pte_foundry.validation.cost import multiply_accumulates

_INPUTS = {"x": "float32[1,8]"}
_MACS = 8 * 4


class _Counting(nn.Module):
    """Adds the number of its run: it keeps state."""

    runs: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(8, 4)
        self.register_buffer("runs", torch.zeros(1))

    def forward(self, x: Tensor) -> Tensor:
        self.runs.add_(1.0)
        sums: Tensor = self.head(x) + self.runs
        return sums


def _linear() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(8, 4))


def _inputs_run(workspace: Workspace) -> dict[str, str]:
    cases = workspace.run()
    assert not [case for case in cases.values() if case.status == "failed"], cases
    return {
        name: case.status
        for name, case in cases.items()
        if name.startswith(("run:", "parity:", "repeat"))
    }


@pytest.fixture(scope="module")
def portable(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    folder = tmp_path_factory.mktemp("slow")
    return own_workspace(folder, save_script(folder, _linear().eval()), _INPUTS, "portable")


def test_a_slow_program_is_run_on_one_input_and_repeated(
    portable: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cost, "SLOW", _MACS)
    assert _inputs_run(portable) == {
        **{"run:fixed-0": "passed", "parity:fixed-0": "passed", "repeat:fixed-0": "passed"},
        **{"run:fixed-1": "skipped", "parity:fixed-1": "skipped"},
    }
    said = portable.run()["run:fixed-1"].message
    assert said.endswith(
        "multiply-accumulates on portable kernels, so the program is run on one input"
    )


def test_others_are_run_on_two(portable: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cost, "SLOW", _MACS + 1)
    assert set(_inputs_run(portable).values()) == {"passed"}


def test_with_a_delegate_the_cost_does_not_matter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cost, "SLOW", 0)
    workspace = own_workspace(tmp_path, save_script(tmp_path, _linear().eval()), _INPUTS, "xnnpack")
    assert set(_inputs_run(workspace).values()) == {"passed"}


def test_state_and_sizes_are_tried_however_long_it_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cost, "SLOW", 0)
    file = save_exported(tmp_path, _Counting(), (torch.randn(1, 8),))
    ran = _inputs_run(own_workspace(tmp_path, file, _INPUTS, "portable"))
    assert "parity:fixed-2" in ran and set(ran.values()) == {"passed"}
    sizes = {"x": "float32[n=1..3,8]"}
    file = save_script(tmp_path, _linear().eval())
    ran = _inputs_run(own_workspace(tmp_path, file, sizes, "portable"))
    assert "parity:fixed-middle" in ran and set(ran.values()) == {"passed"}


@pytest.mark.parametrize(
    ("layer", "shape", "expected"),
    [
        (nn.Linear(8, 4), (5, 8), 5 * 8 * 4),
        (nn.Conv2d(6, 8, 3, groups=2), (1, 6, 10, 10), 8 * 8 * 8 * 3 * 9),
        (nn.ConvTranspose2d(2, 3, 2), (1, 2, 4, 4), 16 * 2 * 3 * 4),
        (nn.ReLU(), (1, 2), 0),
    ],
)
def test_multiply_accumulates(layer: nn.Module, shape: tuple[int, ...], expected: int) -> None:
    assert multiply_accumulates(layer, (torch.randn(shape),)) == expected
