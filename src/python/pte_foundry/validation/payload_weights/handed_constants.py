"""The constants that a program keeps itself and hands to its delegate, beside those in the payload.

XNNPACK's lowering leaves those in the program that an addition or a product takes; the filters go into the payload.
"""

from __future__ import annotations

import numpy as np
import torch
from executorch.exir.scalar_type import ScalarType  # type: ignore[import-untyped]
from executorch.exir.schema import Program  # type: ignore[import-untyped]
from executorch.exir.schema import Tensor as PlannedTensor

from pte_foundry.backends.content import Constant
from pte_foundry.errors import PteError

_FLOAT_BYTES = 4


def handed_constants(program: Program) -> tuple[Constant, ...]:
    """The float32 constants of the method `forward`, in its order of values.

    Raises:
        PteError: `structure` for a constant whose bytes are not as many as its shape wants.
    """
    found = []
    for place, value in enumerate(program.execution_plan[0].values):
        tensor = value.val
        if not isinstance(tensor, PlannedTensor) or not tensor.data_buffer_idx:
            continue  # 0 stands for no constant
        if tensor.scalar_type != ScalarType.FLOAT:
            continue
        stored = bytes(program.constant_buffer[tensor.data_buffer_idx].storage)
        # In the order of memory, outermost dimension first.
        shape = [tensor.sizes[dimension] for dimension in tensor.dim_order]
        if len(stored) < _FLOAT_BYTES * int(np.prod(shape)):
            raise PteError(
                "structure",
                f"value {place} of the program has {len(stored)} bytes for the shape {list(tensor.sizes)}",
            )
        flat = np.frombuffer(stored, np.float32, int(np.prod(shape))).reshape(shape)
        numbers = torch.from_numpy(flat.transpose(np.argsort(tensor.dim_order)).copy())
        found.append(Constant(f"value {place}", numbers, None, len(stored), torch.float32))
    return tuple(found)
