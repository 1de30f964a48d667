from __future__ import annotations

from collections import OrderedDict
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from pte_foundry.errors import PteError
from pte_foundry.models.checkpoints.values import apply_state, check_values


def test_apply_state_sets_every_value() -> None:
    state = {"weight": torch.full((2, 3), 5.0), "bias": torch.full((2,), 7.0)}
    layer = nn.Linear(3, 2)
    apply_state(layer, state)
    assert all(torch.equal(layer.state_dict()[key], value) for key, value in state.items())


def test_apply_state_reports_every_kind_of_misfit_and_changes_nothing() -> None:
    layer = nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 2))
    before = {key: value.clone() for key, value in layer.state_dict().items()}
    state = dict(before)
    del state["1.bias"]
    state["extra\x1b"] = torch.ones(1)
    state["0.weight"] = torch.ones(3, 2)
    state["0.bias"] = torch.ones(2, dtype=torch.int64)
    with pytest.raises(PteError) as caught:
        apply_state(layer, state, "some.pth")
    assert caught.value.kind == "bad-checkpoint"
    for part in (
        "some.pth",
        "1 missing: 1.bias",
        "1 unexpected: extra\\x1b",
        "0.weight [3, 2] instead of [2, 3]",
        "0.bias int64 instead of float32",
    ):
        assert part in caught.value.message
    assert all(torch.equal(layer.state_dict()[key], value) for key, value in before.items())


def test_apply_state_shortens_long_lists() -> None:
    with pytest.raises(PteError, match=r"8 unexpected: k0, k1, k2, k3, k4, \.\.\."):
        apply_state(nn.Identity(), {f"k{i}": torch.ones(1) for i in range(8)})


def _error(module: nn.Module, state: dict[str, Tensor]) -> str:
    with pytest.raises(PteError) as caught:
        apply_state(module, state)
    assert caught.value.kind == "bad-checkpoint"
    return caught.value.message


class _One(nn.Module):
    def __init__(self, value: Tensor, buffer: bool) -> None:
        super().__init__()
        if buffer:
            self.register_buffer("value", value)
        else:
            self.value = nn.Parameter(value, requires_grad=False)


_FLOATS = (torch.float64, torch.float32, torch.float16, torch.bfloat16)
_OTHERS = (
    *(torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool, torch.uint16),
    *(torch.complex64, torch.complex128),
    *(torch.float8_e4m3fn, torch.float8_e5m2, torch.float8_e8m0fnu, torch.float8_e4m3fnuz),
)


@pytest.mark.parametrize("buffer", [True, False])
@pytest.mark.parametrize("found", [*_FLOATS, *_OTHERS])
def test_types_of_numbers(found: torch.dtype, buffer: bool) -> None:
    float8 = found.itemsize == 1 and found.is_floating_point
    for own in (*_FLOATS, *_OTHERS):
        module = _One(torch.zeros(2, dtype=own), buffer)
        state = {"value": torch.ones(2).to(found)}
        if not float8 and (own == found or own in _FLOATS and found in _FLOATS):
            apply_state(module, state)
            assert torch.equal(module.state_dict()["value"], torch.ones(2).to(own))
        else:
            message = _error(module, state)
            assert str(found).removeprefix("torch.") in message
            assert ("float32 or bfloat16" in message) == float8


@pytest.mark.parametrize("bad", ["nan", "inf", "-inf"])
@pytest.mark.parametrize("kind", [*_FLOATS, torch.complex64])
def test_values_that_are_not_finite(kind: torch.dtype, bad: str) -> None:
    value = torch.ones(3, 5).to(kind)
    value[1, 2] = float(bad)
    own = kind if kind.is_complex else torch.float32
    message = _error(_One(torch.zeros(3, 5, dtype=own), False), {"value": value})
    assert "1 with NaN or infinity: value" in message


@pytest.mark.parametrize(
    ("value", "found", "own"),
    [
        (1e300, torch.float64, torch.float32),
        (-1e39, torch.float64, torch.bfloat16),
        (70000.0, torch.float32, torch.float16),
        (3e38, torch.bfloat16, torch.float16),
    ],
)
def test_finite_values_that_are_infinite_in_the_model(
    value: float, found: torch.dtype, own: torch.dtype
) -> None:
    state = {"value": torch.full((2,), value, dtype=found)}
    assert "NaN or infinity" in _error(_One(torch.zeros(2, dtype=own), False), state)


