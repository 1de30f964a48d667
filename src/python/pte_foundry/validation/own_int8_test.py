"""int8 of people's own models: from the file to a validated program, judged on their own inputs."""

from __future__ import annotations

import copy
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from pte_foundry.errors import PteError
from pte_foundry.models.fixed_inputs import fixed_inputs
from pte_foundry.records.json_fields import Fields
from pte_foundry.records.tensor_spec import parse_tensor_spec
from pte_foundry.testing.own_workspace import own_workspace, save_exported, save_script
from pte_foundry.testing.workspace import Workspace, failed_kinds
from pte_foundry.validation.request import ValidationRequest
from pte_foundry.validation.result import summary

RECIPES = "pte_foundry.quantization.recipes"
PICTURE = {"image": "float32[1,3,16,16]{0.0..1.0}"}
TEXT = {"tokens": "int64[1,12]{0..49}", "mask": "bool[1,12]"}
Save = Callable[[Path, nn.Module, dict[str, str]], str]


def scripted(folder: Path, model: nn.Module, inputs: dict[str, str]) -> str:
    return save_script(folder, model)


def exported(folder: Path, model: nn.Module, inputs: dict[str, str]) -> str:
    return save_exported(folder, model, examples(inputs))


def examples(inputs: dict[str, str]) -> tuple[Tensor, ...]:
    specs = [parse_tensor_spec(name, text) for name, text in inputs.items()]
    return fixed_inputs(specs, 1)[0]


def convolutional() -> nn.Module:
    """Layers whose names begin with a digit, a batch norm to fold."""
    torch.manual_seed(0)
    layers = (nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 16, 3, stride=2))
    return nn.Sequential(
        *layers, nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 5)
    )


