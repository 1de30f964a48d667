from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from serve.command.main import app
from serve.command.server import listen

TYPES = {
    "index.html": "text/html; charset=utf-8",
    "models/a.html": "text/html; charset=utf-8",
    "models/a.svg": "image/svg+xml",
    "index.json": "application/json",
    "1.5.1/a/a_xnnpack.pte": "application/octet-stream",
    "1.5.1/a/labels.txt": "text/plain; charset=utf-8",
    "1.5.1/a/README.md": "text/plain; charset=utf-8",
    "LICENSES/MIT.txt": "text/plain; charset=utf-8",
    "SHA256SUMS": "application/octet-stream",
}


@pytest.fixture()
def tree(tmp_path: Path) -> Path:
    for name in TYPES:
        path = tmp_path / "tree" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"content of {name}")
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "tree/link.txt").symlink_to(tmp_path / "secret.txt")
    return tmp_path / "tree"


@pytest.fixture()
def address(tree: Path) -> Iterator[str]:
    with listen(tree, 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def status(url: str, **headers: str) -> int:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


@pytest.mark.parametrize("name", TYPES)
def test_files_have_the_right_type(address: str, name: str) -> None:
    with urllib.request.urlopen(f"{address}/{name}") as answer:
        assert answer.headers["Content-Type"] == TYPES[name]
        assert answer.read().decode() == f"content of {name}"


def test_the_catalogue_is_the_first_page(address: str) -> None:
    with urllib.request.urlopen(f"{address}/") as answer:
        assert answer.read() == b"content of index.html"


@pytest.mark.parametrize(
    "path", ["/none.html", "/models/", "/../secret.txt", "/%2e%2e/secret.txt", "/link.txt"]
)
def test_nothing_else_is_shown(address: str, path: str) -> None:
    assert status(address + path) == 404


def test_it_answers_to_no_other_name(address: str) -> None:
    port = address.rpartition(":")[2]
    assert status(address, Host=f"localhost:{port}") == 200
    assert status(address, Host=f"attacker.example:{port}") == 403


def test_it_prints_its_address_and_ends_on_ctrl_c(tree: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "foundry.command.main", "serve", str(tree), "--port", "0"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path))},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    line = process.stderr.readline()
    found = re.search(r"at (http://127\.0\.0\.1:\d+/); Ctrl-C ends it", line)
    assert found is not None, line
    assert status(found[1]) == 200
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (130, "foundry serve: stopped by SIGINT\n")


def test_what_is_no_tree(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, [str(tmp_path)])
    assert result.exit_code == 2
    assert "has no index.html. Build a tree with `./pants package //:tree`" in result.output


def test_a_port_that_is_taken(tree: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        result = CliRunner().invoke(app, [str(tree), "--port", str(port)])
    assert result.exit_code == 2
    assert f"--port: {port} is taken. Choose another one" in result.output
