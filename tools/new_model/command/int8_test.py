from __future__ import annotations

from pathlib import Path

import pytest

from new_model.command.int8 import Material, calibrates, plan
from new_model.command.programs import programs_by_key
from new_model.command.samples import SampleFiles
from pte_foundry.records.tensor_spec import parse_tensor_spec
from workspace.backends import DeclaredBackend
from workspace.errors import ToolError

BACKENDS = {
    name: DeclaredBackend(name, precisions, {}, name == "xnnpack", None)
    for name, precisions in {
        "xnnpack": ("fp32", "int8"),
        "coreml": ("fp16", "int8"),
        "vulkan": ("fp16", "int8"),
        "tpu": ("fp32", "int8"),
    }.items()
}
PROGRAMS = programs_by_key(BACKENDS)
SAMPLES = SampleFiles((Path("a.npy"), Path("b.npy"), Path("c.npy")), (Path("d.npy"),))


def material(*inputs: str, samples: SampleFiles | None = None, pictures: bool = False) -> Material:
    specs = [parse_tensor_spec(f"x{number}", text) for number, text in enumerate(inputs)]
    return Material(specs, samples, pictures)


def test_keys_name_backend_and_precision() -> None:
    assert list(PROGRAMS) == [
        *("xnnpack", "int8_xnnpack", "coreml", "int8_coreml", "vulkan", "int8_vulkan"),
        *("tpu", "int8_tpu"),
    ]
    int8 = PROGRAMS["int8_xnnpack"]
    assert (int8.precision, int8.quantized, int8.dynamic_dimensions) == ("int8", True, False)
    float32 = PROGRAMS["xnnpack"]
    assert (float32.precision, float32.quantized, float32.dynamic_dimensions) == (
        *("fp32", False, True),
    )


@pytest.mark.parametrize(
    ("made", "recipe", "options", "says"),
    [
        (
            material("float32[1,3,8,8]", samples=SAMPLES),
            "xnnpack_static",
            {},
            "calibrated on 3 samples, judged on 1 others",
        ),
        (
            material("float32[1,3,8,8]{0.0..1.0}", "bool[1,4]"),
            "xnnpack_static",
            {"random_inputs": "32"},
            "CALIBRATED ON RANDOM VALUES within the declared ranges",
        ),
        (
            material("float32[1,3,8,8]"),
            "xnnpack_dynamic_convolutions",
            {},
            "not calibrated, judged on random values from -2 to 2",
        ),
        (
            material("int64[1,8]{0..9}", "bool[1,8]"),
            "xnnpack_dynamic",
            {},
            "not calibrated, judged on random values within the declared ranges",
        ),
        (
            material("float32[1,3,8,8]", pictures=True),
            "xnnpack_dynamic_convolutions",
            {},
            "judged on //toolchains:judged_photographs",
        ),
    ],
)
def test_the_recipe_follows_from_the_inputs(
    made: Material, recipe: str, options: dict[str, str], says: str
) -> None:
    found = plan(PROGRAMS["int8_xnnpack"], made)
    assert found.fields["quantization"] == [
        f"src/python/pte_foundry/quantization/recipes/{recipe}.py"
    ]
    written = found.fields.get("quantization_options", {})
    assert isinstance(written, dict) and options.items() <= written.items()
    assert found.says.startswith(f"{recipe}: ") and says in found.says
    calibrated = made.samples is not None
    assert (
        ("calibration" in found.fields) == calibrated == calibrates(PROGRAMS["int8_xnnpack"], made)
    )
    judges = {"samples"} if calibrated else {"photographs"} if made.takes_pictures else set()
    test = found.fields.get("test", {})
    assert isinstance(test, dict) and test.keys() == judges


@pytest.mark.parametrize(
    ("key", "options"), [("int8_coreml", None), ("int8_vulkan", {"operators": "linear"})]
)
def test_backends_that_compute_in_float16(key: str, options: object) -> None:
    made = material("float32[1,3,8,8]", samples=SAMPLES.only_judged())
    found = plan(PROGRAMS[key], made)
    assert found.fields.get("quantization_options") == options
    assert "calibration" not in found.fields and not calibrates(PROGRAMS[key], made)
    assert found.says.endswith("not calibrated, judged on 1 samples")


def test_a_backend_without_a_recipe() -> None:
    with pytest.raises(ToolError, match="int8_tpu: `new` has no recipe.*declare it by hand"):
        plan(PROGRAMS["int8_tpu"], material("float32[1]"))


def test_one_sample_is_judged_on_what_it_learned_from() -> None:
    one = SampleFiles((Path("a.npy"),), (Path("a.npy"),))
    said = plan(PROGRAMS["int8_xnnpack"], material("float32[1]", samples=one)).says
    assert said.endswith("calibrated on 1 samples, judged on the same")
