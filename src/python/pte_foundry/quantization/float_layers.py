"""Which layers a BUILD file keeps in float."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from torch import nn
from torch.fx import Node

from pte_foundry.backends.option_values import bad_value
from pte_foundry.errors import PteError

OUTERMOST = "."
"""The pattern for the model itself, whose name is empty."""
FLOAT_MODULES = "float_modules"
FLOAT_MODULES_HELP = (
    "comma-separated dotted names of modules that stay in float with everything in them; `*` in a "
    "part of a name stands for any text in that part. Default none"
)


@dataclass(frozen=True)
class FloatLayers:
    """What stays in float.

    A pattern is a dotted module name; `*` in one of its parts stands for any text in that part. `OUTERMOST` in `own`
    is for the operators that are in no submodule.

    Attributes:
        modules: patterns of modules that stay in float with everything in them.
        own: patterns of modules whose own operators stay in float, but not those of their submodules.
        operators: ATen operators that stay in float wherever they are, such as `aten.bmm`.
    """

    modules: tuple[str, ...] = ()
    own: tuple[str, ...] = ()
    operators: tuple[str, ...] = ()

    def keeps(self, node: Node) -> bool:
        """Whether the operator call `node` stays in float."""
        if operator_name(node) in self.operators:
            return True
        path = module_of(node).split(".")
        return any(_starts(path, pattern) for pattern in self.modules) or any(
            _equals(path, pattern) for pattern in self.own
        )

    def check(self, model: str, module: nn.Module) -> None:
        """Raises PteError `bad-option` for a pattern that no module of `module` has."""
        paths = [path for path, _ in module.named_modules(remove_duplicate=False)]
        for option, patterns in (("float_modules", self.modules), ("float_own", self.own)):
            for pattern in patterns:
                if not any(_equals(path.split("."), pattern) for path in paths):
                    raise PteError(
                        "bad-option",
                        f"model {model!r}: `{option}` names {pattern!r}, but no module of the "
                        f"rewritten model has that name; close to it are {_near(paths, pattern)}. "
                        "Correct `quantization_options`",
                    )


def float_modules(recipe: str, options: Mapping[str, str]) -> FloatLayers:
    """What the option `float_modules` keeps in float.

    Args:
        recipe: its module's name, for the message.

    Raises:
        PteError: `bad-option` for anything but a list of dotted names.
    """
    return FloatLayers(modules=dotted_names(recipe, options, FLOAT_MODULES))


def dotted_names(
    recipe: str, options: Mapping[str, str], option: str, besides: str | None = None
) -> tuple[str, ...]:
    """The dotted names that an option lists, or `besides`; none without the option. Raises as `float_modules` does."""
    text = options.get(option)
    if text is None:
        return ()
    names = tuple(name.strip() for name in text.split(","))
    if not all(all(name.split(".")) and " " not in name for name in names if name != besides):
        raise bad_value(recipe, option, text, "comma-separated dotted names")
    return names


def module_of(node: Node) -> str:
    """Dotted path of the innermost module whose `forward` calls `node`; "" for the outermost."""
    stack = node.meta.get("nn_module_stack") or {}
    return str(list(stack.values())[-1][0]) if stack else ""


def operator_name(node: Node) -> str:
    """`aten.conv2d` for the overload `aten.conv2d.default`."""
    return str(node.target).rpartition(".")[0]


def _equals(path: list[str], pattern: str) -> bool:
    if pattern == OUTERMOST:
        return path == [""]
    parts = pattern.split(".")
    return len(parts) == len(path) and all(map(fnmatchcase, path, parts))


def _starts(path: list[str], pattern: str) -> bool:
    parts = pattern.split(".")
    return len(parts) <= len(path) and all(map(fnmatchcase, path, parts))


def _near(paths: Iterable[str], pattern: str) -> str:
    """Children of the deepest existing module that `pattern` leads to, at most ten."""
    parts = pattern.split(".")
    split = [path.split(".") for path in paths if path]
    for length in range(len(parts) - 1, -1, -1):
        prefix = ".".join(parts[:length])
        children = [
            ".".join(path)
            for path in split
            if len(path) == length + 1 and (not length or _starts(path, prefix))
        ]
        if children:
            return ", ".join(children[:10]) + (", ..." if len(children) > 10 else "")
    return "none"
