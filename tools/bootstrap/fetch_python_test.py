"""fetch_python.sh, with a uv that pretends; `real_uv_test.py` has the real one."""

from __future__ import annotations

import http.server
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import fake_uv
import pytest

_TOOLS = (
    *(
        "awk",
        "bash",
        "cat",
        "chmod",
        "cp",
        "curl",
        "cut",
        "env",
        "flock",
        "gzip",
        "head",
        "mkdir",
        "mktemp",
        "mv",
    ),
    *(
        "printf",
        "rm",
        "sed",
        "sh",
        "sha256sum",
        "shasum",
        "sleep",
        "tail",
        "touch",
        "tr",
        "uname",
        "wget",
    ),
)
_BOTH = "CPython 3.9.25 and 3.11.18"


@dataclass(frozen=True)
class Machine:
    """One without any Python. folder: all of it."""

    folder: Path

    @property
    def cache(self) -> Path:
        return self.folder / "cache"

    @property
    def log(self) -> list[str]:
        """uv's command lines, each followed by its umask."""
        file = self.folder / "log"
        return file.read_text().splitlines() if file.exists() else []

    def start(self, *minors: str, **more: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [
                "bash",
                str(self.folder / "scripts" / "fetch_python.sh"),
                str(self.cache),
                *(minors or ("9", "11")),
            ],
            cwd=self.folder,
            env={
                "HOME": str(self.folder / "home"),
                "PATH": str(self.folder / "bin"),
                "PIP_CONFIG_FILE": str(self.folder / "pip.conf"),
                **more,
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            umask=0o077,
            # A shell's background job ignores SIGINT, and so does all that it starts.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL) and None,
        )

    def fetch(self, *minors: str, **more: str) -> tuple[int, str]:
        """Exit code and standard error; standard output must be empty."""
        with self.start(*minors, **more) as process:
            stdout, stderr = process.communicate(timeout=60)
        assert stdout == ""
        assert list(self.cache.glob(".tmp-*")) == []
        return process.returncode, stderr

    def without(self, *tools: str) -> None:
        for tool in tools:
            (self.folder / "bin" / tool).unlink(missing_ok=True)

    def installed(self) -> list[str]:
        return sorted(path.name.split("-")[1] for path in self.cache.glob("python/cpython-*"))


@pytest.fixture()
def machine(tmp_path: Path) -> Machine:
    made = Machine(tmp_path)
    fake_uv.scripts(tmp_path, tmp_path / "log")
    (tmp_path / "home").mkdir()
    (tmp_path / "bin").mkdir()
    # No index but what a test names.
    (tmp_path / "pip.conf").write_text("[global]\nno-index = true\n")
    for tool in _TOOLS:
        found = shutil.which(tool)
        if found is not None:
            (tmp_path / "bin" / tool).symlink_to(found)
    return made


@contextmanager
def served(machine: Machine, link: str) -> Iterator[str]:
    """A package index over HTTP, whose page links to the wheel by `link`. Gives its URL."""
    page = machine.folder / "simple" / "uv" / "index.html"
    page.parent.mkdir(parents=True)

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            pass

    handler = partial(Quiet, directory=str(machine.folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        url = f"http://127.0.0.1:{server.server_port}"
        page.write_text(fake_uv.index_page(link.replace("HOST", url)))
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"{url}/simple"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    "link",
    [
        f"HOST/files/{fake_uv.WHEEL}",
        f"/files/{fake_uv.WHEEL}",
        f"../../files/{fake_uv.WHEEL}",
    ],
)
@pytest.mark.parametrize("tool", ["curl", "wget"])
def test_from_an_index_with_one_download_program(machine: Machine, link: str, tool: str) -> None:
    machine.without(*({"curl", "wget"} - {tool}))
    with served(machine, link) as index:
        code, said = machine.fetch(PIP_INDEX_URL=f"{index}/")
    assert code == 0, said
    expected = (
        f"pants: Fetching uv 0.13.8 (0 MB) and {_BOTH} (about 60 MB) into {machine.cache}, once\n"
    )
    assert said == expected
    assert machine.installed() == ["3.11.18", "3.9.25"]
    command, umask = machine.log
    assert f"--install-dir {machine.cache}/python" in command and "--no-bin" in command
    assert "/.tmp-" in re.findall("--cache-dir ([^ ]*)", command)[0]
    assert umask == "0022"
    assert os.access(machine.cache / "uv-0.13.8" / "uv", os.X_OK)
    assert sorted(path.name for path in machine.cache.iterdir()) == [".lock", "python", "uv-0.13.8"]
    assert list((machine.folder / "home").iterdir()) == []


def test_by_a_python_without_pip(machine: Machine) -> None:
    machine.without("curl", "wget")
    python = machine.folder / "bin" / "python3"
    python.write_text(
        f'#!/bin/sh\ncase "$*" in *"-m pip"*) exit 1;; esac\nexec "{os.path.realpath(sys.executable)}" "$@"\n'
    )
    python.chmod(0o755)
    with served(machine, f"/files/{fake_uv.WHEEL}") as index:
        code, said = machine.fetch("11", UV_INDEX=f"corporate={index}")
    assert code == 0, said


def test_by_pip(machine: Machine) -> None:
    machine.without("curl", "wget")
    python = machine.folder / "bin" / "some-python"
    python.write_text(
        '#!/bin/sh\ncase "$*" in *--version*) exit;; *" download "*) cp -- '
        f'"{machine.folder}/files/{fake_uv.WHEEL}" .;; *) exit 1;; esac\n'
    )
    python.chmod(0o755)
    code, said = machine.fetch("11", PTE_ANY_PYTHON="some-python")
    assert code == 0, said


@pytest.mark.parametrize(
    "setting", ["PIP_FIND_LINKS={files}", "PIP_FIND_LINKS=/none file://{files}", "file"]
)
def test_from_a_folder_without_a_network(machine: Machine, setting: str) -> None:
    machine.without("curl", "wget")
    files = machine.folder / "files"
    if setting == "file":
        (machine.folder / "pip.conf").write_text(
            f"[global]\nfind-links =\n    /none\n    {files}\n"
        )
        more = {}
    else:
        name, _, value = setting.format(files=files).partition("=")
        more = {name: value}
    code, said = machine.fetch(**more)
    assert code == 0, said


def test_an_index_in_a_folder_with_a_space(machine: Machine) -> None:
    folder = machine.folder / "my index"
    (folder / "simple" / "uv").mkdir(parents=True)
    (folder / "simple" / "uv" / "index.html").write_text(
        fake_uv.index_page(f"../../{fake_uv.WHEEL}")
    )
    shutil.copy(machine.folder / "files" / fake_uv.WHEEL, folder)
    (machine.folder / "pip.conf").write_text(
        f"[global]\nindex-url = {(folder / 'simple').as_uri()}\n"
    )
    code, said = machine.fetch()
    assert code == 0, said


def test_the_users_uv_is_taken(machine: Machine) -> None:
    machine.without("curl", "wget")
    uv = machine.folder / "bin" / "uv"
    uv.write_text(fake_uv.UV.replace("@LOG@", str(machine.folder / "log")))
    uv.chmod(0o755)
    code, said = machine.fetch()
    assert code == 0, said
    assert said == f"pants: Fetching {_BOTH} (about 60 MB) into {machine.cache}, once\n"
    assert machine.installed() == ["3.11.18", "3.9.25"]


def test_a_uv_that_is_too_old_is_passed_over(machine: Machine) -> None:
    uv = machine.folder / "bin" / "uv"
    uv.write_text("#!/bin/sh\necho an old one\n")
    uv.chmod(0o755)
    code, said = machine.fetch(PIP_FIND_LINKS=str(machine.folder / "files"))
    assert code == 0, said
    assert "Fetching uv 0.13.8" in said


def test_what_is_there_is_not_fetched_and_what_is_broken_is(machine: Machine) -> None:
    links = str(machine.folder / "files")
    assert machine.fetch("11", PIP_FIND_LINKS=links)[0] == 0
    assert machine.fetch("11") == (0, "")
    code, said = machine.fetch("9", "11")
    assert (code, said) == (
        0,
        f"pants: Fetching CPython 3.9.25 (about 30 MB) into {machine.cache}, once\n",
    )
    (machine.cache / "python").glob("cpython-3.9*/bin/python3").__next__().write_text("damaged")
    assert "3.9.25" in machine.fetch("9", "11")[1]
    assert machine.fetch("9", "11") == (0, "")


@pytest.mark.parametrize("damage", [b"", b"other"])
def test_a_wrong_wheel_is_never_unpacked(machine: Machine, damage: bytes) -> None:
    (machine.folder / "files" / fake_uv.WHEEL).write_bytes(damage)
    with served(machine, f"/files/{fake_uv.WHEEL}") as index:
        code, said = machine.fetch(
            PIP_INDEX_URL=index, PIP_FIND_LINKS=str(machine.folder / "files")
        )
    assert code == 1
    assert f"wrong hash: {fake_uv.WHEEL} has sha256 " in said
    assert not (machine.cache / "uv-0.13.8").exists()


def test_no_network_is_one_sentence_and_three_ways_out(machine: Machine) -> None:
    code, said = machine.fetch(PIP_INDEX_URL="http://127.0.0.1:1/simple")
    assert code == 1
    lines = said.splitlines()
    assert re.match(
        rf"pants: {_BOTH} is not on this machine, and cannot be fetched: fetching uv 0.13.8 failed: curl: .*",
        lines[1],
    )
    assert [line[:10] for line in lines[2:] if line.startswith("-")] == [
        "- Let this",
        "- Fetch th",
        "- Install ",
    ]
    for text in (
        "PIP_FIND_LINKS",
        "UV_PYTHON_INSTALL_MIRROR=file:///FOLDER",
        "PTE_PYTHON39",
        fake_uv.WHEEL,
    ):
        assert text in said
    assert re.search(
        r"/FOLDER/\d{8}/cpython-3\.9\.25\+\d{8}-\S+-install_only_stripped\.tar\.gz", said
    )


def test_no_download_program_is_named(machine: Machine) -> None:
    machine.without("curl", "wget")
    code, said = machine.fetch(PIP_INDEX_URL="http://127.0.0.1:1/simple")
    assert code == 1 and "curl and wget are missing: install one of them" in said


def test_the_cause_that_uv_gives_is_shown(machine: Machine) -> None:
    more = {"PIP_FIND_LINKS": str(machine.folder / "files"), "FAKE_FAIL": "no route to host"}
    code, said = machine.fetch(**more)
    assert code == 1
    assert "cannot be fetched: error: Failed to install: no route to host\n" in said
    assert machine.fetch(PIP_FIND_LINKS=more["PIP_FIND_LINKS"])[0] == 0


def _wait_for_uv(machine: Machine) -> None:
    deadline = time.monotonic() + 30
    while not (machine.folder / "reached").exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_leaves_nothing_behind(machine: Machine, number: signal.Signals) -> None:
    links = str(machine.folder / "files")
    with machine.start(PIP_FIND_LINKS=links, FAKE_STOP="1") as process:
        _wait_for_uv(machine)
        os.killpg(process.pid, number)
        process.communicate(timeout=30)
    assert process.returncode != 0
    assert list(machine.cache.glob(".tmp-*")) == []
    code, said = machine.fetch(PIP_FIND_LINKS=links)
    assert code == 0, said


def test_a_killed_run_does_not_stop_the_next_one(machine: Machine) -> None:
    links = str(machine.folder / "files")
    with machine.start(PIP_FIND_LINKS=links, FAKE_STOP="1") as process:
        _wait_for_uv(machine)
        os.killpg(process.pid, signal.SIGKILL)
    with machine.start(PIP_FIND_LINKS=links) as again:
        assert again.wait(timeout=30) == 0
    assert machine.installed() == ["3.11.18", "3.9.25"]


@pytest.mark.skipif(shutil.which("flock") is None, reason="without it, both fetch")
def test_two_at_once_fetch_once(machine: Machine) -> None:
    links = str(machine.folder / "files")
    first = machine.start(PIP_FIND_LINKS=links, FAKE_PAUSE="1")
    _wait_for_uv(machine)
    second = machine.start(PIP_FIND_LINKS=links)
    outputs = [process.communicate(timeout=30)[1] for process in (first, second)]
    assert [first.returncode, second.returncode] == [0, 0], outputs
    assert "Fetching" in outputs[0]
    assert outputs[1] == (
        f"pants: waiting for another ./pants to finish the preparation in {machine.cache}\n"
    )
    assert len(machine.log) == 2


def test_a_cache_that_cannot_be_written_is_named(machine: Machine) -> None:
    machine.cache.write_text("a file")
    code, said = machine.fetch()
    assert code == 1 and f"cannot use the cache folder {machine.cache}" in said


def test_another_platform_is_named(machine: Machine) -> None:
    machine.without("uname")
    uname = machine.folder / "bin" / "uname"
    uname.write_text("#!/bin/sh\necho Plan9\n")
    uname.chmod(0o755)
    code, said = machine.fetch()
    assert code == 1 and "unsupported platform: Plan9 Plan9" in said
