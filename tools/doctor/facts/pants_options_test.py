from __future__ import annotations

import os
from pathlib import Path

import pytest

from doctor.facts.pants_options import parse_options, read_options


def test_strings_and_numbers_of_a_file(tmp_path: Path) -> None:
    text = """
a = "before any section"
[GLOBAL]
local_store_dir = "%(env.HERE)s/store"  # a comment
local_execution_root_dir = '%(buildroot)s/x'
process_execution_local_parallelism = 3
backend_packages = ["one",
  "two"]
[qnn]
sdk_root = "sdk"
"""
    assert parse_options(text, Path("/root"), Path("/home"), {"HERE": "/here"}) == {
        ("", "a"): "before any section",
        ("GLOBAL", "local_store_dir"): "/here/store",
        ("GLOBAL", "local_execution_root_dir"): "/root/x",
        ("GLOBAL", "process_execution_local_parallelism"): "3",
        ("qnn", "sdk_root"): "sdk",
    }


def test_variables_count_more_than_rc_files_and_these_more_than_others(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    environment = {"HOME": str(tmp_path / "home"), "PANTS_CONFIG_FILES": '+["more.toml"]'}

    def sdk(**more: str) -> str | None:
        return read_options(tmp_path, {**environment, **more}).qnn_sdk_root

    assert sdk() is None
    for name in ("pants.toml", "more.toml", "home/.pants.rc", ".pants.rc"):
        (tmp_path / name).write_text(f'[qnn]\nsdk_root = "{name}"\n')
        assert sdk() == name
    assert sdk(PANTS_QNN_SDK_ROOT="mine") == "mine"
    assert sdk(PANTS_PANTSRC="false") == "more.toml"
    assert sdk(PANTS_PANTSRC="false", PANTS_CONFIG_FILES="pants.toml") == "pants.toml"


def test_the_defaults_are_those_of_pants(tmp_path: Path) -> None:
    options = read_options(tmp_path, {"HOME": "/home/me"})
    assert str(options.local_store_dir) == "/home/me/.cache/pants/lmdb_store"
    assert str(options.named_caches_dir) == "/home/me/.cache/pants/named_caches"
    assert (options.parallelism, options.remote_store_address) == (os.cpu_count(), None)
    elsewhere = read_options(tmp_path, {"HOME": "/home/me", "XDG_CACHE_HOME": "/x"})
    assert str(elsewhere.local_store_dir) == "/x/pants/lmdb_store"


@pytest.mark.parametrize("given", ["0", "4"])
def test_parallelism(tmp_path: Path, given: str) -> None:
    variable = {"PANTS_PROCESS_EXECUTION_LOCAL_PARALLELISM": given, "HOME": "/h"}
    assert read_options(tmp_path, variable).parallelism == (int(given) or os.cpu_count())
