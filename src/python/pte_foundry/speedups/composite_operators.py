"""The operators of CompositeImplicitAutograd, asked for once.

`run_decompositions` collects them from every namespace of operators, and before each namespace torch looks up all
that its dispatcher knows, so that they exist in Python: 677 times in one export. Once before the first is enough:
the collection itself registers none.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from torch._export import utils
from torch._ops import OperatorBase
from torch.export import decomp_utils, exported_program

from pte_foundry.speedups.upstream import Upstream, replaced

UPSTREAM = (
    Upstream("torch._export.utils", "_collect_all_valid_cia_ops", "1d09a99ea79bd377"),
    Upstream("torch._export.utils", "_collect_all_valid_cia_ops_for_namespace", "c26d5cd619830773"),
    Upstream("torch._export.utils", "_materialize_cpp_cia_ops", "51472f6b4e2c3782"),
)

_NAME = "_collect_all_valid_cia_ops"


@contextmanager
def applied() -> Iterator[None]:
    upstream, materialise = utils._collect_all_valid_cia_ops, utils._materialize_cpp_cia_ops

    def collect() -> set[OperatorBase]:
        materialise()
        with replaced(utils, "_materialize_cpp_cia_ops", lambda: None):
            return upstream()

    with ExitStack() as stack:
        # The other two have imported it by its name.
        for module in (utils, exported_program, decomp_utils):
            stack.enter_context(replaced(module, _NAME, collect))
        yield
