"""Find the modules that a request names: builders, backends, rewrites."""

from __future__ import annotations

import importlib
import pkgutil
from importlib.util import find_spec
from types import ModuleType

from pte_foundry.errors import PteError


def load_module(field: str, name: str, required: tuple[str, ...], example: str) -> ModuleType:
    """Import the module that the request's `field` names.

    Args:
        required: names that the module must define.
        example: dotted name of a module that would do, for the message.

    Raises:
        PteError: `bad-builder` if there is no such module or it lacks a required name.
        ModuleNotFoundError: if the module exists and one of its own imports does not; the traceback
            shows which.
    """
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not (name == error.name or name.startswith(error.name + ".")):
            raise
        raise PteError(
            "bad-builder",
            f"`{field}` names the module {name!r}, and {error.name!r} does not exist; there is "
            f"{', '.join(_siblings(example))}. Correct the name, or check that the target depends "
            "on the module's file",
        ) from None
    except (TypeError, ValueError) as error:  # Relative or empty names.
        raise PteError(
            "bad-builder", f"`{field}`: {name!r} is not a module name. Name one like {example}"
        ) from error
    missing = [key for key in required if not hasattr(module, key)]
    if missing:
        public = sorted(key for key in vars(module) if not key.startswith("_"))
        raise PteError(
            "bad-builder",
            f"`{field}` names the module {name!r}, which has no {', '.join(missing)}; "
            f"it has {', '.join(public) or 'nothing public'}. Name a module like {example}",
        )
    return module


def _siblings(example: str) -> list[str]:
    """The modules beside `example`, or those of its name in folders beside its own, as backends have; or itself."""
    package, _, own_name = example.rpartition(".")
    try:
        found = _names(package)
        folders = _names(package.rpartition(".")[0])
    except ModuleNotFoundError:
        return [example]
    neighbours = [f"{folder}.{own_name}" for folder in folders if _exists(f"{folder}.{own_name}")]
    if len(neighbours) > 1:
        return neighbours
    return [name for name in found if not name.endswith("_test")] or [example]


def _names(package: str) -> list[str]:
    """The packages and modules in `package`."""
    paths = importlib.import_module(package).__path__
    return sorted(f"{package}.{info.name}" for info in pkgutil.iter_modules(paths))


def _exists(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # What should be its package is a module.
        return False
