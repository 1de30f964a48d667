"""Each advice of `pte_foundry.causes` is followed, and the export then works."""

from __future__ import annotations

import inspect
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.fx import Graph, Node

from pte_foundry.backends.lowering import LoweringRequest
from pte_foundry.backends.portable import lowering as portable
from pte_foundry.causes import Cause, call_at_fault, cause_of, whole_message
from pte_foundry.errors import PteError
from pte_foundry.exporting.export import export
from pte_foundry.models.definition import InputContract, ModelDefinition, OutputContract
from pte_foundry.records.export_request import ExportRequest
from pte_foundry.records.model_request import ModelRequest, WeightsRequest
from pte_foundry.records.tensor_spec import parse_tensor_spec
from pte_foundry.validation.runtime import load_program


class _Model(nn.Module):
    """A linear layer, and after it what a test says."""

    def __init__(self, then: Callable[..., Tensor]) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.head = nn.Linear(8, 8)
        self.then = then

    def forward(self, x: Tensor, *more: Tensor) -> Tensor:
        return self.then(self.head(x), *more)


class _Words(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(60, 4)

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.words(x)
        return found.mean(1)


def _refusing() -> ModuleType:
    """A backend that lowers nothing, for a reason of its own."""
    backend = ModuleType("refusing_backend")

    def lower(_: object) -> object:
        raise RuntimeError("no transposed convolution here")

    backend.PRECISIONS = ("fp32",)  # type: ignore[attr-defined]
    backend.OPTIONS = {}  # type: ignore[attr-defined]
    backend.check_options = lambda _: None  # type: ignore[attr-defined]
    backend.lower = lower  # type: ignore[attr-defined]
    sys.modules[backend.__name__] = backend
    return backend


class _Up(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.up = nn.ConvTranspose2d(2, 2, 2)

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.up(x)
        return found


@dataclass(frozen=True)
class _Attempt:
    model: Callable[[], nn.Module]
    inputs: Sequence[str] = ("float32[1,8]",)
    backend: ModuleType = portable
    imports: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Followed:
    """What fails, a part of what is told then, and what works after the advice was followed."""

    broken: _Attempt
    told: str
    mended: _Attempt


def _branch(y: Tensor) -> Tensor:
    return y + 1 if float(y.sum()) > 0 else y


def _count(y: Tensor) -> int:
    return int((y > 0).sum().item())


def _most_frequent(y: Tensor) -> Tensor:
    """float32 [1, n] -> [1]: the least of the values that are there most often, as `torch.mode` gives it."""
    counts = (y[:, :, None] == y[:, None]).float().sum(-1)
    often = counts == counts.max(-1, keepdim=True).values
    return torch.where(often, y, torch.full_like(y, 1e9)).amin(-1)


def _same(function: Callable[..., Any]) -> Callable[[], nn.Module]:
    return lambda: _Model(function)


_MODE = _Attempt(_same(lambda y: torch.mode(torch.round(y), -1).values))
_RANDOM = _Attempt(_same(lambda y: y + torch.randn(8)))
_FOLLOWED = {
    Cause.KERNEL: _Followed(
        _MODE,
        "causes_test.py",
        _Attempt(_same(lambda y: _most_frequent(torch.round(y)))),
    ),
    Cause.RANGE: _Followed(
        _Attempt(_Words, ["int64[1,64]"]),
        "0 to 127 where no range is declared",
        _Attempt(_Words, ["int64[1,64]{0..59}"]),
    ),
    Cause.RANDOM: _Followed(
        _RANDOM,
        "aten.randn.default",
        _Attempt(_same(lambda y, noise: y + noise), ["float32[1,8]", "float32[8]"]),
    ),
    Cause.BRANCH: _Followed(
        _Attempt(_same(_branch)),
        "data-dependent",
        _Attempt(_same(lambda y: torch.where(y.sum() > 0, y + 1, y))),
    ),
    Cause.SIZE: _Followed(
        _Attempt(_same(lambda y: y.sum() * torch.ones(_count(y)))),
        "",
        _Attempt(_same(lambda y: y * (y > 0))),
    ),
    Cause.DTYPE: _Followed(
        _Attempt(_same(lambda y: torch.fft.rfft(y))),
        "complex64",
        _Attempt(_same(lambda y: torch.view_as_real(torch.fft.rfft(y)))),
    ),
    Cause.SHAPE: _Followed(
        _Attempt(_same(torch.relu), ["float32[1,4]"]),
        "shapes cannot be multiplied",
        _Attempt(_same(torch.relu)),
    ),
    Cause.OTHER: _Followed(
        _Attempt(_Up, ["float32[1,2,3,3]"], _refusing()),
        "transposed",
        _Attempt(_Up, ["float32[1,2,3,3]"]),
    ),
}


@pytest.fixture()
def attempt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[_Attempt], tuple[nn.Module, bytes]]:
    def run(asked: _Attempt) -> tuple[nn.Module, bytes]:
        module = asked.model().eval()
        torch.save(module.state_dict(), tmp_path / "state.pth")
        specs = [parse_tensor_spec(f"x{n}", text) for n, text in enumerate(asked.inputs)]
        builder = ModuleType("mended_builder")
        definition = ModelDefinition(
            module,
            tuple(InputContract(spec.name, spec.shape, "") for spec in specs),
            (OutputContract("y", ""),),
            lambda content: content,  # type: ignore[arg-type,return-value]
        )
        builder.build = lambda name: definition  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "mended_builder", builder)
        weights = WeightsRequest("substitute", "state.pth")
        model = ModelRequest("mended", "mended_builder", tuple(specs), weights, asked.imports)
        backend = asked.backend
        request = ExportRequest(model, "some", backend.__name__, backend.PRECISIONS[0], {}, ())
        return module, export(request, tmp_path).pte

    return run


