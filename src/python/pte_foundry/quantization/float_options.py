"""Read the options that recipes have in common: what stays in float."""

from __future__ import annotations

from collections.abc import Mapping

from pte_foundry.backends.option_values import bad_value
from pte_foundry.quantization.float_layers import FloatLayers

FLOAT_MODULES = "float_modules"
FLOAT_MODULES_HELP = (
    "comma-separated dotted names of modules that stay in float with everything in them; `*` in a "
    "part of a name stands for any text in that part. Default none"
)


def float_modules(recipe: str, options: Mapping[str, str]) -> FloatLayers:
    """What the option `float_modules` keeps in float.

    Args:
        recipe: its module's name, for the message.

    Raises:
        PteError: `bad-option` for something that is no list of dotted names.
    """
    return FloatLayers(modules=dotted_names(recipe, options, FLOAT_MODULES))


def dotted_names(
    recipe: str, options: Mapping[str, str], option: str, besides: str | None = None
) -> tuple[str, ...]:
    """The names that an option lists, `besides` among them; none if it is left out. Raises as `float_modules` does."""
    text = options.get(option)
    if text is None:
        return ()
    names = tuple(name.strip() for name in text.split(","))
    if not all(_is_dotted(name) for name in names if name != besides):
        raise bad_value(recipe, option, text, "comma-separated dotted names")
    return names


def _is_dotted(name: str) -> bool:
    return all(name.split(".")) and " " not in name
