from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pte_foundry.testing.reports import sample_declared, sample_facts


def run(
    folder: Path, declared: object, facts: object, hash_seed: str = "0"
) -> subprocess.CompletedProcess[str]:
    (folder / "declared.json").write_text(json.dumps(declared), encoding="utf-8")
    (folder / "facts.json").write_text(json.dumps(facts), encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "pte_foundry.records.report_main",
        "declared.json",
        "facts.json",
    ]
    environment = {"PYTHONPATH": os.pathsep.join(sys.path), "PYTHONHASHSEED": hash_seed}
    return subprocess.run(
        [*command, "--report", "report.json"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_equal_declarations_give_equal_bytes(tmp_path: Path) -> None:
    reversed_keys = dict(reversed(list(sample_declared().items())))
    assert run(tmp_path, sample_declared(), sample_facts()).returncode == 0
    first = (tmp_path / "report.json").read_bytes()
    assert run(tmp_path, reversed_keys, sample_facts(), hash_seed="7").returncode == 0
    assert (tmp_path / "report.json").read_bytes() == first
    assert first.endswith(b"}\n")


@pytest.mark.parametrize(
    ("declared", "kind"),
    [(sample_declared(delegate=None), "delegation"), ({"address": "a:b"}, "bad-request")],
)
def test_an_expected_failure_is_one_message_and_no_report(
    tmp_path: Path, declared: object, kind: str
) -> None:
    result = run(tmp_path, declared, sample_facts())
    assert result.returncode == 1
    assert result.stderr.startswith(f"pte-foundry: {kind}: ")
    assert len(result.stderr.splitlines()) == 1
    assert not (tmp_path / "report.json").exists()
