"""Read an XNNPACK payload. It is not interpreted, since the runtime of every machine executes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor

from pte_foundry.backends.content import PayloadContent
from pte_foundry.backends.interpreter import unknown
from pte_foundry.backends.xnnpack.content import xnnpack_content
from pte_foundry.backends.xnnpack.payload import XnnpackPayload, read_payload


@dataclass(frozen=True)
class XnnpackProgram:
    """An XNNPACK graph whose constants can be compared."""

    payload: XnnpackPayload

    def run(self, inputs: Sequence[Tensor]) -> list[Tensor]:
        """Raises PteError `not-interpretable`."""
        raise unknown("the XNNPACK graph", "it is executed, and has no interpreter")

    def content(self) -> PayloadContent:
        """See `pte_foundry.backends.interpreter.InterpretedProgram`."""
        return xnnpack_content(self.payload)

    def broken_options(self, options: Mapping[str, str]) -> tuple[str, ...]:
        """The backend has no options."""
        return ()


def interpret(payload: bytes, named_data: Mapping[str, bytes]) -> XnnpackProgram:
    """Read a payload of the delegate `XnnpackBackend`; raises PteError `structure`."""
    return XnnpackProgram(read_payload(payload, named_data))
