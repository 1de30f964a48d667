from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from typer.testing import CliRunner

from pte_foundry.testing.sample_tree import write_sample_tree
from pte_foundry.tree.checks.signing import check_signature
from sign_tree.command.main import app


@pytest.fixture()
def tree(tmp_path: Path) -> Path:
    return write_sample_tree(tmp_path / "tree")


@pytest.fixture()
def key(tmp_path: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    encoding = serialization.Encoding.PEM
    (tmp_path / "key.pem").write_bytes(
        key.private_bytes(
            encoding,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
    )
    (tmp_path / "key.pub").write_bytes(
        key.public_key().public_bytes(encoding, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    return tmp_path / "key.pem"


def test_a_sound_tree_is_signed(tree: Path, key: Path) -> None:
    result = CliRunner().invoke(app, [str(tree), f"--private-key={key}"])
    assert result.exit_code == 0, result.output
    check_signature(tree, key.with_suffix(".pub"))


def test_a_tree_with_defects_is_not_signed(tree: Path, key: Path) -> None:
    (tree / "index.json").write_text("{}")
    result = CliRunner().invoke(app, [str(tree), f"--private-key={key}"])
    assert result.exit_code == 2
    assert not (tree / "tree.sig").exists()


def test_no_key(tree: Path, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, [str(tree), f"--private-key={tmp_path / 'nowhere'}"])
    assert result.exit_code == 2
    assert not (tree / "tree.sig").exists()
