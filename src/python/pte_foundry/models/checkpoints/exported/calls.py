"""Calls of operators, with arguments that the operators have."""

from __future__ import annotations

from dataclasses import dataclass

from pte_foundry.models.checkpoints.exported.arguments import Argument
from pte_foundry.models.checkpoints.exported.fields import Misfit, identifier, shown
from pte_foundry.models.checkpoints.exported.operators import Operator, takes

BY_PLACE, BY_NAME = 1, 2
CONSTANTS = ("as_int", "as_float", "as_bool")
SYMBOLS = ("as_sym_int", "as_sym_float", "as_sym_bool")
_GREATEST_POWER = 64


@dataclass(frozen=True)
class Passed:
    """An argument of a call; `kind`: 1 by place, 2 by name, None as the operator's schema has it."""

    name: str
    argument: Argument
    kind: int | None

    def json(self) -> object:
        return {"name": self.name, "arg": self.argument.json(), "kind": self.kind}


@dataclass(frozen=True)
class Call:
    """Attributes: as torch's `Node`, without its metadata, which programs do not depend on."""

    operator: Operator
    inputs: tuple[Passed, ...]
    outputs: tuple[Argument, ...]
    single: bool | None
    name: str | None

    def json(self) -> object:
        return {
            "target": self.operator.target,
            "inputs": [one.json() for one in self.inputs],
            "outputs": [one.json() for one in self.outputs],
            "metadata": {},
            "is_hop_single_tensor_return": self.single,
            "name": self.name,
        }


def identifier_of_schema(value: object) -> str:
    """The name of an operator's argument, which may be called like a function of torch.fx: `self`."""
    if isinstance(value, str) and value.isascii() and value.isidentifier():
        return value
    return identifier(value)


def check_passed(operator: Operator, inputs: tuple[Passed, ...]) -> None:
    """Hold arguments to the operator's schema, which torch does only for some of them."""
    if operator.kind == "symbolic":
        for place, one in enumerate(inputs):
            if one.argument.kind not in (*CONSTANTS, *SYMBOLS):
                raise Misfit(f"{one.argument.kind} in arithmetic").inside(f"[{place}]").inside(
                    "inputs"
                )
        if operator.is_power and not _small_power(inputs):
            raise Misfit("a power whose value could be immense")
    names = [one.name for one in inputs]
    if operator.kind in ("higher-order", "calling"):
        by_name = {identifier(one.name) for one in inputs if one.name and one.kind != BY_PLACE}
        if not takes(operator, len(inputs) - len(by_name), by_name):
            raise Misfit(f"arguments that {operator.target} does not take").inside("inputs")
    if operator.arguments is None:
        return
    placed = [one.name for one in inputs if one.kind == BY_PLACE]
    strange = [name for name in names if name not in operator.arguments]
    missing = operator.needed - set(names)
    if strange or missing or len(set(names)) != len(names):
        what = f"an argument {shown(strange[0])}" if strange else "an argument twice"
        if missing and not strange:
            what = f"no argument {min(missing)}"
        raise Misfit(f"{what} in a call of {operator.target}").inside("inputs")
    if tuple(placed) != operator.arguments[: len(placed)]:
        raise Misfit(f"arguments of {operator.target} in another order").inside("inputs")


def _small_power(inputs: tuple[Passed, ...]) -> bool:
    exponent = inputs[-1].argument.value if len(inputs) == 2 else None
    return isinstance(exponent, (int, float)) and abs(exponent) <= _GREATEST_POWER
