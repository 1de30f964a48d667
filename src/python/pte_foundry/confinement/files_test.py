"""The files that a confined process can use, with its own tree or Landlock."""

from __future__ import annotations

import importlib.util
import json
import shutil
from pathlib import Path

import pytest

from pte_foundry.confinement.landlock import landlock_version
from pte_foundry.testing.canary import LANDLOCK, OWN_TREE, run_canary

FAKETIME = "vendor/libfaketime/src/libfaketime.so.1"
TRY = """
def attempt(what):
    try:
        return what()
    except OSError as error:
        return type(error).__name__
"""


def results(sandbox: Path, attempts: dict[str, str], without: tuple[str, ...] = ()) -> object:
    """What each expression gives in a confined process; the name of its error if that is an OSError."""
    entries = ", ".join(f"{name!r}: attempt(lambda: {code})" for name, code in attempts.items())
    run = run_canary(sandbox, f"{TRY}\nprint(json.dumps({{{entries}}}))", without)
    assert run.returncode == 0, run.stderr
    kept = {OWN_TREE: "own tree", LANDLOCK: "Landlock"}
    for name in without:
        del kept[name]
    log = run.stderr.splitlines()[0]
    needed = [*kept.values(), *(["namespaces"] if OWN_TREE in kept else [])]
    if any(f" {name} (" in log for name in needed):
        pytest.skip(f"this machine does not allow it: {run.stderr}")
    return json.loads(run.stdout)


def landlock_of_this_machine() -> int:
    try:
        return landlock_version()
    except OSError:
        return 0


@pytest.fixture()
def sandbox(tmp_path: Path) -> Path:
    (tmp_path / "secret").write_text("of the machine")
    (tmp_path / "sandbox").mkdir()
    (tmp_path / "sandbox" / "input").write_text("declared")
    (tmp_path / "sandbox" / "link").symlink_to(tmp_path / "secret")
    return tmp_path / "sandbox"


@pytest.mark.parametrize(
    ("without", "error"),
    [
        ((), "FileNotFoundError"),
        ((LANDLOCK,), "FileNotFoundError"),
        ((OWN_TREE,), "PermissionError"),
    ],
    ids=["usual", "own tree", "Landlock"],
)
def test_undeclared_files_cannot_be_read(
    sandbox: Path, without: tuple[str, ...], error: str
) -> None:
    attempts = {
        "absolute path": f"open({str(sandbox.parent / 'secret')!r}).read()",
        "relative path": "open('../secret').read()",
        "link": "open('link').read()",
        "child": "subprocess.run(['/bin/cat', '../secret'], capture_output=True).stdout.decode()",
        "users": "open('/etc/passwd').read()[:0]",
        "hosts": "open('/etc/hosts').read()[:0]",
    }
    refused = {**dict.fromkeys(attempts, error), "child": ""}
    assert results(sandbox, attempts, without) == refused
    readable = {
        name: attempts[name] for name in ("absolute path", "relative path", "link", "child")
    }
    assert results(sandbox, readable, (LANDLOCK, OWN_TREE)) == dict.fromkeys(
        readable, "of the machine"
    )


def test_folders_on_the_way_to_the_sandbox_show_nothing_else(sandbox: Path) -> None:
    attempts = {"parent": "os.listdir('..')", "temporary": "os.path.exists('/tmp/.X11-unix')"}
    assert results(sandbox, attempts, (LANDLOCK,)) == {"parent": ["sandbox"], "temporary": False}
    assert results(sandbox, {"parent": "os.listdir('..')"}) == {"parent": "PermissionError"}


def test_the_sandbox_a_temporary_folder_and_software_can_be_used(sandbox: Path) -> None:
    attempts = {
        "input": "open('input').read()",
        "output": "open('output', 'w').write('1')",
        "replace": "os.replace('output', 'renamed')",
        "temporary": "tempfile.TemporaryFile().write(b'12')",
        "temporary folder": "os.path.relpath(tempfile.gettempdir())[:5]",
        "program": "subprocess.run(['/bin/echo', 'x'], capture_output=True).stdout.decode()",
        "python": "len(subprocess.run([sys.executable, '-c', 'import json'], check=True).args)",
        "nothing": "open('/dev/null', 'w').write('123')",
        "random": "len(open('/dev/urandom', 'rb').read(4))",
    }
    assert results(sandbox, attempts) == {
        "input": "declared",
        "output": 1,
        "replace": None,
        "temporary": 2,
        "temporary folder": ".tmp-",
        "program": "x\n",
        "python": 3,
        "nothing": 3,
        "random": 4,
    }
    assert sorted(path.name for path in sandbox.iterdir()) == ["input", "link", "renamed"]


@pytest.mark.parametrize(
    "without", [(), (LANDLOCK,), (OWN_TREE,)], ids=["usual", "tree", "Landlock"]
)
def test_nothing_is_written_elsewhere(sandbox: Path, without: tuple[str, ...]) -> None:
    attempts = {
        "file": "open('../new', 'w')",
        "change": "open('../secret', 'a')",
        "remove": "os.remove('../secret')",
        "folder": "os.mkdir('../new')",
        "shared memory": "open('/dev/shm/new', 'w')",
        "software": "open(os.path.join(sys.prefix, 'new'), 'w')",
        "root": "os.mkdir('/new')",
        "process": "open('/proc/self/comm', 'w')",
        "truncate": "os.truncate('../secret', 0)",
    }
    if OWN_TREE in without and landlock_of_this_machine() < 3:
        del attempts["truncate"]
    ended = results(sandbox, attempts, without)
    assert isinstance(ended, dict)
    assert set(ended.values()) <= {"PermissionError", "FileNotFoundError", "OSError"}, ended
    assert (sandbox.parent / "secret").read_text() == "of the machine"
    assert sorted(path.name for path in sandbox.parent.iterdir()) == ["sandbox", "secret"]


def test_stages_are_written_to_their_folder_and_others_not_read(
    sandbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = sandbox.parent / "stages"
    folder.mkdir()
    (folder / "of another process").write_text("1.0 lowering")
    monkeypatch.setenv("PTE_PROGRESS", str(folder))
    attempts = {
        "own": f"open({str(folder / 'own')!r}, 'w').write('1')",
        "other": f"open({str(folder / 'of another process')!r}).read()",
        "names": f"os.listdir({str(folder)!r})",
    }
    assert results(sandbox, attempts) == {
        "own": 1,
        "other": "PermissionError",
        "names": "PermissionError",
    }


def test_children_can_use_a_preloaded_library(
    sandbox: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = importlib.util.find_spec("libfaketime")
    assert package is not None and package.origin is not None
    library = tmp_path / "libfaketime.so.1"
    shutil.copyfile(Path(package.origin).parent / FAKETIME, library)
    monkeypatch.setenv("LD_PRELOAD", str(library))
    monkeypatch.setenv("FAKETIME", "@1000000000")
    monkeypatch.setenv("FAKETIME_FMT", "%s")
    # The library shares memory with the children, too.
    date = "subprocess.run(['date', '-u', '+%Y'], capture_output=True, check=True).stdout.decode()"
    assert results(sandbox, {"year": date}) == {"year": "2001\n"}
