from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, cast

import pytest
import start_pants

_SCRIPT = (
    "import sys\nfrom engine.main import main\nif __name__ == '__main__':\n    sys.exit(main())\n"
)
_MAIN = "import sys\ndef main():\n    print(sys.argv[1:], sys.path[0])\n    import engine.part\n    return {}\n"


@pytest.fixture()
def environment(tmp_path: Path) -> Path:
    """A folder like that of a virtual environment, with one package."""
    packages = tmp_path / "lib"
    (packages / "engine").mkdir(parents=True)
    (packages / "engine-1.dist-info").mkdir()
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "pants").write_text(_SCRIPT)
    files = {"__init__.py": "", "main.py": _MAIN.format(0), "part.py": "# part\n"}
    lines = []
    for name, text in files.items():
        (packages / "engine" / name).write_text(text)
        lines.append(f"engine/{name},sha256=0,{len(text)}\n")
    lines += ["engine-1.dist-info/RECORD,,\n", "../../../bin/pants,sha256=0,1\n"]
    (packages / "engine-1.dist-info" / "RECORD").write_text("".join(lines))
    return tmp_path


def _start(environment: Path) -> subprocess.CompletedProcess[str]:
    """Run the real script, as the launcher does, in the environment's stead."""
    code = (
        "import runpy, sys, sysconfig\n"
        f"sysconfig.get_path = lambda name: {str(environment / 'lib')!r}\n"
        f"sys.path.insert(0, {str(environment / 'lib')!r}); sys.path.insert(0, 'of the script')\n"
        f"sys.argv[:] = [{start_pants.__file__!r}, {str(environment / 'bin' / 'pants')!r}, 'a', 'b']\n"
        f"exec(compile(open({start_pants.__file__!r}).read(), 'start_pants.py', 'exec'))\n"
    )
    command = [sys.executable, "-B", "-c", code]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_it_runs_the_script_with_its_arguments(environment: Path) -> None:
    finished = _start(environment)
    assert (finished.returncode, finished.stderr) == (0, "")
    # As for a script that is started itself: tools/bootstrap is not where modules are looked for.
    assert finished.stdout == f"['a', 'b'] {environment / 'lib'}\n"


@pytest.mark.parametrize(
    ("arguments", "options"),
    [
        (["--weights-source=seeded", "run", "tools/foundry"], ["--weights-source=seeded"]),
        (["-ldebug", "run", "x", "--no-y", "--", "reproduce", "--stock"], ["--no-y"]),
        ([], []),
    ],
)
def test_the_options_before_those_of_a_program(arguments: list[str], options: list[str]) -> None:
    assert start_pants.options_of(arguments) == options


def test_pants_gets_its_options_as_a_variable_too(environment: Path) -> None:
    module = environment / "lib" / "engine" / "main.py"
    module.write_text("import os\ndef main():\n    print(os.environ['PTE_FOUNDRY_OPTIONS'])\n")
    assert _start(environment).stdout == "[]\n"


def test_a_failure_in_a_sound_environment_is_passed_on(environment: Path) -> None:
    module = environment / "lib" / "engine" / "main.py"
    module.write_text(_MAIN.format(7))
    finished = _start(environment)
    assert (finished.returncode, finished.stderr) == (7, "")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("main.py", None),
        ("main.py", ""),
        ("main.py", "def main(): return 5\n"),
        ("part.py", None),
        ("part.py", "# pa"),
        ("__init__.py", "import nonesuch\n"),
    ],
)
def test_a_damaged_environment_is_named_and_will_be_made_anew(
    environment: Path, name: str, text: str | None
) -> None:
    packages = environment / "lib"
    failing = _MAIN.format(5)
    (packages / "engine" / "main.py").write_text(failing)
    file = packages / "engine" / name
    if text is None:
        file.unlink()
    else:
        file.write_text(text)
    finished = _start(environment)
    assert finished.returncode != 0
    assert f"{file} is damaged. Run again: {environment} will be made anew." in finished.stderr
    assert not (environment / "bin" / "pants").exists()


def test_a_file_that_pip_does_not_know(environment: Path) -> None:
    """Bytecode, for example."""
    (environment / "lib" / "engine" / "main.py").write_text("import nonesuch\n")
    record = environment / "lib" / "engine-1.dist-info" / "RECORD"
    record.write_text("engine-1.dist-info/RECORD,,\n")
    finished = _start(environment)
    assert f"if that goes on, delete {environment} and run again." in finished.stderr
    assert (environment / "bin" / "pants").exists()


