from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

# A stand-in for the package: it notes what the real one would see while it is imported.
_PACKAGE = """
import os
seen = {name: os.environ.get(name) for name in os.environ if name.startswith("YOLO_")}
"""


def _run(folder: Path, code: str) -> subprocess.CompletedProcess[str]:
    (folder / "ultralytics").mkdir(exist_ok=True)
    (folder / "ultralytics" / "__init__.py").write_text(_PACKAGE, encoding="utf-8")
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("YOLO_")},
        "PYTHONPATH": ":".join([str(folder), *sys.path]),
        "YOLO_OFFLINE": "false",
    }
    return subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )


def test_switches_are_set_before_the_import_and_the_folder_is_removed(tmp_path: Path) -> None:
    code = (
        "from pte_foundry.models.ultralytics_offline import prepare_ultralytics\n"
        "prepare_ultralytics()\n"
        "import os, ultralytics\n"
        "prepare_ultralytics()\n"
        "assert ultralytics.seen['YOLO_OFFLINE'] == 'true', ultralytics.seen\n"
        "assert ultralytics.seen['YOLO_AUTOINSTALL'] == 'false', ultralytics.seen\n"
        "folder = ultralytics.seen['YOLO_CONFIG_DIR']\n"
        "assert os.path.isdir(folder) and not os.listdir(folder)\n"
        "assert os.environ['YOLO_CONFIG_DIR'] == folder\n"
        "print(folder)"
    )
    result = _run(tmp_path, code)
    assert result.returncode == 0, result.stderr
    assert not Path(result.stdout.strip()).exists()


def test_an_earlier_import_is_refused(tmp_path: Path) -> None:
    code = (
        "import ultralytics\n"
        "from pte_foundry.models.ultralytics_offline import prepare_ultralytics\n"
        "prepare_ultralytics()"
    )
    result = _run(tmp_path, code)
    assert result.returncode != 0
    assert "bad-builder: ultralytics was imported before" in result.stderr
