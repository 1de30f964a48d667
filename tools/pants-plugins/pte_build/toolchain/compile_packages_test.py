"""Which packages of an environment are compiled, and how."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pte_build.toolchain import compile_packages
from pte_build.toolchain.compile_packages import closure, imported_names, prepare

PACKAGES = {
    "used/__init__.py": "from .inner import (  # the inner one\n    one,\n    two as other,\n)\n",
    "used/inner/__init__.py": "",
    "used/inner/one.py": "def later():\n    import lazy\n",
    "used/inner/two.py": "from ...beyond import it\n",
    "used/untouched.py": "",
    "lazy.py": "import first.deep, second as other\nimport third\n",
    "first/__init__.py": "",
    "first/deep.py": "",
    "second.py": "from used import untouched_name, \\\n    spam\n",
    "third.py": "this is no Python",
    "never.py": "",
}


@pytest.fixture()
def packages(tmp_path: Path) -> Path:
    return write(tmp_path / "site-packages", PACKAGES)


@pytest.fixture()
def sources(tmp_path: Path) -> Path:
    return write(
        tmp_path / "src",
        {"own/a.py": "if True:\n    import used\n", "own/a_test.py": "import never\n"},
    )


@pytest.fixture()
def store(tmp_path: Path) -> Path:
    return tmp_path / "store"


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def bytecode(packages: Path) -> dict[str, bytes]:
    return {str(path.relative_to(packages)): path.read_bytes() for path in packages.rglob("*.pyc")}


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("import a", {"a"}),
        ("import a.b as c, d  # e, f", {"a.b", "d"}),
        ("  import a; x = 1", {"a"}),
        ("import a, \\\n    b", {"a", "b"}),
        ("from a import b, \\\n    c", {"a", "a.b", "a.c"}),
        ("from a import b as c, d", {"a", "a.b", "a.d"}),
        ("from a.b import (\n    c,  # d,\n    e,\n)", {"a.b", "a.b.c", "a.b.e"}),
        ("from a import *", {"a"}),
        ("from . import b", {"p.q", "p.q.b"}),
        ("from .b import c", {"p.q.b", "p.q.b.c"}),
        ("from .. import b", {"p", "p.b"}),
        ("from ....b import c", set()),
        ("important = 1\nfrom_ = 2\nx = 'from a'", set()),
    ],
)
def test_names_in_import_statements(text: str, names: set[str]) -> None:
    assert set(imported_names(text, "p.q")) == names


def test_the_closure_of_imports(packages: Path) -> None:
    assert closure(packages, {"used", "sys", "absent.module"}) == [
        "first/__init__.py",
        "first/deep.py",
        "lazy.py",
        "second.py",
        "third.py",
        "used/__init__.py",
        "used/inner/__init__.py",
        "used/inner/one.py",
        "used/inner/two.py",
    ]


@pytest.mark.parametrize("name", ["..own.a", "/etc", "used/inner", "", "used..inner"])
def test_no_name_leads_out_of_the_packages(packages: Path, sources: Path, name: str) -> None:
    assert set(closure(packages, {name})) <= set(PACKAGES)


def test_what_sources_import_is_compiled_once(packages: Path, sources: Path, store: Path) -> None:
    compiled = prepare(packages, sources, store)
    assert "used/inner/one.py" in compiled
    # Invalid Python is not a failure, and what only tests import is not needed.
    assert not {"third.py", "never.py"} & set(compiled)
    before = bytecode(packages)
    assert len(before) == len(compiled)
    assert prepare(packages, sources, store) == []
    write(sources, {"own/b.py": "import never"})
    assert prepare(packages, sources, store) == ["never.py"]
    assert {name: bytecode(packages)[name] for name in before} == before


def test_nothing_is_read_once_it_is_done(
    packages: Path, sources: Path, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare(packages, sources, store)
    monkeypatch.setattr(compile_packages, "closure", None)
    assert prepare(packages, sources, store) == []


def test_bytecode_is_a_function_of_the_source(tmp_path: Path, sources: Path) -> None:
    """Neither the folder's name nor the time of the files is in it."""
    there: list[dict[str, bytes]] = []
    for name in ("a", "b"):
        packages = write(tmp_path / name, PACKAGES)
        os.utime(packages / "lazy.py", (len(there), len(there)))
        prepare(packages, sources, tmp_path / f"store of {name}")
        there.append(bytecode(packages))
    assert there[0] == there[1]


