"""What a builder can learn about the machine during an export: only errors and constants."""

from __future__ import annotations

import dataclasses
import json
import os
import socket
import tempfile
from pathlib import Path
from typing import Any

import pytest

from end_to_end.clone import UserClone

PROGRAM = "models/mobilenet:mobilenet_v3_small_xnnpack"
BUILDER = "src/python/pte_foundry/models/mobilenet.py"
ANCHOR = "    variant = _VARIANTS.get(model)\n"
CANARY = """\
    import getpass, json, locale, os, socket, subprocess, sys, time, urllib.request
    import torch
    from pte_foundry.errors import PteError

    def attempt(what):
        try:
            return what()
        except Exception as error:
            return f"{type(error).__name__}: {error}"

    def child(*command):
        return subprocess.run(command, capture_output=True, text=True).stdout.strip()

    seen = {
        "download": attempt(lambda: urllib.request.urlopen("https://example.org", timeout=5)),
        "socket": attempt(socket.socket),
        "name": attempt(lambda: socket.getaddrinfo("localhost", 80)),
        "interfaces": attempt(lambda: child("cat", "/proc/net/dev").count(":")),
        "host": attempt(socket.gethostname),
        "undeclared": attempt(lambda: open("UNDECLARED").read()),
        "undeclared, by a child": attempt(lambda: child("cat", "UNDECLARED")),
        "time zone": [time.tzname, child("date", "+%Z")],
        "locale": locale.setlocale(locale.LC_ALL, ""),
        "user": getpass.getuser(),
        "home": os.path.expanduser("~"),
        "environment": dict(os.environ),
        "processes": sorted(int(name) for name in os.listdir("/proc") if name.isdigit()),
        "environ": attempt(lambda: open("/proc/CALLER/environ").read()),
        "signal": attempt(lambda: os.kill(CALLER, 0)),
        "mode": attempt(lambda: os.chmod("UNDECLARED", 0o644)),
        "times": attempt(lambda: os.utime("UNDECLARED")),
        "hard link": attempt(lambda: os.link("UNDECLARED", "linked")),
        "run": attempt(lambda: os.listdir("/run")),
        "of tmp": attempt(lambda: open("OF_TMP").read()),
        "unix socket": child(
            sys.executable,
            "-c",
            "import socket; socket.socket(socket.AF_UNIX).connect('SOCKET'); print('reached')",
        ),
        "status": open("/proc/self/status").read(),
        "modules": sum("site-packages" in str(module.__dict__.get("__cached__")) for module in sys.modules.values()),
        "without bytecode": sorted(
            name for name, module in sys.modules.items()
            if "site-packages" in str(module.__dict__.get("__cached__")) and not os.path.exists(module.__cached__)
        ),
        "change of bytecode": attempt(lambda: open(torch.__cached__, "ab")),
        "temporary": os.path.dirname(os.path.realpath(os.environ["TMPDIR"])) == os.getcwd(),
    }
    raise PteError("bad-builder", "CANARY" + json.dumps(seen) + "CANARY")
"""
OF_THE_CALLER = {
    "A_SECRET": "of-the-caller",
    "LANG": "tr_TR.UTF-8",
    "LC_ALL": "tr_TR.UTF-8",
    "LOGNAME": "someone-else",
    "TZ": "XPT-13:45",
    "USER": "someone-else",
}


@pytest.fixture(scope="module")
def export(clone: UserClone) -> tuple[str, dict[str, Any]]:
    """The log of an export whose builder looks around, and what it has seen."""
    with_secrets = dataclasses.replace(clone, environment={**clone.environment, **OF_THE_CALLER})
    with tempfile.NamedTemporaryFile(dir="/tmp") as of_tmp, socket.socket(socket.AF_UNIX) as server:
        server.bind(f"{of_tmp.name}.socket")
        server.listen()
        canary = CANARY
        for name, value in {
            "UNDECLARED": str((clone.root / "pants.toml").resolve()),
            "CALLER": str(os.getpid()),
            "OF_TMP": of_tmp.name,
            "SOCKET": f"{of_tmp.name}.socket",
        }.items():
            canary = canary.replace(name, value)
        with clone.edited(BUILDER, ANCHOR, canary + ANCHOR):
            outcome = with_secrets.run("--no-pantsd", "--weights-source=seeded", "package", PROGRAM)
        os.unlink(f"{of_tmp.name}.socket")
    assert outcome.exit_code == 1 and outcome.output.count("CANARY") > 1, outcome.output
    return outcome.output, json.loads(outcome.output.split("CANARY")[-2])


