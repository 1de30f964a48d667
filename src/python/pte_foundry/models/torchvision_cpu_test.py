from __future__ import annotations

import os
import subprocess
import sys

_IMPORT = "import torchvision; torchvision.models.mobilenet_v3_small()"
_PREPARE = (
    "import gc\n"
    "from pte_foundry.models.torchvision_cpu import prepare_torchvision\n"
    "declared = prepare_torchvision(); assert prepare_torchvision() == declared; gc.collect()\n"
)


def _python(code: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        capture_output=True,
        text=True,
    )


def test_torchvision_imports_and_the_schemas_are_declared_only_where_needed() -> None:
    plain = _python(_IMPORT)
    prepared = _python(_PREPARE + _IMPORT + "\nprint(declared)")
    assert prepared.returncode == 0, prepared.stderr
    # Where torchvision imports by itself there is nothing to declare, and the other way round.
    assert prepared.stdout.strip() == str(plain.returncode != 0)
