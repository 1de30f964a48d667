"""The code of a TorchScript file: read as text, checked to only compute, and written again.

`torch.jit.save` writes the code of every class and function into the archive, in a language that Python's
parser reads. So all of it can be looked at before any of it is compiled. torch then gets text that was made
from the syntax tree, which its parser cannot take for something else.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from pte_foundry.models.checkpoints.refusal import shown
from pte_foundry.models.own.torchscript_operators import is_allowed, is_operator

_ACCELERATORS = frozenset({"cuda", "hpu", "mps", "musa", "npu", "vulkan", "xla", "xpu"})
_MOST_CODE = 8 << 20
_BASES = frozenset({"Module", "NamedTuple", "Enum"})
_AT_LOAD = frozenset({"__setstate__", "__getstate__"})
_SIDE_EFFECTS = frozenset(
    {"print", "fork", "awaitable", "Future", "RRef", "Await", "Storage", "Stream"}
)
_GLOBALS = frozenset(
    """
    CONSTANTS inf nan infj nanj annotate unchecked_cast uninitialized getattr hasattr isinstance range zip enumerate
    rangelist len int float bool complex str list dict tuple min max abs all any divmod round sorted ord chr hex bin
    oct hash Tensor Optional List Dict Tuple Final NoneType Union Any Device number Scalar Ellipsis object t
    __annotations__
    """.split()
)
_NODES: tuple[type[ast.AST], ...] = tuple(
    getattr(ast, name)
    for name in """
    Module ClassDef FunctionDef arguments arg Return Assign AugAssign AnnAssign Expr If While For Pass Break Continue
    Assert Delete Name Attribute Call keyword Constant Subscript Slice Tuple List Dict Compare BoolOp BinOp UnaryOp
    IfExp expr_context boolop operator unaryop cmpop
    """.split()
)
"""What torch writes code of."""


class ForbiddenCode(Exception):
    """Code that a TorchScript file may not have; the message says what it does."""


class _Text(str):
    """Text that is written as torch writes it: in double quotes, with octal escapes."""

    def __repr__(self) -> str:
        return (
            '"'
            + "".join(
                one if " " <= one <= "~" and one not in '"\\' else f"\\{ord(one):03o}"
                for one in self
            )
            + '"'
        )


def checked_code(source: bytes) -> bytes:
    """The same code, written again.

    Args:
        source: a file of the archive's `code/`.

    Raises:
        ForbiddenCode: if it calls an operator that does not only compute, defines an interface or code that
            runs when it is loaded, or has a construct that torch does not write.
        ValueError, SyntaxError, RecursionError, MemoryError: if it is not code of TorchScript.
    """
    if len(source) > _MOST_CODE:
        raise ValueError(f"it has {len(source)} bytes of code in one file")
    tree = ast.parse(source.decode("ascii"))
    if not all(isinstance(one, (ast.ClassDef, ast.FunctionDef)) for one in tree.body):
        raise ForbiddenCode("has code outside of functions")
    for node in ast.walk(tree):
        _check(node)
    for scope in _scopes(tree):
        _check_names(scope)
    return ast.unparse(tree).encode("ascii") + b"\n"


def _check(node: ast.AST) -> None:
    if not isinstance(node, _NODES):
        raise ForbiddenCode(f"has a construct that torch does not write, {type(node).__name__}")
    if isinstance(node, ast.ClassDef):
        _check_class(node)
    elif isinstance(node, ast.FunctionDef):
        if node.name in _AT_LOAD:
            raise ForbiddenCode(f"has {node.name}, which would run when the file is loaded")
        if node.decorator_list:
            raise ForbiddenCode("has a decorator")
    elif isinstance(node, ast.Expr) and not isinstance(node.value, (ast.Call, ast.Name, ast.Tuple)):
        raise ForbiddenCode("has a statement that does nothing")
    elif isinstance(node, ast.Constant):
        if isinstance(node.value, str):
            if any(ord(one) > 255 for one in node.value):
                raise ForbiddenCode("has text that is not in bytes")
            node.value, node.kind = _Text(node.value), None
        elif not isinstance(node.value, (int, float, complex, bool, type(None))):
            raise ForbiddenCode(f"has a constant of the type {type(node.value).__name__}")
    elif isinstance(node, ast.Attribute):
        _check_attribute(node)
    elif isinstance(node, ast.Call) and _dotted(node.func) in (["getattr"], ["hasattr"]):
        _check_getattr(node)
    elif isinstance(node, ast.Call) and _dotted(node.func) == ["torch", "device"]:
        _put_on_cpu(node)


def _check_class(node: ast.ClassDef) -> None:
    bases = [base.id if isinstance(base, ast.Name) else "?" for base in node.bases]
    if any("Interface" in base for base in bases):
        raise ForbiddenCode(
            f"defines the interface {shown(node.name)}, behind which calls cannot be seen"
        )
    if len(bases) > 1 or not _BASES.issuperset(bases) or node.keywords or node.decorator_list:
        raise ForbiddenCode(f"defines the class {shown(node.name)}, which is not a module")


def _check_attribute(node: ast.Attribute) -> None:
    path = _dotted(node)
    if path is None or path[0] not in ("torch", "ops", "__torch__"):
        if is_operator(node.attr) and not _allowed_anywhere(node.attr):
            raise ForbiddenCode(f"calls {node.attr}, which does not only compute")
    elif path[:3] == ["__torch__", "torch", "classes"]:
        raise ForbiddenCode(f"uses a class of C++, {shown('.'.join(path[1:]))}")
    elif path[0] == "torch":
        if len(path) != 2 or not is_allowed("aten", path[1]):
            raise ForbiddenCode(
                f"calls aten::{shown('.'.join(path[1:]))}, which does not only compute"
            )
    elif path[0] == "ops" and len(path) == 3:
        if not is_allowed(path[1], path[2]):
            raise ForbiddenCode(f"calls {shown('::'.join(path[1:]))}, which does not only compute")
    elif path[0] == "ops" and len(path) > 3:
        raise ForbiddenCode(f"calls {shown('.'.join(path))}")


def _allowed_anywhere(name: str) -> bool:
    return is_allowed("aten", name) or is_allowed("prim", name)


def _dotted(node: ast.expr) -> list[str] | None:
    """`a.b.c` as its parts; None for anything else."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return [node.id, *reversed(parts)] if isinstance(node, ast.Name) else None


