from __future__ import annotations

import errno
import shutil
from pathlib import Path

import pytest

from new_model.command.stand_in_repository import INT8, all_calls, fields, run


def test_int8_on_samples(root: Path) -> None:
    code, output = run(
        *("--from", "../my-net.pt", "--inputs", "1,4", "--calibration", "../inputs"),
        *("--backends", "int8_xnnpack,int8_coreml,xnnpack"),
    )
    assert code == 0, output
    assert "int8_xnnpack in int8, int8_coreml in int8, xnnpack in fp32" in output
    assert "copied 6 samples, 864 bytes, to models/my_net/samples" in output
    assert "int8_xnnpack: xnnpack_static: " in output
    assert "calibrated on 5 samples, judged on 1 others" in output
    assert "int8_coreml: weights_only: " in output
    samples = root / "models/my_net/samples"
    assert sorted(path.name for path in (samples / "calibration").iterdir()) == [
        *("0.npy", "1.npy", "2.npy", "4.npy", "5.npy")
    ]
    assert [path.read_bytes() for path in (samples / "judged").iterdir()] == [
        (root / "../inputs/3.npy").read_bytes()
    ]
    calls = all_calls(root, "my_net")
    assert calls[1:4] == [
        (
            "sample_set",
            {"name": "calibration_samples", "sources": ["samples/calibration/*"]},
        ),
        ("calibration_set", {"name": "calibration", "samples": [":calibration_samples"]}),
        ("sample_set", {"name": "judged_samples", "sources": ["samples/judged/*"]}),
    ]
    programs = fields(root, "my_net")["pte_model"]["programs"]
    assert isinstance(programs, dict) and programs["xnnpack"] == {}
    assert programs["int8_xnnpack"]["calibration"] == [":calibration"]
    assert programs["int8_xnnpack"]["min_quantized_weights"] == 0.5
    assert "calibration" not in programs["int8_coreml"]
    for key in ("int8_xnnpack", "int8_coreml"):
        assert programs[key]["test"] == {"samples": [":judged_samples"]}
    bounds = fields(root, "my_net")["pte_model"]["bounds"]
    assert isinstance(bounds, dict) and bounds["int8_xnnpack"]["max_relative_error"] == 0.2


def test_samples_that_only_judge(root: Path) -> None:
    arguments = ("--from", "../my-net.pt", "--inputs", "1,4", "--calibration", "../inputs")
    code, output = run(*arguments, "--backends", "int8_coreml")
    assert code == 0 and "not calibrated, judged on 1 samples" in output, output
    assert [path.name for path in (root / "models/my_net/samples").iterdir()] == ["judged"]
    assert [alias for alias, _ in all_calls(root, "my_net")] == [
        *("model_weights", "sample_set", "pte_model")
    ]


def test_int8_on_declared_ranges_says_so(root: Path) -> None:
    code, output = run(*INT8, "--inputs", "1,4{-1.0..1.0}")
    assert code == 0 and "CALIBRATED ON RANDOM VALUES within the declared ranges" in output, output
    (program,) = fields(root, "my_net")["pte_model"]["programs"].values()  # type: ignore[attr-defined]
    assert program["quantization_options"]["random_inputs"] == "32"
    assert not program.keys() & {"calibration", "test"}


@pytest.mark.parametrize("inputs", ["1,4", "int64[1,4]{0..9}", "int64[1,4]"])
def test_int8_without_anything_to_calibrate_on(root: Path, inputs: str) -> None:
    code, output = run(*INT8, "--inputs", inputs)
    assert code == 0 and "not calibrated, judged on random values" in output, output
    (program,) = fields(root, "my_net")["pte_model"]["programs"].values()  # type: ignore[attr-defined]
    assert "xnnpack_dynamic" in program["quantization"][0]


@pytest.mark.parametrize(
    ("inputs", "ratio"),
    [("1,3,224,224", 200.0), ("int64[1,12]{0..49}", 273067.0), ("1,128,128", 200.0)],
)
def test_memory_has_a_budget_of_its_own_beside_a_few_tokens(
    root: Path, inputs: str, ratio: float
) -> None:
    """A test without one has the usual 1.05, which programs with undelegated operators exceed."""
    assert run(*INT8, "--inputs", inputs)[0] == 0
    (bounds,) = fields(root, "my_net")["pte_model"]["bounds"].values()  # type: ignore[attr-defined]
    assert bounds["max_planned_memory_ratio"] == ratio


def test_samples_are_not_left_behind_without_their_model(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = shutil.copyfile

    def no_space(source: Path, destination: Path, **options: bool) -> object:
        if Path(source).suffix == ".npy":
            raise OSError(errno.ENOSPC, "No space left on device")
        return copy(source, destination, **options)

    monkeypatch.setattr("shutil.copyfile", no_space)
    code, output = run(*INT8, "--inputs", "1,4", "--calibration", "../inputs")
    assert code == 2 and "No space left" in output
    assert [path.name for path in (root / "models").iterdir()] == ["taken"]
    assert not list((root / "checkpoints").iterdir())
