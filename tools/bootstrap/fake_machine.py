"""A machine for the launcher's tests: a copy of the launcher, fake interpreters, a short PATH.

A fake interpreter runs `prepare.py` with the real Python, and plays pip, venv and pex itself.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

_HERE = Path(__file__).resolve().parent
_TORCH = b"torch wheel"
_PEX = b"pex tool"
# No curl and no wget.
_TOOLS = (
    *(
        "awk",
        "bash",
        "cat",
        "chmod",
        "cp",
        "cut",
        "env",
        "flock",
        "gzip",
        "head",
        "mkdir",
        "mktemp",
        "mv",
    ),
    *("readlink", "rm", "sed", "sh", "sha256sum", "shasum", "sleep", "tail", "tr", "uname", "wc"),
)

# It starts a dozen times in each preparation: -S and few imports halve the time of that.
_FAKE_PYTHON = r"""#!@REAL@ -EsS
import os, sys, time
from pathlib import Path

arguments, minor = sys.argv[1:], @MINOR@
if arguments[0].endswith("start_pants.py"):
    # The interpreter of Pants itself: without its packages, it only starts the script.
    os.execv(arguments[1], arguments[1:])
with open("@LOG@", "a") as log:
    log.write(" ".join(arguments).replace("\n", " ") + "\n")

def step(name):
    if os.environ.get("FAKE_FAIL") == name:
        sys.exit(os.environ["FAKE_OUTPUT"])
    if os.environ.get("FAKE_STOP") == name:
        Path("@REACHED@").touch()
        time.sleep(60)

def program(path, text):
    path.write_text(text)
    path.chmod(0o755)

if arguments[0] == "-EsB":
    os.execv("@REAL@", ["@REAL@", *arguments])
elif "-c" in arguments and "-m" not in arguments:
    if "platform" in " ".join(arguments):
        import json
        modules = ["pip", "venv", "ensurepip"]
        print(json.dumps(dict(implementation="CPython", version=[3, minor],
                              executable=os.path.abspath(sys.argv[0]), modules=modules)))
elif arguments[:2] == ["-m", "venv"]:
    step("venv")
    folder = Path(arguments[2], "bin")
    folder.mkdir(parents=True)
    program(folder / "python", Path(sys.argv[0]).read_text())
elif "pex" in arguments:
    step("pex build")
    Path(arguments[-1]).write_bytes(@PEX@)
elif arguments[2:4] == ["config", "list"]:
    step("pip config")
    print("global.index-url='https://user:secret@index/simple'")
elif arguments[2:4] == ["config", "debug"]:
    print("  @SITE_CONFIG@, exists: " + str(os.path.exists("@SITE_CONFIG@")))
elif arguments[2] == "download" and "-r" in arguments:
    step("pex download")
    Path(arguments[-1]).mkdir()
    Path(arguments[-1], "pex.whl").touch()
elif arguments[2] == "download":
    step("torch download")
    Path(arguments[arguments.index("-d") + 1], "@TORCH_NAME@").write_bytes(@TORCH@)
elif arguments[2] == "install" and "--target" not in arguments:
    folder = Path(sys.argv[0]).parent
    text = "#!/bin/sh\n# " + str(folder) + "\necho pants ran \"$@\"\nenv\n# sys.exit(main())\n"
    program(folder / "pants", text)
    record = folder.parent / "lib/python3.9/site-packages/pantsbuild.pants-2.17.1.dist-info/RECORD"
    record.parent.mkdir(parents=True)
    (record.parents[1] / "pants").mkdir()
    (record.parents[1] / "pants/module.py").write_text("x")
    own = record.parent.name + "/RECORD,,\n"
    record.write_text("pants/module.py,sha256=0,1\n../../../bin/pants,sha256=0,5\n" + own)
    step("pants install")
