"""Import ultralytics without a network, without installing anything, and without touching $HOME.

On import, ultralytics asks whether the machine is online, may offer to install what it misses, and
writes a settings file into the user's configuration folder. An export may do none of this.
"""

from __future__ import annotations

import atexit
import os
import shutil
import sys
import tempfile

from pte_foundry.errors import PteError

# All of them are read once, while ultralytics is imported.
_SWITCHES = {
    "YOLO_OFFLINE": "true",
    "YOLO_AUTOINSTALL": "false",
    "YOLO_VERBOSE": "false",
}
_prepared = False


def prepare_ultralytics() -> None:
    """Call before the first `import ultralytics`. May be called again at no cost.

    Sets the switches in `os.environ`, and gives ultralytics an empty configuration folder that is
    removed when the process ends.

    Raises:
        PteError: `bad-builder` if ultralytics is imported already: it may have asked the network.
    """
    global _prepared
    if _prepared:
        return
    if "ultralytics" in sys.modules:
        raise PteError(
            "bad-builder",
            "ultralytics was imported before pte_foundry.models.ultralytics_offline could switch "
            "off its network access. Import it only after prepare_ultralytics()",
        )
    folder = tempfile.mkdtemp(prefix="ultralytics-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.environ.update(_SWITCHES, YOLO_CONFIG_DIR=folder)
    _prepared = True
