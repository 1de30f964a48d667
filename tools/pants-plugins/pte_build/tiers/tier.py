"""Tests that are left out unless somebody asks for them, by tag or by name."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pants.engine.rules import Rule, collect_rules, rule
from pants.engine.target import Tags, Target
from pants.option.global_options import GlobalOptions
from pants.option.option_types import StrListOption
from pants.option.subsystem import Subsystem

from pte_build.program.command_line import NamedAddresses


class TestTiersSubsystem(Subsystem):
    options_scope = "test-tiers"
    help = "Tests that do not belong to every run of the `test` goal."
    __test__ = False

    left_out = StrListOption(
        default=[],
        help=(
            "Tags of tests that a glob such as `test ::` passes over, with a line that says so. They run where `--tag` "
            "asks for their tag, as in `--tag=nightly test ::`, and where the command line names them. A tag of the "
            "global option `tag` in pants.toml could not be asked for: what the command line adds to it only takes "
            "further targets away."
        ),
    )


@dataclass(frozen=True)
class Tiers:
    """left_out: tags that nobody has asked for."""

    left_out: frozenset[str]
    named: NamedAddresses

    def why_left_out(self, test: Target) -> str | None:
        """A line for a person; None if the test is to run."""
        tags = sorted(self.left_out & set(test[Tags].value or ()))
        if not tags or self.named.include(test.address):
            return None
        return f"{test.address} left out: it is tagged {tags[0]}; `./pants --tag={tags[0]} test ::` runs such tests"


def asked_for(tag_option: Iterable[str]) -> frozenset[str]:
    """The tags that the global option `tag` includes; a value may list several, or exclude with `-`."""
    return frozenset(
        tag
        for value in tag_option
        if not value.startswith("-")
        for tag in value.lstrip("+").split(",")
    )


@rule
def find_tiers(
    subsystem: TestTiersSubsystem, global_options: GlobalOptions, named: NamedAddresses
) -> Tiers:
    return Tiers(frozenset(subsystem.left_out) - asked_for(global_options.tag), named)


def rules() -> Iterable[Rule]:
    return collect_rules()
