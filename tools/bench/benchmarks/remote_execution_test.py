from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bench.benchmarks import remote_execution
from bench.benchmarks.measurement import Measurement
from bench.benchmarks.remote_execution import export_seconds
from bench.benchmarks.stand_in_repository import stand_in_setting
from bench.benchmarks.uncached import EXPORT_SOURCE
from workspace.errors import ToolError
from workspace.pants_run import PantsRun

PROGRAM = "models/mobilenet:mobilenet_v3_small_xnnpack"
SERVER = """\
#!/usr/bin/env python3
import pathlib, socket, sys
pathlib.Path("LOG").open("a").write(f"server {' '.join(sys.argv[3:])}\\n")
host, _, port = sys.argv[2].removeprefix("--bind=").rpartition(":")
listener = socket.create_server((host, int(port)))
while True:
    listener.accept()
"""
# Exports what the cache lacks, which only workers fill; the cache is a file beside the clones.
LAUNCHER = f"""\
mkdir -p dist
case "$*" in
  *tools/foundry*) mkdir -p dist/tools.foundry; cp server dist/tools.foundry/foundry.pex
    chmod +x dist/tools.foundry/foundry.pex; exit 0 ;;
esac
echo "$PANTS_CONFIG_FILES $PANTS_REMOTE_EXECUTION_ADDRESS $PANTS_REMOTE_STORE_ADDRESS $*" >> LOG
if [ "$PANTS_CONFIG_FILES" ] && cmp -s {EXPORT_SOURCE} ../entry; then cp ../pte dist/a.pte; exit 0; fi
sleep 0.1
exported
echo bytes > dist/a.pte
if [ "$PANTS_REMOTE_EXECUTION_ADDRESS" ]; then
  STARTED
  echo '01:02:03.04 [INFO] {PROGRAM}: exported in 9.5 s on fox (starting 1.0)'
  WORKER; cp dist/a.pte ../pte; cp {EXPORT_SOURCE} ../entry
fi
"""
STARTED = f"echo '01:02:03.04 [INFO] {PROGRAM}: started on a worker'"


def launcher(log: Path, worker: str = "true", started: str = STARTED) -> str:
    text = LAUNCHER.replace("LOG", str(log)).replace("WORKER", worker)
    return text.replace("STARTED", started)


def measure(folder: Path, script: str) -> tuple[Measurement, ...]:
    files = {"server": SERVER.replace("LOG", str(folder / "log")), EXPORT_SOURCE: "y = 1\n"}
    setting = stand_in_setting(folder, script, files)
    return remote_execution.run(replace(setting, programs=(PROGRAM,)))


def test_workers_are_compared_with_this_machine_and_another_one_finds_what_they_made(
    tmp_path: Path,
) -> None:
    log = tmp_path / "log"
    ratio, differing, exports, files = measure(tmp_path, launcher(log))
    assert 0 < ratio.value < 10
    assert ratio.details["measured_export_seconds"] == {PROGRAM: 9.5}
    assert isinstance(ratio.details["baseline_seconds"], list)
    assert len(ratio.details["baseline_seconds"]) == 2
    assert (differing.value, exports.value, files.value) == (0, 0, 0)
    server, *lines = log.read_text().splitlines()
    assert server.endswith("--execute --jobs=2")
    # Warming up, then in turns; the last one has no workers.
    configurations = [line.split(" ")[0] for line in lines]
    workers = "pants.remote-execution.toml"
    assert configurations == ["", workers, workers, "", workers, "", "pants.remote.toml"]
    assert all(
        "--process-execution-local-parallelism=2" in line for line in lines if line[0] == " "
    )
    # It would win over its opposite.
    assert not any("--no-remote-cache" in line for line in lines if line[0] != " ")


def test_other_bytes_of_workers_are_counted(tmp_path: Path) -> None:
    script = launcher(tmp_path / "log", worker="echo other >> dist/a.pte")
    _, differing, _, files = measure(tmp_path, script)
    assert (differing.value, differing.met, files.value) == (1, False, 0)
    assert differing.details == {"differing": ["a.pte"], "compared": ["a.pte"]}


def test_what_this_machine_exported_is_not_taken_for_a_workers(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match=f"workers should have exported .*{PROGRAM}"):
        measure(tmp_path, launcher(tmp_path / "log", started="true"))


def test_the_seconds_of_exports_are_read_from_the_log() -> None:
    log = """\
10:00:00.00 [INFO] models/a:b: started on a worker
10:00:09.00 [INFO] models/a:b: exported in 9.0 s on fox (starting 1.0, exporting 8.0)
10:00:09.00 [INFO] models/a:c: exported in 12.5 s (starting 1.0, exporting 11.5)
"""
    assert export_seconds(PantsRun((), 0, log, 1.0)) == {"models/a:b": 9.0, "models/a:c": 12.5}
