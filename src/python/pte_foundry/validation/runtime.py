"""Load and run a program in the ExecuTorch runtime of the toolchain.

Where the bytes are not vouched for, only in a process of its own: `runtime_start` is for
`pte_foundry.validation.isolation.child_process`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from executorch.exir.scalar_type import ScalarType  # type: ignore[import-untyped]
from executorch.exir.tensor import get_scalar_type  # type: ignore[import-untyped]
from executorch.extension.pybindings import portable_lib  # type: ignore[import-untyped]
from executorch.runtime import Method, Program, Runtime  # type: ignore[import-untyped]
from torch import Tensor

from pte_foundry.errors import PteError
from pte_foundry.validation.isolation.child_process import Facts, Run, Start

_METHOD = "forward"


@dataclass(frozen=True)
class LoadedProgram:
    """A loaded method.

    Attributes:
        program: kept, because the method refers to the program's bytes.
        inputs: shape and element type (PyTorch's name) of each, as the runtime sees them.
        outputs: likewise.
    """

    program: Program
    method: Method
    inputs: tuple[tuple[tuple[int, ...], str], ...]
    outputs: tuple[tuple[tuple[int, ...], str], ...]

    def run(self, inputs: Sequence[Tensor]) -> list[Tensor]:
        """Execute once; the runtime's bindings copy the outputs, so later runs leave them alone.

        Raises:
            RuntimeError: from the runtime, for inputs of another shape or a failing kernel.
            TypeError: for an output that is no tensor.
        """
        outputs = []
        for output in self.method.execute(tuple(inputs)):
            if not isinstance(output, Tensor):
                raise TypeError(f"the method returned a {type(output).__name__}, not a tensor")
            outputs.append(output)
        return outputs


def runtime_start(pte: bytes, threads: int) -> Start:
    """What a child process does to run a program.

    Its facts are `inputs` and `outputs`, lists of [shape, element type].

    Args:
        threads: in the runtime's pool; what a backend brings of its own may have others.
    """

    def start() -> tuple[Facts, Run]:
        # Before anything is loaded: delegates keep what the pool was then.
        portable_lib._unsafe_reset_threadpool(threads)
        found = portable_lib._threadpool_get_thread_count()
        if found != threads:
            raise RuntimeError(f"ExecuTorch's thread pool has {found} threads instead of {threads}")
        program = load_program(pte)
        facts = {
            "inputs": [[list(shape), dtype] for shape, dtype in program.inputs],
            "outputs": [[list(shape), dtype] for shape, dtype in program.outputs],
        }
        return facts, program.run

    return start


def told_signature(told: Any) -> list[tuple[tuple[int, ...], str]]:
    """Shapes and element types out of the facts of a child.

    Raises:
        PteError: `load` for what is not of that form.
    """
    try:
        return [(tuple(int(size) for size in shape), str(dtype)) for shape, dtype in told]
    except (TypeError, ValueError) as error:
        raise PteError("load", f"the process that loaded it answered with {told!r}") from error


def unregistered_delegates(delegates: Iterable[str]) -> tuple[str, ...]:
    """Those of the delegate ids that this machine's runtime has no implementation of, sorted."""
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
        program,
        method,
        _tensors(meta.input_tensor_meta(i) for i in range(meta.num_inputs())),
        _tensors(meta.output_tensor_meta(i) for i in range(meta.num_outputs())),
    )


def _tensors(infos: Iterable[Any]) -> tuple[tuple[tuple[int, ...], str], ...]:
    """Of the bindings' TensorInfo, a class that they do not export."""
    return tuple(
        (
            tuple(info.sizes()),
            str(get_scalar_type(ScalarType(info.dtype()))).removeprefix("torch."),
        )
        for info in infos
    )
