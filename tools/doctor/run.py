"""`./foundry doctor`, for any CPython from 3.8 on, with nothing but the standard library:

python3 tools/doctor/run.py [OPTIONS]
"""

from __future__ import annotations

import sys
from pathlib import Path

_TOOLS = Path(__file__).resolve().parents[1]

if __name__ == "__main__":
    sys.path[:0] = [str(_TOOLS), str(_TOOLS / "bootstrap")]
    from doctor.command.arguments import main

    sys.exit(main(sys.argv[1:], _TOOLS.parent, "./foundry doctor"))
