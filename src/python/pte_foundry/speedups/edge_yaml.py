"""ExecuTorch's table of operators through libyaml's parser (standard library only).

Importing `executorch.exir` parses `edge.yaml`, 138 kB, with a parser in Python. libyaml reads the same out of it;
since it knows YAML 1.1 and the other one 1.2, which differ, it is the table that has a digest.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pte_foundry.speedups.upstream import replaced, say_left_out, text_digest

DIGEST = "5c599f3b58c6effd"


@contextmanager
def applied() -> Iterator[None]:
    """For the block that imports ExecuTorch first."""
    try:
        ruamel, libyaml = importlib.import_module("ruamel.yaml"), importlib.import_module("yaml")
    except ModuleNotFoundError:
        # An environment without ExecuTorch.
        yield
        return
    upstream: Any = ruamel.YAML

    class _Yaml(upstream):  # type: ignore[misc]
        def load(self, stream: Any) -> Any:
            if "safe" not in self.typ or not isinstance(stream, str):
                return super().load(stream)
            if text_digest(stream) != DIGEST or not libyaml.__with_libyaml__:
                say_left_out("edge_yaml", "executorch/exir/dialects/edge/edge.yaml")
                return super().load(stream)
            return libyaml.load(stream, Loader=libyaml.CSafeLoader)

    with replaced(ruamel, "YAML", _Yaml):
        yield
