"""A repository whose `./pants` exports with stand-in sandboxes, for tests of the command."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from reproduce.perturbations.stand_in_export import make_sandbox

PROGRAM = "models/a:one_xnnpack"
OTHER = "models/a:two_xnnpack"
WEIGHTS = "models/a:one_weights"

# Answers `peek` and `package` as Pants does: an export runs if it is not in the folder `cache`, or if
# the local cache is off. Everything that it was asked is appended to the file `asked`.
_LAUNCHER = f"""\
#!{sys.executable} -S
import json, os, pathlib, shutil, subprocess, sys, tempfile
options = {{word.split("=")[0]: word.partition("=")[2] for word in sys.argv if word[0] == "-"}}
goal, *addresses = [word for word in sys.argv[1:] if word[0] != "-"]
with open("asked", "a") as asked:
    asked.write(json.dumps([os.environ.get("PANTS_CONCURRENT"), os.environ.get("TZ"), *sys.argv[1:]]) + "\\n")
known = {{"{PROGRAM}": "pte_program", "{OTHER}": "pte_program", "{WEIGHTS}": "model_weights"}}
if goal == "peek":
    specs = known if addresses == ["models/a::"] else addresses
    if set(specs) - set(known):
        sys.exit("ResolveError: no such address")
    print(json.dumps([{{"address": name, "target_type": known[name]}} for name in specs]))
    sys.exit()
if os.path.exists("broken"):
    sys.exit("it is broken")
dist = pathlib.Path(options.get("--pants-distdir", "dist"))
for address in addresses:
    name = address.replace(":", "/") + ".pte"
    cached = pathlib.Path("cache", name)
    if "--no-local-cache" in options or not cached.exists():
        root = options.get("--local-execution-root-dir", tempfile.gettempdir())
        sandbox = tempfile.mkdtemp(dir=root)
        shutil.copytree("kept", sandbox, dirs_exist_ok=True)
        print(f"1 [INFO] Preserving local process execution dir {{sandbox}} for Export {{address}}")
        subprocess.run(["bash", "__run.sh"], cwd=sandbox, check=True)
        cached.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(sandbox + "/program.pte", cached)
        if "--remote-execution" in options:
            print(f"1 [INFO] {{address}}: started on a worker")
        print(f"1 [INFO] Completed: Export {{address}}")
    (dist / name).parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(cached, dist / name)
"""
# Stands in for the comparison in the library, which needs ExecuTorch.
_COMPARE = """\
import pathlib, sys
first, second = (pathlib.Path(name).read_text() for name in sys.argv[1:])
print(f"the part: {first} is not {second}")
sys.exit(first != second)
"""


def make_repository(root: Path, content: str) -> Path:
    """content: see `make_sandbox`. The programs are PROGRAM and OTHER."""
    library = root / "src" / "python" / "pte_foundry" / "inspection"
    library.mkdir(parents=True)
    (library / "compare_main.py").write_text(_COMPARE)
    (root / "pants").write_text(_LAUNCHER)
    (root / "pants").chmod(0o755)
    (root / "pants.toml").touch()
    (root / ".gitignore").write_text("/dist\n/cache\n/asked\n")
    make_sandbox(root / "kept", content)
    script = (root / "kept" / "__run.sh").read_text()
    (root / "kept" / "__run.sh").write_text(script.splitlines()[-1] + "\n")
    git = ["git", "-c", "user.name=Test", "-c", "user.email=test@example.invalid"]
    for arguments in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "-m", "One"]):
        subprocess.run([*git, *arguments], cwd=root, check=True)
    return root