def test_a_mask_may_be_infinite_where_the_models_own_is() -> None:
    mask = torch.full((3, 3), float("-inf")).triu(1)
    apply_state(_One(mask.clone(), True), {"value": mask})
    assert "NaN or infinity" in _error(_One(torch.zeros(3, 3), True), {"value": mask})
    assert "NaN or infinity" in _error(_One(mask.clone(), True), {"value": mask * 0})


def _odd_tensors() -> dict[str, tuple[Tensor, str]]:
    plain = torch.ones(2, 4)
    return {
        "sparse": (plain.to_sparse(), "to_dense"),
        "compressed": (plain.to_sparse_csr(), "to_dense"),
        "meta": (torch.empty(2, 4, device="meta"), "device meta"),
        "quantised": (torch.quantize_per_tensor(plain, 0.1, 0, torch.quint8), "dequantize"),
        "nested": (torch.nested.nested_tensor([torch.ones(4)] * 2), "to_dense"),
        "expanded": (torch.ones(1).expand(2, 4), "fewer values"),
        "huge": (torch.ones(1).expand(200_000, 200_000), "instead of [2, 4]"),
    }


@pytest.mark.parametrize("name", _odd_tensors())
@pytest.mark.parametrize("key", ["weight", "extra"])
def test_odd_tensors(name: str, key: str) -> None:
    tensor, words = _odd_tensors()[name]
    state = {**nn.Linear(4, 2).state_dict(), key: tensor}
    message = _error(nn.Linear(4, 2), state)
    assert (words if key == "weight" else "unexpected: extra") in message


def test_a_value_that_is_not_a_tensor() -> None:
    assert "weight (list)" in _error(nn.Linear(1, 1, False), {"weight": [1.0]})  # type: ignore[dict-item]


class _Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(2, 2, bias=False)
        self.second = nn.Linear(2, 2, bias=False)
        self.second.weight = self.first.weight


def test_two_values_of_one_parameter() -> None:
    same, other = torch.ones(2, 2), torch.zeros(2, 2)
    apply_state(_Tied(), {"first.weight": same, "second.weight": same.clone()})
    message = _error(_Tied(), {"first.weight": same, "second.weight": other})
    assert "sharing a parameter with another value: first.weight" in message


def test_values_of_a_whole_module() -> None:
    check_values(_One(torch.full((2,), float("-inf")), True), "m.pt")
    check_values(_One(torch.ones(2, dtype=torch.int8), False), "m.pt")
    attribute = nn.Identity()
    attribute.scale = torch.tensor(float("nan"))
    for module, words in (
        (_One(torch.full((2,), float("-inf")), False), "NaN or infinity: value"),
        (_One(torch.full((2,), float("nan")), True), "NaN or infinity: value"),
        (_One(torch.ones(2).to(torch.float8_e5m2), True), "float8_e5m2"),
        (_One(torch.ones(2, 2).to_sparse(), True), "to_dense"),
        (_One(torch.ones(2, device="meta"), False), "device meta"),
        (nn.Sequential(attribute), "NaN or infinity: 0.scale"),
    ):
        with pytest.raises(PteError) as caught:
            check_values(module, "m.pt")
        assert caught.value.kind == "bad-checkpoint" and "m.pt" in caught.value.message
        assert words in caught.value.message


