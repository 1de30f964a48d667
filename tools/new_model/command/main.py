"""Add a model of one's own: write its targets, pin its checkpoint."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from new_model.command.architecture import read_architecture
from new_model.command.floors import write_floors
from new_model.command.int8 import Material, Plan, calibrates, plan
from new_model.command.programs import Program, programs_by_key
from new_model.command.recognise import Form, Recognised, recognise
from new_model.command.request import (
    Request,
    check_request,
    name_of_file,
    parse_inputs,
    proposed_name,
)
from new_model.command.samples import SampleFiles, read_samples
from new_model.command.tell import tell, tell_timm
from new_model.command.texts import ARCHITECTURE, BUILDERS, build_text, builder_text, card_text
from new_model.command.timm import check_timm_name, timm_texts, usual_inputs
from new_model.command.ultralytics_int8 import static_plans
from new_model.command.ultralytics_texts import image_inputs, ultralytics_texts
from new_model.command.unclaimed import CHECKPOINTS, unclaimed_checkpoints
from new_model.command.write import write_folder, write_model
from pin_weights.command.content import content_of_file
from pte_foundry.models.checkpoints.refusal import shown
from workspace.backends import read_backends
from workspace.child_environment import same_checkout_environment
from workspace.errors import ToolError
from workspace.pants_command import run_pants
from workspace.repository import find_repository
from workspace.tool_command import NEGATIVE, ToolCommand

_NEEDED = "--from and --inputs are needed, or --from-timm, or --check, or --floors"
_UNSTATED = "LicenseRef-Unstated"

app = typer.Typer(add_completion=False)


@app.command("new", cls=ToolCommand)
def main(
    checkpoint: Annotated[
        Path | None,
        typer.Option(
            "--from",
            help="TorchScript, .pt2, safetensors, a state_dict, a pickled module, or best.pt of ultralytics.",
        ),
    ] = None,
    from_python: Annotated[
        str | None,
        typer.Option(
            help="File and class of a model that --weights has the values of: my/net.py:Net."
        ),
    ] = None,
    from_timm: Annotated[
        str | None,
        typer.Option(
            help="A model of timm with the tag of its weights: mobilenetv4_conv_small.e2400_r224_in1k."
        ),
    ] = None,
    weights: Annotated[
        Path | None, typer.Option(help="With --from-python: state_dict or safetensors.")
    ] = None,
    arguments: Annotated[
        str, typer.Option("--args", help="With --from-python: of the class, such as classes=10.")
    ] = "",
    outputs: Annotated[
        str, typer.Option(help="With --from-python: names of what it returns, separated by commas.")
    ] = "output",
    inputs: Annotated[
        list[str] | None,
        typer.Option(
            help="1,3,224,224 or tokens=int64[1,seq=1..128]{0..999}; repeat for each input, in order."
        ),
    ] = None,
    backends: Annotated[
        str, typer.Option(help="Separated by commas; int8_xnnpack is XNNPACK in int8.")
    ] = "portable,xnnpack",
    calibration: Annotated[
        Path | None,
        typer.Option(
            help="Folder of .npy, .npz or .safetensors: inputs that int8 programs are calibrated and judged on."
        ),
    ] = None,
    name: Annotated[str | None, typer.Option(help="The model's name; default: the file's.")] = None,
    license_id: Annotated[
        str, typer.Option("--license", help="SPDX identifier of the weights' licence.")
    ] = _UNSTATED,
    allow_class: Annotated[
        list[str] | None,
        typer.Option(help="A class that a pickled module may refer to (repeatable)."),
    ] = None,
    values_only: Annotated[
        bool,
        typer.Option("--values-only", help="Take a pickled module for its state_dict."),
    ] = False,
    key: Annotated[
        str | None,
        typer.Option(
            help="Where in the checkpoint the state_dict is, such as state_dict_ema or ema/model."
        ),
    ] = None,
    prefix: Annotated[
        str, typer.Option(help="Take only the names that begin with this, such as model.")
    ] = "",
    imports: Annotated[
        list[str] | None,
        typer.Option(
            help="A Python file that defines such a class or registers operators (repeatable)."
        ),
    ] = None,
    floors: Annotated[
        str | None,
        typer.Option(
            help="Build the programs of this model, and write what their delegates take into its BUILD file."
        ),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Only look for checkpoints without a target.")
    ] = False,
) -> None:
    """Declare a model of your own from a checkpoint file.

    Writes models/NAME with BUILD, model card and, for a state_dict, a builder to fill in. The checkpoint is copied
    into the folder checkpoints/, which git ignores, and pinned by SHA-256 and size. It is recognised by its content,
    and nothing of it is run.
    """
    output = Console(soft_wrap=True)
    repository = find_repository()
    root = repository.root
    if check:
        _check(output, unclaimed_checkpoints(root, repository.files))
        return
    if floors is not None:
        environment = same_checkout_environment(os.environ)
        for line in write_floors(root, floors, environment, run_pants):
            output.print(line, markup=False, highlight=False)
        return
    if (from_python is None) != (weights is None) or (from_python is not None and checkpoint):
        raise ToolError("--from-python and --weights go together, in the place of --from")
    checkpoint = checkpoint or weights
    if from_timm is not None and checkpoint is None:
        check_timm_name(from_timm)
        request = Request(
            name=name or proposed_name(from_timm.partition(".")[0]),
            inputs=parse_inputs(inputs or usual_inputs(from_timm)),
            programs=_split(backends),
            license=license_id,
            classes=(),
            imports=(),
        )
        check_request(root, request)
        programs, samples, plans = _plans(root, request, calibration, takes_pictures=True)
        texts = timm_texts(from_timm, request, programs, plans)
        write_folder(root / "models" / request.name, texts, _places(samples))
        tell_timm(output, request, texts, _lines(request, programs, samples, plans))
        return
    if checkpoint is None or from_timm is not None:
        raise ToolError(_NEEDED)
    request = Request(
        name=name_of_file(checkpoint.stem) if name is None else name,
        inputs=parse_inputs(inputs or ()),
        programs=_split(backends),
        license=license_id,
        classes=tuple(allow_class or ()),
        imports=tuple(imports or ()),
        key=key,
        prefix=prefix,
        values_only=values_only,
        architecture=None if from_python is None else read_architecture(from_python, arguments),
        outputs=tuple(outputs.split(",")),
    )
    check_request(root, request)
    found = recognise(checkpoint, key, values_only or from_python is not None)
    if found.trained is not None:
        request = replace(
            request,
            inputs=image_inputs(found.trained, request.inputs),
            license=(license_id != _UNSTATED and license_id) or found.trained.license or _UNSTATED,
        )
    elif not request.inputs:
        raise ToolError(_NEEDED)
    pictures = found.trained is not None
    programs, samples, plans = _plans(root, request, calibration, pictures)
    content = content_of_file(checkpoint)
    _check_classes(request, found, checkpoint)
    _check_prefix(request, found)
    # Not the name that it has, which another checkpoint may have too; the suffix tells how it is read.
    file = f"{request.name}{found.form.suffix}"
    if found.trained is not None:
        plans = static_plans(found.trained, programs, samples, plans)
        size = found.data_bytes
        texts = ultralytics_texts(
            root, found.trained, request, file, content, size, programs, plans
        )
    else:
        texts = {
            "BUILD": build_text(request, found, file, content, programs, plans),
            "README.md": card_text(request, found, file),
        }
        if found.form not in BUILDERS:
            texts["builder.py"] = builder_text(request, found)
    if request.architecture is not None:
        texts[f"{ARCHITECTURE}.py"] = request.architecture.text
    write_model(
        root / "models" / request.name,
        texts,
        checkpoint,
        root / CHECKPOINTS / file,
        content,
        _places(samples),
    )
    tell(output, request, found, texts, _lines(request, programs, samples, plans))


def _plans(
    root: Path, request: Request, calibration: Path | None, takes_pictures: bool
) -> tuple[list[Program], SampleFiles | None, dict[str, Plan]]:
    """The programs, the samples that there are, and how those of int8 are quantized.

    Raises ToolError for samples that no program uses, and what `read_samples` and `plan` refuse.
    """
    known = programs_by_key(read_backends(root))
    programs = [known[key] for key in request.programs]
    quantized = [program for program in programs if program.quantized]
    if calibration is not None and not quantized:
        able = ", ".join(program.key for program in known.values() if program.quantized)
        raise ToolError(
            f"--calibration is for int8 programs, and --backends names none. Name one of {able}"
        )
    samples = None if calibration is None else read_samples(calibration, request.inputs)
    material = Material(request.inputs, samples, takes_pictures)
    if samples is not None and not any(calibrates(program, material) for program in quantized):
        samples = samples.only_judged()
        material = replace(material, samples=samples)
    return programs, samples, {program.key: plan(program, material) for program in quantized}


def _places(samples: SampleFiles | None) -> dict[str, Path]:
    return {} if samples is None else samples.places()


def _lines(
    request: Request,
    programs: list[Program],
    samples: SampleFiles | None,
    plans: dict[str, Plan],
) -> list[str]:
    """What is said of the programs."""
    lines = [f"its programs: {', '.join(f'{one.key} in {one.precision}' for one in programs)}"]
    if samples is not None:
        count = len({*samples.calibration, *samples.judged})
        lines.append(
            f"copied {count} samples, {samples.size} bytes, to models/{request.name}/samples: commit them with the "
            "model"
        )
    return lines + [f"{key}: {one.says}" for key, one in plans.items()]


def _check(output: Console, unclaimed: list[Path]) -> None:
    for path in unclaimed:
        output.print(f"{shown(path, 200)}: no target pins it", markup=False, highlight=False)
    if unclaimed:
        output.print(
            "Add each with `./foundry new --from FILE --inputs SHAPE`, or remove it",
            markup=False,
        )
        raise typer.Exit(NEGATIVE)
    output.print("every checkpoint has a target")


def _split(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _check_classes(request: Request, found: Recognised, checkpoint: Path) -> None:
    name = shown(checkpoint, 200)
    if request.classes and found.form is not Form.PICKLED:
        raise ToolError(
            f"{name}: --allow-class is for pickled modules; this is of another form: {found.form.value}"
        )
    missing = [one for one in found.classes if one not in request.classes]
    if found.form is Form.PICKLED and missing:
        options = " ".join(f"--allow-class {one}" for one in missing)
        raise ToolError(
            f"{name}: a pickled module, which refers to classes and functions by name; loading it could run code "
            "from the file. With --values-only it is read as data for its state_dict, and you fill in the "
            "architecture. Or save it as torch.jit.script(model).save(...). If you trust the file and all of these are "
            f"module classes: {options}"
        )


def _check_prefix(request: Request, found: Recognised) -> None:
    if not request.prefix:
        return
    names = list(found.taken.tensors) if found.taken is not None else []
    if not any(name.startswith(request.prefix) for name in names):
        begin = ", ".join(shown(name) for name in names[:3])
        raise ToolError(
            f"--prefix: no name begins with {shown(request.prefix)!r}"
            + (f". The first ones are {begin}" if begin else f": this is a {found.form.value}")
        )
