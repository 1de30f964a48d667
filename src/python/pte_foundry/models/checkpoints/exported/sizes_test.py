from __future__ import annotations

import pytest

from pte_foundry.models.checkpoints.exported.fields import Misfit
from pte_foundry.models.checkpoints.exported.sizes import checked_size, size_with_range


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("s0", "s0"),
        ("2*s0 + 1", "((2*s0)+1)"),
        ("-s0 // 3", "((-s0)//3)"),
        ("s0**2 >= 4", "((s0**2)>=4)"),
        (
            "Symbol('s77', positive=True, integer=True)",
            "Symbol('s77', positive=True, integer=True)",
        ),
        (
            "Mul(Integer(2), Symbol('u0', integer=True))",
            "Mul(Integer(2), Symbol('u0', integer=True))",
        ),
        ("Pow(s0, Rational(1, 2))", "Pow(s0, Rational(1, 2))"),
        ("Float('1.5', precision=53)", "Float('1.5', precision=53)"),
        ("StrictGreaterThan(s0, Integer(6))", "StrictGreaterThan(s0, Integer(6))"),
        ("true", "true"),
    ],
)
def test_sizes_of_torch_are_written_again(text: str, written: str) -> None:
    assert checked_size(text) == written
    assert checked_size(written) == written


def test_what_is_written_has_the_value_of_what_was_read() -> None:
    names = {"s0": 7, "s1": 3, "Max": max, "FloorDiv": int.__floordiv__, "Mod": int.__mod__}
    for text in ("2*s0 + 1", "s0**3 - s0//2 % 5", "Max(s0, 2*s1, -3)", "Mod(s0 - -s1*2, 4) > -1"):
        assert eval(checked_size(text), names) == eval(text, names)


@pytest.mark.parametrize(
    "text",
    [
        *("__import__('os').system('true')", "s0.real", "Symbol('s0').integer", "1 .real"),
        *("s0 . evaluate", "Symbol('__class__')", "Symbol('s0', **s0)"),
        *("Symbol('s0', integer=s0)", "Symbol", "floor(floor)", "Max()", "Mul(*s0)", "[s0]"),
        *("lambda: 1", "f'{1}'", "s0 if s0 else 1", "s0 < s1 < s2", "s0 := 1", "getattr(s0, 'x')"),
        *("Integer('9')", "Float('nan')", "1e400", "1j", "'s0'", "None", "", "\0", "a", "x0"),
        *("s0[0]", "sympify('1')", "Function('f')(s0)", "Symbol('s0', commutative=False)"),
        *("evil0", "u123456"),
    ],
)
def test_what_is_not_arithmetic_is_refused(text: str) -> None:
    with pytest.raises(Misfit) as caught:
        checked_size(text)
    assert caught.value.runs_code


@pytest.mark.parametrize(
    "text",
    [
        *("9**9**9**9", "2**(10**10)", "2**s0", "s0**100", "9**(1 - -10**9)", "LShift(1, 10**6)"),
        *("Pow(2, Pow(10, 10))", "Pow(9, Rational(1, Rational(1, 10**9)))", "2**Rational(1, 1e-9)"),
        *("PowByNatural(PowByNatural(s0, 60), 60)", "*".join(["9" * 100] * 50)),
        *("(" * 300 + "s0" + ")" * 300, "-" * 9000 + "1", "s0+" * 9000 + "s0", "(" * 30_000),
    ],
)
def test_sizes_that_could_be_immense_are_refused(text: str) -> None:
    with pytest.raises(Misfit):
        checked_size(text)


def test_ranges_keep_their_text_if_it_is_a_size() -> None:
    assert size_with_range("2*s21") == "2*s21"
    for strange in ("x.y", 1, None):
        with pytest.raises(Misfit):
            size_with_range(strange)
