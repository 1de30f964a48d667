"""Builder of models that are whole pickled modules (`torch.save(model)`), of allowed classes only.

The pickle names classes, which are imported. Each has to be declared by its name, and to be a module: a
checkpoint cannot name a function to be called. It can have an allowed class constructed with arguments
of its own choice, so allow those only whose constructors do nothing but make layers. A state_dict needs
none of this and is the better choice.
"""

from __future__ import annotations

import importlib

from torch import nn

from pte_foundry.checkpoints.restricted import load_checkpoint
from pte_foundry.errors import PteError
from pte_foundry.models.definition import ModelDefinition, SavedModel
from pte_foundry.models.own.loaded import loaded_definition


def load(saved: SavedModel) -> ModelDefinition:
    """Unpickle the module and put it into eval mode.

    Raises:
        PteError: `forbidden-pickle` for a class that is not among `allowed_classes`; `bad-checkpoint` if
            the file holds something else than a module; `bad-builder` for a name that is no module
            class; `bad-input-shape` as `loaded_definition`.
    """
    allowed = [_module_class(saved.name, name) for name in saved.allowed_classes]
    # Every pickled module has a set: the names of its buffers that are not saved.
    module = load_checkpoint(saved.path, (*allowed, set), "`allowed_classes` of its pte_program")
    if not isinstance(module, nn.Module):
        raise PteError(
            "bad-checkpoint",
            f"{saved.path.name}: it holds a {type(module).__name__}, not a pickled module. For a "
            "state_dict use a Python builder (docs/adding-a-model.md)",
        )
    return loaded_definition(saved, module.eval())


def _module_class(model: str, name: str) -> type[nn.Module]:
    path, _, attribute = name.rpartition(".")
    try:
        found = getattr(importlib.import_module(path), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise PteError(
            "bad-builder",
            f"model {model!r}: `allowed_classes` names {name!r}, which cannot be imported ({error}). "
            "Correct the name, or add the file that defines it to `imports`",
        ) from error
    if not (isinstance(found, type) and issubclass(found, nn.Module)):
        raise PteError(
            "bad-builder",
            f"model {model!r}: `allowed_classes` names {name!r}, which is no class of modules. Only "
            "subclasses of torch.nn.Module can be allowed",
        )
    return found
