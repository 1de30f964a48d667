"""A model that keeps state between calls: each run depends on those before it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from pte_foundry.testing.own_workspace import own_workspace, save_exported
from pte_foundry.testing.workspace import Workspace

_INPUTS = {"x": "float32[1,8]"}


class _Cache(nn.Module):
    """Returns the mean of the last four results; the first of them are in the checkpoint."""

    past: Tensor

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.head = nn.Linear(8, 8)
        self.register_buffer("past", torch.randn(1, 4, 8))

    def forward(self, x: Tensor) -> Tensor:
        self.past.copy_(torch.cat([self.past[:, 1:], self.head(x).unsqueeze(1)], 1))
        return self.past.mean(1) + x


@pytest.fixture(scope="module", params=["xnnpack", "portable"])
def workspace(request: Any, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    folder = tmp_path_factory.mktemp("state")
    file = save_exported(folder, _Cache(), (torch.randn(1, 8),))
    return own_workspace(folder, file, _INPUTS, request.param)


def test_three_runs_in_a_row_are_compared_from_the_same_state(workspace: Workspace) -> None:
    cases = workspace.run()
    assert not [case for case in cases.values() if case.status == "failed"], cases
    assert all(cases[f"parity:fixed-{number}"].status == "passed" for number in range(3))
    assert cases["repeat:fixed-2"].status == "passed"


def test_another_first_state_is_a_mismatch(workspace: Workspace, tmp_path: Path) -> None:
    torch.manual_seed(1)
    other = _Cache()
    other.past.zero_()
    save_exported(tmp_path, other, (torch.randn(1, 8),))
    changed = Workspace(tmp_path, workspace.pte, workspace.request, workspace.report)
    cases = changed.run()
    assert cases["parity:fixed-0"].status == "failed"


def test_without_state_two_runs_are_enough(tmp_path: Path) -> None:
    file = save_exported(tmp_path, nn.Sequential(nn.Linear(8, 8)), (torch.randn(1, 8),))
    cases = own_workspace(tmp_path, file, _INPUTS).run()
    assert "parity:fixed-1" in cases and "parity:fixed-2" not in cases
