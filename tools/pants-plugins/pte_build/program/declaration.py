"""Everything that BUILD files say about one program, gathered and checked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePath

from pants.engine.addresses import Address
from pants.engine.engine_aware import EngineAwareParameter
from pants.engine.rules import Get, Rule, collect_rules, rule
from pants.util.frozendict import FrozenDict

from pte_build.addresses import KnownTarget, TargetRequest
from pte_build.errors import PteBuildError
from pte_build.program.backend import Backend, BackendRequest
from pte_build.quantization.declared import (
    QUANTIZATION_ADDRESSES,
    QuantizationDeclaration,
    is_quantized,
    read_quantization,
)
from pte_build.targets.pte_backend import BackendDynamicDimensionsField
from pte_build.targets.pte_program import (
    MaxDelegateCallsField,
    MaxUndelegatedOperatorsField,
    MinDelegatedFractionField,
    ProgramAllowedClassesField,
    ProgramBackendField,
    ProgramBuilderField,
    ProgramBuilderResolveField,
    ProgramImportsField,
    ProgramInputsField,
    ProgramModelField,
    ProgramOptionsField,
    ProgramOutputPathField,
    ProgramOutputsField,
    ProgramPrecisionField,
    ProgramRewritesField,
    ProgramTaskField,
    ProgramUnavailableField,
    ProgramWeightsField,
    PteProgram,
)
from pte_foundry.errors import PteError
from pte_foundry.records.model_request import parse_inputs
from pte_foundry.records.promise import Floor
from pte_foundry.records.tensor_spec import TensorSpec

_ADDRESS_FIELDS = (
    ProgramWeightsField,
    ProgramBuilderField,
    ProgramBackendField,
    ProgramRewritesField,
    ProgramImportsField,
)


@dataclass(frozen=True)
class ProgramDeclaration:
    """A `pte_program` target with its backend.

    `options` and `rewrites` are the backend's and the program's together. `unavailable` is the reason why the program
    cannot be built, if the BUILD file gives one. `quantization` is None for such a program and for a float precision.
    """

    address: Address
    model: str
    weights: Address
    builder: Address
    inputs: tuple[TensorSpec, ...]
    backend: Backend
    precision: str
    options: FrozenDict[str, str]
    rewrites: tuple[Address, ...]
    resolves: tuple[str, ...]
    floor: Floor
    quantization: QuantizationDeclaration | None
    unavailable: str | None
    pte_path: str
    imports: tuple[Address, ...] = ()
    outputs: tuple[str, ...] = ()
    allowed_classes: tuple[str, ...] = ()
    task: str | None = None

    @property
    def plugins(self) -> tuple[Address, ...]:
        """The files that an export loads by name, except the lowering."""
        recipe = () if self.quantization is None else (self.quantization.recipe,)
        return (self.builder, *self.imports, *self.rewrites, *recipe)

    @property
    def family(self) -> str:
        """The folder of the BUILD file, e.g. `mobilenet`."""
        return family_of(self.address)

    @property
    def report_path(self) -> str:
        return report_path(self.pte_path)

    @property
    def tree_path(self) -> str:
        return tree_path(self.address, self.pte_path)


@dataclass(frozen=True)
class DeclarationRequest(EngineAwareParameter):
    """`program` is the address of a `pte_program`; `origin` says who names it, for messages."""

    program: Address
    origin: str = "the command line"

    def debug_hint(self) -> str:
        return self.program.spec


def family_of(program: Address) -> str:
    """The folder of the program's BUILD file, e.g. `mobilenet`."""
    return PurePath(program.spec_path).name


def report_path(pte_path: str) -> str:
    """The path of a program's report, which is beside it."""
    return str(PurePath(pte_path).with_suffix(".json"))


def tree_path(program: Address, pte_path: str) -> str:
    """Where a program is below its version's folder, e.g. `mobilenet/mobilenet_v2_xnnpack.pte`."""
    return f"{family_of(program)}/{PurePath(pte_path).name}"