class Words(nn.Module):
    """int64 and bool [1, 12] -> float32 [1, 8]: a masked mean, which converts to float32."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.words = nn.Embedding(50, 32)
        self.mix = nn.Linear(32, 32)
        self.head = nn.Linear(32, 8)

    def forward(self, tokens: Tensor, mask: Tensor) -> Tensor:
        kept = mask.to(torch.float32).unsqueeze(-1)
        mixed = torch.relu(self.mix(self.words(tokens))) * kept
        mean: Tensor = self.head(mixed.sum(1) / kept.sum(1).clamp(min=1.0))
        return mean


def write_samples(folder: Path, inputs: dict[str, str], count: int) -> list[str]:
    """Paths, relative to `folder`."""
    specs = [parse_tensor_spec(f"of-the-user/{name}", text) for name, text in inputs.items()]
    paths = []
    for number, tensors in enumerate(fixed_inputs(specs, count)):
        arrays: Any = dict(zip(inputs, (tensor.numpy() for tensor in tensors)))
        paths.append(f"{number}.npz")
        np.savez(folder / paths[-1], **arrays)
    return paths


def quantization(recipe: str, calibration: list[str], **options: str) -> dict[str, object]:
    return {"recipe": f"{RECIPES}.{recipe}", "options": options, "calibration": calibration}


def said(workspace: Workspace) -> str:
    """The result line, without the cases that it counts."""
    fields = Fields(workspace.request, "validation_request.json")
    return summary(ValidationRequest.read(fields, workspace.folder), [])


@dataclass(frozen=True)
class Kind:
    model: Callable[[], nn.Module]
    inputs: dict[str, str]


KINDS = {
    "pictures": Kind(convolutional, PICTURE),
    "words": Kind(Words, TEXT),
}


def calibrated(folder: Path, kind: str, save: Save) -> Workspace:
    """Calibrated on five samples, judged on three."""
    model, inputs = KINDS[kind].model(), KINDS[kind].inputs
    file = save(folder, model.eval(), inputs)
    paths = write_samples(folder, inputs, 8)
    asked = quantization("xnnpack_static", paths[:5])
    return own_workspace(folder, file, inputs, quantization=asked, samples=paths[5:])


@pytest.fixture(scope="module")
def exported_once(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return calibrated(tmp_path_factory.mktemp("pictures"), "pictures", scripted)


@pytest.fixture()
def pictures(exported_once: Workspace, tmp_path: Path) -> Workspace:
    """A copy, free to be changed: an export takes seconds."""
    folder = tmp_path / "pictures"
    shutil.copytree(exported_once.folder, folder)
    request, report = copy.deepcopy((exported_once.request, exported_once.report))
    return Workspace(folder, exported_once.pte, request, report)


def check_calibrated(workspace: Workspace) -> None:
    cases = workspace.run()
    assert failed_kinds(cases) == {}
    assert {name for name in cases if name.startswith("parity:")} == {
        *("parity:fixed-0", "parity:5.npz", "parity:6.npz", "parity:7.npz")
    }
    assert cases["parity:fixed-0"].status == "skipped" and cases["parity:5.npz"].bounds
    found = workspace.report["quantization"]
    assert found["weights_fraction"] == 1.0 and found["compute_fraction"] == 1.0
    assert [each["file"] for each in found["calibration"]] == [f"{n}.npz" for n in range(5)]
    assert "calibrated_on" not in found and "judged on 3 samples" in said(workspace)


def test_a_script_calibrated_and_judged_on_samples(pictures: Workspace) -> None:
    check_calibrated(pictures)


def test_an_exported_program_calibrated_and_judged_on_samples(tmp_path: Path) -> None:
    check_calibrated(calibrated(tmp_path, "words", exported))


def test_calibrated_on_the_declared_ranges(tmp_path: Path) -> None:
    file = exported(tmp_path, convolutional().eval(), PICTURE)
    asked = quantization("xnnpack_static", [], random_inputs="16")
    workspace = own_workspace(tmp_path, file, PICTURE, quantization=asked)
    cases = workspace.run()
    assert failed_kinds(cases) == {}
    judged = [name for name, case in cases.items() if name.startswith("parity:") and case.bounds]
    assert judged == [f"parity:fixed-{number}" for number in range(4)]
    loud = "16 sets of random values within the declared ranges, not real inputs"
    assert workspace.report["quantization"]["calibrated_on"] == loud
    assert f"CALIBRATED on {loud}; judged on random values" in said(workspace)


@pytest.mark.parametrize(
    ("kind", "recipe"),
    [
        ("words", "xnnpack_dynamic"),
        ("words", "xnnpack_dynamic_convolutions"),
        ("pictures", "xnnpack_dynamic_convolutions"),
    ],
)
def test_a_recipe_without_calibration_is_judged_on_random_values(
    tmp_path: Path, kind: str, recipe: str
) -> None:
    inputs = KINDS[kind].inputs
    file = scripted(tmp_path, KINDS[kind].model().eval(), inputs)
    workspace = own_workspace(tmp_path, file, inputs, quantization=quantization(recipe, []))
    cases = workspace.run()
    assert failed_kinds(cases) == {} and cases["parity:fixed-3"].status == "passed"
    assert workspace.report["quantization"]["weights_fraction"] == 1.0


def test_a_wrong_program_fails_on_samples(pictures: Workspace) -> None:
    """The weights of another model: what is compared is not the program with itself."""
    other = convolutional()
    with torch.no_grad():
        other[-1].weight.neg_()  # type: ignore[index]
    scripted(pictures.folder, other.eval(), PICTURE)
    assert failed_kinds(pictures.run())["parity:5.npz"] == "mismatch"


def test_the_graph_is_judged_on_samples_where_nothing_runs_it(pictures: Workspace) -> None:
    pictures.request["interpreter"] = None
    pictures.remove_runtime()
    cases = pictures.run()
    assert failed_kinds(cases) == {} and cases["graph:5.npz"].status == "passed"


def test_the_graph_is_judged_on_random_values_without_samples(tmp_path: Path) -> None:
    file = scripted(tmp_path, convolutional().eval(), PICTURE)
    asked = quantization("xnnpack_static", [], random_inputs="16")
    workspace = own_workspace(tmp_path, file, PICTURE, quantization=asked)
    workspace.request["interpreter"] = None
    workspace.remove_runtime()
    cases = workspace.run()
    assert failed_kinds(cases) == {}
    assert [cases[f"graph:fixed-{number}"].status for number in range(4)] == ["passed"] * 4


def test_calibrated_on_samples_and_judged_on_nothing(pictures: Workspace) -> None:
    pictures.request["samples"] = []
    with pytest.raises(PteError, match="`photographs` and `samples` are empty"):
        pictures.run()


def test_a_bad_sample_fails_its_case_and_no_other(pictures: Workspace) -> None:
    (pictures.folder / "7.npz").write_bytes(b"PK")
    cases = pictures.run()
    assert failed_kinds(cases) == {"run:7.npz": "run"}
    assert "bad-sample: 7.npz cannot be read" in cases["run:7.npz"].message


def test_a_bad_sample_is_told_before_the_export(tmp_path: Path) -> None:
    file = scripted(tmp_path, convolutional().eval(), PICTURE)
    paths = write_samples(tmp_path, PICTURE, 2)
    np.savez(tmp_path / paths[1], picture=np.zeros((1, 3, 16, 16), np.float32))
    with pytest.raises(PteError, match="bad-sample: 1.npz: lacks image; its arrays are picture"):
        own_workspace(tmp_path, file, PICTURE, quantization=quantization("xnnpack_static", paths))


@pytest.mark.parametrize("kind", ["pictures", "words"])
def test_weights_for_coreml(tmp_path: Path, kind: str) -> None:
    inputs = KINDS[kind].inputs
    file = exported(tmp_path, KINDS[kind].model().eval(), inputs)
    asked = quantization("weights_only", [])
    workspace = own_workspace(tmp_path, file, inputs, "coreml", quantization=asked)
    cases = workspace.run()
    assert failed_kinds(cases) == {}, {name: cases[name].message for name in failed_kinds(cases)}


def test_linear_weights_for_vulkan(tmp_path: Path) -> None:
    file = scripted(tmp_path, Words().eval(), TEXT)
    asked = quantization("weights_only", [], operators="linear")
    workspace = own_workspace(tmp_path, file, TEXT, "vulkan", quantization=asked)
    cases = workspace.run()
    assert failed_kinds(cases) == {}, {name: cases[name].message for name in failed_kinds(cases)}
