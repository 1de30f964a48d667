"""What a child reports about a delegate's payload: its content, and the options that it breaks.

The child reads the payload, and this process judges: it has the eager model, which the child does not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace

import torch
from torch import Tensor

from pte_foundry.backends.content import Constant, PayloadContent
from pte_foundry.errors import PteError
from pte_foundry.records.json_fields import Fields
from pte_foundry.validation.isolation.child_process import Answer, ChildProcess
from pte_foundry.validation.isolation.limits import printable

DESCRIBE = "describe"
"""The question to the child."""

_PRECISIONS = {"float16": torch.float16, "float32": torch.float32}


@dataclass(frozen=True)
class Description:
    """`broken_options`: one sentence for each, see `InterpretedProgram.broken_options`."""

    content: PayloadContent
    broken_options: tuple[str, ...] = ()


def encode(described: Description) -> Answer:
    """The answer that `ask` reads; called in the child."""
    content = described.content
    fields = {
        **asdict(replace(content, constants=())),
        "constants": [
            {
                "name": one.name,
                "stored_bytes": one.stored_bytes,
                "precision": str(one.precision).removeprefix("torch."),
                "has_scale": one.scale is not None,
            }
            for one in content.constants
        ],
        "inputs": encode_signature(content.inputs),
        "outputs": encode_signature(content.outputs),
        "broken_options": list(described.broken_options),
    }
    tensors = [
        tensor
        for one in content.constants
        for tensor in (one.values, one.scale)
        if tensor is not None
    ]
    return fields, tensors


def ask(child: ChildProcess) -> Description:
    """Have a child describe the payload of its program.

    Raises:
        PteError: what reading the payload raises in the child, what `ChildProcess.ask` raises, and
            `structure` for an answer of another form.
    """
    message = child.ask(DESCRIBE)
    try:
        if not isinstance(message.content, dict):
            raise ValueError(f"a {type(message.content).__name__}")
        return _read(Fields(message.content, "the description"), iter(message.tensors))
    except (PteError, ValueError, StopIteration) as error:
        raise PteError(
            "structure",
            f"the process that read the payload answered with nonsense ({printable(str(error))})",
        ) from error


def encode_signature(tensors: Iterable[tuple[tuple[int, ...], str]]) -> list[dict[str, object]]:
    """Shapes and element types as JSON."""
    return [{"shape": list(shape), "dtype": dtype} for shape, dtype in tensors]


def read_signature(fields: Fields, name: str) -> tuple[tuple[tuple[int, ...], str], ...]:
    """What `encode_signature` made; raises PteError `bad-request` for anything else."""
    return tuple((one.counts("shape"), one.text("dtype")) for one in fields.objects(name))


def _read(fields: Fields, tensors: Iterator[Tensor]) -> Description:
    constants = []
    for one in fields.objects("constants"):
        values, scale = next(tensors), next(tensors) if one.get("has_scale") is True else None
        precision = _PRECISIONS.get(one.text("precision"))
        if precision is None or any(
            tensor is not None and tensor.dtype != torch.float32 for tensor in (values, scale)
        ):
            raise ValueError(f"constant {one.text('name')!r} has no float type")
        constants.append(
            Constant(one.text("name"), values, scale, one.count("stored_bytes"), precision)
        )
    content = PayloadContent(
        constants=tuple(constants),
        operators=fields.count_map("operators"),
        convolutions=fields.count("convolutions"),
        products=fields.count("products"),
        inputs=read_signature(fields, "inputs"),
        outputs=read_signature(fields, "outputs"),
        float_types=fields.count_map("float_types"),
        keeps_batch_norms=fields.get("keeps_batch_norms") is True,
    )
    return Description(content, fields.texts("broken_options"))
