"""The first run on a fresh machine: empty caches, and the same bytes as everywhere."""

from __future__ import annotations

import os
from pathlib import Path

from end_to_end.clone import UserClone, make_clone

PROGRAM = "models/mobilenet:mobilenet_v3_small_xnnpack"


def test_the_first_artifact_from_empty_caches_has_the_same_bytes(
    clone: UserClone, tmp_path: Path
) -> None:
    warm = clone.run("--weights-source=seeded", "package", PROGRAM)
    assert warm.exit_code == 0, warm.output
    # Without the settings that the outer ./pants derived from this machine.
    forgotten = {name: None for name in os.environ if name.startswith("PANTS_")}
    cold = make_clone(
        tmp_path / "fresh" / "pte-foundry",
        {
            **forgotten,
            "XDG_CACHE_HOME": str(tmp_path / "cache"),
            "PTE_FOUNDRY_CACHE": str(tmp_path / "cache" / "pte-foundry"),
        },
    )
    try:
        outcome = cold.run("--weights-source=seeded", "package", PROGRAM)
        assert outcome.exit_code == 0, outcome.output
        assert outcome.exports == [PROGRAM]
        written = cold.dist_files()
        assert written == {
            path: content for path, content in clone.dist_files().items() if path in written
        }
        assert "models/mobilenet/mobilenet_v3_small_xnnpack.pte" in written
    finally:
        cold.stop()
