"""Why a partitioner leaves an operator to the portable kernels, in its own words if it has any.

Partitioners answer yes or no, and at most log why. These logs are collected here, by node. For ExecuTorch 1.4 and
1.5; if another version asks a backend in another way, `reason` says that there is no reason.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

from executorch.exir.backend.canonical_partitioners.config_partitioner import (  # type: ignore[import-untyped]
    ConfigerationBasedPartitioner,
    format_target_name,
)
from executorch.exir.backend.partitioner import Partitioner  # type: ignore[import-untyped]
from executorch.exir.backend.utils import WhyNoPartition  # type: ignore[import-untyped]
from torch.fx import Node

from explain.inside.delegate_calls import operator_name

_XNNPACK_LOGGER = "executorch.backends.xnnpack"
# Modules and classes that decide what the partitioners take.
_VULKAN = ("executorch.backends.vulkan.partitioner.vulkan_partitioner", "VulkanSupportedOperators")
_COREML = (
    "executorch.backends.apple.coreml.partition.coreml_partitioner",
    "_OperatorsSupportedForCoreMLBackend",
)
_MPS = ("executorch.backends.apple.mps.partition.mps_partitioner", "MPSOperatorSupport")


@dataclass
class Refusals:
    """The answers since the last `clear`, by the name of the node.

    Attributes:
        told: reasons in order.
        accepted: nodes that the backend can take.
    """

    told: dict[str, list[str]] = field(default_factory=dict)
    accepted: set[str] = field(default_factory=set)

    def clear(self) -> None:
        self.told.clear()
        self.accepted.clear()

    def tell(self, node: Node, reason: str) -> None:
        reasons = self.told.setdefault(node.name, [])
        if reason not in reasons:
            reasons.append(reason)

    def reason(self, node: Node, partitioner: Partitioner) -> str:
        """Why `partitioner` did not take the node, as far as is known."""
        if node.name in self.told:
            return "; ".join(self.told[node.name])
        if node.name in self.accepted:
            return "the backend takes it, but the partitioner put it into no delegate call"
        if isinstance(partitioner, ConfigerationBasedPartitioner):
            name = format_target_name(operator_name(node.target))
            config = partitioner.target_partitioner_configs.get(name)
            if config is None:
                return "the partitioner does not know the operator"
            return f"the check of {type(config).__name__} refuses it and gives no reason"
        return "the partitioner gives no reason"


@contextmanager
def listen() -> Iterator[Refusals]:
    """Collect the answers of the imported backends' partitioners in the `with` block."""
    refusals = Refusals()
    with ExitStack() as stack:
        stack.enter_context(_xnnpack(refusals))
        for place, listener in ((_VULKAN, _vulkan), (_COREML, _coreml), (_MPS, _mps)):
            module, name = place
            support = getattr(sys.modules.get(module), name, None)
            if support is not None:
                listener(stack, support, refusals)
        yield refusals


class _WhyHandler(logging.Handler):
    def __init__(self, refusals: Refusals) -> None:
        super().__init__()
        self._refusals = refusals

    def emit(self, record: logging.LogRecord) -> None:
        # The message is the object itself, which carries the node.
        why: Any = record.msg
        if isinstance(why, WhyNoPartition) and why.node is not None:
            self._refusals.tell(why.node, why.reason)


@contextmanager
def _xnnpack(refusals: Refusals) -> Iterator[None]:
    logger = logging.getLogger(_XNNPACK_LOGGER)
    before = logger.level, logger.propagate
    handler = _WhyHandler(refusals)
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    # Otherwise every line is printed.
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.level, logger.propagate = before


def _vulkan(stack: ExitStack, support: type, refusals: Refusals) -> None:
    def log_skip(self: object, node: Node, reason: str) -> None:
        refusals.tell(node, reason)

    _replace(stack, support, "log_skip", log_skip)
    _watch_answers(stack, support, refusals, otherwise=None)


def _coreml(stack: ExitStack, support: type, refusals: Refusals) -> None:
    asked: list[Node] = []

    def log_once(self: object, message: str) -> None:
        # The prefix is redundant here. Each message is logged for its first node only.
        if asked:
            refusals.tell(
                asked[-1], message.removeprefix("Skipping op for CoreML delegation because ")
            )

    _replace(stack, support, "log_once", log_once)
    _watch_answers(stack, support, refusals, otherwise=None, asked=asked)


def _mps(stack: ExitStack, support: type, refusals: Refusals) -> None:
    _watch_answers(stack, support, refusals, otherwise="MPS has no implementation of it")


def _watch_answers(
    stack: ExitStack,
    support: type,
    refusals: Refusals,
    *,
    otherwise: str | None,
    asked: list[Node] | None = None,
) -> None:
    """Collect the answers of `support.is_node_supported`.

    otherwise: the reason of every no, if the class has only one. asked: holds the node during the call.
    """
    original: Callable[..., bool] = getattr(support, "is_node_supported")  # noqa: B009

    def is_node_supported(self: object, submodules: object, node: Node) -> bool:
        if asked is not None:
            asked.append(node)
        try:
            supported = original(self, submodules, node)
        finally:
            if asked is not None:
                asked.pop()
        if supported:
            refusals.accepted.add(node.name)
        elif otherwise is not None:
            refusals.tell(node, otherwise)
        return supported

    _replace(stack, support, "is_node_supported", is_node_supported)


def _replace(stack: ExitStack, owner: type, name: str, value: object) -> None:
    stack.callback(setattr, owner, name, getattr(owner, name))
    setattr(owner, name, value)
