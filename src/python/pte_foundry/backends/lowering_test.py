from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from torch import Tensor, nn
from torch.export import ExportedProgram

from pte_foundry.backends.coreml import lowering as coreml
from pte_foundry.backends.lowering import LoweringRequest, check_supported
from pte_foundry.backends.portable import lowering as portable
from pte_foundry.backends.vulkan import lowering as vulkan
from pte_foundry.backends.xnnpack import lowering as xnnpack
from pte_foundry.errors import PteError
from pte_foundry.inspection.delegation import inspect_program


class _ConvolutionAndNorm(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.convolution, self.norm = nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.norm(self.convolution(x)))


def _program(module: nn.Module) -> ExportedProgram:
    with torch.no_grad():
        return torch.export.export(module.eval(), (torch.ones(1, 3, 8, 8),), strict=False)


def test_counts_operators_and_not_tuple_accesses() -> None:
    # Batch norm returns a tuple: its getitem is no operator.
    program = _program(_ConvolutionAndNorm())
    for backend, calls, left in ((portable, 0, 3), (xnnpack, 1, 0)):
        lowered = backend.lower(LoweringRequest(program, "fp32", {}))
        facts = inspect_program(bytes(lowered.program.buffer))
        assert lowered.operators_before_lowering == 3
        assert (facts.delegate_calls, facts.undelegated_total) == (calls, left)


def test_portable_does_not_import_xnnpack() -> None:
    code = (
        "import sys, pte_foundry.backends.portable.lowering\n"
        "assert not [name for name in sys.modules if 'backends.xnnpack' in name]"
    )
    environment = {"PYTHONPATH": ":".join(sys.path)}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)


@pytest.mark.parametrize("backend", [portable, xnnpack])
def test_lower_itself_refuses(backend: object) -> None:
    program = _program(nn.ReLU())
    for precision, options, kind in (
        ("fp16", {}, "unsupported-precision"),
        ("fp32", {"x": "1"}, "bad-option"),
    ):
        with pytest.raises(PteError) as caught:
            backend.lower(LoweringRequest(program, precision, options))  # type: ignore[attr-defined]
        assert caught.value.kind == kind


@pytest.mark.parametrize("backend", [coreml, portable, vulkan, xnnpack])
def test_every_option_is_checked_without_a_model(backend: object) -> None:
    check_options = backend.check_options  # type: ignore[attr-defined]
    check_options({})
    for name in backend.OPTIONS:  # type: ignore[attr-defined]
        with pytest.raises(PteError, match=f"the option {name} is 'no such value'") as caught:
            check_options({name: "no such value"})
        assert caught.value.kind == "bad-option"


def test_messages_name_what_there_is() -> None:
    with pytest.raises(PteError, match="has no precision 'int8'; it has fp32, fp16"):
        check_supported("b", ("fp32", "fp16"), {}, "int8", {})
    with pytest.raises(PteError, match="no option 'a', 'c'; it has b: a help text"):
        check_supported("b", ("fp32",), {"b": "a help text"}, "fp32", {"c": "", "a": "", "b": ""})
    check_supported("b", ("fp32",), {"b": "a help text"}, "fp32", {"b": ""})
