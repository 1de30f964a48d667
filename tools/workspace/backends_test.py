from __future__ import annotations

from pathlib import Path

import pytest

from workspace.backends import DeclaredBackend, calls, read_backends
from workspace.errors import ToolError

REPOSITORY = Path(__file__).resolve().parents[2]


def write(root: Path, text: str) -> Path:
    (root / "toolchains").mkdir()
    (root / "toolchains/BUILD").write_text(text)
    return root


def test_fields_and_their_defaults(tmp_path: Path) -> None:
    text = """
pte_backend(name="plain", platforms=[p for p in ("linux",)])
pte_backend(
    name="full", precisions=["fp16", "int8"], max_size_ratios={"fp16": 0.5}, dynamic_dimensions=True, sdk="chip"
)
photograph_set(name="pictures")
"""
    plain, full = read_backends(write(tmp_path, text)).values()
    assert plain == DeclaredBackend("plain", ("fp32",), {}, False, None)
    assert full == DeclaredBackend("full", ("fp16", "int8"), {"fp16": 0.5}, True, "chip")
    assert (plain.precision, full.precision) == ("fp32", "fp16")


def test_the_backends_of_this_repository() -> None:
    backends = read_backends(REPOSITORY)
    assert list(backends) == ["portable", "xnnpack", "coreml", "vulkan", "qnn", "mps"]
    assert backends["xnnpack"].dynamic_dimensions and not backends["coreml"].dynamic_dimensions
    assert [name for name, backend in backends.items() if backend.sdk] == ["qnn"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("pte_backend(name=\n", "toolchains/BUILD:1: .*Fix it first"),
        ('X = 1\npte_backend(name="a", precisions=X)\n', "BUILD:2: 'X' is not a literal"),
    ],
)
def test_what_cannot_be_read_is_an_error(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ToolError, match=message):
        read_backends(write(tmp_path, text))


def test_calls_have_a_name(tmp_path: Path) -> None:
    file = write(tmp_path, 'f(name="a", x=1)\nf(x=2)\ng(name="b")\n') / "toolchains/BUILD"
    assert [set(call) for call in calls("f", file)] == [{"name", "x"}]
