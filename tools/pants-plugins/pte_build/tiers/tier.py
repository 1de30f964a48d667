"""Which tests a `test` goal leaves out: by their tag, and by what the command line asks for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pants.base.build_root import BuildRoot
from pants.base.specs import RecursiveGlobSpec
from pants.base.specs_parser import SpecsParser
from pants.engine.addresses import Address
from pants.engine.engine_aware import EngineAwareReturnType
from pants.engine.internals.options_parsing import _Options
from pants.engine.rules import Rule, _uncacheable_rule, collect_rules, rule
from pants.option.global_options import GlobalOptions
from pants.option.option_types import StrListOption
from pants.option.subsystem import Subsystem
from pants.util.logging import LogLevel

from pte_build.command_line import NamedAddresses

_EVERYTHING = RecursiveGlobSpec("")


class TestTiersSubsystem(Subsystem):
    options_scope = "test-tiers"
    help = (
        "Tests that only some runs of the `test` goal include. The last lines of a run say what it left out.\n\n"
        "To run a tier, ask for its tag, as in `--tag=nightly test ::`, or name the test. Do not put such a tag into "
        "the option `tag` of pants.toml: the command line could then not ask for it, since tags that it adds only "
        "exclude more targets."
    )
    __test__ = False

    left_out = StrListOption(
        default=[],
        help="Tags of tests that every glob leaves out, such as `test ::` and `test models/yolo::`.",
    )
    left_out_of_everything = StrListOption(
        default=[],
        help=(
            "Tags of tests that only the whole repository's glob, `test ::`, leaves out. A narrower glob, such "
            "as `test models/yolo::`, runs them."
        ),
    )


@dataclass(frozen=True)
class Tiers:
    """The tags that this session did not ask for.

    of_every_glob: tests with these tags run by name alone.
    of_everything: tests with these tags run by name or by a glob of `narrower`.
    narrower: what the command line asks for besides `::`; None if it does not ask for `::`.
    """

    of_every_glob: frozenset[str]
    of_everything: frozenset[str]
    named: NamedAddresses
    narrower: tuple[Any, ...] | None

    def left_out(self, address: Address, tags: Iterable[str]) -> str | None:
        """The tag by which a test is left out; None if it is to run."""
        tags = set(tags)
        found = sorted(self.of_every_glob & tags)
        if self.narrower is not None and not any(
            glob.matches_target_residence_dir(address.spec_path) for glob in self.narrower
        ):
            found += sorted(self.of_everything & tags)
        return found[0] if found and not self.named.include(address) else None


@dataclass(frozen=True)
class TierRequest:
    """Asks whether the test at `address`, with these tags, is to run."""

    address: Address
    tags: tuple[str, ...]


@dataclass(frozen=True)
class TestTier(EngineAwareReturnType):
    """left_out: the tag by which the test is left out; None if it is to run."""

    address: Address
    left_out: str | None
    __test__ = False

    def metadata(self) -> dict[str, Any]:
        """For the summary at the end of the session (`pte_build/progress/left_out.py`)."""
        return {LEFT_OUT: self.left_out, "address": self.address.spec}


LEFT_OUT = "left_out_by_tag"


def left_out_test(unit: Mapping[str, Any]) -> tuple[str, str] | None:
    """The tag and the address of a test that was left out, from the work unit that decided it."""
    metadata = unit.get("metadata", {})
    tag = metadata.get(LEFT_OUT)
    return None if tag is None else (tag, metadata["address"])


def included_tags(tag_option: Iterable[str]) -> frozenset[str]:
    """The tags that the global option `tag` includes; a value may list several, or exclude with `-`."""
    return frozenset(
        tag
        for value in tag_option
        if not value.startswith("-")
        for tag in value.lstrip("+").split(",")
    )


@rule
def find_tiers(
    subsystem: TestTiersSubsystem,
    global_options: GlobalOptions,
    named: NamedAddresses,
    options: _Options,
    build_root: BuildRoot,
) -> Tiers:
    asked = included_tags(global_options.tag)
    specs = (
        SpecsParser(root_dir=build_root.path)
        .parse_specs(options.options.specs, description_of_origin="the command line")
        .includes
    )
    globs = (*specs.recursive_globs, *specs.dir_globs, *specs.dir_literals, *specs.ancestor_globs)
    return Tiers(
        frozenset(subsystem.left_out) - asked,
        frozenset(subsystem.left_out_of_everything) - asked,
        named,
        tuple(glob for glob in globs if glob != _EVERYTHING) if _EVERYTHING in globs else None,
    )


# Not memoized, so that every session says what it leaves out; test results are cached. Work units below the level DEBUG
# do not reach callbacks. The tags come with the request: looking up the target would make the rule graph far slower to
# solve.
@_uncacheable_rule(desc="Find the tier of a test", level=LogLevel.DEBUG)
def find_tier(request: TierRequest, tiers: Tiers) -> TestTier:
    return TestTier(request.address, tiers.left_out(request.address, request.tags))


def rules() -> Iterable[Rule]:
    return collect_rules()
