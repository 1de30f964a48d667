from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

import pytest

from pte_foundry.errors import PteError
from pte_foundry.publishing.release import identity, is_release_name, release_name
from pte_foundry.tree.sums import sha256sums

PROGRAM = "1.4.1/toy/alpha_xnnpack.pte"
ARTIFACTS = (
    PROGRAM,
    "1.4.1/toy/labels.txt",
    "1.4.1/index.json",
    "1.4.0/toy/alpha_mps.pte",
    "index.json",
    "versions.json",
    "LICENSES/MIT.txt",
    "LICENSES/README.md",
)
PAGES = (
    "README.md",
    "index.html",
    "index.schema.json",
    "bom.cdx.json",
    "models/alpha.html",
    "1.4.1/toy/README.md",
    "1.4.0/other/README.md",
)
SUMS = {path: hashlib.sha256(path.encode()).hexdigest() for path in (*ARTIFACTS, *PAGES)}
OTHER = "0" * 64


def test_the_name_has_the_version_and_the_hash_of_the_artifacts() -> None:
    # `printf '%064d  index.json\n' 0 | sha256sum`
    line = f"{OTHER}  index.json\n"
    digits = hashlib.sha256(line.encode()).hexdigest()[:12]
    assert release_name("1.4.1", {"index.json": OTHER}) == f"v1.4.1-{digits}"
    assert release_name("1.10.0rc2", SUMS).startswith("v1.10.0rc2-")


@pytest.mark.parametrize("path", ARTIFACTS)
def test_every_artifact_counts(path: str) -> None:
    rest = {name: sha256 for name, sha256 in SUMS.items() if name != path}
    names = [release_name("1.4.1", each) for each in (SUMS, {**SUMS, path: OTHER}, rest)]
    assert len(set(names)) == 3


@pytest.mark.parametrize("path", PAGES)
def test_no_page_counts(path: str) -> None:
    rest = {name: sha256 for name, sha256 in SUMS.items() if name != path}
    names = [release_name("1.4.1", each) for each in (SUMS, {**SUMS, path: OTHER}, rest)]
    assert len(set(names)) == 1


def test_the_command_that_the_documentation_has(tmp_path: Path) -> None:
    """Of docs/publishing.md. Change it there, here and in the rule together."""
    (tmp_path / "SHA256SUMS").write_text(sha256sums(SUMS))
    pattern = (
        "  (README.md|index.schema.json|bom.cdx.json|index.html|models/.*|[^/]*/[^/]*/README.md)$"
    )
    command = f"grep -Ev '{pattern}' SHA256SUMS | sha256sum"
    said = subprocess.run(
        ["sh", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=True
    ).stdout
    assert said.split()[0] == identity(SUMS)


@pytest.mark.parametrize("version", ["", "..", "1.4.1/x", "v1"])
def test_a_malformed_version_makes_no_name(version: str) -> None:
    with pytest.raises(PteError, match="bad-version"):
        release_name(version, {})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("v1.4.1-e3b0c44298fc", True),
        ("v1.10.0rc2-e3b0c44298fc", True),
        ("v1.4.1-e3b0c44298f", False),
        ("v1.4.1-e3b0c44298fc1", False),
        ("v1.4.1-E3B0C44298FC", False),
        ("v1.4.1", False),
        ("../v1.4.1-e3b0c44298fc", False),
        ("v1.4.1-e3b0c44298fc\n", False),
        (".partial", False),
    ],
)
def test_names_are_recognised(text: str, expected: bool) -> None:
    assert is_release_name(text) is expected
