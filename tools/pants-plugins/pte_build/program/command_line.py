"""The addresses that the command line names, as opposed to those that its globs match."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pants.base.build_root import BuildRoot
from pants.base.specs import AddressLiteralSpec, FileLiteralSpec
from pants.base.specs_parser import SpecsParser
from pants.engine.addresses import Address
from pants.engine.internals.options_parsing import _Options
from pants.engine.rules import Rule, collect_rules, rule


@dataclass(frozen=True)
class NamedAddresses:
    literals: tuple[AddressLiteralSpec, ...]
    files: tuple[FileLiteralSpec, ...] = ()

    def include(self, address: Address) -> bool:
        """Whether the command line has this address, the target that generated it, or its file.

        They may be relative to a folder below the repository's root.
        """
        by_file = address.is_file_target and any(
            f"/{address.filename}".endswith(f"/{literal.file}") for literal in self.files
        )
        return by_file or any(
            literal.target_component == address.target_name
            and f"/{address.spec_path}/".endswith(f"/{literal.path_component}/".replace("//", "/"))
            for literal in self.literals
        )


# Not from `Specs`: the rule graph of Pants 2.17 gives them to rules that expand specs, and not to those that package
# or test one target.
@rule
def find_named_addresses(options: _Options, build_root: BuildRoot) -> NamedAddresses:
    parser = SpecsParser(root_dir=build_root.path)
    specs = parser.parse_specs(options.options.specs, description_of_origin="the command line")
    return NamedAddresses(specs.includes.address_literals, specs.includes.file_literals)


def rules() -> Iterable[Rule]:
    return collect_rules()
