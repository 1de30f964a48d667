from __future__ import annotations

import json
import subprocess
import sys

import pytest

from workspace.errors import ToolError
from workspace.run_script import Command, parse_run_script

# As Pants 2.17 writes it.
SCRIPT = r"""#!/usr/bin/env bash
# This command line should execute the same process as pants did internally.
cd /tmp/pants-sandbox-jtLntF
env -i EMPTY='' HOME=.home PATH=$'/usr/bin:/bin' T=$'it\'s \x01\t\\ \xc3\xa9' /bin/sh -c $'exec "$0" "$@"' a=b -m x
"""


def test_words_and_environment() -> None:
    assert parse_run_script(SCRIPT) == Command(
        ("/bin/sh", "-c", 'exec "$0" "$@"', "a=b", "-m", "x"),
        {"EMPTY": "", "HOME": ".home", "PATH": "/usr/bin:/bin", "T": "it's \x01\t\\ é"},
    )


def test_bash_reads_the_same() -> None:
    show = "import json, os, sys; print(json.dumps([sys.argv, dict(os.environ)]))"
    arguments = r"""$'a b' $'\n' '' plain-word=1 $'"$HOME" `x` ; \xe2\x82\xac'"""
    line = f"env -i ONE=$'1 \\' 2' /bin/true {arguments}"
    command = parse_run_script(line)
    probe = line.replace("/bin/true", f"{sys.executable} -c '{show}'")
    shown = subprocess.run(["bash", "-c", probe], capture_output=True, text=True, check=True)
    argv, environment = json.loads(shown.stdout)
    assert argv[1:] == list(command.argv[1:])
    assert {name: environment[name] for name in command.environment} == command.environment


@pytest.mark.parametrize(
    "script",
    [
        "",
        "python -m x\n",
        "env A=1 python\n",
        "env -i A=1 B=2\n",
        "env -i A=$HOME python\n",
        'env -i A="x" python\n',
        "env -i A=1 python; rm x\n",
        "env -i A=$'\\q' python\n",
        "env -i A=$'x python\n",
    ],
)
def test_anything_else_is_refused(script: str) -> None:
    with pytest.raises(ToolError, match="sandbox's script"):
        parse_run_script(script)
