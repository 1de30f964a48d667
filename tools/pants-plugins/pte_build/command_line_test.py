"""Which addresses the command line names."""

from __future__ import annotations

from pathlib import Path

import pytest
from pants.base.specs import AddressLiteralSpec, FileLiteralSpec
from pants.base.specs_parser import SpecsParser
from pants.engine.addresses import Address
from pants.engine.rules import QueryRule
from pants.testutil.rule_runner import PYTHON_BOOTSTRAP_ENV, RuleRunner

from pte_build.command_line import NamedAddresses
from pte_build.test_support import GAMMA_CHIP, make_runner, session_settings

ROOT, DEEP, BESIDE = (Address(path, target_name="x") for path in ("", "models/x", "x"))
FILE = Address("tests", target_name="late", relative_file_path="a_test.py")
FILE_BELOW = Address("tests", target_name="late", relative_file_path="sub/a_test.py")
GENERATED = Address("tests", target_name="late", generated_name="one")
FAST = Address("models/x", target_name="p", parameters={"backend": "fast", "bits": "8"})
SLOW = Address("models/x", target_name="p", parameters={"backend": "slow", "bits": "8"})
ALL = (ROOT, DEEP, BESIDE, FILE, FILE_BELOW, GENERATED, FAST, SLOW)
PROGRAMS = {FAST, SLOW}


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("//:x", {ROOT}),
        (":x", {ROOT}),
        ("./:x", {ROOT}),
        ("x", set()),
        ("x:x", {BESIDE}),
        ("//x:x", {BESIDE}),
        ("./x/:x", {BESIDE}),
        ("models/x:x", {DEEP}),
        ("models//x:x", {DEEP}),
        ("models/../models/x:x", {DEEP}),
        ("models/x:y", set()),
        ("odels/x:x", set()),
        ("models:x", set()),
        ("models/x", set()),
        ("models/x:", set()),
        ("models::", set()),
        ("models/x:p", PROGRAMS),
        ("models/x:p@backend=fast", {FAST}),
        ("models/x:p@bits=8", PROGRAMS),
        ("models/x:p@bits=8,backend=slow", {SLOW}),
        ("models/x:p@backend=other", set()),
        ("models/x:p@backend=fast,more=1", set()),
        ("tests:late", {FILE, FILE_BELOW, GENERATED}),
        ("tests:late#one", {GENERATED}),
        ("tests:late#two", set()),
        ("tests/a_test.py:late", {FILE}),
        ("tests/sub/a_test.py:../late", {FILE_BELOW}),
        ("tests/sub/a_test.py:late", set()),
        ("tests/a_test.py", {FILE}),
        ("./tests/a_test.py", {FILE}),
        ("a_test.py", set()),
        ("sub/a_test.py", set()),
        ("tests/*_test.py", set()),
        ("tests/b_test.py", set()),
    ],
)
def test_whole_addresses_are_compared(tmp_path: Path, spec: str, expected: set[Address]) -> None:
    specs = SpecsParser(root_dir=str(tmp_path)).parse_specs([spec], description_of_origin="a test")
    named = NamedAddresses(specs.includes.address_literals, specs.includes.file_literals)
    assert {address for address in ALL if named.include(address)} == expected


def test_a_target_named_after_its_folder() -> None:
    # As Pants parses `models/x@bits=8`.
    literal = AddressLiteralSpec("models/x", None)
    assert NamedAddresses((literal,)).include(DEEP)
    assert not NamedAddresses((literal,)).include(BESIDE)
    assert not NamedAddresses((), (FileLiteralSpec("models/x"),)).include(DEEP)


@pytest.fixture(scope="module")
def runner() -> RuleRunner:
    return make_runner(queries=(QueryRule(NamedAddresses, ()),))


def find_named(runner: RuleRunner, folder: str | None, *arguments: str) -> NamedAddresses:
    """What rules see if the caller's shell is in `folder`; None if its environment does not say where."""
    options, environment = session_settings("package", *arguments)
    if folder is not None:
        environment["PWD"] = folder
    runner.set_options(options, env=environment, env_inherit=set(PYTHON_BOOTSTRAP_ENV))
    return runner.request(NamedAddresses, [])


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["models/gamma:gamma_chip"], True),
        (["//models/gamma:gamma_chip"], True),
        (["./models/gamma:gamma_chip"], True),
        (["::", "models/gamma:gamma_chip"], True),
        (["::"], False),
        (["models/gamma:"], False),
        (["models/alpha:alpha_fast", "models::"], False),
        (["::", "-models/gamma:gamma_chip"], False),
        (["//:gamma_chip"], False),
        ([":gamma_chip"], False),
        (["gamma:gamma_chip"], False),
        ([], False),
    ],
)
def test_the_command_line(runner: RuleRunner, arguments: list[str], named: bool) -> None:
    for folder in (runner.build_root, None):
        assert find_named(runner, folder, *arguments).include(GAMMA_CHIP) == named


@pytest.mark.parametrize(
    ("below", "argument", "named"),
    [
        ("models/gamma", ":gamma_chip", True),
        ("models/gamma", "//:gamma_chip", False),
        ("models/gamma", "//models/gamma:gamma_chip", True),
        ("models/gamma", "models/gamma:gamma_chip", False),
        ("models/alpha", "../gamma:gamma_chip", True),
        ("models/alpha", ":gamma_chip", False),
        ("models", "gamma:gamma_chip", True),
        ("models", "./gamma:gamma_chip", True),
    ],
)
def test_from_a_folder_of_the_repository(
    runner: RuleRunner, tmp_path: Path, below: str, argument: str, named: bool
) -> None:
    folder = Path(runner.build_root, below)
    link = tmp_path / "link"
    link.symlink_to(folder)
    for place in (folder, link):
        assert find_named(runner, str(place), argument).include(GAMMA_CHIP) == named


def test_an_absolute_path(runner: RuleRunner) -> None:
    argument = f"{runner.build_root}/models/gamma:gamma_chip"
    assert find_named(runner, runner.build_root, argument).include(GAMMA_CHIP)


def test_a_folder_outside_the_repository_counts_for_nothing(runner: RuleRunner) -> None:
    for folder in ("/", f"{runner.build_root}-beside"):
        assert find_named(runner, folder, "models/gamma:gamma_chip").include(GAMMA_CHIP)
        assert not find_named(runner, folder, ":gamma_chip").include(GAMMA_CHIP)
