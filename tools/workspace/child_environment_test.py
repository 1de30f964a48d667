from __future__ import annotations

from workspace.child_environment import clone_environment, same_checkout_environment

OUTER = {
    "HOME": "/home/someone",
    "PATH": "/usr/bin",
    "PANTS_CONFIG_FILES": "pants.ci.toml",
    "PANTS_LOCAL_STORE_DIR": "/store",
    "PANTS_PYTHON_REPOS_INDEXES": "[]",
    "PANTS_PEX_CLI_VERSION": "v1",
    "PANTS_PYTHON_BOOTSTRAP_SEARCH_PATH": "[]",
    "PANTS_CA_CERTS_PATH": "/certificates",
    "PTE_FOUNDRY_CACHE": "/cache",
    "PANTSD_RUNTRACKER_CLIENT_START_TIME": "1.0",
    "PEX": "/tmp/tool.pex",
    "_PEX_CACHE_ACCESS_LOCK": "0|3|/lock",
    "PYTHONPATH": "/elsewhere",
    "PTE_FOUNDRY_ROOT": "/repository",
    "__PANTS_BIN_NAME": "pants",
}
OF_THE_OUTER_RUN = {
    "PANTSD_RUNTRACKER_CLIENT_START_TIME",
    "PEX",
    "_PEX_CACHE_ACCESS_LOCK",
    "PYTHONPATH",
    "PTE_FOUNDRY_ROOT",
    "__PANTS_BIN_NAME",
}


def test_the_same_checkout_keeps_options_and_does_not_wait() -> None:
    child = same_checkout_environment(OUTER)
    assert set(child) == set(OUTER) - OF_THE_OUTER_RUN | {"PANTS_CONCURRENT"}
    assert child["PANTS_CONCURRENT"] == "true"
    assert child["PANTS_CONFIG_FILES"] == "pants.ci.toml"


def test_a_clone_keeps_the_machine_and_drops_the_users_options() -> None:
    child = clone_environment({**OUTER, "PANTS_CONCURRENT": "true"})
    assert set(child) == set(OUTER) - OF_THE_OUTER_RUN - {"PANTS_CONFIG_FILES"}
