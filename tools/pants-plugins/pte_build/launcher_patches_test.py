"""The parts of Pants that `tools/bootstrap/start_pants.py` patches exist in this version of Pants."""

from __future__ import annotations

import inspect

from pants.bin.pants_env_vars import DAEMON_ENTRYPOINT
from pants.init import options_initializer
from pants.init.plugin_resolver import PluginResolver, ResolvedPluginDistributions
from pants.pantsd.process_manager import PantsDaemonProcessManager, ProcessManager


def test_the_daemon_gets_the_arguments_of_its_client() -> None:
    assert DAEMON_ENTRYPOINT == "PANTS_DAEMON_ENTRYPOINT"
    source = inspect.getsource(PantsDaemonProcessManager.post_fork_child)
    assert "[sys.executable] + sys.argv" in source
    assert "timeout" in inspect.signature(ProcessManager.await_metadata_by_name).parameters


def test_the_graph_for_plugins() -> None:
    assert "create_bootstrap_scheduler(options_bootstrapper, executor)" in inspect.getsource(
        options_initializer.OptionsInitializer.__init__
    )
    parameters = list(inspect.signature(PluginResolver._resolve_plugins).parameters)
    assert parameters[:2] == ["self", "options_bootstrapper"]
    assert list(ResolvedPluginDistributions()) == []
