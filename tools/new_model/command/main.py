"""Add a model of one's own: write its targets, pin its checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from new_model.command.recognise import Form, Recognised, recognise
from new_model.command.request import Request, check_request, parse_inputs
from new_model.command.texts import BUILDERS, build_text, builder_text, card_text
from new_model.command.unclaimed import CHECKPOINTS, unclaimed_checkpoints
from new_model.command.write import write_model
from pin_weights.command.content import content_of_file
from workspace.backends import read_backends
from workspace.errors import ToolError
from workspace.repository import find_repository
from workspace.tool_command import NEGATIVE, ToolCommand

app = typer.Typer(add_completion=False)


@app.command("new", cls=ToolCommand)
def main(
    checkpoint: Annotated[
        Path | None,
        typer.Option(
            "--from", help="TorchScript, .pt2, safetensors, a state_dict or a pickled module."
        ),
    ] = None,
    inputs: Annotated[
        list[str] | None,
        typer.Option(
            help="1,3,224,224 or tokens=int64[1,seq=1..128]{0..999}; repeat for each input, in order."
        ),
    ] = None,
    backends: Annotated[str, typer.Option(help="Separated by commas.")] = "portable,xnnpack",
    name: Annotated[str | None, typer.Option(help="The model's name; default: the file's.")] = None,
    license_id: Annotated[
        str, typer.Option("--license", help="SPDX identifier of the weights' licence.")
    ] = "LicenseRef-Unstated",
    allow_class: Annotated[
        list[str] | None,
        typer.Option(help="A class that a pickled module may refer to (repeatable)."),
    ] = None,
    imports: Annotated[
        list[str] | None,
        typer.Option(
            help="A Python file that defines such a class or registers operators (repeatable)."
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
    if checkpoint is None or not inputs:
        raise ToolError("--from and --inputs are needed, or --check")
    request = Request(
        name=checkpoint.stem.lower().replace("-", "_") if name is None else name,
        inputs=parse_inputs(inputs),
        backends=tuple(part.strip() for part in backends.split(",") if part.strip()),
        license=license_id,
        classes=tuple(allow_class or ()),
        imports=tuple(imports or ()),
    )
    check_request(root, request)
    content = content_of_file(checkpoint)
    found = recognise(checkpoint)
    _check_classes(request, found, checkpoint)
    file = _file_name(found, checkpoint)
    texts = {
        "BUILD": build_text(request, found, file, content, read_backends(root)),
        "README.md": card_text(request, found, file),
    }
    if found.form not in BUILDERS:
        texts["builder.py"] = builder_text(request)
    write_model(
        root / "models" / request.name, texts, checkpoint, root / CHECKPOINTS / file, content
    )
    _tell(output, request, found, texts)


def _check(output: Console, unclaimed: list[Path]) -> None:
    for path in unclaimed:
        output.print(f"{path}: no target pins it", markup=False, highlight=False)
    if unclaimed:
        output.print(
            "Add each with `./foundry new --from FILE --inputs SHAPE`, or remove it",
            markup=False,
        )
        raise typer.Exit(NEGATIVE)
    output.print("every checkpoint has a target")


def _check_classes(request: Request, found: Recognised, checkpoint: Path) -> None:
    missing = [name for name in found.classes if name not in request.classes]
    if missing:
        options = " ".join(f"--allow-class {name}" for name in missing)
        raise ToolError(
            f"{checkpoint}: a pickled module, which refers to classes and functions by name; loading it could run code "
            "from the file. Better save its values, torch.save(model.state_dict(), ...), or the whole as "
            f"torch.jit.script(model).save(...). If you trust the file and all of these are module classes: {options}"
        )
    if request.classes and found.form is not Form.PICKLED:
        raise ToolError(
            f"{checkpoint}: --allow-class is for pickled modules; this is of another form: {found.form.value}"
        )


def _file_name(found: Recognised, checkpoint: Path) -> str:
    """The name in the BUILD file: its suffix tells how a state_dict is read."""
    if found.form is Form.SAFETENSORS:
        return f"{checkpoint.stem}.safetensors"
    return f"{checkpoint.stem}.pth" if checkpoint.suffix == ".safetensors" else checkpoint.name


def _tell(output: Console, request: Request, found: Recognised, texts: dict[str, str]) -> None:
    folder = f"models/{request.name}"
    lines = [
        f"recognised as {found.form.value}",
        *(f"wrote {folder}/{name}" for name in texts),
    ]
    if found.form not in BUILDERS:
        lines.append(f"next, fill in {folder}/builder.py: a state_dict has no architecture. Then:")
    else:
        lines.append("next:")
    lines += [
        f"    ./pants test {folder}::",
        f"    ./pants package {folder}:{request.name}_{request.backends[0]}",
        "    ./foundry update-index",
    ]
    output.print("\n".join(lines), markup=False, highlight=False)
