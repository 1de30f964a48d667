"""Every target type, field and option of the plugin explains itself in `./pants help`."""

from __future__ import annotations

import pytest
from pants.engine.target import COMMON_TARGET_FIELDS, Dependencies, Field, Target
from pants.option.option_types import collect_options_info
from pants.option.subsystem import Subsystem

from pte_build.aggregate.committed_index import IndexTestSubsystem
from pte_build.aggregate.subsystem import IndexSubsystem
from pte_build.aggregate.tree_subsystem import TreeSubsystem
from pte_build.program.export import StockOption
from pte_build.register import target_types
from pte_build.remote_runs.place import RemoteRunsSubsystem
from pte_build.validation.goal import PteTestSubsystem
from pte_build.weights.subsystem import WeightsSubsystem

TARGET_TYPES = sorted(target_types(), key=lambda kind: kind.alias)
# Pants explains these itself.
FOREIGN = {*COMMON_TARGET_FIELDS, Dependencies}
FIELDS = sorted(
    {field for kind in TARGET_TYPES for field in kind.core_fields if field not in FOREIGN},
    key=lambda field: field.__qualname__,
)
SUBSYSTEMS = (
    IndexSubsystem,
    IndexTestSubsystem,
    PteTestSubsystem,
    RemoteRunsSubsystem,
    TreeSubsystem,
    WeightsSubsystem,
)


def is_sentence(text: object) -> bool:
    return isinstance(text, str) and len(text.split()) >= 3 and text.strip().endswith((".", "`"))


def test_the_vocabulary() -> None:
    assert [kind.alias for kind in TARGET_TYPES] == [
        "calibration_set",
        "model_index",
        "model_index_test",
        "model_tree",
        "model_weights",
        "photograph_set",
        "pte_backend",
        "pte_bundle",
        "pte_program",
        "pte_test",
        "sample_set",
    ]


@pytest.mark.parametrize("kind", TARGET_TYPES, ids=lambda kind: kind.alias)
def test_target_types_have_help(kind: type[Target]) -> None:
    assert is_sentence(kind.help)


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.__qualname__)
def test_fields_have_help(field: type[Field]) -> None:
    assert is_sentence(field.help)


@pytest.mark.parametrize("subsystem", SUBSYSTEMS, ids=lambda kind: kind.options_scope)
def test_options_have_help(subsystem: type[Subsystem]) -> None:
    assert is_sentence(subsystem.help)
    for option in collect_options_info(subsystem):
        assert is_sentence(option.flag_options["help"])


def test_the_option_in_a_scope_of_pants_has_help() -> None:
    (option,) = collect_options_info(StockOption)
    assert is_sentence(option.flag_options["help"])
