"""Mutants of whole files, of reports, and of what a program says about itself."""

from __future__ import annotations

import copy
from typing import Any

import torch

from mutants.artifact import BUILDER, read_artifact, replace_program
from mutants.mutant import Change, Mutant, on_bytes, on_program, on_weight
from mutants.stored_weights import negate, put_nan, swap_channels, zero
from pte_foundry.models.plugins import load_module
from pte_foundry.testing.workspace import Workspace

XNNPACK, PORTABLE = "mobilenet_v3_small_xnnpack", "mobilenet_v3_small_portable"
OTHER_MODEL = "mobilenet_v2_xnnpack"
SOURCE_CHECKPOINT = "weights/other.pth"


def _stale_report(workspace: Workspace) -> None:
    changed = bytearray(workspace.pte)
    changed[-1000] ^= 1
    workspace.pte = bytes(changed)


def _file_of(stem: str) -> Change:
    """Another program, with a report that is right about its bytes."""

    def change(workspace: Workspace) -> None:
        other = read_artifact(stem)
        replace_program(workspace, other.pte)
        for field in ("delegation", "planned_memory_bytes"):
            workspace.report[field] = other.report[field]

    return change


def use_other_checkpoint(workspace: Workspace) -> None:
    """The program was built from other weights than those that its test names."""
    model = workspace.request["model"]
    module = load_module("builder", BUILDER, ("build",), BUILDER).build(model["name"]).module
    with torch.random.fork_rng():
        torch.manual_seed(1)
        state = {
            name: torch.randn_like(value) * 0.05 if value.is_floating_point() else value
            for name, value in module.state_dict().items()
        }
    for name, value in state.items():
        if name.endswith("running_var"):
            value.abs_().add_(0.5)
    _use_checkpoint(workspace, state)


def _use_checkpoint(workspace: Workspace, state: dict[str, torch.Tensor]) -> None:
    path = workspace.folder / SOURCE_CHECKPOINT
    path.parent.mkdir()
    torch.save(state, path)
    workspace.request["model"]["weights"] = {"source": "substitute", "file": SOURCE_CHECKPOINT}
    weights = workspace.report["weights"]
    weights |= {"source": "substitute", "sha256": "0" * 64, "file": path.name}


def _input_size(program: Any) -> None:
    plan = program.execution_plan[0]
    plan.values[plan.inputs[0]].val.sizes = [1, 3, 192, 192]


def _rename_delegate(program: Any) -> None:
    program.execution_plan[0].delegates[0].id = "XnnpackBackends"


def _more_memory(program: Any) -> None:
    program.execution_plan[0].non_const_buffer_sizes[1] += 4096


def _second_call(program: Any) -> None:
    instructions = program.execution_plan[0].chains[0].instructions
    instructions.append(instructions[0])


def _other_colours(program: Any) -> None:
    value = _method(program, "get_contract").values[0].val
    assert '"colour":"RGB"' in value.string_val
    value.string_val = value.string_val.replace('"colour":"RGB"', '"colour":"BGR"')


def _other_name(program: Any) -> None:
    _method(program, "get_input_names").values[0].val.string_val = "picture"


def _no_contract(program: Any) -> None:
    program.execution_plan.remove(_method(program, "get_contract"))


def _another_method(program: Any) -> None:
    another = copy.deepcopy(_method(program, "get_model_name"))
    another.name = "get_author"
    program.execution_plan.append(another)


def _method(program: Any, name: str) -> Any:
    (found,) = (plan for plan in program.execution_plan if plan.name == name)
    return found


def _other_operator(program: Any) -> None:
    """Every clamp becomes a ReLU."""
    for operator in program.execution_plan[0].operators:
        if operator.name == "aten::clamp":
            operator.name = "aten::relu"
            return
    names = [operator.name for operator in program.execution_plan[0].operators]
    raise AssertionError(f"none of {names} is the one that is exchanged")


def _builder(name: str) -> Change:
    def change(workspace: Workspace) -> None:
        workspace.request["model"]["builder"] = f"mutants.builders.{name}"

    return change


FILE_MUTANTS = (
    Mutant("one byte less", XNNPACK, on_bytes(lambda pte: pte[:-1]), "extent", True),
    Mutant("one byte more", XNNPACK, on_bytes(lambda pte: pte + b"\0"), "extent"),
    Mutant("half of the file", XNNPACK, on_bytes(lambda pte: pte[: len(pte) // 2]), "parse"),
    Mutant(
        "another format", XNNPACK, on_bytes(lambda pte: pte.replace(b"ET12", b"ET99", 1)), "load"
    ),
    Mutant("stale report beside new bytes", XNNPACK, _stale_report, "digest", True),
    Mutant(
        "the portable file under the name xnnpack", XNNPACK, _file_of(PORTABLE), "promise", True
    ),
    Mutant("another model's file", XNNPACK, _file_of(OTHER_MODEL), "parity:fixed-0"),
    Mutant("another checkpoint", XNNPACK, use_other_checkpoint, "parity:fixed-0"),
    Mutant("another input size", XNNPACK, on_program(_input_size), "signature"),
    Mutant("delegate renamed", XNNPACK, on_program(_rename_delegate), "delegation"),
    Mutant("delegate called twice", XNNPACK, on_program(_second_call), "delegation"),
    Mutant("more memory planned", XNNPACK, on_program(_more_memory), "planned-memory"),
    Mutant("contract says BGR", XNNPACK, on_program(_other_colours), "contract", True),
    Mutant("contract taken out", XNNPACK, on_program(_no_contract), "contract"),
    Mutant("another name of an input", XNNPACK, on_program(_other_name), "contract"),
    Mutant("one method more", XNNPACK, on_program(_another_method), "contract"),
    Mutant("BGR instead of RGB", XNNPACK, _builder("bgr"), "preprocessing", True),
    Mutant("another mean", XNNPACK, _builder("other_mean"), "preprocessing"),
    Mutant("weight zeroed", PORTABLE, on_weight("portable", zero), "parity:fixed-0"),
    Mutant("channels swapped", PORTABLE, on_weight("portable", swap_channels, 2), "parity:fixed-0"),
    Mutant("sign flipped", PORTABLE, on_weight("portable", negate), "parity:fixed-0"),
    Mutant("NaN in a weight", PORTABLE, on_weight("portable", put_nan), "run:fixed-0"),
    Mutant("operator exchanged", PORTABLE, on_program(_other_operator), "delegation"),
)
