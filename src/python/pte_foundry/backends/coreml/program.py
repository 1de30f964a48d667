"""Execute the ML program of a CoreML payload."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from pte_foundry.backends.content import PayloadContent
from pte_foundry.backends.coreml.content import broken_target, mil_content
from pte_foundry.backends.coreml.operators import OPERATORS
from pte_foundry.backends.coreml.payload import MilPackage, read_package
from pte_foundry.backends.coreml.step import Step
from pte_foundry.backends.coreml.values import Value, read_value, tensor_type
from pte_foundry.backends.interpreter import as_half, damaged, unknown
from pte_foundry.errors import PteError


@dataclass(frozen=True)
class MilProgram:
    """An ML program whose constants have been read.

    Attributes:
        package: the payload's content.
        constants: by name; tensors in the element type in which they are stored.
        steps: every operation that is no constant, in order.
    """

    package: MilPackage
    constants: dict[str, Value]
    steps: tuple[Step, ...] = field(repr=False)

    def run(self, inputs: Sequence[Tensor]) -> list[Tensor]:
        """See `pte_foundry.backends.interpreter.InterpretedProgram`.

        Args:
            inputs: in the order of `package.inputs`, of the program's shapes.
        """
        values: dict[str, Any] = {
            name: as_half(value) if isinstance(value, Tensor) else value
            for name, value in self.constants.items()
        }
        values.update(self._named_inputs(inputs))
        for step in self.steps:
            self._execute(step, values)
        if missing := [name for name in self.package.outputs if name not in values]:
            raise damaged("the ML program", f"nothing computes its outputs {missing}")
        return [values[name] for name in self.package.outputs]

    def content(self) -> PayloadContent:
        """See `pte_foundry.backends.interpreter.InterpretedProgram`."""
        return mil_content(self.package, self.constants, self.steps)

    def broken_options(self, options: Mapping[str, str]) -> tuple[str, ...]:
        """See `pte_foundry.backends.interpreter.InterpretedProgram`."""
        return broken_target(self.package, options)

    def _named_inputs(self, inputs: Sequence[Tensor]) -> dict[str, Tensor]:
        declared = {
            value.name: tensor_type(value.type, f"input {value.name}")
            for value in self.package.function.inputs
        }
        if sorted(declared) != sorted(self.package.inputs) or len(declared) != len(inputs):
            raise damaged(
                "the ML program",
                f"it takes {sorted(declared)}, metadata.json names {list(self.package.inputs)}, and "
                f"{len(inputs)} inputs are given",
            )
        named = dict(zip(self.package.inputs, inputs))
        for name, (_, shape) in declared.items():
            if tuple(named[name].shape) != shape:
                raise damaged(
                    f"input {name}", f"its shape is {shape}, given {tuple(named[name].shape)}"
                )
        return named

    def _execute(self, step: Step, values: dict[str, Any]) -> None:
        arguments: dict[str, Any] = {}
        for key, names in step.arguments.items():
            if missing := [name for name in names if name not in values]:
                raise damaged(step.where, f"its argument {key} is {missing}, which nothing defines")
            found = [values[name] for name in names]
            arguments[key] = found if key in step.lists else found[0]
        try:
            results = OPERATORS[step.operator](arguments)
        except PteError:
            raise
        except (RuntimeError, KeyError, IndexError, TypeError, AttributeError, ValueError) as error:
            # Whatever torch says of arguments that do not fit together.
            raise damaged(step.where, f"it cannot be computed ({error})") from error
        if len(results) != len(step.outputs):
            raise damaged(step.where, f"it has {len(step.outputs)} outputs, not {len(results)}")
        for result, (name, dtype, shape) in zip(results, step.outputs):
            if tuple(result.shape) != shape:
                raise damaged(
                    step.where, f"{name} is declared as {shape}, computed {tuple(result.shape)}"
                )
            values[name] = as_half(result) if dtype == torch.float16 else result


def interpret(payload: bytes, named_data: Mapping[str, bytes]) -> MilProgram:
    """Read a payload of the delegate `CoreMLBackend`.

    Args:
        named_data: of the program; the payload has all that it needs.

    Raises:
        PteError: `structure` or `not-interpretable`; everything but the shapes of intermediate
            results is checked here.
    """
    package = read_package(payload)
    constants: dict[str, Value] = {}
    steps: list[Step] = []
    for number, operation in enumerate(package.block.operations):
        where = f"operation {number} ({operation.type})"
        if operation.type == "const":
            (output,) = operation.outputs
            constants[output.name] = read_value(operation.attributes["val"], package.weights, where)
            continue
        if operation.type not in OPERATORS:
            raise unknown(where, "the interpreter does not have this operator")
        steps.append(_read_step(operation, package.weights, where, constants))
    return MilProgram(package, constants, tuple(steps))


def _read_step(operation: Any, weights: bytes, where: str, constants: dict[str, Value]) -> Step:
    """An operation; values that it carries itself join `constants` under a name of their own."""
    arguments: dict[str, list[str]] = {}
    lists = set()
    for key, argument in operation.inputs.items():
        names = []
        for place, binding in enumerate(argument.arguments):
            if binding.WhichOneof("binding") == "name":
                names.append(binding.name)
            else:
                name = f"{where} {key} {place}"
                constants[name] = read_value(binding.value, weights, f"{where} {key}")
                names.append(name)
        arguments[key] = names
        if key == "values":
            lists.add(key)
        elif len(names) != 1:
            raise damaged(where, f"its argument {key} has {len(names)} values")
    # Operators on constant weights carry them as attributes in older operator sets.
    for key, attribute in operation.attributes.items():
        if key != "name":
            name = f"{where} {key}"
            constants[name] = read_value(attribute, weights, name)
            arguments[key] = [name]
    outputs = tuple(
        (output.name, *tensor_type(output.type, f"{where} {output.name}"))
        for output in operation.outputs
    )
    return Step(operation.type, where, arguments, frozenset(lists), outputs)
