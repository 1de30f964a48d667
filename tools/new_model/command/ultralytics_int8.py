"""How `new` quantizes models of ultralytics: as those of `models/yolo`, of which tools/macros/yolo.py says why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from new_model.command.int8 import CALIBRATION, FIRST_SHARE, Plan
from new_model.command.programs import Program
from new_model.command.samples import SampleFiles
from new_model.command.ultralytics import Trained

STATIC = "int8_xnnpack"
SPELLED_OUT = "src/python/pte_foundry/rewrites/spelled_out_silu.py"
_RECIPE = "src/python/pte_foundry/quantization/recipes/xnnpack_static.py"
_PHOTOGRAPHS = "//toolchains:calibration"


def static_plans(
    trained: Trained,
    programs: Sequence[Program],
    samples: SampleFiles | None,
    plans: Mapping[str, Plan],
) -> dict[str, Plan]:
    """`plans`, in which XNNPACK's programs are static: calibrated on the samples, or else on photographs."""
    made = dict(plans)
    for program in programs:
        if program.key == STATIC:
            made[program.key] = _static(trained, samples, plans[program.key])
    return made


def _static(trained: Trained, samples: SampleFiles | None, usual: Plan) -> Plan:
    calibration = _PHOTOGRAPHS if samples is None else f":{CALIBRATION}"
    options = _options(trained)
    if samples is None:
        options["crops"] = "2"
    fields = {
        "quantization": [_RECIPE],
        "quantization_options": options,
        "calibration": [calibration],
        "min_quantized_weights": FIRST_SHARE,
        **({"test": usual.fields["test"]} if "test" in usual.fields else {}),
    }
    on = (
        "photographs of everyday things: better give --calibration FOLDER"
        if samples is None
        else f"{len(samples.calibration)} samples"
    )
    says = f"xnnpack_static: weights and activations in int8, the end of the head in float; CALIBRATED on {on}"
    return replace(usual, fields=fields, says=says)


def _options(trained: Trained) -> dict[str, str]:
    """What stays in float: coordinates, and the last convolutions, of which the range of scores is a small part."""
    options = {"observer": "histogram"}
    if trained.family in ("yolo11", "yolo26"):
        # XNNPACK has no integer product of two activations.
        options["float_operators"] = "aten.bmm"
    if trained.task == "-cls":
        return options
    head = f"model.{trained.layers - 1}"
    detection = f"{head}.detection" if trained.task == "-seg" else head
    own, modules = [detection], ["mean", "to_pixels", "box_branches.*.2", "class_branches.*.2"]
    if trained.task == "-obb":
        modules += ["angle_branches.*.2", "quarter_turn"]
    if trained.task in ("-seg", "-pose"):
        own.append(f"{detection}.points")
        last = 1 if (trained.family, trained.task) == ("yolo26", "-pose") else 2
        modules.append(f"points.branches.*.{last}")
    options["float_modules"] = ",".join(f"{detection}.{one}" for one in modules)
    options["float_own"] = ",".join(own)
    return dict(sorted(options.items()))
