"""The `pte_backend` target: a locked toolchain and the module that lowers with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Optional

from pants.engine.addresses import Address
from pants.engine.target import (
    COMMON_TARGET_FIELDS,
    BoolField,
    Dependencies,
    DictStringToStringField,
    Field,
    InvalidFieldException,
    SpecialCasedDependencies,
    StringField,
    StringSequenceField,
    Target,
)
from pants.util.frozendict import FrozenDict
from pants.util.strutil import help_text

from pte_build.sdk.kinds import SDKS

PRECISIONS = ("fp32", "fp16", "int8")
PLATFORMS = ("android", "ios", "macos", "linux", "windows", "web")


class BackendDependenciesField(Dependencies):
    pass


class BackendResolveField(StringField):
    alias = "resolve"
    required = True
    help = help_text(
        """
        The entry of `[python].resolves` whose lockfile is this backend's toolchain: torch, executorch and what the
        lowering imports. The whole lockfile is an input of every program of this backend.
        """
    )


class BackendLoweringField(SpecialCasedDependencies):
    alias = "lowering"
    required = True
    help = help_text(
        """
        The file of the lowering module, one address. Its function `lower(request)` turns an exported program
        into an ExecuTorch program (`src/python/pte_foundry/backends/lowering.py` has the contract). The file and what
        it imports are inputs of every program of this backend.
        """
    )


class BackendInterpreterField(SpecialCasedDependencies):
    alias = "interpreter"
    help = help_text(
        """
        The file of a module that can run this backend's payloads in PyTorch, one address
        (`src/python/pte_foundry/backends/interpreter.py` has the contract). Validation uses it if the machine's
        ExecuTorch runtime does not implement the delegate. It is not an input of the programs.
        """
    )


class BackendDelegateField(StringField):
    alias = "delegate"
    help = help_text(
        """
        The id of the delegate that this backend's programs call, e.g. `XnnpackBackend`. Every
        build checks the promise: the program calls this delegate and no other. If omitted, it may call none.
        """
    )


class BackendPrecisionsField(StringSequenceField):
    alias = "precisions"
    default = ("fp32",)
    valid_choices = PRECISIONS
    help = "The precisions that this backend can lower to. The first is the default."


class BackendSizeRatiosField(Field):
    alias = "max_size_ratios"
    value: FrozenDict[str, float]
    default = None
    help = help_text(
        """
        The size budget of programs by their precision, e.g. `{"fp16": 0.54, "int8": 0.285}`: the default of
        `max_size_ratio` in the tests of this backend's programs.
        """
    )

    @classmethod
    def compute_value(
        # `./pants help` evaluates the type, on Python 3.9.
        cls,
        raw_value: Optional[dict[str, float]],  # noqa: UP007
        address: Address,
    ) -> FrozenDict[str, float]:
        ratios: Any = super().compute_value({} if raw_value is None else raw_value, address)
        if not isinstance(ratios, Mapping) or not all(
            precision in PRECISIONS and isinstance(ratio, float) and ratio > 0
            for precision, ratio in ratios.items()
        ):
            raise InvalidFieldException(
                f"{address}: `{cls.alias}` is {raw_value!r}. It must map precisions "
                f"({', '.join(PRECISIONS)}) to ratios such as 0.54."
            )
        return FrozenDict(ratios)


class BackendDynamicDimensionsField(BoolField):
    alias = "dynamic_dimensions"
    default = False
    help = "Whether programs of this backend may have dimensions that an app chooses, such as `seq=1..128` in `inputs`."


class BackendOptionsField(DictStringToStringField):
    alias = "options"
    help = help_text(
        """
        Options of the lowering module, as strings. A program can override them one by one with its `options`. They are
        part of the cache key and of the report.
        """
    )


class BackendRewritesField(SpecialCasedDependencies):
    alias = "rewrites"
    help = help_text(
        """
        Files of exact rewrites to apply to the eager model before export, in this order (see
        `src/python/pte_foundry/rewrites`). Each lets this backend take more of the graph. Programs can add more.
        """
    )


class BackendSdkField(StringField):
    alias = "sdk"
    valid_choices = tuple(SDKS)
    help = help_text(
        """
        A vendor's SDK that the lowering needs and no package index has. `qnn` is the Qualcomm AI Engine Direct SDK,
        found through the option `[qnn] sdk_root`. Its libraries are inputs of every program of this backend.

        Without that option the programs are unavailable: globs skip them with a message, an index lists them
        with the reason, and naming one is an error.
        """
    )


class BackendSdkVersionField(StringField):
    alias = "sdk_version"
    help = "The SDK's required version, or its first components, e.g. `2.37`. Required with `sdk`."


class BackendPlatformsField(StringSequenceField):
    alias = "platforms"
    required = True
    valid_choices = PLATFORMS
    help = "The platforms whose ExecuTorch runtime can run this backend's programs; written to the index."


class BackendSummaryField(StringField):
    alias = "summary"
    required = True
    help = "One sentence about the backend for people who choose an artifact; written to the index."


class PteBackend(Target):
    alias = "pte_backend"
    core_fields = (
        *COMMON_TARGET_FIELDS,
        BackendDependenciesField,
        BackendResolveField,
        BackendLoweringField,
        BackendInterpreterField,
        BackendDelegateField,
        BackendPrecisionsField,
        BackendSizeRatiosField,
        BackendDynamicDimensionsField,
        BackendOptionsField,
        BackendRewritesField,
        BackendSdkField,
        BackendSdkVersionField,
        BackendPlatformsField,
        BackendSummaryField,
    )
    help = help_text(
        f"""
        An ExecuTorch backend: one locked toolchain (`{BackendResolveField.alias}`), the Python module that lowers with
        it (`{BackendLoweringField.alias}`), and the delegate that its programs promise to call
        (`{BackendDelegateField.alias}`).

        The target's name is the backend's name in addresses, file names and the index.
        """
    )