def test_it_has_no_network(export: tuple[str, dict[str, Any]]) -> None:
    log, seen = export
    for name in ("download", "socket", "name"):
        assert "network-access" in seen[name], seen
    assert seen["unix socket"] == ""
    if "network: namespace" in log:
        assert seen["interfaces"] == 1  # The loopback, which is down.
        assert seen["host"] == "localhost"
    else:
        assert "missing: namespaces (" in log


def test_it_reads_no_undeclared_file(export: tuple[str, dict[str, Any]]) -> None:
    log, seen = export
    assert seen["temporary"]
    if "files: not confined" in log:
        pytest.skip("this machine allows neither a tree of files nor Landlock")
    for name in ("undeclared", "hard link", "run", "of tmp"):
        assert seen[name].startswith(("FileNotFoundError", "PermissionError")), (name, seen[name])
    assert seen["undeclared, by a child"] == ""


def test_it_changes_nothing_outside(export: tuple[str, dict[str, Any]]) -> None:
    log, seen = export
    if "files: own tree" not in log:
        pytest.skip("this machine allows no mounts")
    for name in ("mode", "times", "hard link"):
        assert seen[name].startswith("FileNotFoundError"), (name, seen[name])


def test_it_sees_and_signals_no_other_process(export: tuple[str, dict[str, Any]]) -> None:
    log, seen = export
    if "processes: own" not in log:
        assert "missing: namespaces (" in log or "processes: all are visible" in log
        pytest.skip("this machine allows no PID namespace")
    assert seen["processes"] == [1, 2]
    assert seen["environ"].startswith("FileNotFoundError")
    assert seen["signal"].startswith("ProcessLookupError")


def test_it_has_no_privileges(export: tuple[str, dict[str, Any]]) -> None:
    log, seen = export
    if "privileges: none" not in log:
        pytest.skip("this machine has other privileges")
    status = dict(line.split(":\t", 1) for line in seen["status"].splitlines() if ":\t" in line)
    for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(status[name], 16) == 0, status
    assert status["NoNewPrivs"] == "1"


def test_it_sees_nothing_of_its_caller(export: tuple[str, dict[str, Any]]) -> None:
    _, seen = export
    assert seen["time zone"] == [["UTC", "UTC"], "UTC"]
    assert seen["locale"] in ("C.UTF-8", "C.utf8") and seen["user"] == "pte"
    assert seen["home"] == ".home"
    # The location of the toolchain is not a setting of the caller, and differs between machines.
    del seen["environment"]["VIRTUAL_ENV"]
    # Errors name the requested paths.
    answers = {name: what for name, what in seen.items() if "Error: " not in str(what)}
    for value in ("of-the-caller", "tr_TR", "someone-else", str(Path.home())):
        assert value not in json.dumps(answers), value


def test_it_finds_the_bytecode_of_the_toolchain_and_cannot_change_it(
    export: tuple[str, dict[str, Any]],
) -> None:
    log, seen = export
    assert seen["modules"] > 1000
    # What is imported under a name that is in no source's text: "numpy/_core/_exceptions.py" by C code, for example.
    assert len(seen["without bytecode"]) < 20, seen["without bytecode"]
    assert "torch" not in seen["without bytecode"]
    if "Landlock" in log or "own tree" in log:
        assert seen["change of bytecode"].startswith(("OSError", "PermissionError"))