def test_other_bytecode_is_replaced(packages: Path, sources: Path, store: Path) -> None:
    """Such as that of an earlier version of this repository, which an export could have changed."""
    path = Path(importlib.util.cache_from_source(str(packages / "lazy.py")))
    path.parent.mkdir()
    path.write_bytes(importlib.util.MAGIC_NUMBER + bytes(12) + b"anything")
    assert "lazy.py" in prepare(packages, sources, store)
    assert b"anything" not in path.read_bytes()


def test_equal_packages_are_compiled_once(
    packages: Path, sources: Path, store: Path, tmp_path: Path
) -> None:
    prepare(packages, sources, store)
    # In workers: what they compiled is what the store has more.
    kept = set(store.iterdir())
    others = write(tmp_path / "others", {**PACKAGES, "lazy.py": "import second\n"})
    assert len(prepare(others, sources, store)) == 6
    (added,) = set(store.iterdir()) - kept
    assert Path(importlib.util.cache_from_source(str(others / "lazy.py"))).samefile(added)
    for name in set(bytecode(packages)) & set(bytecode(others)):
        assert (packages / name).samefile(others / name) == ("lazy" not in name)


def test_the_store_distinguishes_equal_sources_of_different_names(
    packages: Path, sources: Path, store: Path
) -> None:
    """Bytecode holds the name of its source."""
    prepare(packages, sources, store)
    names = ["used/inner/__init__.py", "first/__init__.py"]
    one, other = (Path(importlib.util.cache_from_source(str(packages / name))) for name in names)
    assert one.read_bytes() != other.read_bytes()


def test_a_file_system_without_links_gets_copies(
    packages: Path, sources: Path, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def link(*_: object) -> None:
        raise OSError("not supported")

    monkeypatch.setattr(os, "link", link)
    assert len(prepare(packages, sources, store)) == len(list(store.iterdir())) == 8


def test_python_takes_it_and_sees_an_edited_source(
    packages: Path, sources: Path, store: Path
) -> None:
    prepare(packages, sources, store)

    def printed(code: str) -> str:
        environment = {"PYTHONPATH": str(packages), "PYTHONDONTWRITEBYTECODE": "1"}
        command = [sys.executable, "-v", "-c", code]
        ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        return ran.stderr + ran.stdout

    output = printed("import first.deep; print(first.deep.__file__)")
    assert f"{packages}/first/deep.py\n" in output
    assert f"matches {packages}/first/deep.py" in output
    (packages / "first" / "deep.py").write_text("raise SystemExit('edited')")
    with pytest.raises(subprocess.CalledProcessError) as caught:
        printed("import first.deep")
    assert "edited" in caught.value.stderr


def test_two_at_once_do_it_once(packages: Path, sources: Path, store: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from pte_build.toolchain.compile_packages import *\n"
        "print(len(prepare(*map(Path, sys.argv[1:]))))"
    )
    command = [sys.executable, "-c", code, str(packages), str(sources), str(store)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    both = [
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    counts = sorted(int(process.communicate(timeout=60)[0]) for process in both)
    assert counts == [0, 8]


def test_an_interrupted_run_is_resumed(
    packages: Path, sources: Path, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(compile_packages, "compile_files", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            prepare(packages, sources, store)
    assert len(prepare(packages, sources, store)) == 8


def test_the_workers_of_a_killed_run_end_and_leave_the_lock(
    packages: Path, sources: Path, store: Path, tmp_path: Path
) -> None:
    # A compilation that takes for ever.
    slow = tmp_path / "slow.py"
    slow.write_text(
        "import sys, time\n"
        "from pathlib import Path\n"
        "from pte_build.toolchain import compile_packages\n"
        "def _compile(packages, file):\n"
        "    print('compiling', flush=True)\n"
        "    time.sleep(600)\n"
        "compile_packages._compile = _compile\n"
        "compile_packages.prepare(*map(Path, sys.argv[1:]))\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with subprocess.Popen(
        [sys.executable, str(slow), str(packages), str(sources), str(store)],
        env=environment,
        stdout=subprocess.PIPE,
    ) as run:
        assert run.stdout is not None and run.stdout.readline() == b"compiling\n"
        run.kill()
        # Until the last process that writes there has ended.
        run.communicate(timeout=30)
    assert len(prepare(packages, sources, store)) > 0
