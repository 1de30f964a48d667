"""Change a `.pte` and write it again, in ExecuTorch's own format."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from executorch.exir._serialize._program import (  # type: ignore[import-untyped]
    deserialize_pte_binary,
    serialize_pte_binary,
)

ChangeProgram = Callable[[Any], None]
ChangeBytes = Callable[[bytes], bytes]


def edit_program(pte: bytes, change: ChangeProgram) -> bytes:
    """Change the program (`executorch.exir.schema.Program`, in which payloads lie inline)."""
    file = deserialize_pte_binary(pte)
    change(file.program)
    return bytes(serialize_pte_binary(file, extract_delegate_segments=True))


def edit_payload(pte: bytes, change: ChangeBytes) -> bytes:
    """Change the payload of the only delegate."""

    def exchange(program: Any) -> None:
        (data,) = program.backend_delegate_data
        data.data = change(bytes(data.data))

    return edit_program(pte, exchange)


def unchanged(program: Any) -> None:
    """What is written again without a change has to pass, or no mutant would prove anything."""
