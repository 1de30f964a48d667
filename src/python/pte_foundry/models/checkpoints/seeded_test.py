from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn

from pte_foundry.errors import PteError
from pte_foundry.models import mobilenet
from pte_foundry.models.checkpoints import seeded as seeded_module
from pte_foundry.models.checkpoints.seeded import Scaling, initialise
from pte_foundry.models.fixed_inputs import fixed_inputs
from pte_foundry.records.tensor_spec import TensorSpec

# sha256 of MobileNetV3-small's seeded state. A change here changes every seeded artifact and so the
# committed index: never update it without meaning that.
_PINNED = "fd99e27a890104f27aab00b30292dc7281e70666163a32965384c24034057a75"
_IMAGE = TensorSpec("image", "float32", (1, 3, 224, 224))


def _digest(module: nn.Module) -> str:
    digest = hashlib.sha256()
    for name, tensor in sorted(module.state_dict().items()):
        digest.update(name.encode() + tensor.numpy().tobytes())
    return digest.hexdigest()


def _seeded(inputs: tuple[Tensor, ...]) -> tuple[nn.Module, tuple[Scaling, ...]]:
    module = mobilenet.build("mobilenet_v3_small").module
    return module, initialise(module, inputs, "mobilenet_v3_small").scalings


@pytest.fixture(scope="module")
def inputs() -> list[tuple[Tensor, ...]]:
    return fixed_inputs([_IMAGE], 3)


@pytest.fixture(scope="module")
def seeded(inputs: list[tuple[Tensor, ...]]) -> tuple[nn.Module, tuple[Scaling, ...]]:
    return _seeded(inputs[0])


@pytest.fixture()
def threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def test_bits_are_pinned(seeded: tuple[nn.Module, tuple[Scaling, ...]]) -> None:
    assert _digest(seeded[0]) == _PINNED


@pytest.mark.parametrize("count", [1, 2])
def test_bits_do_not_depend_on_threads(
    count: int, inputs: list[tuple[Tensor, ...]], threads: None
) -> None:
    torch.set_num_threads(count)
    assert _digest(_seeded(inputs[0])[0]) == _PINNED


