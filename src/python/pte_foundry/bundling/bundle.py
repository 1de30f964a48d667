"""A program with inputs and what the eager model makes of them, for ExecuTorch's own runners on a device.

The file is ExecuTorch's BundledProgram (`.bpte`). It holds the bytes of the `.pte` as they are.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from torch import Tensor

from pte_foundry.bundling.devtools import skip_package_init
from pte_foundry.errors import PteError
from pte_foundry.models.eager import EagerModel, build_eager
from pte_foundry.models.forward import kept_state
from pte_foundry.stages import Begin
from pte_foundry.validation.exercise import flat_outputs
from pte_foundry.validation.inputs import Inputs, fixed_input_sets, shown_inputs
from pte_foundry.validation.request import ValidationRequest

SCHEMA_VERSION = 1
METHOD = "forward"


@dataclass(frozen=True)
class BundleCase:
    """One set of inputs.

    Attributes:
        name: as in the program's test: `fixed-0`, or the name of a photograph or sample.
        inputs: contiguous, as the program takes them.
        expected: the eager fp32 model's outputs, contiguous, in the program's order.
    """

    name: str
    inputs: Inputs
    expected: tuple[Tensor, ...]


def tolerance(request: ValidationRequest) -> float:
    """The greatest absolute difference that the program's test allows, in the outputs' unit.

    Raises:
        PteError: `bad-request` for a test without one: ExecuTorch's runners know no cosine.
    """
    difference = request.checks.max_abs_difference
    if difference is None:
        raise PteError(
            "bad-request",
            f"{request.address} has no `max_abs_difference`, by which ExecuTorch's runners compare outputs. Give the "
            "test one",
        )
    return difference


def bundle_cases(request: ValidationRequest, begin: Begin) -> tuple[BundleCase, ...]:
    """The inputs on which the program's test judges parity, each from the model's first state.

    Of an int8 program that was calibrated on photographs or samples these are such alone.

    Raises:
        PteError: `mismatch` if the model's outputs are of other types than the program's; what building the
            model and reading photographs raise.
    """
    begin("loading the model")
    eager = build_eager(request.model, request.root)
    unjudged = request.is_quantized and request.judged_on_files
    sets = {} if unjudged else dict(fixed_input_sets(request))
    for path, prepare in shown_inputs(request, eager.definition.preprocess).items():
        sets[PurePosixPath(path).name] = prepare()
    cases = []
    for name, inputs in sets.items():
        begin(f"running the model on {name}")
        cases.append(_case(request, eager, name, inputs))
    return tuple(cases)


def _case(request: ValidationRequest, eager: EagerModel, name: str, inputs: Inputs) -> BundleCase:
    with kept_state(eager.module):
        expected = flat_outputs(eager.module, inputs)
    found = [str(output.dtype).removeprefix("torch.") for output in expected]
    stated = [tensor.dtype for tensor in request.report.outputs]
    if found != stated:
        raise PteError(
            "mismatch",
            f"{request.address}: on {name} the eager model returns {found}, but the program {stated}. Build program "
            "and report again from one commit",
        )
    return BundleCase(name, _plain(inputs), _plain(expected))


def _plain(tensors: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """Each with a storage of its own: ExecuTorch writes the whole storage of a tensor, from its first byte."""
    return tuple(tensor.detach().contiguous().clone() for tensor in tensors)


def bundled_program(pte: Path, cases: Sequence[BundleCase]) -> bytes:
    """The BundledProgram: the same bytes for the same arguments.

    Args:
        pte: the program's file.
    """
    skip_package_init()
    from executorch.devtools.bundled_program.config import (  # type: ignore[import-untyped]
        MethodTestCase,
        MethodTestSuite,
    )
    from executorch.devtools.bundled_program.core import (  # type: ignore[import-untyped]
        BundledProgram,
    )
    from executorch.devtools.bundled_program.serialize import (  # type: ignore[import-untyped]
        serialize_from_bundled_program_to_flatbuffer,
    )

    tests = [MethodTestCase(list(case.inputs), list(case.expected)) for case in cases]
    bundle = BundledProgram(None, [MethodTestSuite(METHOD, tests)], str(pte))
    return bytes(serialize_from_bundled_program_to_flatbuffer(bundle))


def verify(bundle: bytes, cases: Sequence[BundleCase], atol: float) -> None:
    """Let ExecuTorch's runtime run each case of a bundle from the program's first state, and compare.

    Raises:
        PteError: `mismatch`, naming the case.
    """
    from executorch.extension.pybindings import portable_lib  # type: ignore[import-untyped]

    for number, case in enumerate(cases):
        # Loaded anew, so that no case sees what another has left in the program's buffers.
        read = portable_lib._load_bundled_program_from_buffer(bundle)
        try:
            read.verify_result_with_bundled_expected_output(METHOD, number, rtol=0.0, atol=atol)
        except RuntimeError as error:
            raise PteError(
                "mismatch",
                f"ExecuTorch's runtime does not reproduce the expected outputs of {case.name} within {atol} "
                f"({' '.join(str(error).split())}). Run the program's test, which says by how much they differ",
            ) from error


def description(
    request: ValidationRequest,
    pte: bytes,
    bundle: bytes,
    cases: Sequence[BundleCase],
    atol: float,
    verified: bool,
) -> dict[str, object]:
    """What to tell a runner, and what the bundle is about: the JSON beside it.

    Args:
        verified: whether ExecuTorch's runtime ran all cases when the bundle was made; else no runtime there has
            the program's delegates.
    """
    report = request.report
    return {
        "schema_version": SCHEMA_VERSION,
        "address": report.declared.address,
        "executorch": report.versions["executorch"],
        "weights": report.declared.weights.to_json(),
        "program": _file(pte),
        "bundle": _file(bundle),
        "method": METHOD,
        "cases": [case.name for case in cases],
        "atol": atol,
        "rtol": 0.0,
        "verified": verified,
    }


def _file(content: bytes) -> dict[str, object]:
    return {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}
