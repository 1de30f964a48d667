"""What a builder can learn of the machine while it is exported: an error, or a constant."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from end_to_end.clone import Clone

PROGRAM = "models/mobilenet:mobilenet_v3_small_xnnpack"
BUILDER = "src/python/pte_foundry/models/mobilenet.py"
ANCHOR = "    variant = _VARIANTS.get(model)\n"
CANARY = """\
    import getpass, json, locale, os, socket, subprocess, sys, time, urllib.request
    import torch

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
def export(clone: Clone) -> tuple[str, dict[str, Any]]:
    """The log of an export whose builder looks around, and what it has seen."""
    with_secrets = dataclasses.replace(clone, environment={**clone.environment, **OF_THE_CALLER})
    undeclared = str((clone.root / "pants.toml").resolve())
    with clone.edited(BUILDER, ANCHOR, CANARY.replace("UNDECLARED", undeclared) + ANCHOR):
        outcome = with_secrets.run("--no-pantsd", "--weights-source=seeded", "package", PROGRAM)
    assert outcome.exit_code == 1 and outcome.output.count("CANARY") > 1, outcome.output
    return outcome.output, json.loads(outcome.output.split("CANARY")[-2])


def test_it_has_no_network(export: tuple[str, dict[str, Any]]) -> None:
    log, seen = export
    for name in ("download", "socket", "name"):
        assert "network-access" in seen[name], seen
    if "network: namespace and guard" in log:
        assert seen["interfaces"] == 1  # The loopback, which is down.
        assert seen["host"] == "localhost"
    else:
        assert "network: guard only (" in log


def test_it_reads_no_file_that_nobody_declared(export: tuple[str, dict[str, Any]]) -> None:
    log, seen = export
    if "files: Landlock" not in log:
        assert "files: not confined (" in log
        pytest.skip("this machine allows no Landlock")
    assert seen["undeclared"].startswith("PermissionError")
    assert seen["undeclared, by a child"] == ""
    assert seen["temporary"]


def test_it_sees_nothing_of_its_caller(export: tuple[str, dict[str, Any]]) -> None:
    _, seen = export
    assert seen["time zone"] == [["UTC", "UTC"], "UTC"]
    assert seen["locale"] in ("C.UTF-8", "C.utf8") and seen["user"] == "pte"
    assert seen["home"] == ".home"
    # Where the toolchain itself lies is no setting of the caller, and differs between machines.
    del seen["environment"]["VIRTUAL_ENV"]
    for value in ("of-the-caller", "tr_TR", "someone-else", str(Path.home())):
        assert value not in json.dumps({**seen, "undeclared": ""}), value


def test_it_finds_the_bytecode_of_the_toolchain_and_cannot_change_it(
    export: tuple[str, dict[str, Any]],
) -> None:
    log, seen = export
    assert seen["modules"] > 1000
    # What is imported by a name that is no text of a source: "numpy/_core/_exceptions.py" by C code, for example.
    assert len(seen["without bytecode"]) < 20, seen["without bytecode"]
    assert "torch" not in seen["without bytecode"]
    if "files: Landlock" in log:
        assert seen["change of bytecode"].startswith("PermissionError")
