"""Why a partitioner leaves an operator to the portable kernels, in its own words where it has any.

Partitioners answer with yes or no, and at most log why. What they log is kept here, node by node. Written for
ExecuTorch 1.4 and 1.5; a backend that is asked otherwise in another version tells no reason, and `reason` says so.
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

from explain.inside.operator_names import operator_name

_XNNPACK_LOGGER = "executorch.backends.xnnpack"
# Module, class and method that Vulkan's partitioner tells its reasons with.
_VULKAN = ("executorch.backends.vulkan.partitioner.vulkan_partitioner", "VulkanSupportedOperators")
_COREML = (
    "executorch.backends.apple.coreml.partition.coreml_partitioner",
    "_OperatorsSupportedForCoreMLBackend",
)
_MPS = ("executorch.backends.apple.mps.partition.mps_partitioner", "MPSOperatorSupport")


@dataclass
class Refusals:
    """What has been told since the last `clear`, by the name of the node.

    Attributes:
        told: reasons in the order in which they were told.
        accepted: nodes that the backend says it can take.
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
        """Why `partitioner` has not taken the node, as far as can be known."""
        if node.name in self.told:
            return "; ".join(self.told[node.name])
        if node.name in self.accepted:
            return "the backend takes it, but the partitioner put it into no delegate call"
        if isinstance(partitioner, ConfigerationBasedPartitioner):
            name = format_target_name(operator_name(node.target))
            config = partitioner.target_partitioner_configs.get(name)
            if config is None:
                return "the partitioner does not know the operator"
            return f"the check of {type(config).__name__} refuses it and tells no reason"
        return "the partitioner tells no reason"


@contextmanager
def listen() -> Iterator[Refusals]:
    """Keep what the partitioners of the backends that have been imported say, until the block's end."""
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
    # Else every line of it is printed.
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.level, logger.propagate = before


def _vulkan(stack: ExitStack, support: type, refusals: Refusals) -> None:
    def log_skip(self: object, node: Node, reason: str) -> None:
        refusals.tell(node, reason)

    _exchange(stack, support, "log_skip", log_skip)
    _watch_answers(stack, support, refusals, otherwise=None)


def _coreml(stack: ExitStack, support: type, refusals: Refusals) -> None:
    asked: list[Node] = []

    def log_once(self: object, message: str) -> None:
        # Its prefix says what is plain here, and each message is logged for the first node alone.
        if asked:
            refusals.tell(
                asked[-1], message.removeprefix("Skipping op for CoreML delegation because ")
            )

    _exchange(stack, support, "log_once", log_once)
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
    """Keep what `support.is_node_supported` answers.

    otherwise: the reason of a no, where the class knows one alone. asked: has the node while it is asked for.
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

    _exchange(stack, support, "is_node_supported", is_node_supported)


def _exchange(stack: ExitStack, owner: type, name: str, value: object) -> None:
    stack.callback(setattr, owner, name, getattr(owner, name))
    setattr(owner, name, value)
