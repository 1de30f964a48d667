"""`.ci/release` of a small tree, to a git repository on this machine, from checkpoints in a folder."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

from end_to_end.ci_release import release
from end_to_end.clone import WITHOUT_OLDER, UserClone, git
from remote_cache import tiny_program

BASE_URL = "https://models.example.org/tree"
UNPINNED = "models/pe_core:pe_spatial_t16_512_portable"


def test_a_release_reaches_its_repository(clone: UserClone, tmp_path: Path) -> None:
    shutil.copytree(".ci", clone.root / ".ci")
    shutil.copy2("pants.ci.toml", clone.root)
    tiny_program.declare(clone.root)
    # The model is so small that the file and its memory plan outweigh weights, inputs and outputs.
    budgets = "max_size_ratio=5.0, max_planned_memory_ratio=1.5"
    clone.edit("models/tiny/BUILD", "program=[", f"{budgets}, program=[")
    tiny_program.write_checkpoint(clone.root / "checkpoints")
    (clone.root / "models/tiny/README.md").write_text("# Tiny\n\nTwo scores of a small picture.\n")
    programs = [tiny_program.ADDRESS, UNPINNED]
    remote = tmp_path / "remote.git"
    git(tmp_path, "init", "--quiet", "--bare", "--initial-branch=main", str(remote))
    with (
        clone.edited("BUILD", 'programs=["models::"]', f"programs={programs}"),
        clone.edited("BUILD", *WITHOUT_OLDER),
        clone.edited("BUILD", "LICENSES = {", 'LICENSES = {"MIT": "models/mobilenet/LICENSE",'),
    ):
        finished = release(
            clone,
            RELEASE_BASE_URL=BASE_URL,
            RELEASE_REPOSITORY=f"git+file:{remote}#branch=main",
        )
    assert finished.exit_code == 0, finished.output
    tag = git(remote, "tag")
    assert re.fullmatch(r"v1\.5\.1-[0-9a-f]{12}", tag), finished.output
    assert git(remote, "rev-parse", f"{tag}^{{commit}}") == git(remote, "rev-parse", "main")
    assert git(remote, "log", "--format=%an: %s", "main") == f"Test: Publish {tag}"
    git(tmp_path, "clone", "--quiet", "--branch", tag, str(remote), "consumer")
    tree = tmp_path / "consumer"
    subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=tree, check=True)
    index = json.loads((tree / "index.json").read_text())
    assert index["baseUrl"] == BASE_URL
    (model,) = index["models"]
    assert (model["address"], model["weights"]["source"]) == (tiny_program.ADDRESS, "official")
    (unavailable,) = index["unavailable"]
    assert unavailable["address"] == UNPINNED
    checkpoint = "models/pe_core:pe_spatial_t16_512_weights"
    assert unavailable["reason"] == f"its checkpoint {checkpoint} is not pinned"
