"""Load and run a program in the ExecuTorch runtime of the toolchain."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from executorch.exir.scalar_type import ScalarType  # type: ignore[import-untyped]
from executorch.exir.tensor import get_scalar_type  # type: ignore[import-untyped]
from executorch.runtime import Method, Program, Runtime  # type: ignore[import-untyped]
from torch import Tensor

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
