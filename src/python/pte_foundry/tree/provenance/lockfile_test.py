from __future__ import annotations

from pte_foundry.testing.provenance import LOCK_TEXT
from pte_foundry.tree.provenance.lockfile import Package, locked_packages


def test_names_are_normalised_and_versions_that_differ_between_platforms_are_all_there() -> None:
    assert locked_packages(LOCK_TEXT.decode()) == (
        Package("executorch", "1.4.1"),
        Package("torch", "2.13.0"),
        Package("torch", "2.13.1"),
    )


def test_extras_and_odd_spellings() -> None:
    text = "Ruamel.Yaml_x[a,b]==1.0+cpu \\\n    --hash=sha256:00\n# comment==1\n"
    assert locked_packages(text) == (Package("ruamel-yaml-x", "1.0+cpu"),)
