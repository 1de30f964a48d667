from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from pte_foundry.models.own.torchscript_operators import _OF_TORCH, is_allowed, is_operator

_NAMESPACES = """
import torch
names = {schema.name for schema in torch._C._jit_get_all_schemas()}
print(*{name.partition("::")[0] for name in names | set(torch._C._dispatch_get_all_op_names())})
"""


@pytest.mark.parametrize(
    "name",
    "add conv2d linear relu_ softmax _convolution __getitem__ len format embedding lstm".split(),
)
def test_what_computes(name: str) -> None:
    assert is_operator(name) and is_allowed("aten", name)


@pytest.mark.parametrize(
    "name",
    "save from_file set_ record_stream manual_seed _foobar sparse_coo_tensor wait to_here".split(),
)
def test_what_does_more(name: str) -> None:
    assert is_operator(name) and not is_allowed("aten", name)


def test_nothing_allowed_takes_the_name_of_a_file() -> None:
    for schema in torch._C._jit_get_all_schemas():
        namespace, _, name = schema.name.partition("::")
        if any("file" in argument.name for argument in schema.arguments):
            assert not is_allowed(namespace, name), schema.name


def test_an_operator_of_an_import() -> None:
    library = torch.library.Library("own_test", "FRAGMENT")  # type: ignore[no-untyped-call]
    library.define("twice(Tensor x) -> Tensor")  # type: ignore[no-untyped-call]
    library.define("_hidden(Tensor x) -> Tensor")  # type: ignore[no-untyped-call]
    assert is_allowed("own_test", "twice")
    assert not is_allowed("own_test", "_hidden") and not is_allowed("own_test", "absent")


def test_every_namespace_of_torch_is_known() -> None:
    """Else an update of torch would bring one that counts as the target's own."""
    run = subprocess.run(
        [sys.executable, "-c", _NAMESPACES], capture_output=True, text=True, check=True
    )
    found = set(run.stdout.split())
    assert "aten" in found and found - {"aten"} <= _OF_TORCH
