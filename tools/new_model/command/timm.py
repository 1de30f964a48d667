"""A model of timm by name: its targets, without its weights, which are fetched when they are pinned."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from new_model.command.int8 import Plan
from new_model.command.programs import Program
from new_model.command.request import Request
from new_model.command.texts import model_text, weights_text
from workspace.errors import ToolError

_NAME = re.compile(r"[a-z0-9_]+\.[a-z0-9_]+", re.ASCII)
# `..._r224_in1k`, `..._patch16_224.augreg`.
_SIDE = re.compile(r"_r?(\d{3})(?:[_.]|$)", re.ASCII)
_USUAL_SIDE = 224
_USUAL_BYTES = 10_000_000


def check_timm_name(name: str) -> None:
    """Raises ToolError for a name without the tag of its weights."""
    if not _NAME.fullmatch(name):
        raise ToolError(
            f"--from-timm: {name!r} is not a model with the tag of its weights, such as "
            "mobilenetv4_conv_small.e2400_r224_in1k; https://huggingface.co/timm lists them"
        )


def usual_inputs(name: str) -> list[str]:
    """The input of a model of timm, as far as its name says it; the export compares it with timm's configuration."""
    sides = _SIDE.findall(name)
    side = sides[-1] if sides else _USUAL_SIDE
    return [f"image=1,3,{side},{side}"]


def timm_texts(
    name: str, request: Request, programs: Sequence[Program], plans: Mapping[str, Plan]
) -> dict[str, str]:
    """The files of `models/<request.name>/`."""
    page = f"https://huggingface.co/timm/{name}"
    weights = weights_text(
        [
            ("name", f"{request.name}_weights"),
            ("file", f"{request.name}.safetensors"),
            ("urls", [f"{page}/resolve/main/model.safetensors"]),
            ("license", request.license),
            ("source_page", page),
        ]
    )
    builder = f"models/{request.name}/builder.py"
    model = model_text(request, builder, "timm", _USUAL_BYTES, programs, plans)
    return {
        "BUILD": f"python_sources()\n\n{weights}\n{model}",
        "README.md": f"# {request.name}\n\n[{name}]({page}), as timm builds it and prepares its pictures.\n",
        "builder.py": f'''"""`{name}` of timm."""

from __future__ import annotations

from pte_foundry.models.definition import ModelDefinition
from pte_foundry.models.timm_model import timm_definition


def build(model: str) -> ModelDefinition:
    return timm_definition("{name}")
''',
    }