@pytest.mark.parametrize(
    ("capability", "here"),
    [
        ("default", True),
        # Torch believes the variable: without the instructions the process would be killed.
        ("avx2", torch.cpu._is_avx2_supported()),
        ("avx512", torch.cpu._is_avx512_supported()),
    ],
    ids=["default", "avx2", "avx512"],
)
def test_bits_do_not_depend_on_the_cpu(capability: str, here: bool) -> None:
    if not here:
        pytest.skip(f"this CPU has no {capability}")
    code = (
        "from pte_foundry.models.checkpoints.seeded_test import *; from pte_foundry.models.checkpoints import "
        "seeded_test as t; print(torch.backends.cpu.get_cpu_capability(), "
        "t._digest(t._seeded(fixed_inputs([t._IMAGE], 1)[0])[0]))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code],
        env={
            **os.environ,
            "ATEN_CPU_CAPABILITY": capability,
            "PYTHONPATH": os.pathsep.join(sys.path),
        },
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    used, digest = run.stdout.split()
    assert capability != "default" or used in ("DEFAULT", "NO"), "the variable had no effect"
    assert digest == _PINNED


def test_decisions_are_far_from_float64_noise(
    seeded: tuple[nn.Module, tuple[Scaling, ...]],
) -> None:
    scalings = seeded[1]
    assert len(scalings) == 54  # 52 convolutions and 2 linear layers
    assert min(scaling.margin for scaling in scalings) > 1e-6
    assert any(scaling.exponent != 0 for scaling in scalings)


def test_activations_have_ordinary_size(
    seeded: tuple[nn.Module, tuple[Scaling, ...]], inputs: list[tuple[Tensor, ...]]
) -> None:
    deviations: list[tuple[str, float]] = []
    handles = [
        layer.register_forward_hook(
            lambda _layer, _inputs, output, name=name: deviations.append(
                (name, float(output.std()))
            )
        )
        for name, layer in seeded[0].named_modules()
        if isinstance(layer, (nn.Conv2d, nn.Linear, nn.BatchNorm2d))
    ]
    with torch.no_grad():
        logits = [seeded[0](*one) for one in inputs]
    for handle in handles:
        handle.remove()
    assert len(deviations) == 3 * (52 + 2 + 34)
    assert [entry for entry in deviations if not 0.1 <= entry[1] <= 10] == []
    for other in logits[1:]:
        assert (logits[0] - other).abs().max() > 0.1 * logits[0].std()


def test_batch_norm_is_not_the_identity(seeded: tuple[nn.Module, tuple[Scaling, ...]]) -> None:
    norm = next(layer for layer in seeded[0].modules() if isinstance(layer, nn.BatchNorm2d))
    assert norm.running_mean is not None and norm.running_var is not None
    for tensor, identity in (
        (norm.weight, 1.0),
        (norm.bias, 0.0),
        (norm.running_mean, 0.0),
        (norm.running_var, 1.0),
    ):
        assert ((tensor - identity).abs() > 0.01).float().mean() > 0.8
    assert float(norm.running_var.min()) >= 0.5


class _Mixed(nn.Module):
    """Every kind of parameter, one frozen constant, one tied weight, one layer that runs twice."""

    def __init__(self) -> None:
        super().__init__()
        self.token = nn.Parameter(torch.zeros(1, 1, 8))
        self.embedding = nn.Embedding(128, 8)
        self.norm = nn.LayerNorm(8)
        self.twice = nn.Linear(8, 8)
        self.tied = nn.Linear(8, 128, bias=False)
        self.tied.weight = self.embedding.weight
        self.constant = nn.Conv1d(128, 1, 1, bias=False)
        self.constant.weight = nn.Parameter(
            torch.arange(128.0).view(1, 128, 1), requires_grad=False
        )

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.norm(self.embedding(x) + self.token)
        y = self.tied(self.twice(self.twice(y)))
        return self.constant(y.transpose(1, 2))  # type: ignore[no-any-return]


def test_any_module() -> None:
    module, inputs = _Mixed().eval(), fixed_inputs([TensorSpec("x", "int64", (1, 5))], 1)[0]
    scalings = initialise(module, inputs, "mixed").scalings
    assert [scaling.layer for scaling in scalings] == ["twice", "tied"]
    assert module.tied.weight is module.embedding.weight
    assert torch.equal(module.constant.weight.flatten(), torch.arange(128.0))
    for parameter in (module.token, module.norm.weight, module.norm.bias, module.embedding.weight):
        assert float(parameter.detach().std()) > 0.01
    with torch.no_grad():
        assert float(module(*inputs).std()) > 0


def test_scaling_in_one_pass_equals_a_second_pass() -> None:
    module = nn.Sequential(nn.Linear(8, 8), nn.Sigmoid(), nn.Linear(8, 8)).eval()
    inputs = fixed_inputs([TensorSpec("x", "float32", (16, 8))], 1)[0]
    output = initialise(module, inputs, "a").output
    with torch.no_grad():
        assert torch.equal(torch.as_tensor(output), module(*inputs))
        for layer in (module[:1], module):
            assert 2**-0.5 - 1e-3 <= float(layer(*inputs).std(unbiased=False)) <= 2**0.5 + 1e-3


def _in_float64(module: nn.Module, inputs: tuple[Tensor, ...], seed: str) -> tuple[Scaling, ...]:
    with torch.no_grad():
        seeded_module._draw(module, seed)
        return seeded_module._scaled_in_float64(module, inputs).scalings


def test_float32_chooses_what_float64_chooses(
    seeded: tuple[nn.Module, tuple[Scaling, ...]], inputs: list[tuple[Tensor, ...]]
) -> None:
    module = mobilenet.build("mobilenet_v3_small").module
    scalings = _in_float64(module, inputs[0], "mobilenet_v3_small")
    assert _digest(module) == _PINNED
    assert [(one.layer, one.exponent) for one in scalings] == [
        (one.layer, one.exponent) for one in seeded[1]
    ]
    # A hundredth of the nearness at which float32 is not trusted any more.
    differences = [abs(one.margin - other.margin) for one, other in zip(scalings, seeded[1])]
    assert 0 < max(differences) < 1e-5


class _Counted(nn.Module):
    """A linear layer whose output has the deviation `deviation`, and a layer before it."""

    def __init__(self, deviation: float, shift: float = 0.0) -> None:
        super().__init__()
        self.before, self.layer = nn.Linear(8, 8), nn.Linear(8, 2)
        self.deviation, self.shift = deviation, shift
        self.dtypes: list[torch.dtype] = []
        # Not in the graph of the deviation, so that it is exact.
        self.layer.register_forward_hook(self._exact)

    def _exact(self, layer: nn.Module, inputs: object, output: Tensor) -> Tensor:
        sign = torch.tensor([1.0, -1.0], dtype=output.dtype)
        return (sign * self.deviation + self.shift).expand(output.shape)

    def forward(self, x: Tensor) -> Tensor:
        self.dtypes.append(x.dtype)
        return self.layer(self.before(x))  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("deviation", "shift", "dtypes"),
    [
        (1.0, 0.0, [torch.float32]),
        # 2**0.5 is a boundary.
        (2**0.5 * 1.01, 0.0, [torch.float32]),
        (2**0.5 * (1 + 1e-6), 0.0, [torch.float32, torch.float64, torch.float32]),
        (2**0.5 * (1 - 1e-6), 0.0, [torch.float32, torch.float64, torch.float32]),
        # Float32 would see noise.
        (1e-3, 1.0, [torch.float32, torch.float64, torch.float32]),
        (0.0, 1.0, [torch.float32, torch.float64, torch.float32]),
    ],
)
def test_where_float32_could_decide_wrongly_float64_does(
    deviation: float, shift: float, dtypes: list[torch.dtype]
) -> None:
    inputs = fixed_inputs([TensorSpec("x", "float32", (16, 8))], 1)[0]
    module, other = _Counted(deviation, shift).eval(), _Counted(deviation, shift).eval()
    done = initialise(module, inputs, "a")
    assert module.dtypes == dtypes[:1] + dtypes[2:], "the float64 copy's list is its own"
    scalings = _in_float64(other, inputs, "a")
    assert [one.exponent for one in done.scalings] == [one.exponent for one in scalings]
    assert _digest(module) == _digest(other)
    if len(dtypes) > 1:
        assert done.scalings == scalings


def test_a_model_of_half_precision_is_measured_in_float64() -> None:
    inputs = fixed_inputs([TensorSpec("x", "float16", (16, 8))], 1)[0]
    module, other = nn.Linear(8, 8).half().eval(), nn.Linear(8, 8).half().eval()
    assert initialise(module, inputs, "a").scalings == _in_float64(other, inputs, "a")
    assert _digest(module) == _digest(other)


def test_seed_decides() -> None:
    inputs = fixed_inputs([TensorSpec("x", "float32", (4, 8))], 1)[0]
    digests = set()
    for seed in ("a", "a", "b"):
        module = nn.Linear(8, 8)
        initialise(module, inputs, seed)
        digests.add(_digest(module))
    assert len(digests) == 2


def test_a_frozen_module_is_refused() -> None:
    module = nn.Linear(2, 2).requires_grad_(False)
    with pytest.raises(PteError, match="requires_grad"):
        initialise(module, (torch.ones(1, 2),), "a")


def test_activations_that_are_not_finite_are_refused() -> None:
    with pytest.raises(PteError, match="layer '0' is not finite"):
        initialise(nn.Sequential(nn.Linear(2, 2)), (torch.full((1, 2), float("inf")),), "a")