def choose_precision(
    program: Address, asked: str | None, backend: Backend, unavailable: bool = False
) -> str:
    """The precision to lower to. Raises PteBuildError if the backend does not have it.

    unavailable: then the backend may lack it, which may be the very reason.
    """
    if asked is None:
        return backend.precisions[0]
    if asked not in backend.precisions and not unavailable:
        raise PteBuildError(
            f"{program}: precision {asked!r} is not one that the backend {backend.address} can lower to; it has: "
            f"{', '.join(backend.precisions)}."
        )
    return asked


def check_dimensions(program: Address, inputs: Mapping[str, str], backend: Backend) -> None:
    """Raises PteBuildError for a dynamic dimension if the backend does not support them."""
    dynamic = [f"{name}: {text}" for name, text in inputs.items() if "=" in text]
    if dynamic and not backend.dynamic_dimensions:
        raise PteBuildError(
            f"{program}: `{ProgramInputsField.alias}` has dynamic dimensions ({'; '.join(dynamic)}), but the backend "
            f"{backend.address} does not set `{BackendDynamicDimensionsField.alias}`. Declare fixed sizes, or remove "
            "the program."
        )


def unavailable_reason(program: Address, declared: str | None) -> str | None:
    """The reason in one line, without a full stop. Raises PteBuildError for an empty text."""
    if declared is None:
        return None
    reason = " ".join(declared.split()).rstrip(".")
    if not reason:
        raise PteBuildError(
            f"{program}: `{ProgramUnavailableField.alias}` is empty. Say why the program cannot be built, or "
            "remove the field."
        )
    return reason


def declared_inputs(program: Address, inputs: Mapping[str, str]) -> tuple[TensorSpec, ...]:
    """The inputs of a program. Raises PteBuildError for text that describes no input."""
    try:
        return parse_inputs(inputs)
    except PteError as error:
        raise PteBuildError(f"{program}: {error}") from None


@rule
async def read_declaration(request: DeclarationRequest) -> ProgramDeclaration:
    target = await Get(
        KnownTarget,
        TargetRequest(request.program, PteProgram, _ADDRESS_FIELDS, owner=request.origin),
    )
    address = target.address
    backend = await Get(Backend, BackendRequest(target.one(ProgramBackendField), address))
    builder_resolve = target[ProgramBuilderResolveField].value
    unavailable = unavailable_reason(address, target[ProgramUnavailableField].value)
    inputs = target[ProgramInputsField].value or FrozenDict()
    if unavailable is None:
        check_dimensions(address, inputs, backend)
    precision = choose_precision(
        address, target[ProgramPrecisionField].value, backend, unavailable is not None
    )
    quantization = None
    if unavailable is None and is_quantized(target.target, precision):
        quantization = read_quantization(
            await Get(
                KnownTarget,
                TargetRequest(address, PteProgram, QUANTIZATION_ADDRESSES, owner=request.origin),
            )
        )
    return ProgramDeclaration(
        address=address,
        model=target[ProgramModelField].value or "",
        weights=target.one(ProgramWeightsField),
        builder=target.one(ProgramBuilderField),
        inputs=declared_inputs(address, inputs),
        backend=backend,
        precision=precision,
        options=FrozenDict({**backend.options, **(target[ProgramOptionsField].value or {})}),
        rewrites=(*backend.rewrites, *target.all(ProgramRewritesField)),
        resolves=(backend.resolve, *((builder_resolve,) if builder_resolve else ())),
        floor=Floor(
            target[MaxDelegateCallsField].value,
            target[MaxUndelegatedOperatorsField].value,
            target[MinDelegatedFractionField].value,
        ),
        quantization=quantization,
        unavailable=unavailable,
        pte_path=target[ProgramOutputPathField].pte_path(),
        imports=target.all(ProgramImportsField),
        outputs=target[ProgramOutputsField].value or (),
        allowed_classes=target[ProgramAllowedClassesField].value or (),
        task=target[ProgramTaskField].value,
    )


def rules() -> Iterable[Rule]:
    return collect_rules()
