"""What `foundry explain` and a kept sandbox say about a refused program, in a real toolchain.

The toolchain has no pandas, which ExecuTorch's devtools need.
"""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
from pathlib import Path

from end_to_end.clone import UserClone

SEEDED = "--weights-source=seeded"
PROGRAM = "models/mobilenet:mobilenet_v3_small_xnnpack"
BACKEND = "toolchains/BUILD"
REWRITE = '    rewrites=["src/python/pte_foundry/rewrites/float_hardsigmoid.py"],\n'
COPIES = "dim_order_ops._to_dim_order_copy.default"


def test_explain(clone: UserClone, tmp_path: Path) -> None:
    names = {name: tmp_path / name for name in ("operators", "dump", "etrecord")}
    # Without its rewrite, hardsigmoid leaves operators on integers.
    with clone.edited(BACKEND, REWRITE, ""):
        build = clone.run(SEEDED, "--keep-sandboxes=always", "--no-local-cache", "package", PROGRAM)
        outcome = clone.run(
            *(
                "run",
                "tools/foundry",
                "--",
                "explain",
                PROGRAM,
                "--weights-source=seeded",
                "--json",
            ),
            *(f"--{name}={file}" for name, file in names.items()),
        )
    assert build.exit_code == 1 and "its report was refused" in build.output, build.output
    assert outcome.exit_code == 0, outcome.output
    said = json.loads(re.findall(r"^\{\n.*^\}$", outcome.output, re.MULTILINE | re.DOTALL)[0])
    left = {(each["operator"], each["reason"]) for each in said["left_over"]}
    assert left == {(COPIES, "invalid dtype")}
    assert [call["delegate"] for call in said["delegate_calls"]] == ["XnnpackBackend"]
    assert "dim_order_ops::_to_dim_order_copy.out" in names["operators"].read_text()
    assert "backend_id: XnnpackBackend" in names["dump"].read_text()
    assert names["etrecord"].stat().st_size > 1_000_000

    kept = re.findall(
        rf"Preserving local process execution dir (\S+) for Export {PROGRAM}$",
        build.output,
        re.MULTILINE,
    )
    sandbox = Path(kept[0])
    (sandbox / "program.pte").unlink()
    subprocess.run(["bash", "__run.sh"], cwd=sandbox, check=True)
    again = (sandbox / "program.pte").read_bytes()
    assert hashlib.sha256(again).hexdigest() == said["sha256"]


def test_profile(clone: UserClone, tmp_path: Path) -> None:
    picture, dump = tmp_path / "profile.svg", tmp_path / "etdump.etdp"
    options = ("--weights-source=seeded", "--json", f"--svg={picture}", f"--etdump={dump}")
    outcome = clone.run("run", "tools/foundry", "--", "explain", "--profile", PROGRAM, *options)
    assert outcome.exit_code == 0, outcome.output
    said = json.loads(re.findall(r"^\{\n.*^\}$", outcome.output, re.MULTILINE | re.DOTALL)[0])
    (delegate,) = said["delegates"]
    assert delegate["name"] == "XnnpackBackend" and delegate["calls"] == 1
    # The whole graph is in its one call.
    assert 0.5 * said["milliseconds"] < delegate["milliseconds"] <= said["milliseconds"]
    assert all(share["name"].startswith("XnnpackBackend") for share in said["shares"])
    assert "XnnpackBackend" in picture.read_text() and dump.stat().st_size > 1_000
