"""Sign a tree with your own key, and check such a signature. Works offline.

The signature is a Sigstore bundle over the hashes of all files, as `model_signing` writes it; git's own files are left
out.
"""

from __future__ import annotations

import os
from pathlib import Path

from model_signing import hashing, signing, verifying

from pte_foundry.errors import PteError
from pte_foundry.tree.tree_files import SIGNATURE


def sign_tree(root: Path, private_key: Path) -> Path:
    """Write the tree's signature beside its files, under a temporary name first; return its path.

    Args:
        private_key: an elliptic-curve key (P-256, P-384 or P-521) in PEM, without a passphrase.

    Raises:
        PteError: `no-key` if the key is not a file; `unsigned` if it is not such a key, or if the tree cannot be
            hashed, as with a link in it.
    """
    _check_key(private_key, "--private-key")
    signature = root / SIGNATURE
    temporary = root / f"{SIGNATURE}.partial"
    try:
        config = signing.Config()  # type: ignore[no-untyped-call]
        config.use_elliptic_key_signer(private_key=private_key)
        config.set_hashing_config(_hashing(signature, temporary)).sign(root, temporary)
        os.replace(temporary, signature)
    except (ValueError, TypeError, OSError) as error:
        raise PteError(
            "unsigned",
            f"{root}: not signed with {private_key}: {error}. Check the tree with "
            "`./foundry verify`, and that the key is an elliptic-curve key in PEM without a passphrase",
        ) from error
    finally:
        temporary.unlink(missing_ok=True)
    return signature


def check_signature(root: Path, public_key: Path) -> None:
    """Check the tree's signature against its files, all of them.

    Raises:
        PteError: `no-key` if the key is not a file; `signature` if the signature is missing or does not match.
    """
    _check_key(public_key, "--public-key")
    signature = root / SIGNATURE
    if not signature.is_file() or signature.is_symlink():
        raise PteError("signature", f"the tree has no {SIGNATURE}. Ask its publisher for it")
    try:
        config = verifying.Config()  # type: ignore[no-untyped-call]
        config.use_elliptic_key_verifier(public_key=public_key)
        config.set_hashing_config(_hashing(signature)).verify(root, signature)
    # The library raises whatever its parsers raise for what an attacker wrote.
    except Exception as error:
        why = " ".join(str(error).split()) or type(error).__name__
        raise PteError(
            "signature", f"does not match the tree and the key {public_key}: {why}"
        ) from error


def _hashing(*ignored: Path) -> hashing.Config:
    config = hashing.Config()  # type: ignore[no-untyped-call]
    return config.set_ignored_paths(paths=ignored, ignore_git_paths=True)


def _check_key(key: Path, option: str) -> None:
    if not key.is_file():
        raise PteError("no-key", f"{option}: {key} is not a file. Give the path of a key in PEM")
