"""Which addresses the command line names."""

from __future__ import annotations

import pytest
from pants.base.specs import AddressLiteralSpec, FileLiteralSpec
from pants.engine.addresses import Address
from pants.engine.rules import QueryRule
from pants.testutil.rule_runner import RuleRunner

from pte_build.program.command_line import NamedAddresses
from pte_build.test_support import GAMMA_CHIP, make_runner, set_options


@pytest.mark.parametrize("path", ["models/gamma", "gamma", ""])
def test_an_address_from_the_root_or_from_a_folder_below(path: str) -> None:
    assert NamedAddresses((AddressLiteralSpec(path, "gamma_chip"),)).include(GAMMA_CHIP)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("models/gamma", "gamma_chip_test"),
        ("models/beta", "gamma_chip"),
        ("amma", "gamma_chip"),
        ("models", "gamma_chip"),
    ],
)
def test_another_address(path: str, name: str) -> None:
    assert not NamedAddresses((AddressLiteralSpec(path, name),)).include(GAMMA_CHIP)


@pytest.mark.parametrize(
    ("file", "named"),
    [
        ("tests/a_test.py", True),
        ("a_test.py", True),
        ("tests/b_test.py", False),
        ("s/a_test.py", False),
    ],
)
def test_a_file_names_the_target_that_was_generated_for_it(file: str, named: bool) -> None:
    address = Address("tests", target_name="late", relative_file_path="a_test.py")
    assert NamedAddresses((), (FileLiteralSpec(file),)).include(address) is named
    assert NamedAddresses((AddressLiteralSpec("tests", "late"),)).include(address)


def test_a_program_at_the_root() -> None:
    assert NamedAddresses((AddressLiteralSpec("", "p"),)).include(Address("", target_name="p"))


@pytest.fixture(scope="module")
def runner() -> RuleRunner:
    return make_runner(queries=(QueryRule(NamedAddresses, ()),))


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["models/gamma:gamma_chip"], True),
        (["//models/gamma:gamma_chip"], True),
        (["::", "models/gamma:gamma_chip"], True),
        (["::"], False),
        (["models/gamma:"], False),
        (["models/alpha:alpha_fast", "models::"], False),
        (["::", "-models/gamma:gamma_chip"], False),
        ([], False),
    ],
)
def test_the_command_line(runner: RuleRunner, arguments: list[str], named: bool) -> None:
    set_options(runner, "package", *arguments)
    assert runner.request(NamedAddresses, []).include(GAMMA_CHIP) == named
