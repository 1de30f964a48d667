"""Why a model cannot be exported, and what to do: one advice for each cause.

`causes_test.py` follows each advice, and the export then works.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from enum import Enum
from pathlib import PurePath

from torch import Tag, Tensor
from torch._ops import OpOverload
from torch.fx import Node

from pte_foundry.errors import PteError

_MOST = 4000
"""Characters of a message: torch prints whole graphs."""

_LINE = 120

_NODES = ("node", "n")
"""What compilers of graphs call the node that they are at."""

_FRAME = re.compile(
    r'^\s*File "(?P<file>[^"]+)", line (?P<line>\d+), in \S+\n\s*(?P<code>.+)$', re.M
)
_MISSING = re.compile(r"Missing out variants: \{(?P<names>[^}]*)\}")
_NOT_CORE = re.compile(r"Operator torch\._ops\.(?P<name>[\w.]+) is not in Core ATen")


class Cause(Enum):
    """Each kind of reason, with its advice."""

    KERNEL = (
        "Compute it from other operators in the model, or tell what it is made of in a file that the target's "
        "`imports` names, with torch._decomp.register_decomposition (docs/adding-a-model.md)"
    )
    RANGE = (
        "An index was beyond its table. Declare the values that the model takes, as in "
        "`tokens=int64[1,64]{0..59}` for a table of 60 rows"
    )
    RANDOM = (
        "A program has no random numbers. Call .eval() before you save the model; if they are part of what it "
        "computes, let it take them as an input"
    )
    BRANCH = (
        "An exported graph has no branches that depend on values. Compute both sides and choose with "
        "torch.where"
    )
    SIZE = (
        "How large a result is may not depend on values. Keep the size fixed: multiply by a mask, or take a fixed "
        "number with torch.topk"
    )
    DTYPE = (
        "ExecuTorch has no such element type, or no kernel for it. Convert the model and its inputs with .float() "
        "before you save it; for complex numbers return torch.view_as_real(...)"
    )
    SHAPE = "Correct `inputs`"
    OTHER = "Add a rewrite that avoids what the backend cannot take, or choose another backend"

    @property
    def advice(self) -> str:
        return self.value


_SIGNS: Sequence[tuple[Cause, str]] = (
    (Cause.KERNEL, r"Missing out variants|is not in Core ATen|[Mm]issing operator"),
    (Cause.RANGE, r"index out of range in self|index -?\d+ is out of bounds for dimension"),
    (
        Cause.SIZE,
        r"specialized integer from data-dependent|upper bound of a dynamic-shaped tensor",
    ),
    (
        Cause.BRANCH,
        r"data-dependent|GuardOnDataDependent|Boolean value of Tensor|on a tensor subclass for branching",
    ),
    (
        Cause.DTYPE,
        r"ComplexFloat|ComplexDouble|complex(64|128)|[Uu]nsupported (scalar type|dtype)|mismatched dtypes"
        r"|expected .* to have the same dtype|not implemented for '(Half|BFloat16|Complex\w+)'|scalar type",
    ),
    (
        Cause.SHAPE,
        r"shapes cannot be multiplied|[Ee]xpected \S*input|to have \d+ channels|must match the size"
        r"|is invalid for input of size|size mismatch|Given (groups|normalized_shape|input size)"
        r"|positional arguments?|too (many|few) (positional )?arguments|missing value for argument"
        r"|expected at most \d+ argument",
    ),
)


def cause_of(error: BaseException) -> Cause:
    """By what the error and those that it came from say, the innermost first."""
    for one in reversed(_chain(error)):
        said = f"{type(one).__name__}: {one}"
        for cause, sign in _SIGNS:
            if re.search(sign, said):
                return cause
    return Cause.OTHER


def whole_message(error: BaseException) -> str:
    """All that the innermost error says, and what a process that failed wrote; without blank lines.

    Further lines are indented. Of a very long message the middle is left out.
    """
    inner = _chain(error)[-1]
    said = str(inner)
    if isinstance(inner, subprocess.CalledProcessError):
        command = PurePath(str(inner.cmd[0] if isinstance(inner.cmd, list) else inner.cmd)).name
        written = [text for text in (inner.stderr, inner.stdout) if text]
        texts = [
            one.decode("utf-8", "replace") if isinstance(one, bytes) else one for one in written
        ]
        said = "\n".join([f"{command} ended with {inner.returncode}", *texts])
    if len(said) > _MOST:
        left_out = f"\n... ({len(said) - _MOST} characters are left out)\n"
        said = said[: _MOST // 2] + left_out + said[-_MOST // 2 :]
    lines = [line.rstrip() for line in said.splitlines() if line.strip()]
    return "\n    ".join(lines) or type(inner).__name__


def innermost(error: BaseException) -> BaseException:
    """The error that others were raised from."""
    return _chain(error)[-1]


def told(error: BaseException, inputs: Sequence[Tensor] = ()) -> str:
    """The whole message and the advice, for a model that was run on `inputs`."""
    cause = cause_of(error)
    advice = cause.advice
    if cause is Cause.RANGE:
        tried = [_values(one) for one in inputs if not one.is_floating_point() and one.numel()]
        values = ", ".join(tried) or "none"
        advice = (
            f"Integers that were tried: {values} (0 to 127 where no range is declared). {advice}"
        )
    elif cause is Cause.OTHER:
        advice = Cause.SHAPE.advice
    return f"{whole_message(error)}. {advice}"


def missing_kernels(places: Sequence[tuple[str, str]]) -> PteError:
    """The error for operators that the runtime has no kernel of.

    Args:
        places: operator, e.g. `aten::bucketize.Tensor_out`, and where the model calls it.
    """
    calls = "\n".join(f"    {name}: {place}" for name, place in dict(places).items())
    return PteError(
        "lowering-failed",
        f"the ExecuTorch runtime has no kernel for {len(dict(places))} operator(s) of the model:\n{calls}\n"
        f"{Cause.KERNEL.advice}",
    )


def named_operators(error: BaseException) -> tuple[str, ...]:
    """The operators that an error of ExecuTorch says it has no kernel for, e.g. `aten::bucketize`."""
    for one in reversed(_chain(error)):
        if found := _MISSING.search(str(one)):
            return tuple(re.findall(r"[\w.]+::[\w.]+", found["names"]))
        if found := _NOT_CORE.search(str(one)):
            namespace, _, name = found["name"].partition(".")
            return (f"{namespace}::{name}",)
    return ()


def call_at_fault(error: BaseException) -> Node | None:
    """The call of a graph that a compiler was at when it raised an error: the innermost frame that has one says so.

    Assertions of compilers rarely name it.
    """
    for one in reversed(_chain(error)):
        frames = []
        traceback = one.__traceback__
        while traceback is not None:
            frames.append(traceback.tb_frame)
            traceback = traceback.tb_next
        for frame in reversed(frames):
            for name in _NODES:
                node = frame.f_locals.get(name)
                if isinstance(node, Node) and node.op == "call_function":
                    return node
    return None


def place_of(node: Node) -> str:
    """Where a model calls an operator: its module, the line of its source, the call in the graph."""
    parts = []
    stack = list((node.meta.get("nn_module_stack") or {}).values())
    if stack:
        path, kind = stack[-1][0], stack[-1][1]
        name = str(getattr(kind, "__name__", kind)).rpartition(".")[2]
        path = re.sub(r"^L\['self'\]\.?", "", str(path))
        parts.append(f"in {path} ({name})" if path else f"in the outermost module ({name})")
    frames = list(_FRAME.finditer(node.meta.get("stack_trace") or ""))
    if frames:
        last = frames[-1]
        parts.append(f"{PurePath(last['file']).name}:{last['line']}: `{last['code'].strip()}`")
    call = f"{node.name}({', '.join(map(str, node.args))})"
    parts.append(f"in the graph `{call if len(call) <= _LINE else call[:_LINE] + '...'}`")
    return ", ".join(parts)


def draws_random_numbers(node: Node) -> bool:
    """Whether a call draws random numbers: dropout does in training mode only."""
    operator = node.target
    if not isinstance(operator, OpOverload) or Tag.nondeterministic_seeded not in operator.tags:
        return False
    given = dict(zip((one.name for one in operator._schema.arguments), node.args)) | node.kwargs
    for argument in operator._schema.arguments:
        value = given.get(argument.name, argument.default_value)
        if argument.name in ("train", "training") and not value:
            return False
        if argument.name in ("dropout_p", "dropout") and not value:
            return False
    return True


def random_numbers(node: Node) -> str:
    """What to tell of a call that draws random numbers."""
    return f"the model draws random numbers with {node.target}, {place_of(node)}. {Cause.RANDOM.advice}"


def _values(tensor: Tensor) -> str:
    return f"{int(tensor.min())} to {int(tensor.max())}"


def _chain(error: BaseException) -> list[BaseException]:
    """The error, what it came from, what that came from, ..."""
    found = [error]
    while (cause := found[-1].__cause__) is not None and cause not in found:
        found.append(cause)
    return found
