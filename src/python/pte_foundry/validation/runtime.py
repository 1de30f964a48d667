"""Load and run a program in the ExecuTorch runtime of the toolchain.

Untrusted bytes are loaded in a separate process only: `runtime_start` is for
`pte_foundry.validation.isolation.child_process`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from executorch.exir.scalar_type import ScalarType  # type: ignore[import-untyped]
from executorch.exir.tensor import get_scalar_type  # type: ignore[import-untyped]
from executorch.extension.pybindings import portable_lib  # type: ignore[import-untyped]
from executorch.runtime import Method, Program, Runtime  # type: ignore[import-untyped]
from torch import Tensor

from pte_foundry.errors import PteError
from pte_foundry.records.json_fields import Fields
from pte_foundry.validation.described import DESCRIBE, encode_signature, read_signature
from pte_foundry.validation.isolation.child_process import (
    Answer,
    ChildProcess,
    Facts,
    Serve,
    Start,
    serving_runs,
)

_METHOD = "forward"

Signature = tuple[tuple[tuple[int, ...], str], ...]
"""Shape and element type (PyTorch's name) of each tensor."""


@dataclass(frozen=True)
class LoadedProgram:
    """A loaded method.

    Attributes:
        pte: kept, because from ExecuTorch 1.5 on the runtime refers to the bytes without keeping them: with a
            temporary it would read memory that is free again.
        program: kept, because the method refers to it.
        inputs, outputs: as the runtime sees them.
    """

    pte: bytes
    program: Program
    method: Method
    inputs: Signature
    outputs: Signature

    def run(self, inputs: Sequence[Tensor]) -> list[Tensor]:
        """Execute once; the runtime's bindings copy the outputs, so later runs leave them alone.

        Raises:
            RuntimeError: from the runtime, for inputs of another shape or a failing kernel.
            TypeError: for an output that is not a tensor.
        """
        outputs = []
        for output in self.method.execute(tuple(inputs)):
            if not isinstance(output, Tensor):
                raise TypeError(f"the method returned a {type(output).__name__}, not a tensor")
            outputs.append(output)
        return outputs


def runtime_start(pte: bytes, threads: int, describe: Callable[[], Answer] | None = None) -> Start:
    """What a child process does to run a program; `signature_of` reads its facts.

    Args:
        threads: in the runtime's pool; backends may have pools of their own.
        describe: answers the question `DESCRIBE`; None without a reader of the payload.
    """

    def start() -> tuple[Facts, Mapping[str, Serve]]:
        # Before anything is loaded: delegates keep the pool that they find then.
        portable_lib._unsafe_reset_threadpool(threads)
        found = portable_lib._threadpool_get_thread_count()
        if found != threads:
            raise RuntimeError(f"ExecuTorch's thread pool has {found} threads instead of {threads}")
        program = load_program(pte)
        facts = {
            "inputs": encode_signature(program.inputs),
            "outputs": encode_signature(program.outputs),
        }
        answers = serving_runs(program.run)
        if describe is not None:
            answers[DESCRIBE] = lambda tensors: describe()
        return facts, answers

    return start


def signature_of(child: ChildProcess) -> tuple[Signature, Signature]:
    """Inputs and outputs of the program that a child has loaded.

    Raises:
        PteError: `load` for an answer of another form.
    """
    facts = Fields(child.facts, "the facts")
    try:
        return read_signature(facts, "inputs"), read_signature(facts, "outputs")
    except PteError as error:
        raise PteError(
            "load", f"the process that loaded it answered with nonsense ({error.message})"
        ) from error


def unregistered_delegates(delegates: Iterable[str]) -> tuple[str, ...]:
    """Those delegate ids that this machine's runtime has no implementation of, sorted."""
    registry = Runtime.get().backend_registry
    return tuple(sorted(name for name in delegates if not registry.is_available(name)))


def load_program(pte: bytes) -> LoadedProgram:
    """Load the method `forward`, which also initialises its delegates.

    Raises:
        RuntimeError: from the runtime, with its error code.
    """
    program = Runtime.get().load_program(pte)
    method = program.load_method(_METHOD)
    if method is None:
        raise RuntimeError(f"the program has no method {_METHOD!r}")
    meta = method.metadata
    return LoadedProgram(
        pte,
        program,
        method,
        _tensors(meta.input_tensor_meta(i) for i in range(meta.num_inputs())),
        _tensors(meta.output_tensor_meta(i) for i in range(meta.num_outputs())),
    )


def _tensors(infos: Iterable[Any]) -> Signature:
    """Of the bindings' TensorInfo, a class that they do not export."""
    return tuple(
        (
            tuple(info.sizes()),
            str(get_scalar_type(ScalarType(info.dtype()))).removeprefix("torch."),
        )
        for info in infos
    )