"""


@dataclass(frozen=True)
class FakeMachine:
    """Folders of one fake machine, all below `folder`."""

    folder: Path

    @property
    def cache(self) -> Path:
        return self.folder / "cache"

    @property
    def reached(self) -> Path:
        """Exists once the step named by FAKE_STOP has begun."""
        return self.folder / "reached"

    @property
    def site_config(self) -> Path:
        """pip's configuration file of the fake CPython 3.11."""
        return self.folder / "pip.conf"

    def only(self, pattern: str) -> Path:
        """The one file or folder in the cache that matches."""
        (path,) = self.cache.glob(pattern)
        return path

    def calls(self) -> list[str]:
        """The commands of the fake interpreters, in order."""
        log = self.folder / "log"
        return log.read_text().splitlines() if log.exists() else []

    def environment(self, **more: str) -> dict[str, str]:
        return {
            "HOME": str(self.folder / "home"),
            "PATH": str(self.folder / "bin"),
            # The fake pip does not care, and the real one, which may be asked for uv, finds nothing.
            "PIP_NO_INDEX": "1",
            "PTE_FOUNDRY_CACHE": str(self.cache),
            **more,
        }

    def start(self, *command: str, **more: str) -> subprocess.Popen[str]:
        """Starts a command (by default `./pants hello`) in a process group of its own."""
        return subprocess.Popen(
            command or ("bash", str(self.folder / "repo" / "pants"), "hello"),
            cwd=self.folder,
            env=self.environment(**more),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            # A test runner in the background ignores Ctrl-C, and its children inherit that.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL) and None,
        )

    def run(self, *command: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Runs a command to its end; see `start`."""
        with self.start(*command, **more) as process:
            stdout, stderr = process.communicate(timeout=60)
        return subprocess.CompletedProcess(command, process.returncode, stdout, stderr)

    def source(
        self, options: str = "", then: str = "env", **more: str
    ) -> subprocess.CompletedProcess[str]:
        """Sources `.pants.bootstrap` in a bash with these options, as scie-pants does."""
        return self.run("bash", "-c", f"{options} . repo/.pants.bootstrap || exit; {then}", **more)


@dataclass(frozen=True)
class FirstRun:
    """A machine after its first `./pants hello`, a copy of it, and what that run printed."""

    machine: FakeMachine
    copy: Path
    finished: subprocess.CompletedProcess[str]


def repository() -> Path:
    """The folder that holds `pants`, above this file."""
    return next(folder for folder in _HERE.parents if (folder / "pants").is_file())


def make_machine(folder: Path, minors: tuple[int, ...] = (9, 11)) -> FakeMachine:
    """A machine with fake CPythons 3.<minors> and a launcher whose pins fit what they make."""
    machine = FakeMachine(folder)
    copy = folder / "repo"
    shutil.copytree(_HERE, copy / "tools" / "bootstrap", ignore=shutil.ignore_patterns("*_test.py"))
    for name in ("pants", ".pants.bootstrap"):
        shutil.copy(repository() / name, copy / name)
    _repin(copy / "tools" / "bootstrap" / "pins.py")
    (folder / "home").mkdir()
    (folder / "bin").mkdir()
    for tool in _TOOLS:
        found = shutil.which(tool)
        if found is not None:
            (folder / "bin" / tool).symlink_to(found)
    for minor in minors:
        add_python(machine, minor)
    return machine


def add_python(machine: FakeMachine, minor: int) -> None:
    """Puts a fake `python3.<minor>` on the machine's PATH."""
    values = {
        "REAL": os.path.realpath(sys.executable),
        "MINOR": str(minor),
        "LOG": str(machine.folder / "log"),
        "REACHED": str(machine.reached),
        "SITE_CONFIG": str(machine.site_config),
        "PEX": repr(_PEX),
        "TORCH": repr(_TORCH),
        "TORCH_NAME": "torch.whl",
    }
    text = re.sub(r"@([A-Z_]+)@", lambda match: values[match.group(1)], _FAKE_PYTHON)
    path = machine.folder / "bin" / f"python3.{minor}"
    path.write_text(text)
    path.chmod(0o755)


def _repin(pins: Path) -> None:
    text = pins.read_text()
    pex, torch = hashlib.sha256(_PEX).hexdigest(), hashlib.sha256(_TORCH).hexdigest()
    text += f"""
PEX_CLI_SHA256, PEX_CLI_SIZE = "{pex}", {len(_PEX)}
_TORCH = Wheel("torch==1", "torch.whl", "{torch}", {len(_TORCH)})
PLATFORMS = {{(sys.platform, platform.machine()): PlatformPins(_TORCH, (), True)}}
"""
    pins.write_text(text)
