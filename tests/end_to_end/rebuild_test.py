"""Which edits rebuild a program."""

from __future__ import annotations

import os
import re
from pathlib import Path
from uuid import uuid4

import pytest

from end_to_end.clone import UserClone, make_clone, user_caches

PROGRAMS = [
    "models/mobilenet:mobilenet_v3_small_portable",
    "models/mobilenet:mobilenet_v3_small_xnnpack",
]
BUILDER = "src/python/pte_foundry/models/mobilenet.py"
LOWERING = "src/python/pte_foundry/backends/xnnpack/lowering.py"
SEEDED = "--weights-source=seeded"
_STAGES_OF = re.compile(r"(\S+): exported in .*lowering with pte_foundry\.backends\.")


def package(clone: UserClone, *addresses: str) -> list[str]:
    """Builds these; returns the programs that were exported."""
    outcome = clone.run(SEEDED, "package", *addresses)
    assert outcome.exit_code == 0, outcome.output
    # Exactly the exported programs report their stages.
    assert sorted(_STAGES_OF.findall(outcome.output)) == outcome.exports, outcome.output
    return outcome.exports


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        ("models/mobilenet/BUILD", "model_weights(", "# A comment.\nmodel_weights("),
        ("src/python/pte_foundry/validation/main.py", '"""', '"""A new word. '),
        ("models/mobilenet/BUILD", '"min_cosine": 0.99999', '"min_cosine": 0.9999'),
    ],
    ids=["comment-in-BUILD", "validator", "threshold"],
)
def test_edits_that_touch_no_export(clone: UserClone, path: str, old: str, new: str) -> None:
    package(clone, *PROGRAMS)
    with clone.edited(path, old, new):
        assert package(clone, *PROGRAMS) == []


def test_another_familys_builder_touches_no_export(clone: UserClone) -> None:
    package(clone, *PROGRAMS)
    other = clone.root / "src/python/pte_foundry/models/other.py"
    other.write_text("import torch\n")
    try:
        assert package(clone, *PROGRAMS) == []
    finally:
        other.unlink()


def test_an_edited_builder_is_exported_again_and_a_lowering_touches_only_its_backend(
    clone: UserClone,
) -> None:
    package(clone, *PROGRAMS)
    stamp = f"# {uuid4().hex}\n"  # It is in no cache.
    with clone.edited(BUILDER, "from __future__", f"{stamp}from __future__"):
        assert package(clone, *PROGRAMS) == PROGRAMS
    with clone.edited(LOWERING, "from __future__", f"{stamp}from __future__"):
        assert package(clone, *PROGRAMS) == PROGRAMS[1:]


def test_a_second_checkout_exports_nothing_and_has_the_same_bytes(
    clone: UserClone, tmp_path: Path
) -> None:
    """Another path, another $HOME and another $PATH, but the same local store."""
    package(clone, *PROGRAMS)
    clone.clear_dist()
    assert package(clone, *PROGRAMS) == []
    home = tmp_path / "home"
    home.mkdir()
    store = Path(
        os.environ.get("XDG_CACHE_HOME") or f"{os.environ['HOME']}/.cache", "pants/lmdb_store"
    )
    environment = {
        **user_caches(),
        "PANTS_LOCAL_STORE_DIR": os.environ.get("PANTS_LOCAL_STORE_DIR") or str(store),
        "HOME": str(home),
        "PATH": f"{tmp_path}:/usr/local/bin:/usr/bin:/bin",
    }
    second = make_clone(tmp_path / "elsewhere" / "checkout", environment)
    try:
        assert package(second, *PROGRAMS) == []
        assert second.dist_files() == clone.dist_files()
    finally:
        second.stop()
