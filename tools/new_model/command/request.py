"""What the command line asks for, checked before anything is written."""

from __future__ import annotations

import ast
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from new_model.command.architecture import Architecture
from new_model.command.programs import programs_by_key
from pte_foundry.errors import PteError
from pte_foundry.models.checkpoints.refusal import shown
from pte_foundry.records.tensor_spec import TensorSpec, dimension_ranges, parse_tensor_spec
from workspace.backends import calls, read_backends
from workspace.errors import ToolError

_NAME = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)
_LICENSE = re.compile(r"[A-Za-z0-9.+-]+", re.ASCII)
_CLASS = re.compile(r"[A-Za-z_][\w.]*", re.ASCII)
_OUTPUT = re.compile(r"[\w.-]+")
_PREFIX = re.compile(r"\S+\.")
# Sizes, and perhaps values: no element type, no brackets.
_SHAPE = re.compile(r"([0-9a-z_=.,]+)(\{[^{}]*\})?", re.ASCII)


@dataclass(frozen=True)
class Request:
    """A new model.

    Attributes:
        inputs: by name, in the model's order.
        programs: keys of its programs: names of `pte_backend` targets in `toolchains/BUILD`, such as `xnnpack`, with
            another precision than their default before it, as in `int8_xnnpack`.
        classes: dotted names that the checkpoint's pickle may refer to.
        imports: files, relative to the root.
        key: where in the checkpoint the state_dict is; None for where it usually is.
        prefix: of the names of the state_dict that are the model's, such as `model.`; empty for all.
        values_only: whether a pickled module is taken for its state_dict.
        architecture: what constructs the model, where the checkpoint has its values only; None if it is to be
            written by hand.
        outputs: names of what the model of `architecture` returns, flattened.
    """

    name: str
    inputs: tuple[TensorSpec, ...]
    programs: tuple[str, ...]
    license: str
    classes: tuple[str, ...]
    imports: tuple[str, ...]
    key: str | None = None
    prefix: str = ""
    values_only: bool = False
    architecture: Architecture | None = None
    outputs: tuple[str, ...] = ("output",)


def name_of_file(stem: str) -> str:
    """The model's name where none is given; the file's as it is, to be refused, where that cannot be one."""
    plain = stem.lower().replace("-", "_")
    return plain if _NAME.fullmatch(plain) else stem


def proposed_name(text: str) -> str:
    """A model's name that is like a file's: lower case, without accents, `_` in the place of what else is there."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    name = re.sub("[^a-z0-9]+", "_", plain.lower()).strip("_")
    return name if _NAME.fullmatch(name) else f"model_{name}".rstrip("_")


def parse_inputs(texts: Sequence[str]) -> tuple[TensorSpec, ...]:
    """Read `1,3,224,224`, `int64[1,seq=1..128]{0..999}` or `tokens=int64[1,16]`, one for each input.

    Without a name it is `input`, and `input_0`, `input_1`, ... where there are several; without an
    element type, float32.

    Raises ToolError for what does not follow the grammar, and for two inputs of one name.
    """
    specs = []
    for number, text in enumerate(texts):
        name, separator, rest = text.partition("=")
        if not separator or _NAME.fullmatch(name) is None:
            name, rest = "input" if len(texts) == 1 else f"input_{number}", text
        if shape := _SHAPE.fullmatch(rest):
            rest = f"float32[{shape[1]}]{shape[2] or ''}"
        try:
            specs.append(parse_tensor_spec(name, rest))
        except PteError as error:
            raise ToolError(f"--inputs: {error.message}") from None
    if len({spec.name for spec in specs}) != len(specs):
        raise ToolError("--inputs: two inputs have one name")
    try:
        dimension_ranges(specs)
    except PteError as error:
        raise ToolError(f"--inputs: {error.message}") from None
    return tuple(specs)


def _models_elsewhere(root: Path) -> dict[str, Path]:
    """The names that models have below `models/`, with their folders."""
    files = sorted((root / "models").glob("*/BUILD"))
    return {
        ast.literal_eval(call["name"]): file.parent
        for file in files
        for call in calls("pte_model", file)
    }


def check_request(root: Path, request: Request) -> None:
    """Raises ToolError for a name that is none or is taken, unknown backends, and files that do not exist."""
    if not _NAME.fullmatch(request.name):
        raise ToolError(
            f"{shown(request.name)!r} cannot be a model's name, which has lower-case letters, digits and _, and begins "
            f"with a letter. Say --name {proposed_name(request.name)}, or another one"
        )
    others = _models_elsewhere(root)
    taken = {*others, *(path.name for path in (root / "models").iterdir())}
    if request.name in taken:
        free = next(name for n in range(2, 1000) if (name := f"{request.name}_{n}") not in taken)
        where = (
            f"models/{request.name} exists already"
            if (root / "models" / request.name).exists()
            else f"{others[request.name].relative_to(root)} has a model {request.name} already, and the index takes a "
            "name once"
        )
        raise ToolError(f"{where}. Choose another --name, such as {free}")
    known = programs_by_key(read_backends(root))
    unknown = [key for key in request.programs if key not in known]
    if unknown or not request.programs or len(set(request.programs)) != len(request.programs):
        raise ToolError(
            f"--backends: {','.join(request.programs) or 'none'}: name each once, out of {', '.join(known)}"
        )
    fixed = [key for key in request.programs if not known[key].dynamic_dimensions]
    if fixed and any(spec.dynamic for spec in request.inputs):
        able = [key for key, program in known.items() if program.dynamic_dimensions]
        raise ToolError(
            f"--inputs has dynamic dimensions, which are for {' and '.join(able)} only. Declare "
            f"fixed sizes, or leave out {', '.join(fixed)}"
        )
    checks: Mapping[str, tuple[re.Pattern[str], Sequence[str], str]] = {
        "--license": (
            _LICENSE,
            [request.license],
            "an SPDX identifier such as Apache-2.0, or LicenseRef-NAME for one that SPDX does not list",
        ),
        "--allow-class": (_CLASS, request.classes, "a dotted name such as package.module.Class"),
        "--outputs": (_OUTPUT, request.outputs, "a name without spaces or quotes"),
        "--prefix": (
            _PREFIX,
            [request.prefix] if request.prefix else [],
            "the beginning of names up to a dot, such as model.",
        ),
    }
    for option, (pattern, values, wanted) in checks.items():
        for value in values:
            if not pattern.fullmatch(value):
                raise ToolError(f"{option}: {value!r} is not {wanted}")
    for file in request.imports:
        if not file.endswith(".py") or not (root / file).is_file() or Path(file).is_absolute():
            raise ToolError(
                f"--imports: {file} is no Python file of this repository. Copy it there, and name "
                "it from the repository's top"
            )
