"""Builder of models that are whole pickled modules (`torch.save(model)`), of allowed classes only.

The pickle names classes, which are imported. Each has to be declared by its name, and to be a module: a
checkpoint cannot name a function to be called. No constructor runs, and an object gets its attributes only
after the whole pickle was read and each was found to be data that takes no method's place
(`checkpoints/module_state.py`). What then runs on data of the file's choice is the class's own code, its
`forward` above all. A state_dict needs none of this and is the better choice.
"""

from __future__ import annotations

import importlib

from torch import nn
from torch.fx import GraphModule
from torch.jit import ScriptModule

from pte_foundry.errors import PteError
from pte_foundry.models.checkpoints.refusal import refusing
from pte_foundry.models.checkpoints.restricted import load_checkpoint
from pte_foundry.models.definition import ModelDefinition, SavedModel
from pte_foundry.models.own.loaded import loaded_definition


def load(saved: SavedModel) -> ModelDefinition:
    """Unpickle the module and put it into eval mode.

    Raises:
        PteError: `forbidden-pickle` for a class that is not among `allowed_classes`; `bad-checkpoint` if
            the file holds something other than a module; `bad-builder` for a name that is not a module
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
    with refusing(saved.path.name, "holds no module that can be used"):
        module.eval()
    return loaded_definition(saved, module)


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
            f"model {model!r}: `allowed_classes` names {name!r}, which is not a class of modules. Only "
            "subclasses of torch.nn.Module can be allowed",
        )
    if issubclass(found, (GraphModule, ScriptModule)):
        raise PteError(
            "bad-builder",
            f"model {model!r}: `allowed_classes` names {name!r}, whose attributes hold code. Save the model "
            "as .pt2 with torch.export.save",
        )
    return found
