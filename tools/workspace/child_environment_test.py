from __future__ import annotations

import json

import pytest

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
    "PTE_FOUNDRY_OPTIONS": "[]",
}
OF_THE_OUTER_RUN = {
    "PANTSD_RUNTRACKER_CLIENT_START_TIME",
    "PEX",
    "_PEX_CACHE_ACCESS_LOCK",
    "PYTHONPATH",
    "PTE_FOUNDRY_ROOT",
    "__PANTS_BIN_NAME",
    "PTE_FOUNDRY_OPTIONS",
}


def test_the_same_checkout_keeps_options_and_does_not_wait() -> None:
    child = same_checkout_environment(OUTER)
    assert set(child) == set(OUTER) - OF_THE_OUTER_RUN | {"PANTS_CONCURRENT"}
    assert child["PANTS_CONCURRENT"] == "true"
    assert child["PANTS_CONFIG_FILES"] == "pants.ci.toml"


@pytest.mark.parametrize(
    ("options", "variables"),
    [
        (["--weights-source=seeded"], {"PANTS_WEIGHTS_SOURCE": "seeded"}),
        (
            ["--export-stock", "--no-tree-git-lfs"],
            {"PANTS_EXPORT_STOCK": "true", "PANTS_TREE_GIT_LFS": "false"},
        ),
        (["--no-pantsd", "--tag=nightly", "--keep-sandboxes=always", "--stats-log"], {}),
        (["--weights-substitutes=a=b.json"], {"PANTS_WEIGHTS_SUBSTITUTES": "a=b.json"}),
        (
            ["--weights-distdirs=one", "--weights-distdirs=['two']", "--weights-distdirs=one"],
            {"PANTS_WEIGHTS_DISTDIRS": """+["zero"],+["one"],['two'],+["one"]"""},
        ),
    ],
)
def test_options_of_the_outer_command_line_reach_builds_in_the_same_checkout(
    options: list[str], variables: dict[str, str]
) -> None:
    users = {"PANTS_WEIGHTS_SOURCE": "official", "PANTS_WEIGHTS_DISTDIRS": "zero"}
    outer = {**OUTER, **users, "PTE_FOUNDRY_OPTIONS": json.dumps(options)}
    expected = {**same_checkout_environment({**OUTER, **users}), **variables}
    assert same_checkout_environment(outer) == expected


def test_a_clone_keeps_the_machine_and_drops_the_users_options() -> None:
    child = clone_environment({**OUTER, "PANTS_CONCURRENT": "true"})
    assert set(child) == set(OUTER) - OF_THE_OUTER_RUN - {"PANTS_CONFIG_FILES"}
