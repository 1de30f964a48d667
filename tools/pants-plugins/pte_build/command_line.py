"""The addresses that the command line names, as opposed to those that its globs match."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePath

from pants.base.build_root import BuildRoot
from pants.base.specs import AddressLiteralSpec, FileLiteralSpec
from pants.base.specs_parser import SpecsParser
from pants.build_graph.address import AddressInput
from pants.engine.addresses import Address
from pants.engine.env_vars import CompleteEnvironmentVars
from pants.engine.internals.options_parsing import _Options
from pants.engine.internals.session import SessionValues
from pants.engine.rules import Rule, collect_rules, rule


@dataclass(frozen=True)
class NamedAddresses:
    """Literals and files of the command line, relative to the repository's root."""

    literals: tuple[AddressLiteralSpec, ...]
    files: tuple[FileLiteralSpec, ...] = ()

    def include(self, address: Address) -> bool:
        """Whether the command line names this address, the target that generated it, or its file.

        A literal without parameters, or with some of them, names all targets of a `parametrize` that match those.
        """
        if address.is_file_target and FileLiteralSpec(address.filename) in self.files:
            return True
        names = {_name(each) for each in (address, address.maybe_convert_to_target_generator())}
        return any(
            _whole(literal.path_component, literal.target_component, literal.generated_component)
            in names
            and literal.parameters.items() <= address.parameters.items()
            for literal in self.literals
        )


def _name(address: Address) -> tuple[str, str, str | None]:
    parsed = AddressInput.parse(address.spec, description_of_origin="the build graph")
    return _whole(parsed.path_component, parsed.target_component, parsed.generated_component)


def _whole(path: str, target: str | None, generated: str | None) -> tuple[str, str, str | None]:
    """Path, target name and generated part. The default target name is that of the folder."""
    return path, target or PurePath(path).name, generated


# Not from `Specs`: the rule graph of Pants 2.17 gives them to rules that expand specs, not to those that package or
# test one target.
@rule
def find_named_addresses(
    options: _Options, build_root: BuildRoot, session: SessionValues
) -> NamedAddresses:
    # They are relative to the caller's folder, which Pants does not pass to rules. Every shell exports it as PWD, the
    # launcher's too. It is read from the session, because asking for environment variables would add a parameter to
    # this rule and to all that use it: the rule graph would then take minutes to solve.
    environment = session[CompleteEnvironmentVars]
    parser = SpecsParser(
        root_dir=build_root.path,
        working_dir=_folder_below(build_root.path, environment.get("PWD", "")),
    )
    specs = parser.parse_specs(options.options.specs, description_of_origin="the command line")
    return NamedAddresses(specs.includes.address_literals, specs.includes.file_literals)


def _folder_below(root: str, folder: str) -> str:
    """`folder` relative to `root`; "" if it lies elsewhere, which Pants itself would have refused."""
    relative = os.path.relpath(os.path.realpath(folder or root), os.path.realpath(root))
    return "" if relative == "." or PurePath(relative).parts[0] == ".." else relative


def rules() -> Iterable[Rule]:
    return collect_rules()