def test_a_record_that_cannot_be_read(environment: Path) -> None:
    (environment / "lib" / "engine" / "main.py").write_text("raise SystemExit('why')\n")
    (environment / "lib" / "engine-1.dist-info" / "RECORD").write_text("one line")
    finished = _start(environment)
    assert finished.returncode == 1 and finished.stderr.startswith(
        f"pants: {environment} is damaged"
    )


@pytest.mark.parametrize("lines", [0, 1])
def test_a_record_that_was_cut_off(environment: Path, lines: int) -> None:
    record = environment / "lib" / "engine-1.dist-info" / "RECORD"
    record.write_text("".join(record.read_text().splitlines(keepends=True)[:lines]))
    assert start_pants.damaged_file(environment / "lib") == record


def test_the_daemon_may_take_longer_than_pants_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    class ProcessManager:
        def await_metadata_by_name(
            self, key: str, ongoing: str, completed: str, timeout: float, caster: object = None
        ) -> float:
            return timeout

    module = ModuleType("pants.pantsd.process_manager")
    monkeypatch.setattr(module, "ProcessManager", ProcessManager, raising=False)
    for name in ("pants", "pants.pantsd"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.setitem(sys.modules, module.__name__, module)
    start_pants.wait_longer_for_the_daemon()
    assert ProcessManager().await_metadata_by_name("pid", "", "", 60) == start_pants.DAEMON_SECONDS
    assert ProcessManager().await_metadata_by_name("pid", "", "", 900) == 900


def test_a_damaged_environment_is_left_to_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    modules: dict[str, ModuleType | None] = cast(Any, sys.modules)
    monkeypatch.setitem(modules, "pants", None)
    start_pants.wait_longer_for_the_daemon()


class _Options:
    """What Pants gives for the options of one run."""

    def __init__(self, *plugins: str) -> None:
        self.bootstrap_options = self
        self.plugins = plugins

    def for_global_scope(self) -> _Options:
        return self


def _fake_pants(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Modules like those of Pants that solve the graph for plugins; `solved` has the times that they did."""
    initializer, resolver = ModuleType("initializer"), ModuleType("resolver")
    fake: Any = SimpleNamespace(initializer=initializer, solved=[])

    def create(options: _Options, executor: str) -> Any:
        fake.solved.append(executor)
        return SimpleNamespace(scheduler="the graph")

    class PluginResolver:
        def __init__(self, bootstrap: Any) -> None:
            self.bootstrap = bootstrap

        def _resolve_plugins(self, options: _Options, env: str, request: str) -> list[str]:
            return [self.bootstrap.scheduler, *options.plugins]

    initializer.create_bootstrap_scheduler = create  # type: ignore[attr-defined]
    resolver.PluginResolver = PluginResolver  # type: ignore[attr-defined]
    resolver.ResolvedPluginDistributions = list  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "pants.init.options_initializer", initializer)
    monkeypatch.setitem(sys.modules, "pants.init.plugin_resolver", resolver)
    start_pants.leave_out_the_graph_for_plugins()
    fake.resolver = PluginResolver(initializer.create_bootstrap_scheduler(_Options(), "executor"))
    return fake


def test_the_graph_for_plugins_is_solved_for_plugins_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = _fake_pants(monkeypatch)
    assert fake.resolver._resolve_plugins(_Options(), "env", "request") == []
    assert fake.solved == []
    # A daemon may be asked for a plugin later, and once is enough.
    for _ in range(2):
        found = fake.resolver._resolve_plugins(_Options("a==1"), "env", "request")
        assert found == ["the graph", "a==1"]
    assert fake.solved == ["executor"]


def test_the_daemon_is_started_by_the_script_too(monkeypatch: pytest.MonkeyPatch) -> None:
    class PantsDaemonProcessManager:
        def post_fork_child(self) -> list[str]:
            return [sys.executable, *sys.argv]

    module = ModuleType("process_manager")
    module.PantsDaemonProcessManager = PantsDaemonProcessManager  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "pants.pantsd.process_manager", module)
    monkeypatch.setattr(sys, "argv", ["bin/pants", "list"])
    start_pants.start_the_daemon_here_too()
    command = [sys.executable, os.path.abspath(start_pants.__file__), "bin/pants", "list"]
    assert PantsDaemonProcessManager().post_fork_child() == command
