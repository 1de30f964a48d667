"""QNN: the Hexagon Tensor Processor (HTP) of Qualcomm's chips, through Qualcomm AI Engine Direct.

Nothing of `executorch.backends.qualcomm` is imported before an SDK is found: without QNN_SDK_ROOT
that import downloads one of 1.3 GB.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any

import torch
from executorch.exir import ExecutorchBackendConfig  # type: ignore[import-untyped]

from pte_foundry.backends.lowering import Lowered, LoweringRequest, check_supported, lower_with
from pte_foundry.backends.option_values import choose
from pte_foundry.backends.qnn.sdk import QnnSdk, check_loadable, check_version, find_sdk
from pte_foundry.errors import PteError

PRECISIONS: tuple[str, ...] = ("fp32",)
OPTIONS: Mapping[str, str] = {
    "soc_model": "the chip to compile for, by the name in ExecuTorch's table, e.g. SM8650 "
    "(Snapdragon 8 Gen 3), the default. The program holds code for the HTP of this chip; SM8450 and "
    "newer compute in float16, which the precision fp32 means here: the HTP has no float32. Inputs "
    "and outputs of the program stay float32",
}
_DEFAULT_SOC = "SM8650"


def check_environment() -> None:
    """Refuse a machine without an SDK before any work.

    Raises:
        PteError: `sdk-missing`.
    """
    find_sdk()


def check_options(options: Mapping[str, str]) -> None:
    """Refuse a chip that ExecuTorch does not know.

    Raises:
        PteError: `bad-option`; `sdk-missing`, since the table of chips is in a module that would
            download an SDK.
    """
    find_sdk()
    _chip(options)


def lower(request: LoweringRequest) -> Lowered:
    """Lower every operator that the HTP takes, at float16, to the delegate `QnnBackend`.

    The exported program is changed: Qualcomm's passes work in place.

    Raises:
        PteError: `unsupported-precision`, `bad-option`, `sdk-missing`, `sdk-version`.
    """
    check_supported(__name__, PRECISIONS, OPTIONS, request.precision, request.options)
    sdk = find_sdk()
    with _warnings_only():
        return _lower(request, sdk)


def _lower(request: LoweringRequest, sdk: QnnSdk) -> Lowered:
    with _same_kernels_on_every_cpu():
        from executorch.backends.qualcomm.scripts.download_qnn_sdk import (  # type: ignore[import-untyped]
            QNN_VERSION,
        )
    # Qualcomm's modules use each other as attributes of packages: import them after the package.
    from executorch.backends.qualcomm._passes.qnn_pass_manager import (  # type: ignore[import-untyped]
        get_qnn_pass_manager_cls,
    )
    from executorch.backends.qualcomm.partition.qnn_partitioner import (  # type: ignore[import-untyped]
        QnnPartitioner,
    )
    from executorch.backends.qualcomm.utils.qnn_manager_lifecycle import (  # type: ignore[import-untyped]
        QnnManagerContext,
    )
    from executorch.backends.qualcomm.utils.utils import (  # type: ignore[import-untyped]
        generate_htp_compiler_spec,
        generate_qnn_executorch_compiler_spec,
        get_qnn_context_binary_alignment,
        qnn_edge_config,
    )

    check_version(sdk, QNN_VERSION)
    chip = _chip(request.options)
    check_loadable(sdk)
    backend_options = generate_htp_compiler_spec(use_fp16=True)
    specs = generate_qnn_executorch_compiler_spec(chip, backend_options)
    # What Qualcomm's `to_edge_transform_and_lower_to_qnn` does, less its own torch.export.
    passes = get_qnn_pass_manager_cls(backend_options.backend_type)()
    program = passes.transform_for_export_pipeline(request.exported_program)
    with ExitStack() as stack:
        try:
            stack.enter_context(QnnManagerContext({"forward": specs}))
        except RuntimeError as error:
            raise PteError(
                "sdk-missing", f"{sdk.htp_library} is no working compiler: {error}"
            ) from error
        lowered = lower_with(
            replace(request, exported_program=program),
            [QnnPartitioner(specs)],
            transform_passes=passes.get_to_edge_transform_passes(program, compiler_specs=specs),
            compile_config=qnn_edge_config(),
            executorch_config=ExecutorchBackendConfig(
                segment_alignment=get_qnn_context_binary_alignment()
            ),
        )
    return Lowered(lowered.program, lowered.operators_before_lowering, {"qnn_sdk": sdk.version})


def _chip(options: Mapping[str, str]) -> Any:
    """An element of Qualcomm's enumeration `QcomChipset`."""
    with _same_kernels_on_every_cpu():
        from executorch.backends.qualcomm.utils.utils import get_soc_to_chipset_map

    chips = get_soc_to_chipset_map()
    others = sorted(chips.keys() - {_DEFAULT_SOC})
    return chips[choose(__name__, options, "soc_model", (_DEFAULT_SOC, *others))]


@contextmanager
def _same_kernels_on_every_cpu() -> Iterator[None]:
    # Importing Qualcomm's package turns oneDNN off on AMD's CPUs alone, for the whole process.
    onednn: Any = torch.backends.mkldnn
    enabled = onednn.enabled
    try:
        yield
    finally:
        onednn.enabled = enabled


@contextmanager
def _warnings_only() -> Iterator[None]:
    # Qualcomm's loggers ask for every message, and there are several for each operator.
    level = logging.root.manager.disable
    logging.disable(logging.INFO)
    try:
        yield
    finally:
        logging.disable(level)
