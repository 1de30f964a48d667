from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

LOCK = Path("3rdparty/python/ultralytics.lock")


@pytest.fixture(scope="session", autouse=True)
def ultralytics(tmp_path_factory: pytest.TempPathFactory) -> None:
    """The package of the lock, importable and cut off from network and home folder.

    No closed resolve has it: it declares packages that it does not import here, such as an OpenCV that needs a display.
    """
    if importlib.util.find_spec("ultralytics") is None:
        folder = tmp_path_factory.mktemp("ultralytics")
        subprocess.run([sys.executable, "-m", "venv", str(folder / "venv")], check=True)
        install = ["-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes"]
        target = folder / "packages"
        subprocess.run(
            [str(folder / "venv/bin/python"), *install, "--target", str(target), "-r", str(LOCK)],
            check=True,
        )
        # Last: what both have comes from the environment of the tests, in the same version.
        sys.path.append(str(target))
    from pte_foundry.models.torchvision_cpu import prepare_torchvision
    from pte_foundry.models.ultralytics_offline import prepare_ultralytics

    prepare_torchvision()
    prepare_ultralytics()
    import torchvision  # type: ignore[import-untyped]
    from ultralytics.utils.nms import TorchNMS  # type: ignore[import-not-found]  # pants: no-infer-dep

    # Torchvision's wheel has this operator for CUDA only; without torchvision, ultralytics takes its own.
    torchvision.ops.nms = TorchNMS.nms
