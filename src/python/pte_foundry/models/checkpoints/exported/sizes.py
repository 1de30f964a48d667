"""Sizes that depend on the inputs: arithmetic with symbols, read and written again.

torch evaluates the text of a size with sympy's parser, which is `eval`. It only gets text that is
written here, from numbers, symbols and functions of a list, and whose value cannot be great.
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from pte_foundry.models.checkpoints.exported.fields import Misfit, is_whole, shown

_LONGEST, _DEEPEST, _BITS = 20_000, 60, 4096
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
class _Term:
    """A part of a size.

    Attributes:
        text: what torch gets.
        bits: at least as many as the whole part of its value has, if symbols have 64.
        exponent: a whole number that its magnitude does not exceed; immense if unknown.
    """

    text: str
    bits: int = 64
    exponent: int = _BITS + 1


@lru_cache(maxsize=4096)
def checked_size(text: str) -> str:
    """The same size, written again.

    Raises:
        Misfit: if it is not bounded arithmetic.
    """
    if len(text) > _LONGEST or text.count("(") > _LONGEST // 10:
        raise Misfit("a size of too many characters")
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        raise _no_size(text) from None
    term = _read(tree.body, text, 0)
    if term.bits > _BITS:
        raise Misfit(f"the size {shown(text)}, whose value could be immense")
    return term.text


def size_with_range(name: object) -> str:
    """The text of a size whose range a program has. Nothing evaluates it.

    Raises:
        Misfit: if it is not a size.
    """
    if not isinstance(name, str):
        raise Misfit(f"{shown(name)} where a size belongs")
    checked_size(name)
    return name


def _no_size(text: str) -> Misfit:
    return Misfit(f"the size {shown(text)}, which is not arithmetic", True)


def _read(node: ast.AST, text: str, depth: int) -> _Term:
    if depth > _DEEPEST:
        raise Misfit(f"the size {shown(text)}, which is nested too deep")
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        if node.value in (math.inf, -math.inf):
            raise _no_size(text)
        return _number(node.value)  # type: ignore[arg-type]
    if isinstance(node, ast.Name) and (node.id in _TRUTH or _SYMBOL.fullmatch(node.id)):
        return _Term(node.id)
    if isinstance(node, ast.UnaryOp) and type(node.op) in _UNARY:
        return _applied(_UNARY[type(node.op)], [_read(node.operand, text, depth + 1)])
    if isinstance(node, ast.BinOp) and type(node.op) in _BINARY:
        sides = [_read(one, text, depth + 1) for one in (node.left, node.right)]
        return _applied(_BINARY[type(node.op)], sides)
    if isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in _BINARY:
        sides = [_read(one, text, depth + 1) for one in (node.left, node.comparators[0])]
        return _applied(_BINARY[type(node.ops[0])], sides)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return _call(node, node.func.id, text, depth)
    raise _no_size(text)


def _call(node: ast.Call, function: str, text: str, depth: int) -> _Term:
    named = {
        one.arg: one.value.value for one in node.keywords if isinstance(one.value, ast.Constant)
    }
    first = node.args[0] if node.args else None
    literal = first.value if isinstance(first, ast.Constant) else None
    if len(named) == len(node.keywords) and len(node.args) == 1 and isinstance(literal, str):
        known = named.keys() <= _ASSUMPTIONS and all(one in (True, False) for one in named.values())
        if function == "Symbol" and _SYMBOL.fullmatch(literal) and known:
            words = (repr(literal), *(f"{key}={bool(value)}" for key, value in named.items()))
            return _Term(f"Symbol({', '.join(words)})")
        if function == "Float" and _DECIMAL.fullmatch(literal) and named.keys() <= {"precision"}:
            precision = named.get("precision")
            if precision is None:
                return _Term(f"Float({literal!r})")
            if is_whole(precision) and 1 <= precision <= 200:
                return _Term(f"Float({literal!r}, precision={precision})")
    if function in _FUNCTIONS and not node.keywords and node.args:
        return _applied(function, [_read(one, text, depth + 1) for one in node.args])
    raise _no_size(text)


def _number(value: int | float) -> _Term:
    bits = value.bit_length() if isinstance(value, int) else 64
    return _Term(repr(value), bits, int(min(abs(value), _BITS)) + 1)


def _applied(function: str, terms: Sequence[_Term]) -> _Term:
    """A function of terms, or an operator on one or two of them, in brackets."""
    texts = [term.text for term in terms]
    if function in _FUNCTIONS:
        text = f"{function}({', '.join(texts)})"
    else:
        text = f"({function.join(texts) if len(texts) == 2 else function + texts[0]})"
    bits = sum(term.bits for term in terms) + 1
    if function in _POWERS or function == "**":
        bits = terms[0].bits * max((term.exponent for term in terms[1:]), default=_BITS + 1)
    known = len(terms) == 1 and function in ("Integer", "Rational", "-")
    # A denominator of 0, or below 1, would make it greater.
    known |= function == "Rational" and len(terms) == 2 and texts[1].strip("0").isdigit()
    return _Term(text, bits, terms[0].exponent if known else _BITS + 1)
