from __future__ import annotations

import re
from pathlib import Path

import fake_uv
import pins
import pytest
from messages import PreparationError

_HERE = Path(pins.__file__).resolve().parent
_ROOT = _HERE.parent.parent


def _pinned_versions(name: str) -> dict[str, str]:
    text = (_HERE / name).read_text()
    return dict(re.findall(r"^([a-z0-9-]+)==(\S+) ", text, re.MULTILINE))


def test_pants_toml_names_the_same_version() -> None:
    text = (_ROOT / "pants.toml").read_text()
    assert re.findall(r'^pants_version *= *"(.*)"', text, re.MULTILINE) == [pins.PANTS_VERSION]


def test_requirements_hold_the_pinned_versions() -> None:
    pants = _pinned_versions(pins.PANTS_REQUIREMENTS)
    assert pants["pantsbuild-pants"] == pins.PANTS_VERSION
    assert _pinned_versions(pins.PEX_REQUIREMENTS) == {"pex": pins.PEX_VERSION}


@pytest.mark.parametrize("name", [pins.PANTS_REQUIREMENTS, pins.PEX_REQUIREMENTS])
def test_requirements_are_hashed_and_name_no_place(name: str) -> None:
    text = (_HERE / name).read_text()
    requirements = re.findall(
        r"^[a-z0-9-]+==\S+ \\\n((?:    --hash=sha256:[0-9a-f]{64}.*\n)+)", text, re.M
    )
    assert len(requirements) == len(_pinned_versions(name)) > 0
    assert not re.search(r"https?:|file:|--index-url|--find-links|@ ", text)


def test_linux_x86_64_has_a_torch_wheel_named_like_its_requirement() -> None:
    wheel = pins.platform_pins("linux", "x86_64").torch_wheel
    assert wheel is not None
    assert wheel.file_name.startswith(wheel.requirement.replace("==", "-") + "-cp311-")
    assert re.fullmatch("[0-9a-f]{64}", wheel.sha256)


def test_only_linux_x86_64_is_tested() -> None:
    tested = [key for key, value in pins.PLATFORMS.items() if value.tested]
    assert tested == [("linux", "x86_64")]


@pytest.mark.parametrize(("system", "machine"), [("win32", "AMD64"), ("linux", "riscv64")])
def test_other_platforms_are_refused_by_name(system: str, machine: str) -> None:
    with pytest.raises(PreparationError, match=f"unsupported platform: {system} {machine}"):
        pins.platform_pins(system, machine)


def _uv_rows() -> dict[tuple[str, str], list[str]]:
    """Kernel (as sys.platform has it) and machine to the rest of the row."""
    lines = (_HERE / f"uv-{fake_uv.VERSION}.txt").read_text().splitlines()
    rows = [line.split() for line in lines if not line.startswith("#")]
    return {(row[0].lower(), row[1]): row[2:] for row in rows}


def test_each_platform_has_a_uv_and_both_builds_of_cpython() -> None:
    rows = _uv_rows()
    assert set(rows) == set(pins.PLATFORMS)
    names = [name for row in rows.values() for name in (row[0],)]
    assert sorted(re.sub(r"^cpython-[\d.]+-", "", name) for name in pins.python_builds()) == sorted(
        [*names, *names]
    )
    for name, build in pins.python_builds().items():
        version = f"{build['major']}.{build['minor']}.{build['patch']}"
        assert name.startswith(f"cpython-{version}-")
        assert re.fullmatch("[0-9a-f]{64}", build["sha256"])
        # The prefix that a mirror replaces.
        release = "https://github.com/astral-sh/python-build-standalone/releases/download/"
        assert build["url"].startswith(f"{release}{build['build']}/cpython-{version}%2B")
        assert build["url"].endswith("-install_only_stripped.tar.gz")


def test_the_uv_is_the_one_that_the_lockfile_has() -> None:
    lock = (_ROOT / "3rdparty" / "python" / "tools.lock").read_text()
    entry = re.search(r"^uv==(\S+) \\\n((?: +--hash=sha256:\w+.*\n)+)", lock, re.MULTILINE)
    assert entry is not None
    assert entry[1] == fake_uv.VERSION
    for row in _uv_rows().values():
        assert row[1].startswith(f"uv-{fake_uv.VERSION}-py3-none-")
        assert row[3] in entry[2]
