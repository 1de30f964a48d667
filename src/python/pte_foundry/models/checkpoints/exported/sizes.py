"""Sizes that depend on the inputs: arithmetic with symbols, read into expressions of ours.

torch evaluates the text of a size with sympy's parser, which is `eval`. It only gets text that is
written here, from numbers, symbols and functions of a list, and whose value cannot be great.
"""

from __future__ import annotations

import ast
import math
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Union

from pte_foundry.models.checkpoints.exported.fields import Misfit, is_whole, shown

_LONGEST, _DEEPEST, _BITS, _POWER = 20_000, 60, 4096, 64
_SYMBOL = re.compile(r"(?:s|zf)\d{1,9}|(?:u|zuf)\d{1,5}", re.ASCII)
_DECIMAL = re.compile(r"-?\d{1,40}(?:\.\d{1,40})?(?:[eE][-+]?\d{1,3})?", re.ASCII)
_ASSUMPTIONS = frozenset(
    "integer positive nonnegative real negative nonpositive nonzero zero finite".split()
)
_TRUTH = frozenset(("true", "false", "True", "False"))
_POWERS = frozenset(("Pow", "PowByNatural", "FloatPow", "LShift"))
# Functions of sympy and of torch/utils/_sympy/functions.py that torch writes sizes with.
_FUNCTIONS = _POWERS | frozenset(
    "Integer Rational Add Mul Max Min Mod PythonMod FloorDiv CeilDiv CleanDiv IntTrueDiv FloatTrueDiv "
    "ModularIndexing RShift CeilToInt FloorToInt TruncToInt TruncToFloat RoundToInt RoundDecimal ToFloat "
    "Identity Where Abs floor ceiling Eq Ne Ge Gt Le Lt And Or Not Equality Unequality GreaterThan "
    "LessThan StrictGreaterThan StrictLessThan IsNonOverlappingAndDenseIndicator".split()
)
_BINARY: dict[type[ast.AST], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.FloorDiv: "//",
    ast.Mod: "%",
    ast.Pow: "**",
    ast.BitAnd: "&",
    ast.BitOr: "|",
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
}
_UNARY: dict[type[ast.AST], str] = {ast.USub: "-", ast.UAdd: "+", ast.Invert: "~"}


@dataclass(frozen=True)
class Symbol:
    """A size that is known when the program runs; `assumptions`: e.g. `integer=True`."""

    name: str
    assumptions: tuple[str, ...] | None

    def __str__(self) -> str:
        if self.assumptions is None:
            return self.name
        return f"Symbol({', '.join((repr(self.name), *self.assumptions))})"


@dataclass(frozen=True)
class Number:
    """A number; text for those that sympy reads from text, with their precision in bits."""

    value: int | float | str
    precision: int | None = None

    def __str__(self) -> str:
        if isinstance(self.value, str):
            precision = "" if self.precision is None else f", precision={self.precision}"
            return f"Float({self.value!r}{precision})"
        return repr(self.value)


@dataclass(frozen=True)
class Applied:
    """A function, or an operator between brackets, of other expressions."""

    function: str
    arguments: tuple[Expression, ...]

    def __str__(self) -> str:
        words = [str(one) for one in self.arguments]
        if self.function in _FUNCTIONS:
            return f"{self.function}({', '.join(words)})"
        return f"({self.function.join(words) if len(words) == 2 else self.function + words[0]})"


Expression = Union[Symbol, Number, Applied, str]


@lru_cache(maxsize=4096)
def parse_size(text: str) -> Expression:
    """The expression that a text is; `str` of it is the text that torch gets.

    Raises:
        Misfit: if it is not bounded arithmetic.
    """
    if len(text) > _LONGEST or text.count("(") > _LONGEST // 10:
        raise Misfit("a size of too many characters")
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        raise _no_size(text) from None
    expression = _read(tree.body, text, 0)
    if _bits(expression) > _BITS:
        raise Misfit(f"the size {shown(text)}, whose value could be immense")
    return expression


def ranged(name: object) -> str:
    """The text of a size whose range a program has. Nothing evaluates it.

    Raises:
        Misfit: if it is no size.
    """
    if not isinstance(name, str):
        raise Misfit(f"{shown(name)} where a size belongs")
    parse_size(name)
    return name


def _no_size(text: str) -> Misfit:
    return Misfit(f"the size {shown(text)}, which is no arithmetic", True)


def _read(node: ast.AST, text: str, depth: int) -> Expression:
    if depth > _DEEPEST:
        raise Misfit(f"the size {shown(text)}, which is nested too deep")
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        if node.value in (math.inf, -math.inf):
            raise _no_size(text)
        return Number(node.value)  # type: ignore[arg-type]
    if isinstance(node, ast.Name) and node.id in _TRUTH:
        return node.id
    if isinstance(node, ast.Name) and _SYMBOL.fullmatch(node.id):
        return Symbol(node.id, None)
    if isinstance(node, ast.UnaryOp) and type(node.op) in _UNARY:
        return Applied(_UNARY[type(node.op)], (_read(node.operand, text, depth + 1),))
    if isinstance(node, ast.BinOp) and type(node.op) in _BINARY:
        sides = (_read(one, text, depth + 1) for one in (node.left, node.right))
        return Applied(_BINARY[type(node.op)], tuple(sides))
    if isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in _BINARY:
        sides = (_read(one, text, depth + 1) for one in (node.left, node.comparators[0]))
        return Applied(_BINARY[type(node.ops[0])], tuple(sides))
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return _call(node, node.func.id, text, depth)
    raise _no_size(text)


def _call(node: ast.Call, function: str, text: str, depth: int) -> Expression:
    named = {
        one.arg: one.value.value for one in node.keywords if isinstance(one.value, ast.Constant)
    }
    first = node.args[0] if node.args else None
    literal = first.value if isinstance(first, ast.Constant) else None
    if len(named) == len(node.keywords) and len(node.args) == 1 and isinstance(literal, str):
        known = named.keys() <= _ASSUMPTIONS and all(one in (True, False) for one in named.values())
        if function == "Symbol" and _SYMBOL.fullmatch(literal) and known:
            return Symbol(literal, tuple(f"{key}={bool(value)}" for key, value in named.items()))
        if function == "Float" and _DECIMAL.fullmatch(literal) and named.keys() <= {"precision"}:
            precision = named.get("precision")
            if precision is None or is_whole(precision) and 1 <= precision <= 200:
                return Number(literal, precision)
    if function in _FUNCTIONS and not node.keywords and node.args:
        return Applied(function, tuple(_read(one, text, depth + 1) for one in node.args))
    raise _no_size(text)


def _bits(expression: Expression) -> int:
    """More bits than the whole part of the value has, if symbols have 64."""
    if isinstance(expression, Applied):
        bits = [_bits(one) for one in expression.arguments]
        if expression.function in _POWERS or expression.function == "**":
            return bits[0] * max(_exponent(one) for one in expression.arguments[1:] or ("",))
        return sum(bits) + 1
    if isinstance(expression, Number) and isinstance(expression.value, int):
        return expression.value.bit_length()
    return 64


def _exponent(expression: Expression) -> int:
    """The least whole number that is not below an exponent; one that is immense if that is open."""
    if isinstance(expression, Number) and isinstance(expression.value, (int, float)):
        return int(min(abs(expression.value), _BITS)) + 1
    if isinstance(expression, Applied) and expression.function in ("Integer", "-"):
        return _exponent(expression.arguments[0])
    if isinstance(expression, Applied) and expression.function == "Rational":
        return _exponent(expression.arguments[0])
    return _BITS + 1
