"""The backends that have a column in the table (standard library only)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

_LOWERING = "pte_foundry.backends.{}.lowering"


@dataclass(frozen=True)
class Column:
    """A backend as `toolchains/` declares it, which `columns_test.py` compares.

    Attributes:
        title: in the page.
        toolchain: where it lowers. Backends of one toolchain are judged in one process.
        precision, options, rewrites: of a program that asks for nothing special.
    """

    backend: str
    title: str
    toolchain: str
    precision: str
    options: Mapping[str, str] = field(default_factory=dict)
    rewrites: tuple[str, ...] = ()

    @property
    def lowering(self) -> str:
        return _LOWERING.format(self.backend)

    @property
    def program(self) -> str:
        """A program that is exported in its toolchain."""
        return f"models/mobilenet:mobilenet_v3_small_{self.backend}"


# QNN has none: its partitioner asks Qualcomm's compiler, which is in its SDK, about each operator.
COLUMNS: Mapping[str, Column] = {
    one.backend: one
    for one in (
        Column("portable", "portable", "executorch", "fp32"),
        Column(
            "xnnpack",
            "XNNPACK",
            "executorch",
            "fp32",
            rewrites=("pte_foundry.rewrites.float_hardsigmoid",),
        ),
        Column("coreml", "CoreML", "coreml", "fp16", {"minimum_deployment_target": "iOS17"}),
        Column("vulkan", "Vulkan", "executorch", "fp16", {"texture_limits": "2048"}),
        Column("mps", "MPS", "executorch_1_4", "fp16"),
    )
}
WITHOUT_COLUMN = ("qnn",)