class _Language(nn.Module):
    """A language model whose head is tied to its embedding."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(5, 3)
        self.body = nn.Linear(3, 3)
        self.head = nn.Linear(3, 5, bias=False)
        self.head.weight = self.words.weight


@pytest.mark.parametrize("left_out", ["words.weight", "head.weight"])
def test_a_shared_parameter_needs_one_of_its_names(left_out: str) -> None:
    other = _Language()
    state = {name: value for name, value in other.state_dict().items() if name != left_out}
    module = _Language()
    apply_state(module, state)
    assert torch.equal(module.words.weight, other.words.weight)
    assert module.head.weight is module.words.weight
    del state["body.bias"]
    assert "1 missing: body.bias" in _error(_Language(), state)


def test_old_weight_norm_into_new_parametrizations() -> None:
    old = torch.nn.utils.weight_norm(nn.Linear(3, 2))
    assert {"weight_g", "weight_v"} <= set(old.state_dict())
    module = nn.Sequential(torch.nn.utils.parametrizations.weight_norm(nn.Linear(3, 2)))
    apply_state(module, {f"module.0.{name}": value for name, value in old.state_dict().items()})
    assert torch.allclose(module(torch.ones(1, 3)), old(torch.ones(1, 3)))


def test_batch_norm_of_old_files_counts_no_batches() -> None:
    state = nn.BatchNorm2d(2).state_dict()
    del state["num_batches_tracked"]
    state["running_mean"] = torch.ones(2)
    # With and without the version of the module, which lets torch itself miss the count.
    for one in (state, dict(state), {f"module.{name}": value for name, value in state.items()}):
        module = nn.BatchNorm2d(2)
        apply_state(module, one)
        assert module.running_mean is not None and module.running_mean.tolist() == [1.0, 1.0]
    del state["running_mean"]
    assert "1 missing: running_mean" in _error(nn.BatchNorm2d(2), state)


class _Renamed(nn.Module):
    """A model that reads files of its first version."""

    _version = 2

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(2))

    def _load_from_state_dict(
        self, state_dict: dict[str, Tensor], prefix: str, local_metadata: dict[str, int], *more: Any
    ) -> None:
        if local_metadata.get("version", 1) < 2:
            state_dict[f"{prefix}scale"] = 2 * state_dict.pop(f"{prefix}scale")
        super()._load_from_state_dict(state_dict, prefix, local_metadata, *more)


def test_versions_decide_how_a_module_reads_its_values() -> None:
    new = nn.DataParallel(_Renamed()).state_dict()
    module = _Renamed()
    apply_state(module, new)
    assert module.scale.tolist() == [1.0, 1.0]
    apply_state(module, dict(new))
    assert module.scale.tolist() == [2.0, 2.0]


def test_what_load_state_dict_takes_of_very_old_files() -> None:
    apply_state(_One(torch.tensor(0.0), False), {"value": torch.ones(1)})


def test_two_nearest_names() -> None:
    module = nn.Sequential(OrderedDict(conv1=nn.Conv2d(1, 1, 1), conv2=nn.Conv2d(1, 1, 1)))
    state = {name.replace("conv", "conv_"): value for name, value in module.state_dict().items()}
    message = _error(module, state)
    assert "4 missing: conv1.weight (the file has conv_1.weight and conv_2.weight)" in message
    assert "conv_1.bias (the model has conv1.bias and conv2.bias)" in message


def test_values_of_a_loss_beside_the_model() -> None:
    state = {f"model.{name}": value for name, value in nn.Linear(2, 2).state_dict().items()}
    message = _error(nn.Linear(2, 2), {**state, "loss.weight": torch.ones(2)})
    assert "partial(plain_state_dict, prefix='model.')" in message


def test_nothing_is_touched_before_all_is_found() -> None:
    module = _Language()
    tensors = dict(module.named_parameters())
    before = {name: value.clone() for name, value in tensors.items()}
    hooks = len(module._load_state_dict_post_hooks)
    bad = {**_Language().state_dict(), "body.bias": torch.ones(4)}
    assert "body.bias [4] instead of [3]" in _error(module, bad)
    assert all(value is tensors[name] for name, value in module.named_parameters())
    assert all(torch.equal(value, before[name]) for name, value in module.named_parameters())
    assert len(module._load_state_dict_post_hooks) == hooks


class _Strict(nn.Linear):
    def _load_from_state_dict(self, *arguments: Any) -> None:
        super()._load_from_state_dict(*arguments)
        arguments[-1].append("this layer wants to be asked first")


def test_what_a_module_itself_objects_to() -> None:
    assert "this layer wants to be asked first" in _error(_Strict(1, 1), _Strict(1, 1).state_dict())
