from __future__ import annotations

import shutil
import socket
from pathlib import Path
from typing import NoReturn

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from pte_foundry.errors import PteError
from pte_foundry.testing.sample_tree import write_sample_tree
from pte_foundry.tree.checks.signing import check_signature, sign_tree
from pte_foundry.tree.checks.verify import verify_tree

XNNPACK = "1.4.1/mobilenet/mobilenet_v3_small_xnnpack.pte"


def write_keys(folder: Path, name: str = "key") -> tuple[Path, Path]:
    """A private key and its public one."""
    key = ec.generate_private_key(ec.SECP256R1())
    private, public = folder / f"{name}.pem", folder / f"{name}.pub"
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    public.write_bytes(
        key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )
    return private, public


@pytest.fixture()
def signed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """A signed tree and the public key. No connection is possible."""

    def refuse(*arguments: object) -> NoReturn:
        raise AssertionError("signing must work offline")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    tree = write_sample_tree(tmp_path / "tree")
    private, public = write_keys(tmp_path)
    assert sign_tree(tree, private) == tree / "tree.sig"
    return tree, public


def test_a_signed_tree_is_sound_elsewhere_too(signed: tuple[Path, Path], tmp_path: Path) -> None:
    tree, public = signed
    assert verify_tree(tree, public) == ()
    assert verify_tree(tree) == ()
    copy = shutil.copytree(tree, tmp_path / "under another name")
    assert verify_tree(copy, public) == ()
    (copy / ".git").mkdir()
    (copy / ".git/HEAD").write_text("ref: refs/heads/main")
    assert verify_tree(copy, public) == ()


def test_signing_again_replaces_the_signature(signed: tuple[Path, Path], tmp_path: Path) -> None:
    tree, public = signed
    private, other = write_keys(tmp_path, "other")
    sign_tree(tree, private)
    assert verify_tree(tree, other) == ()
    assert [defect.kind for defect in verify_tree(tree, public)] == ["signature"]


@pytest.mark.parametrize("change", ["changed", "extra", "missing"])
def test_a_signature_of_another_tree(signed: tuple[Path, Path], change: str) -> None:
    tree, public = signed
    if change == "changed":
        (tree / XNNPACK).write_bytes(b"other program")
    elif change == "extra":
        (tree / "extra.txt").write_text("extra")
    else:
        (tree / XNNPACK).unlink()
    with pytest.raises(PteError, match="does not match") as caught:
        check_signature(tree, public)
    assert caught.value.kind == "signature"


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff", b'{"mediaType": "x"}'])
def test_a_malformed_signature(signed: tuple[Path, Path], content: bytes) -> None:
    tree, public = signed
    (tree / "tree.sig").write_bytes(content)
    (defect,) = verify_tree(tree, public)
    assert (defect.path, defect.kind) == ("tree.sig", "signature")


def test_no_signature_when_one_is_asked_for(signed: tuple[Path, Path]) -> None:
    tree, public = signed
    (tree / "tree.sig").unlink()
    assert [defect.what for defect in verify_tree(tree, public)] == [
        "the tree has no tree.sig. Ask its publisher for it"
    ]


def test_no_key(signed: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(PteError, match="--public-key: .* is not a file"):
        verify_tree(signed[0], tmp_path / "nowhere")
    with pytest.raises(PteError, match="--private-key: .* is not a file"):
        sign_tree(signed[0], tmp_path / "nowhere")


def test_a_malformed_key_leaves_no_file(tmp_path: Path) -> None:
    tree = write_sample_tree(tmp_path / "tree")
    before = sorted(tree.iterdir())
    (tmp_path / "key").write_text("not a key")
    with pytest.raises(PteError, match="not signed"):
        sign_tree(tree, tmp_path / "key")
    assert sorted(tree.iterdir()) == before


def test_a_tree_with_a_link_is_not_signed(tmp_path: Path) -> None:
    tree = write_sample_tree(tmp_path / "tree")
    (tree / "link").symlink_to("index.json")
    with pytest.raises(PteError, match="not signed"):
        sign_tree(tree, write_keys(tmp_path)[0])