def _check_getattr(node: ast.Call) -> None:
    name = node.args[1] if len(node.args) == 2 else None
    if not isinstance(name, ast.Constant) or not isinstance(name.value, str):
        raise ForbiddenCode("takes an attribute whose name is computed")
    if is_operator(name.value) and not _allowed_anywhere(name.value):
        raise ForbiddenCode(f"calls {shown(name.value)}, which does not only compute")


def _put_on_cpu(node: ast.Call) -> None:
    """Scripts name the device that they were traced on; here is none but the CPU."""
    name = node.args[0] if len(node.args) == 1 else None
    if not isinstance(name, ast.Constant) or not isinstance(name.value, str):
        return
    if name.value.partition(":")[0] in _ACCELERATORS:
        name.value = "cpu"


def _scopes(tree: ast.Module) -> Iterator[ast.AST]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            yield node
        elif isinstance(node, ast.ClassDef):
            functions = [one for one in node.body if isinstance(one, ast.FunctionDef)]
            yield from functions
            others = [one for one in node.body if not isinstance(one, ast.FunctionDef)]
            for other in others:
                if not isinstance(other, (ast.Assign, ast.AnnAssign, ast.Pass)):
                    raise ForbiddenCode(f"runs code in the body of the class {shown(node.name)}")
            yield ast.Module(others, [])


def _check_names(scope: ast.AST) -> None:
    """`torch` and `ops` are only called, `__torch__` only looked into, and nothing hides a global."""
    inside = list(ast.walk(scope))
    if isinstance(scope, ast.FunctionDef) and any(
        isinstance(node, (ast.FunctionDef, ast.ClassDef)) for node in inside[1:]
    ):
        raise ForbiddenCode("defines a function in a function")
    called = {id(node.func) for node in inside if isinstance(node, ast.Call)}
    looked_into = {id(node.value) for node in inside if isinstance(node, ast.Attribute)}
    local = {
        *(one.id for one in inside if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store)),
        *(one.arg for one in inside if isinstance(one, ast.arg)),
    }
    hidden = local & {"torch", "ops", "__torch__", "CONSTANTS", *_SIDE_EFFECTS}
    if hidden:
        raise ForbiddenCode(f"gives {sorted(hidden)[0]} another meaning")
    for node in inside:
        if isinstance(node, ast.Attribute) and id(node) not in called:
            path = _dotted(node)
            whole = path is not None and path[0] in ("torch", "ops") and id(node) not in looked_into
            if whole and path is not None:
                raise ForbiddenCode(f"takes {shown('.'.join(path))} without calling it")
        elif isinstance(node, ast.Name) and node.id in ("torch", "ops", "__torch__"):
            if id(node) not in looked_into:
                raise ForbiddenCode(f"takes {node.id} as a value")
        elif isinstance(node, ast.Name) and node.id not in local | _GLOBALS:
            raise ForbiddenCode(f"uses {shown(node.id)}, which is not a value of the function")
