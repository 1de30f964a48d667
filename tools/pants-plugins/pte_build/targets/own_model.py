"""What only some models need: modules to import, names of outputs, classes in a pickle."""

from __future__ import annotations

from pants.engine.target import SpecialCasedDependencies, StringSequenceField
from pants.util.strutil import help_text


class ProgramImportsField(SpecialCasedDependencies):
    alias = "imports"
    help = help_text(
        """
        Python files to import before the builder, for what they register: custom operators (`torch.library`) with
        their decompositions, or classes that the checkpoint refers to.
        """
    )


class ProgramOutputsField(StringSequenceField):
    alias = "outputs"
    default = ()
    help = help_text(
        """
        Names of the outputs, in order, for a model that is a file (`pte_foundry/models/own/`). Default: the keys
        of dicts and fields of dataclasses. A Python builder names them itself.
        """
    )


class ProgramAllowedClassesField(StringSequenceField):
    alias = "allowed_classes"
    default = ()
    help = help_text(
        """
        Dotted names of the classes that the checkpoint's pickle may refer to, for
        `pte_foundry/models/own/pickled_module.py`: subclasses of `torch.nn.Module`. The file may construct them
        with any arguments.
        """
    )


OWN_MODEL_FIELDS = (ProgramImportsField, ProgramOutputsField, ProgramAllowedClassesField)
