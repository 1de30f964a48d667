"""What a CoreML payload stores and says of itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from pte_foundry.backends.content import Constant, PayloadContent
from pte_foundry.backends.coreml.operators import OPERATORS
from pte_foundry.backends.coreml.payload import MilPackage
from pte_foundry.backends.coreml.step import Step
from pte_foundry.backends.coreml.values import Value, tensor_type
from pte_foundry.backends.interpreter import damaged, unknown

_UNPACKING = "constexpr_"
"""Prefix of the operators that make a weight out of stored integers."""

_CONVOLUTIONS = ("conv", "conv_transpose")
_PRODUCTS = ("linear", "matmul")
_CAST = "cast"
_TARGET_OPTION = "minimum_deployment_target"

_GENERATIONS = (
    (6, "CoreML5", "iOS15 macOS12 watchOS8 tvOS15"),
    (7, "CoreML6", "iOS16 macOS13 watchOS9 tvOS16"),
    (8, "CoreML7", "iOS17 macOS14 watchOS10 tvOS17"),
    (9, "CoreML8", "iOS18 macOS15 watchOS11 tvOS18"),
    (10, "CoreML9", "iOS26 macOS26 watchOS26 tvOS26"),
)
SPECIFICATIONS: Mapping[str, tuple[int, str]] = {
    target: (version, operator_set)
    for version, operator_set, targets in _GENERATIONS
    for target in targets.split()
}
"""Deployment target -> version of the specification and operator set, from the first systems with ML programs on.

Source: coremltools 9.0, `coremltools.target`; a test compares. All of coremltools takes seconds to import.
"""


def mil_content(
    package: MilPackage, constants: Mapping[str, Value], steps: Sequence[Step]
) -> PayloadContent:
    """Describe a program, see `MilProgram` for the arguments.

    Raises:
        PteError: `structure` if an output or a stored integer refers to nothing.
    """
    computing = [step for step in steps if not step.operator.startswith(_UNPACKING)]
    operators = Counter(step.operator for step in computing)
    types = {
        value.name: tensor_type(value.type, f"input {value.name}")
        for value in package.function.inputs
    }
    types |= {name: (dtype, shape) for step in steps for name, dtype, shape in step.outputs}
    return PayloadContent(
        constants=(*_floats(constants, steps), *_unpacked(constants, steps)),
        operators=dict(sorted(operators.items())),
        convolutions=sum(operators[name] for name in _CONVOLUTIONS),
        products=sum(operators[name] for name in _PRODUCTS),
        inputs=_signature(package.inputs, types),
        outputs=_signature(package.outputs, types),
        float_types=dict(
            sorted(
                Counter(
                    _name(dtype)
                    for step in computing
                    # What comes in and goes out is converted, and nothing is computed by that.
                    if step.operator != _CAST
                    for _, dtype, _ in step.outputs
                    if dtype.is_floating_point
                ).items()
            )
        ),
        keeps_batch_norms=False,
    )


def broken_target(package: MilPackage, options: Mapping[str, str]) -> tuple[str, ...]:
    """Whether the specification and the operator set are those of the deployment target.

    A newer specification is refused by the oldest system that the program is meant for.

    Raises:
        PteError: `not-interpretable` for a target of another coremltools.
    """
    target = options.get(_TARGET_OPTION)
    if target is None:
        return ()
    if target not in SPECIFICATIONS:
        raise unknown("the ML program", f"the deployment target {target}")
    version, operator_set = SPECIFICATIONS[target]
    problems = []
    if package.specification_version != version:
        problems.append(
            f"its specification has version {package.specification_version}, that of {target} is "
            f"{version}"
        )
    if package.function.opset != operator_set:
        problems.append(
            f"its operator set is {package.function.opset}, that of {target} is {operator_set}"
        )
    return tuple(problems)


def _floats(constants: Mapping[str, Value], steps: Sequence[Step]) -> list[Constant]:
    """What is stored as floats and is not the scale of integers."""
    unpacked = {
        name
        for step in steps
        if step.operator.startswith(_UNPACKING)
        for names in step.arguments.values()
        for name in names
    }
    return [
        Constant(name, value.to(torch.float32), None, value.numel() * value.itemsize, value.dtype)
        for name, value in constants.items()
        if isinstance(value, Tensor) and value.is_floating_point() and name not in unpacked
    ]


def _unpacked(constants: Mapping[str, Value], steps: Sequence[Step]) -> list[Constant]:
    found = []
    for step in steps:
        if not step.operator.startswith(_UNPACKING):
            continue
        missing = [
            name for names in step.arguments.values() for name in names if name not in constants
        ]
        if missing:
            raise damaged(step.where, f"it unpacks {missing}, which is stored nowhere")
        arguments = {key: constants[names[0]] for key, names in step.arguments.items()}
        (values,) = OPERATORS[step.operator](arguments)
        # The same operator on all ones, without offset: what one step of the integers is worth.
        stored = next(key for key in ("quantized_data", "data") if key in arguments)
        data = arguments[stored]
        assert isinstance(data, Tensor)
        one = {**arguments, stored: torch.ones_like(data)}
        if "zero_point" in one:
            one["zero_point"] = 0
        one.pop("offset", None)
        (scale,) = OPERATORS[step.operator](one)
        size = sum(
            value.numel() * value.itemsize
            for value in arguments.values()
            if isinstance(value, Tensor)
        )
        found.append(Constant(step.outputs[0][0], values, scale, size))
    return found


def _signature(
    names: Sequence[str], types: Mapping[str, tuple[torch.dtype, tuple[int, ...]]]
) -> tuple[tuple[tuple[int, ...], str], ...]:
    if missing := [name for name in names if name not in types]:
        raise damaged("the ML program", f"metadata.json names {missing}, which nothing defines")
    return tuple((types[name][1], _name(types[name][0])) for name in names)


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