def test_each_cause_has_a_followed_advice() -> None:
    assert _FOLLOWED.keys() == set(Cause)


@pytest.mark.parametrize("cause", Cause, ids=[one.name for one in Cause])
def test_the_advice_works(cause: Cause, attempt: Callable[[_Attempt], Any]) -> None:
    followed = _FOLLOWED[cause]
    with pytest.raises(PteError) as caught:
        attempt(followed.broken)
    message = caught.value.message
    assert followed.told in message, message
    if cause is not Cause.OTHER:  # The backend says itself what to do.
        assert cause.advice in message, message
    module, pte = attempt(followed.mended)
    specs = [parse_tensor_spec("x", text) for text in followed.mended.inputs]
    inputs = [
        torch.randint(0, 60, spec.shape) if spec.dtype == "int64" else torch.randn(spec.shape)
        for spec in specs
    ]
    (found,) = load_program(pte).run(inputs)
    with torch.no_grad():
        assert torch.allclose(found, module(*inputs), atol=1e-5)


def test_a_decomposition_in_imports_works(
    attempt: Callable[[_Attempt], Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "made_of.py").write_text(
        "import torch\n"
        "from torch import Tensor\n"
        f"{inspect.getsource(_most_frequent)}"
        "@torch._decomp.register_decomposition(torch.ops.aten.mode.default)\n"
        "def mode(y, dim=-1, keepdim=False):\n"
        "    values = _most_frequent(y)\n"
        "    return values, torch.zeros_like(values, dtype=torch.int64)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    try:
        module, pte = attempt(replace(_MODE, imports=("made_of",)))
    finally:
        torch._decomp.decomposition_table.pop(torch.ops.aten.mode.default, None)
    x = torch.randn(1, 8)
    (found,) = load_program(pte).run([x])
    assert torch.allclose(found, module(x), atol=1e-6)


def test_a_compilers_assertion_is_told_with_the_call(attempt: Callable[[_Attempt], Any]) -> None:
    def lower(request: LoweringRequest) -> None:
        for node in request.exported_program.graph.nodes:
            if node.target is torch.ops.aten.cumsum.default:
                raise AssertionError

    backend = _refusing()
    backend.lower = lower  # type: ignore[attr-defined]
    with pytest.raises(PteError) as caught:
        attempt(_Attempt(_same(lambda y: torch.cumsum(y, -1)), backend=backend))
    message = caught.value.message
    assert "AssertionError" in message and "It is about aten.cumsum.default, " in message, message
    assert "causes_test.py:" in message and "`cumsum(linear, -1)`" in message, message


def test_the_innermost_call_is_at_fault() -> None:
    graph = Graph()
    x = graph.placeholder("x")
    outer, inner = (graph.call_function(each, (x,)) for each in (abs, max))

    def fails(node: Node, below: Callable[[], None] | None) -> None:
        if below is not None:
            below()
        raise AssertionError

    def wraps() -> None:
        node = outer
        try:
            fails(inner, lambda: fails(x, None))  # A placeholder is no call.
        except AssertionError as error:
            raise RuntimeError(f"at {node}") from error

    with pytest.raises(RuntimeError) as caught:
        wraps()
    assert call_at_fault(caught.value) is inner
    assert call_at_fault(ValueError("raised by nobody")) is None


def test_the_whole_message_of_the_innermost_cause() -> None:
    inner = IndexError("first line\n\nindex out of range in self")
    with pytest.raises(RuntimeError) as caught:
        raise RuntimeError("An error occurred when running a pass") from inner
    assert whole_message(caught.value) == "first line\n    index out of range in self"
    assert cause_of(caught.value) is Cause.RANGE


def test_what_a_process_wrote_is_told() -> None:
    with pytest.raises(subprocess.CalledProcessError) as caught:
        subprocess.run(
            ["/bin/sh", "-c", "echo 'got: -Infinity' >&2; exit 3"], check=True, capture_output=True
        )
    assert whole_message(caught.value) == "sh ended with 3\n    got: -Infinity"


def test_of_a_graph_the_middle_is_left_out() -> None:
    said = whole_message(ValueError("a" * 5000 + "b" * 5000))
    assert len(said) < 4200 and "left out" in said and said.startswith("aa") and said.endswith("bb")
